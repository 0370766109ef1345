"""Events → the chunks of OpenAI's stream, for an answer that came in another dialect.

Odd here: a text delta is the whole cost of a translated stream, so its chunk is not built from objects. Everything but the
text is the same in every chunk of a stream; it is written once and the text is put in between.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...chat import (
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
from ...fold import usage_object
from ...stamp import Stamp

_encode = msgspec.json.Encoder().encode


class ChunkEncoder:
    """Encodes one stream. `encode` gives `data:` payloads; the usage chunk is kept for `end`."""

    def __init__(self, stamp: Stamp, model: str, *, legacy: bool = False) -> None:
        self.id, self.created, self.model, self.call_id = stamp.id, stamp.created, model, stamp.call_id
        self.legacy = legacy
        """The caller offered `functions`: a call comes back as `function_call`."""
        self.extra: dict[str, Any] = {}
        self.roles: set[int] = set()
        self.unfilled: set[tuple[int, int]] = set()
        """(choice, tool) of calls without any argument text yet"""
        self.custom: set[tuple[int, int]] = set()
        """(choice, tool) of the calls of custom tools"""
        self.usage: Usage | None = None
        """The last one that counts anything."""
        self.late: dict[str, Any] = {}
        """Members that came late, for the next chunk: a chunk of their own would have no choices and trip callers."""
        self.listed: dict[tuple[int, str], int] = {}
        """(choice, member) → how many entries of that list have been sent"""
        self._heads: dict[tuple[int, str], bytes] = {}

    def encode(self, events: list[Event]) -> list[bytes]:
        out: list[bytes] = []
        for event in events:
            if event.__class__ is TextDelta:  # what nearly every event is; a match costs as much as the rest
                out.append(self._text("content", event.text, event.choice))
                continue
            match event:
                case ReasoningDelta(text, index):
                    out.append(self._text("reasoning_content", text, index))
                case ToolDelta(tool, arguments, index):
                    if not arguments:
                        continue
                    self.unfilled.discard((index, tool))
                    function: dict[str, Any] = {"arguments": arguments}
                    if (index, tool) in self.custom:
                        out.append(self._delta({"tool_calls": [{"index": tool, "custom": {"input": arguments}}]}, index))
                    elif not self._is_legacy(index):
                        out.append(self._delta({"tool_calls": [{"index": tool, "function": function}]}, index))
                    elif tool == 0:
                        out.append(self._delta({"function_call": function}, index))
                case ToolStarted(tool, id, name, index, extra, custom):
                    if custom and (tool == 0 or not self._is_legacy(index)):
                        self.custom.add((index, tool))
                        out.append(self._custom(tool, id, name, index, extra))
                    elif tool == 0 or not self._is_legacy(index):  # the older form has room for one call
                        out.append(self._tool(tool, id, name, index, extra))
                case RefusalDelta(text, index):
                    out.append(self._text("refusal", text, index))
                case ReasoningDetail(detail, index):
                    out.append(self._delta(self._numbered({"reasoning_details": [detail]}, index), index))
                case MessageExtra(extra, index):
                    out.append(self._delta(self._numbered(extra, index), index))
                case Logprobs(logprobs, index):
                    out.append(self._chunk([{"index": index, "delta": self._role(index), "logprobs": logprobs, "finish_reason": None}]))
                case Finished():
                    out += self._finish(event)
                case Started(id, model, created, extra):
                    self.id, self.model, self.created = id or self.id, model or self.model, created or self.created
                    self.extra.update(extra)
                    self._heads.clear()
                case Extra(extra):
                    self.late.update(extra)
                case Metered(usage):
                    self.usage = usage if usage_object(usage) else None
                case Failed():
                    pass  # the pipeline's to report
        return out

    def usage_chunk(self) -> bytes:
        """The chunk with the usage and no choices; empty where the vendor did not say."""
        return b"" if self.usage is None else self._chunk([], {"usage": usage_object(self.usage)})

    def text(self, text: str, index: int) -> bytes:
        """The payload of one text delta."""
        head = self._heads.get((index, "content"))
        if head is None or self.late or index not in self.roles:
            return self._text("content", text, index)
        return b'%b%b},"logprobs":null,"finish_reason":null}]}' % (head, _encode(text))

    def _text(self, name: str, text: str, index: int) -> bytes:
        if self.late or index not in self.roles:
            return self._delta({name: text}, index)
        head = self._heads.get((index, name))
        if head is None:
            empty = self._delta({name: ""}, index)
            head = self._heads[index, name] = empty[: empty.rindex(b'""}')]
        return b'%b%b},"logprobs":null,"finish_reason":null}]}' % (head, _encode(text))

    def _tool(self, tool: int, id: str, name: str, index: int, extra: dict[str, Any]) -> bytes:
        function = {"name": name, "arguments": ""}
        self.unfilled.add((index, tool))
        if self._is_legacy(index):
            return self._delta({"function_call": function}, index)
        call = {"index": tool, "id": id or self.call_id(index, tool), "type": "function", "function": function, **extra}
        return self._delta({"tool_calls": [call]}, index)

    def _custom(self, tool: int, id: str, name: str, index: int, extra: dict[str, Any]) -> bytes:
        custom = {"name": name, "input": ""}
        call = {"index": tool, "id": id or self.call_id(index, tool), "type": "custom", "custom": custom, **extra}
        return self._delta({"tool_calls": [call]}, index)

    def _is_legacy(self, index: int) -> bool:
        """Whether a choice's call is told as `function_call`. A custom call has no such form."""
        return self.legacy and (index, 0) not in self.custom

    def _numbered(self, delta: dict[str, Any], index: int) -> dict[str, Any]:
        """A delta whose lists of objects say where each entry stands: OpenAI's own clients join deltas by `index` and fail without it."""
        out = dict(delta)
        for name, value in delta.items():
            if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
                start = self.listed.get((index, name), 0)
                self.listed[index, name] = start + len(value)
                out[name] = [{"index": start + i, **entry} for i, entry in enumerate(value)]
        return out

    def _finish(self, event: Finished) -> list[bytes]:
        index = event.choice
        out = []
        for of, tool in sorted(self.unfilled):
            if of == index:
                self.unfilled.discard((of, tool))
                piece: dict[str, Any] = {"arguments": "{}"}
                legacy = self._is_legacy(index)
                out.append(self._delta({"function_call": piece} if legacy else {"tool_calls": [{"index": tool, "function": piece}]}, index))
        reason = "function_call" if event.reason == "tool_calls" and self._is_legacy(index) else event.reason
        choice = {"index": index, "delta": self._role(index), "logprobs": None, "finish_reason": reason, **event.extra}
        if event.native and event.native != reason:
            choice["native_finish_reason"] = event.native
        out.append(self._chunk([choice]))
        return out

    def _role(self, index: int) -> dict[str, Any]:
        if index in self.roles:
            return {}
        self.roles.add(index)
        return {"role": "assistant", "content": ""}

    def _delta(self, delta: dict[str, Any], index: int) -> bytes:
        if index not in self.roles:
            self.roles.add(index)
            delta = {"role": "assistant", **delta}
        return self._chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])

    def _chunk(self, choices: list[dict[str, Any]], more: dict[str, Any] | None = None) -> bytes:
        chunk = {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
        late, self.late = self.late, {}
        return _encode({**self.extra, **late, **chunk, **(more or {}), "choices": choices})
