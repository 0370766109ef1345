"""One JSON value a line: Ollama's native API (`application/x-ndjson`) and Cohere v1 (`application/stream+json`).

Odd here: blank lines occur as keep-alives, and the last line may lack its end.
"""

from __future__ import annotations

from ..wire import Frame
from .bounds import MAX_EVENT, too_long, whole


class JsonLines:
    """`Frame.data` is the line without surrounding white space."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        *lines, rest = data.split(b"\n")
        if lines and self._line:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        self._line += rest
        if len(self._line) > MAX_EVENT or any(len(line) > MAX_EVENT for line in lines):
            raise too_long()
        return [Frame(line) for raw in lines if (line := raw.strip())]

    def close(self) -> list[Frame]:
        line = bytes(self._line).strip()
        self._line.clear()
        return [Frame(line)] if line and whole(line) else []
