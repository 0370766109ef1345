"""What OpenAI-style hosts answer in ways of their own, put right: one small change a habit, on the decoded JSON.

Odd here: nothing is rebuilt. A habit is changed where it stands and everything else the vendor sent stays, so an unknown field
survives. Each habit was seen on the wire (WIRE_NOTES) in answers of a host that calls itself compatible.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from ...stamp import Stamp
from ...target import Target
from . import loose

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
UNFINISHED = frozenset({"null", "none", "finish_reason_unspecified"})
"""Words for null: on every chunk but the last of hosts that write it as a text (DashScope)."""


def mend_completion(body: dict[str, Any], target: Target, stamp: Stamp) -> dict[str, Any]:
    """A whole answer whose `choices` is a list, in place."""
    _mend_top(body, target, stamp, "chat.completion")
    body["choices"] = choices = [choice if isinstance(choice, dict) else {} for choice in body["choices"]]
    indexes = [choice.get("index") for choice in choices]
    counted = len(set(map(str, indexes))) == len(indexes) and all(isinstance(index, int) for index in indexes)
    for index, choice in enumerate(choices):
        if not counted:
            choice["index"] = index
        message = choice.get("message")
        if not isinstance(message, dict):
            message = choice["message"] = {"role": "assistant", "content": choice.pop("text", "") or ""}
        choice.pop("delta", None)
        mend_message(message, stamp, choice["index"])
        mend_finish(choice, whole=True)
    sources = url_citations(body)
    if sources and not choices[0]["message"].get("annotations"):
        choices[0]["message"]["annotations"] = sources
    return body


def _mend_top(body: dict[str, Any], target: Target, stamp: Stamp, kind: str) -> None:
    body["object"] = kind
    body["id"] = str(body.get("id") or stamp.id)
    body["model"] = str(body.get("model") or target.model)
    body["created"] = _seconds(body.get("created")) or stamp.created
    usage, error = body.pop("usage", None), body.get("error")
    if isinstance(usage, dict) and (counted := mend_usage(usage)) is not None:
        body["usage"] = counted
    if "error" in body and not (isinstance(error, dict) and error):
        del body["error"]
    for name in ("system_fingerprint", "service_tier"):
        if not isinstance(body.get(name), str | None):
            body[name] = str(body[name])


def mend_usage(usage: dict[str, Any]) -> dict[str, Any] | None:
    """A usage with the three counts that OpenAI's type requires, in place; None where nothing was counted (null, {} or no numbers).

    Hosts write counts as 3.0 or "3", under Anthropic's names, or leave out the total and what is zero (see `fold.usage_object`).
    """
    prompt = _count(usage.get("prompt_tokens"), usage.get("input_tokens"))
    completion = _count(usage.get("completion_tokens"), usage.get("output_tokens"))
    total = _count(usage.get("total_tokens"))
    if prompt is None and completion is None and total is None:
        return None
    if total is not None and prompt is None and completion is not None:
        prompt = max(0, total - completion)
    elif total is not None and completion is None and prompt is not None:
        completion = max(0, total - prompt)
    usage["prompt_tokens"], usage["completion_tokens"] = prompt or 0, completion or 0
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"] if total is None else total
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        if not isinstance(usage.get(name), dict | None):
            del usage[name]
    for counts in (usage, usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}):
        for name in _PARTS & counts.keys():
            counts[name] = _count(counts[name])
    return usage


_PARTS = frozenset({"cached_tokens", "cache_write_tokens", "reasoning_tokens", "prompt_cache_hit_tokens"})


def _count(*values: Any) -> int | None:
    """A number of tokens: the first of the values that is a whole number or its digits."""
    for value in values:
        if isinstance(value, str) and value.isdecimal() and len(value) < 16:
            return int(value)
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and 0 <= value < 1e15:
            return int(value)
    return None


def _seconds(created: Any) -> int:
    """Unix seconds from a number or (Writer) a string of digits; 0 where it is neither."""
    if isinstance(created, str):
        return int(created) if created.isdecimal() and len(created) < 16 else 0
    return int(created) if isinstance(created, int | Decimal) and 0 < created < 1e15 else 0


def mend_chunk(body: dict[str, Any], target: Target, stamp: Stamp, begun: Collection[int] = ()) -> dict[str, Any]:
    """A chunk of a stream, in place; what depends on chunks before it (roles, finishes) is the relay's. `begun` are the choices so far."""
    _mend_top(body, target, stamp, "chat.completion.chunk")
    choices = body.get("choices")
    body["choices"] = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    for index, choice in enumerate(body["choices"]):
        if not isinstance(choice.get("index"), int):
            choice["index"] = index
        message = choice.pop("message", None)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # a whole message in its place is all there is, unless there was something before: then it says that again
            told = message if isinstance(message, dict) and choice["index"] not in begun else {}
            delta = choice["delta"] = {"content": choice.pop("text")} if isinstance(choice.get("text"), str) else told
        if delta.get("role") not in (None, "assistant"):
            delta["role"] = "assistant"
        _mend_reasoning(delta)
        _mend_content(delta)
        _drop_empty(delta)
        mend_finish(choice, whole=False)
    return body


def mend_message(message: dict[str, Any], stamp: Stamp, choice: int) -> None:
    message["role"] = "assistant"
    _mend_reasoning(message)
    _mend_content(message)
    _drop_empty(message)
    message.setdefault("content", None)
    calls = list_of_calls(message.pop("tool_calls", None))
    if calls:
        message["tool_calls"] = calls
    ids: set[str] = set()
    for index, call in enumerate(calls):
        call["id"] = str(call.get("id") or "")
        if not call["id"] or call["id"] in ids:  # a result names the call it answers by its id alone
            call["id"] = stamp.call_id(choice, index)
        ids.add(call["id"])
        if "custom" in call and not call.get("function"):
            call["type"] = "custom"
            continue
        call["type"] = "function"
        function = function_of(call)
        function["arguments"] = arguments_text(function.get("arguments")) or "{}"
    if message.get("function_call"):
        message["function_call"]["arguments"] = arguments_text(message["function_call"].get("arguments")) or "{}"


def list_of_calls(calls: Any) -> list[dict[str, Any]]:
    """Tool calls as a list: some hosts send a single one bare, most send null or [] where there is none."""
    if isinstance(calls, dict):
        return [calls]
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def function_of(call: dict[str, Any]) -> dict[str, Any]:
    """The function of a call, put there from the call's own members where a host has them a level too high."""
    function = call.get("function")
    if not isinstance(function, dict):
        name = function if isinstance(function, str) else str(call.pop("name", ""))
        function = call["function"] = {"name": name, "arguments": call.pop("arguments", "")}
    return function


def url_citations(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Perplexity's sources, which stand at the top of the body, as OpenAI's annotations. They point at no place in the text."""
    titles: dict[str, str] = {}
    for name in ("citations", "search_results"):
        listed = body.get(name)
        for source in listed if isinstance(listed, list) else ():
            match source:
                case str(url):
                    titles.setdefault(url, url)
                case {"url": str(url), **rest}:
                    title = rest.get("title")
                    titles[url] = title if isinstance(title, str) and title else url
    return [
        {"type": "url_citation", "url_citation": {"url": url, "title": title, "start_index": 0, "end_index": 0}}
        for url, title in titles.items()
        if url.startswith(("http://", "https://"))
    ]


def failure_of(choice: Any) -> dict[str, Any] | None:
    """The error object of a choice that ended in one (Mistral, OpenRouter: `finish_reason` is "error"); None of any other."""
    if not isinstance(choice, dict):
        return None
    error = choice.get("error")
    if isinstance(error, dict) and error:
        return error
    return {"message": "the model's answer ended with an error"} if choice.get("finish_reason") == "error" else None


def arguments_text(arguments: Any) -> str:
    """Arguments as a JSON text, whatever the host sent: text, object or nothing."""
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else loose.encode(arguments).decode()


def mend_finish(choice: dict[str, Any], *, whole: bool) -> None:
    """One of OpenAI's reasons; the host's own word is kept in `native_finish_reason` where it is another."""
    word = choice.get("finish_reason")
    if isinstance(word, str) and word in ("stop", "length", "tool_calls", "content_filter", "function_call"):
        return
    if not word or str(word).lower() in UNFINISHED:
        choice["finish_reason"] = _unsaid(choice) if whole else None
        return
    choice["finish_reason"] = FINISH.get(str(word).lower(), "stop")
    choice.setdefault("native_finish_reason", word)


def _unsaid(choice: dict[str, Any]) -> str:
    return "tool_calls" if choice["message"].get("tool_calls") else "stop"


def _mend_reasoning(message: dict[str, Any]) -> None:
    """`reasoning` (Ollama, Groq, Cerebras, vLLM, OpenRouter) also as `reasoning_content`, the name our callers read."""
    said = message.get("reasoning")
    if isinstance(said, str):
        if said and not message.get("reasoning_content"):
            message["reasoning_content"] = said
    elif said is not None:
        message["reasoning_raw"] = message.pop("reasoning")
    if not isinstance(message.get("reasoning_content"), str | None):
        message["reasoning_raw"] = message.pop("reasoning_content")


def _mend_content(message: dict[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, list):  # Mistral: a list of text and thinking. Databricks: of text and summaries, which may be signed
        texts, thoughts, others = [], [], []
        for part in content:
            match part:
                case str(text) | {"type": "text" | "output_text", "text": str(text)}:
                    texts.append(text)
                case {"type": "thinking", "thinking": str(text)}:
                    thoughts.append(text)
                case {"type": "thinking", "thinking": list(pieces)}:
                    thoughts += [piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str)]
                case {"type": "reasoning", "summary": list(pieces)}:
                    thoughts += [piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str)]
                    if any(isinstance(piece, dict) and piece.get("signature") for piece in pieces):
                        others.append(part)
                case _:
                    others.append(part)
        message["content"] = "".join(texts)
        if thoughts:
            message["reasoning_content"] = (message.get("reasoning_content") or "") + "".join(thoughts)
        if others:
            message["content_parts"] = others
    elif content is not None and not isinstance(content, str):  # Cloudflare: a schema was asked for and the object itself comes
        message["content"] = loose.encode(content).decode()


def _drop_empty(message: dict[str, Any]) -> None:
    """Snowflake fills in zero values: a refusal of "", a function call without a name, an audio of empty strings."""
    if message.get("refusal") == "":
        message["refusal"] = None
    if not isinstance(message.get("refusal"), str | None):
        del message["refusal"]
    call = message.get("function_call")
    if "function_call" in message and not (isinstance(call, dict) and (call.get("name") or call.get("arguments"))):
        del message["function_call"]
    audio = message.get("audio")
    if audio is not None and not (isinstance(audio, dict) and any(audio.values())):
        del message["audio"]
    for name in ("annotations", "reasoning_details"):
        if not isinstance(message.get(name), list | None):
            message[f"{name}_raw"] = message.pop(name)
