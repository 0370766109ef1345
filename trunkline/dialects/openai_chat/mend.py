"""What OpenAI-style hosts answer in ways of their own, put right: one small change a habit, on the decoded JSON.

Odd here: nothing is rebuilt. A habit is changed where it stands and everything else the vendor sent stays, so an unknown field
survives. Each habit was seen on the wire (WIRE_NOTES) in answers of a host that calls itself compatible.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...stamp import Stamp
from ...target import Target

FINISH: dict[str, str] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter", "function_call": "function_call",
    "eos": "stop", "eos_token": "stop", "end_turn": "stop", "stop_sequence": "stop", "complete": "stop", "completed": "stop", "end": "stop",
    "stop_token": "stop", "pause_turn": "stop",
    "max_tokens": "length", "max_output_tokens": "length", "model_length": "length", "model_context_window_exceeded": "length",
    "tool_use": "tool_calls", "tool_call": "tool_calls",
    "refusal": "content_filter", "safety": "content_filter", "recitation": "content_filter", "blocklist": "content_filter",
    "prohibited_content": "content_filter", "spii": "content_filter", "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter", "sensitive": "content_filter",
}  # fmt: skip
"""Words hosts have for OpenAI's five reasons; looked up in lower case."""


def mend_completion(body: dict[str, Any], target: Target, stamp: Stamp) -> dict[str, Any]:
    """A whole answer whose `choices` is a list, in place."""
    _mend_top(body, target, stamp, "chat.completion")
    for index, choice in enumerate(body["choices"]):
        if not isinstance(choice, dict):
            body["choices"][index] = choice = {}
        choice.setdefault("index", index)
        message = choice.get("message")
        if not isinstance(message, dict):
            message = choice["message"] = {"role": "assistant", "content": choice.pop("text", "") or ""}
        choice.pop("delta", None)
        mend_message(message, stamp, choice["index"], target)
        mend_finish(choice, whole=True)
    return body


def _mend_top(body: dict[str, Any], target: Target, stamp: Stamp, kind: str) -> None:
    body["object"] = kind
    body["id"] = str(body.get("id") or stamp.id)
    body["model"] = str(body.get("model") or target.model)
    created = body.get("created")
    if isinstance(created, str) and created.isdigit():
        created = int(created)
    body["created"] = int(created) if isinstance(created, int | float) and created else stamp.created
    for name in ("usage", "error"):
        if name in body and not isinstance(body[name], dict):
            del body[name]
    for name in ("system_fingerprint", "service_tier"):
        if not isinstance(body.get(name), str | None):
            body[name] = str(body[name])


def mend_chunk(body: dict[str, Any], target: Target, stamp: Stamp) -> dict[str, Any]:
    """A chunk of a stream, in place; what depends on chunks before it (roles, indexes, finishes) is the relay's."""
    _mend_top(body, target, stamp, "chat.completion.chunk")
    choices = body.get("choices")
    body["choices"] = choices if isinstance(choices, list) else []
    for index, choice in enumerate(body["choices"]):
        choice.setdefault("index", index)
        choice.pop("message", None)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice["delta"] = {"content": choice.pop("text")} if isinstance(choice.get("text"), str) else {}
        if delta.get("role") not in (None, "assistant"):
            delta["role"] = "assistant"
        _mend_reasoning(delta)
        _mend_content(delta)
        _drop_empty(delta)
        mend_finish(choice, whole=False)
    return body


def mend_message(message: dict[str, Any], stamp: Stamp, choice: int, target: Target) -> None:
    message["role"] = "assistant"
    _mend_reasoning(message)
    _mend_content(message)
    _drop_empty(message)
    message.setdefault("content", None)
    if "think_tags" in target.quirks and isinstance(message["content"], str):
        _split_think(message)
    calls = message.get("tool_calls")
    if not calls:
        message.pop("tool_calls", None)
    for index, call in enumerate(calls or ()):
        call["id"] = call.get("id") or stamp.call_id(choice, index)
        if "custom" in call and not call.get("function"):
            call["type"] = "custom"
            continue
        call["type"] = "function"
        function = call.get("function")
        if not isinstance(function, dict):
            function = call["function"] = {"name": str(call.pop("name", "")), "arguments": call.pop("arguments", "")}
        function["arguments"] = arguments_text(function.get("arguments")) or "{}"


def arguments_text(arguments: Any) -> str:
    """Arguments as a JSON text, whatever the host sent: text, object or nothing."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()


def mend_finish(choice: dict[str, Any], *, whole: bool) -> None:
    """One of OpenAI's reasons; the host's own word is kept in `native_finish_reason` where it is another."""
    word = choice.get("finish_reason")
    if isinstance(word, str) and word in ("stop", "length", "tool_calls", "content_filter", "function_call"):
        return
    if not word:
        choice["finish_reason"] = _unsaid(choice) if whole else None
        return
    reason = FINISH.get(str(word).lower(), "stop")
    choice["finish_reason"] = reason
    choice.setdefault("native_finish_reason", word)


def _unsaid(choice: dict[str, Any]) -> str:
    return "tool_calls" if choice["message"].get("tool_calls") else "stop"


def _mend_reasoning(message: dict[str, Any]) -> None:
    """`reasoning` (Ollama, Groq, Cerebras, vLLM, OpenRouter) also as `reasoning_content`, the name our callers read."""
    said = message.get("reasoning")
    if isinstance(said, str):
        if not message.get("reasoning_content"):
            message["reasoning_content"] = said
    elif said is not None:
        message["reasoning_raw"] = message.pop("reasoning")


def _mend_content(message: dict[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, dict):  # Cloudflare: a schema was asked for and the object itself comes
        message["content"] = msgspec.json.encode(content).decode()
    elif isinstance(content, list):  # Mistral: a list of text and thinking
        texts, thoughts, others = [], [], []
        for part in content:
            match part:
                case str(text) | {"type": "text" | "output_text", "text": str(text)}:
                    texts.append(text)
                case {"type": "thinking", "thinking": thinking}:
                    thoughts += [thinking] if isinstance(thinking, str) else [t.get("text", "") for t in thinking if isinstance(t, dict)]
                case _:
                    others.append(part)
        message["content"] = "".join(texts)
        if thoughts:
            message["reasoning_content"] = (message.get("reasoning_content") or "") + "".join(thoughts)
        if others:
            message["content_parts"] = others
    elif content is not None and not isinstance(content, str):
        message["content"] = str(content)


def _drop_empty(message: dict[str, Any]) -> None:
    """Snowflake fills in zero values: a refusal of "", a function call without a name, an audio of empty strings."""
    if message.get("refusal") == "":
        message["refusal"] = None
    call = message.get("function_call")
    if call is not None and not (isinstance(call, dict) and (call.get("name") or call.get("arguments"))):
        del message["function_call"]
    audio = message.get("audio")
    if audio is not None and not (isinstance(audio, dict) and any(audio.values())):
        del message["audio"]
    for name in ("annotations", "reasoning_details"):
        if not isinstance(message.get(name), list | None):
            message[f"{name}_raw"] = message.pop(name)


def _split_think(message: dict[str, Any]) -> None:
    content: str = message["content"].lstrip()
    if content.startswith("<think>") and "</think>" in content:
        thought, _, rest = content.removeprefix("<think>").partition("</think>")
        message["reasoning_content"] = (message.get("reasoning_content") or "") + thought.strip("\n")
        message["content"] = rest.lstrip("\n")
