"""Events → one completion, in OpenAI's words: the whole answer of a stream, wherever a whole one is needed.

Odd here: nothing is invented. A choice without a `Finished` has no reason, usage that nobody reported is absent, and what the
vendor sent beside OpenAI's own members is kept where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec

from .chat import (
    Event,
    Extra,
    Failed,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)  # fmt: skip
from .stamp import Stamp


class FoldedCall:
    def __init__(self, id: str, name: str, extra: dict[str, Any], custom: bool = False) -> None:
        self.id, self.name, self.extra, self.custom = id, name, extra, custom
        self.pieces: list[str] = []

    @property
    def arguments(self) -> str:
        """As JSON; of a custom call its input."""
        return "".join(self.pieces)


class FoldedChoice:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refusals: list[str] = []
        self.thoughts: list[str] = []
        self.details: list[dict[str, Any]] = []
        self.calls: dict[int, FoldedCall] = {}
        self.extra: dict[str, Any] = {}
        self.logprobs: dict[str, Any] | None = None
        self.finish: Finished | None = None

    @property
    def text(self) -> str:
        return "".join(self.texts)


class Folded:
    """A whole answer, as far as its events went."""

    def __init__(self) -> None:
        self.id = self.model = ""
        self.created = 0
        self.extra: dict[str, Any] = {}
        self.choices: dict[int, FoldedChoice] = {}
        self.usage: Usage | None = None
        self.failed: Failed | None = None

    def choice(self, index: int) -> FoldedChoice:
        found = self.choices.get(index)
        if found is None:
            found = self.choices[index] = FoldedChoice()
        return found

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text, index):
                self.choice(index).texts.append(text)
            case ReasoningDelta(text, index):
                self.choice(index).thoughts.append(text)
            case ToolDelta(tool, arguments, index):
                self.choice(index).calls[tool].pieces.append(arguments)
            case ToolStarted(tool, id, name, index, extra, custom):
                self.choice(index).calls[tool] = FoldedCall(id, name, extra, custom)
            case Started(id, model, created, extra):
                self.id, self.model, self.created = id or self.id, model or self.model, created or self.created
                self.extra.update(extra)
            case Finished(_, index, _, _):
                self.choice(index).finish = event
            case Metered(usage):
                self.usage = usage
            case RefusalDelta(text, index):
                self.choice(index).refusals.append(text)
            case ReasoningDetail(detail, index):
                add_detail(self.choice(index).details, detail)
            case MessageExtra(extra, index):
                merge(self.choice(index).extra, extra)
            case Logprobs(logprobs, index):
                choice = self.choice(index)
                choice.logprobs = choice.logprobs or {}
                merge(choice.logprobs, logprobs)
            case Extra(extra):
                merge(self.extra, extra)
            case Failed():
                self.failed = event
            case _:
                assert_never(event)


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Lists are appended to, texts of one streamed thing joined (audio data, transcripts), the rest replaced."""
    for name, value in more.items():
        held = into.get(name)
        if isinstance(held, list) and isinstance(value, list):
            into[name] = held + value
        elif isinstance(held, dict) and isinstance(value, dict):
            joined = dict(held)
            for key, item in value.items():
                if item is None and key in joined:
                    continue
                both = isinstance(joined.get(key), str) and isinstance(item, str) and key in ("data", "transcript")
                joined[key] = joined[key] + item if both else item
            into[name] = joined
        else:
            into[name] = value


_PIECES = {"reasoning.text": "text", "reasoning.summary": "summary"}


def add_detail(details: list[dict[str, Any]], detail: dict[str, Any]) -> None:
    """Append a `reasoning_details` item. OpenRouter streams one in pieces of the same `index`: those become the one they are of,
    since only the whole can be handed back."""
    last = details[-1] if details else {}
    kind, index = detail.get("type"), detail.get("index")
    name = _PIECES.get(kind) if isinstance(kind, str) else None
    if name is None or index is None or (last.get("type"), last.get("index")) != (kind, index) or last.get("signature"):
        details.append(detail)
        return
    more = {key: value for key, value in detail.items() if value is not None}
    details[-1] = {**last, **more, name: f"{last.get(name) or ''}{detail.get(name) or ''}"}


def fold(events: Iterable[Event]) -> Folded:
    folded = Folded()
    for event in events:
        folded.add(event)
    return folded


def usage_object(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage, with the three counts its type requires; {} where the vendor counted nothing.

    A total that the vendor did not give is the sum. One part without the other is how Gemini and Ollama spell zero: proto3's JSON and Go's
    `omitempty` leave zeros out (https://protobuf.dev/programming-guides/json/).
    """
    if usage.prompt is None and usage.completion is None and usage.total is None:
        return {}
    prompt, completion = usage.prompt or 0, usage.completion or 0
    total = prompt + completion if usage.total is None else usage.total
    out: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    if usage.cached is not None or usage.cache_write is not None:
        out["prompt_tokens_details"] = {"cached_tokens": usage.cached or 0}
        if usage.cache_write is not None:
            out["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write
    if usage.reasoning is not None:
        out["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return out


def completion(folded: Folded, stamp: Stamp, *, legacy: bool = False) -> dict[str, Any]:
    """The `chat.completion` object. `legacy`: the caller offered `functions`, so a call comes back as `function_call`."""
    out: dict[str, Any] = {
        "id": folded.id or stamp.id,
        "object": "chat.completion",
        "created": folded.created or stamp.created,
        "model": folded.model,
        "choices": [choice_object(index, choice, stamp, legacy=legacy) for index, choice in sorted(folded.choices.items())],
    }
    usage = usage_object(folded.usage) if folded.usage is not None else {}
    if usage:
        out["usage"] = usage
    return {**folded.extra, **out}


def choice_object(index: int, choice: FoldedChoice, stamp: Stamp, *, legacy: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    refusal = "".join(choice.refusals)
    nothing = None if choice.calls or refusal else ""
    message["content"] = "".join(choice.texts) if choice.texts else nothing
    message["refusal"] = refusal or None
    if choice.thoughts:
        message["reasoning_content"] = "".join(choice.thoughts)
    if choice.details:
        message["reasoning_details"] = choice.details
    calls = [call_object(call, stamp, index, tool) for tool, call in sorted(choice.calls.items())]
    legacy = legacy and not (calls and "custom" in calls[0])  # the older form has none for a custom call
    if calls and legacy:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    message.update({name: value for name, value in choice.extra.items() if name not in message})
    finish = choice.finish
    reason = finish.reason if finish else None
    out: dict[str, Any] = {
        "index": index,
        "message": message,
        "finish_reason": "function_call" if legacy and reason == "tool_calls" else reason,
        "logprobs": choice.logprobs,
    }
    if finish is not None:
        out.update(finish.extra)
        if finish.native and finish.native != reason:
            out["native_finish_reason"] = finish.native
    return out


def call_object(call: FoldedCall, stamp: Stamp, choice: int, tool: int) -> dict[str, Any]:
    id = call.id or stamp.call_id(choice, tool)
    if call.custom:
        return {"id": id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}, **call.extra}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": id, "type": "function", "function": function, **call.extra}


def to_json(folded: Folded, stamp: Stamp, *, legacy: bool = False) -> bytes:
    return msgspec.json.encode(completion(folded, stamp, legacy=legacy))
