"""The signature vault: signed reasoning that OpenAI-shaped clients drop, kept and put back.

Odd here: a second turn of a tool loop must carry what the vendor signed in the first (Anthropic's thinking signatures, Gemini's
thought signatures, encrypted reasoning), and an OpenAI client throws those fields away because OpenAI has none. So they are kept
here for a while, by caller and by what the client does hand back: a tool call's id, or the assistant's text. What the client
hands back itself is never overruled. Bounded in bytes and age; losing an entry costs the thinking of one turn, nothing else.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Protocol

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import force_setattr, replace

from .access import Caller
from .chat import Assistant, ChatRequest, Event, ReasoningDetail, TextDelta, ToolStarted, text_of
from .fold import add_detail
from .target import Target

MAX_BYTES = 64 * 1024 * 1024
MAX_AGE = 6 * 3600.0
MAX_ENTRY = 2 * 1024 * 1024

SIGNING_DIALECTS = frozenset({"anthropic_messages", "gemini_generate", "bedrock_converse", "openai_responses"})


class Kept(Struct, frozen=True):
    """What one assistant turn had that the client will not hand back."""

    details: list[dict[str, Any]]
    extras: dict[str, dict[str, Any]]
    """tool call id → members beside `function` (`extra_content`)"""


class Shelf(Protocol):
    """Where entries lie: this process's memory, or a store that replicas share. Keys are opaque; values are JSON."""

    def put(self, key: bytes, value: bytes) -> None: ...

    def get(self, key: bytes) -> bytes | None: ...


class Memory:
    """A shelf in this process: the least recently used goes first when it is full, and everything after `MAX_AGE` seconds."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_age: float = MAX_AGE, now: Callable[[], float] = monotonic) -> None:
        self._max_bytes, self._max_age, self._now = max_bytes, max_age, now
        self._entries: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        self.bytes = 0

    def put(self, key: bytes, value: bytes) -> None:
        self._forget(key)
        now = self._now()
        self._entries[key] = (now, value)
        self.bytes += _size(value)
        while self._entries:
            oldest, (kept, _) = next(iter(self._entries.items()))
            if self.bytes <= self._max_bytes and now - kept <= self._max_age:
                break
            self._forget(oldest)

    def get(self, key: bytes) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._now() - entry[0] > self._max_age:
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def _forget(self, key: bytes) -> None:
        gone = self._entries.pop(key, None)
        if gone is not None:
            self.bytes -= _size(gone[1])


def _size(value: bytes) -> int:
    """What an entry takes in memory, about: small ones weigh more in key and bookkeeping than in bytes."""
    return len(value) + 256


class Watcher:
    """Collects from one answer's events what must be kept; owned by that answer."""

    __slots__ = ("calls", "details", "extras", "texts")

    def __init__(self) -> None:
        self.details: dict[int, list[dict[str, Any]]] = {}
        self.calls: dict[int, list[str]] = {}
        self.extras: dict[str, dict[str, Any]] = {}
        self.texts: dict[int, list[str]] = {}

    def see(self, events: Iterable[Event]) -> None:
        for event in events:
            kind = event.__class__
            if kind is TextDelta:
                self.texts.setdefault(event.choice, []).append(event.text)  # type: ignore[union-attr]
            elif kind is ReasoningDetail:
                add_detail(self.details.setdefault(event.choice, []), event.detail)  # type: ignore[union-attr]
            elif kind is ToolStarted:
                self.calls.setdefault(event.choice, []).append(event.id)  # type: ignore[union-attr]
                if event.extra:  # type: ignore[union-attr]
                    self.extras[event.id] = event.extra  # type: ignore[union-attr]


class Vault:
    def __init__(self, shelf: Shelf | None = None) -> None:
        self.shelf = shelf or Memory()

    @staticmethod
    def watches(target: Target) -> bool:
        """Whether this target's answers may hold what its next request needs."""
        return target.dialect in SIGNING_DIALECTS or "keeps_reasoning_details" in target.quirks

    def remember(self, caller: Caller, watcher: Watcher) -> None:
        """Keep what an answer signed, under each tool call's id and under its text."""
        for choice in watcher.details.keys() | watcher.calls.keys():
            ids = watcher.calls.get(choice, [])
            kept = Kept(watcher.details.get(choice, []), {id: watcher.extras[id] for id in ids if id in watcher.extras})
            if not kept.details and not kept.extras:
                continue
            value = msgspec.json.encode(kept)
            if len(value) > MAX_ENTRY:
                continue
            for name in [*ids, _text_name("".join(watcher.texts.get(choice, ())))]:
                if name:
                    self.shelf.put(_key(caller, name), value)

    def restored(self, request: ChatRequest, target: Target, caller: Caller) -> ChatRequest:
        """The request with what its assistant turns lost. The same object where nothing was missing or nothing was kept."""
        if not self.watches(target):
            return request
        messages = list(request.messages)
        changed: list[int] = []
        for index, message in enumerate(messages):
            if isinstance(message, Assistant) and not message.reasoning_details:
                kept = self._find(caller, message)
                if kept is not None:
                    messages[index] = _put_back(message, kept)
                    changed.append(index)
        if not changed:
            return request
        restored = replace(request, messages=messages)
        force_setattr(restored, "wire", _wire(request, restored, changed) if target.dialect == "openai_chat" else request.wire)
        return restored

    def _find(self, caller: Caller, message: Assistant) -> Kept | None:
        names = [call.id for call in message.tool_calls or ()] or [_text_name(text_of(message.content))]
        for name in names:
            value = self.shelf.get(_key(caller, name)) if name else None
            if value is not None:
                return msgspec.json.decode(value, type=Kept)
        return None


def _put_back(message: Assistant, kept: Kept) -> Assistant:
    calls = message.tool_calls and [
        replace(call, extra_content=Raw(msgspec.json.encode(extra["extra_content"])))
        if call.extra_content is None and (extra := kept.extras.get(call.id)) is not None and "extra_content" in extra
        else call
        for call in message.tool_calls
    ]
    details = [Raw(msgspec.json.encode(detail)) for detail in kept.details]
    return replace(message, reasoning_details=details or None, tool_calls=calls)


def _wire(request: ChatRequest, restored: ChatRequest, changed: list[int]) -> dict[str, Raw]:
    """The caller's bytes with the details and the calls' extra members added where they were put back."""
    raw = msgspec.json.decode(request.wire["messages"], type=list[dict[str, Raw]])
    for index in changed:
        message = restored.messages[index]
        assert isinstance(message, Assistant)
        if message.reasoning_details:
            raw[index]["reasoning_details"] = Raw(msgspec.json.encode(message.reasoning_details))
        if message.tool_calls and any(call.extra_content is not None for call in message.tool_calls):
            calls = msgspec.json.decode(raw[index]["tool_calls"], type=list[dict[str, Raw]])
            for fields, call in zip(calls, message.tool_calls, strict=True):
                if call.extra_content is not None:
                    fields["extra_content"] = call.extra_content
            raw[index]["tool_calls"] = Raw(msgspec.json.encode(calls))
    return {**request.wire, "messages": Raw(msgspec.json.encode(raw))}


def _text_name(text: str) -> str:
    """A turn without calls is known by its text; surrounding white space does not count, since clients strip it."""
    stripped = text.strip()
    return "text:" + hashlib.sha256(stripped.encode()).hexdigest() if stripped else ""


def _key(caller: Caller, name: str) -> bytes:
    return hashlib.sha256("\0".join((caller.workspace, caller.key_id, name)).encode()).digest()
