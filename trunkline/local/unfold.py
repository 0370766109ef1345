"""Reads a constrained answer as it arrives: the name of the tool, then the text of its arguments, piece by piece.

Odd here: the arguments are handed on as the model wrote them, so their end is found by counting braces outside strings, not
by parsing; the grammar has already seen to it that they are JSON.
"""

from __future__ import annotations

import re

_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=[^\s])')


class CallReader:
    """One choice's answer. `name` given: the whole text is that tool's arguments. "": the text is {"name": …, "arguments": …}."""

    def __init__(self, name: str) -> None:
        self.name = name
        """"" until it was read."""
        self.held = ""
        """The text so far, while there is no name."""
        self._depth = 0
        self._in_string = self._escaped = self._done = False

    def feed(self, text: str) -> list[str]:
        """The pieces of arguments in this text, none of them empty."""
        if not self.name:
            self.held += text
            head = _HEAD.match(self.held)
            if head is None:
                return []
            self.name = _unquoted(head[1])
            text = self.held[head.end() :]
        piece = self._arguments(text)
        return [piece] if piece else []

    def _arguments(self, text: str) -> str:
        if self._done:
            return ""
        for at, char in enumerate(text):
            if self._escaped:
                self._escaped = False
            elif self._in_string:
                self._escaped = char == "\\"
                self._in_string = char != '"'
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    self._done = True
                    return text[: at + 1]
        return text


def _unquoted(text: str) -> str:
    import msgspec

    return msgspec.json.decode(text.encode(), type=str)
