"""A JSON array sent piece by piece, each element a frame: a Gemini stream without `alt=sse`.

Odd here: elements are pretty-printed over many lines, so neither lines nor commas say where one ends; only brackets outside
strings do. Each byte is looked at once, whatever the reads: the scanner remembers depth and string, never the text before.
A body that is a single object (a server that does not stream after all) is one frame at the end.
"""

from __future__ import annotations

import re

from ..wire import Frame
from .bounds import MAX_EVENT, broken, too_long, whole

_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_NEXT = re.compile(rb"[^\s,]")
_SCALAR_END = re.compile(rb"[\s,\]\[{}\"]")
_OPENING = b"[{"


class JsonArray:
    """`Frame.data` is one element's own bytes."""

    def __init__(self) -> None:
        self._state = "start"
        """start → between ⇄ element | scalar → end; or start → object"""
        self._depth = 0
        self._string = False
        self._escaped = False
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        at = 0
        while at < len(data):
            match self._state:
                case "start":
                    at = self._start(data)
                case "object":
                    self._hold(data[at:])
                    break
                case "between":
                    at = self._between(data, at)
                case "element":
                    at = self._element(data, at, frames)
                case "scalar":
                    at = self._scalar(data, at, frames)
                case _:
                    if data[at:].strip():
                        raise broken("there are bytes after the JSON array's end")
                    break
        return frames

    def close(self) -> list[Frame]:
        text = b"".join(self._held).strip()
        self._held = []
        return [Frame(text)] if self._state == "object" and whole(text) else []

    def _hold(self, piece: bytes) -> None:
        self._held.append(piece)
        self._size += len(piece)
        if self._size > MAX_EVENT:
            raise too_long()

    def _give(self, frames: list[Frame]) -> None:
        frames.append(Frame(self._held[0] if len(self._held) == 1 else b"".join(self._held)))
        self._held = []
        self._size = 0
        self._state = "between"

    def _start(self, data: bytes) -> int:
        text = data.lstrip()
        if not text:
            return len(data)
        if text[0] not in _OPENING:
            raise broken("its body is neither a JSON array nor an object")
        self._state = "between" if text[:1] == b"[" else "object"
        begin = len(data) - len(text)
        return begin + 1 if self._state == "between" else begin

    def _between(self, data: bytes, at: int) -> int:
        found = _NEXT.search(data, at)
        if found is None:
            return len(data)
        at = found.start()
        match data[at]:
            case 0x5D:  # ]
                self._state = "end"
                return at + 1
            case 0x7D:  # }
                raise broken("a bracket in its JSON array closes nothing")
            case 0x5B | 0x7B | 0x22:  # [ { "
                self._state = "element"
            case _:
                self._state = "scalar"
        return at

    def _element(self, data: bytes, begin: int, frames: list[Frame]) -> int:
        """From inside an array, object or string: to its end, or to the end of the read."""
        at, size = begin, len(data)
        while at < size:
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_INSIDE if self._string else _OUTSIDE).search(data, at)
            if found is None:
                break
            at = found.end()
            match data[at - 1]:
                case 0x5C:  # a backslash
                    self._escaped = True
                case 0x22:  # "
                    self._string = not self._string
                case 0x5B | 0x7B:
                    self._depth += 1
                case _:
                    self._depth -= 1
            if self._depth == 0 and not self._string:
                self._hold(data[begin:at])
                self._give(frames)
                return at
        self._hold(data[begin:])
        return size

    def _scalar(self, data: bytes, begin: int, frames: list[Frame]) -> int:
        found = _SCALAR_END.search(data, begin)
        at = len(data) if found is None else found.start()
        self._hold(data[begin:at])
        if found is not None:
            self._give(frames)
        return at
