"""What one candidate of an answer has been so far: its words, its calls, and what is held back for its end.

Odd here: a call comes whole in one part, or, where arguments are streamed, begins with a name and goes on in parts that have none; and a
signature that belongs to a text is kept with where that text stands in the whole, since only there it may go back.

Sources: https://ai.google.dev/gemini-api/docs/thought-signatures, https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from ...chat import Event, ReasoningDetail, ToolDelta, ToolStarted
from .partial import Assembled
from .shapes import NO_RAW, FunctionCall, present


class Choice:
    __slots__ = (
        "calls", "citations", "extra", "grounding", "ids", "images", "index", "open", "sound", "sound_type", "texts", "url_context",
        "used_tools", "word",
    )  # fmt: skip

    def __init__(self, index: int) -> None:
        self.index = index
        self.word = ""
        self.calls = self.images = 0
        self.ids: set[str] = set()
        self.open: Assembled | None = None
        """the call whose arguments are coming in pieces"""
        self.used_tools = False
        """the vendor's own, by a signed call"""
        self.texts: list[str] = []
        self.sound: list[str] = []
        self.sound_type = ""
        self.grounding = self.citations = self.url_context = NO_RAW
        self.extra: dict[str, Any] = {}

    def signed(self, signature: str, **where: Any) -> ReasoningDetail:
        """A signature for the caller to hand back, with `where` it belongs (`signatures`): here, unless that says more."""
        said = sum(map(len, self.texts))
        return ReasoningDetail({**_signature(signature), "start": said, "end": said, **where}, self.index)

    def call(self, call: FunctionCall, signature: str, seed: str | bytes) -> list[Event]:
        """The events of a call's part. `seed` is what an id is made of where the vendor gives none."""
        streamed = call.will_continue or call.partial_args is not None
        if not call.name and not present(call.args):
            return self._more(call)
        if not streamed:
            arguments = msgspec.json.format(call.args, indent=-1).decode() if present(call.args) else "{}"
            begun, tool = self._begin(call, signature, seed, arguments)
            return [*self.closed(), *begun, ToolDelta(tool, arguments, self.index), *self._told(begun, signature)]
        closed = self.closed()
        begun, tool = self._begin(call, signature, seed, "")
        self.open = Assembled(tool)
        self.open.add(call.partial_args or ())
        return [*closed, *begun, *self._told(begun, signature)]

    def closed(self) -> list[Event]:
        """The arguments of the call that came in pieces, now whole."""
        done, self.open = self.open, None
        return [ToolDelta(done.tool, done.json(), self.index)] if done is not None else []

    def _more(self, call: FunctionCall) -> list[Event]:
        """A part of a call without a name: a piece of the one that is open, or its end."""
        if self.open is None:
            return []
        if call.partial_args is None and not call.will_continue:
            return self.closed()
        self.open.add(call.partial_args or ())
        return []

    def _begin(self, call: FunctionCall, signature: str, seed: str | bytes, arguments: str) -> tuple[list[Event], int]:
        tool, name = self.calls, call.name or ""
        self.calls += 1
        id = call.id or ""
        if not id or id in self.ids:
            id = call_id(seed, self.index, tool, name, arguments)
        self.ids.add(id)
        extra = {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}
        return [ToolStarted(tool, id, name, self.index, extra)], tool

    def _told(self, begun: list[Event], signature: str) -> list[Event]:
        [started] = begun
        assert isinstance(started, ToolStarted)
        return [ReasoningDetail({**_signature(signature), "id": started.id}, self.index)] if signature else []


def _signature(signature: str) -> dict[str, Any]:
    return {"type": "reasoning.encrypted", "data": signature, "format": "gemini"}


def call_id(answer: str | bytes, choice: int, tool: int, name: str, arguments: str) -> str:
    """An id for a call that came without: the same for the same bytes, another for every call of a conversation."""
    seed = answer if isinstance(answer, bytes) else answer.encode()
    told = b"\0".join((seed, str(choice).encode(), str(tool).encode(), name.encode(), arguments.encode()))
    return "call_g" + blake2b(told, digest_size=11).hexdigest()
