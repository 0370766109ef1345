r"""The arguments of a call whose parameters had other names on the wire, with the caller's own names, as a stream brings them.

Odd here: only the keys of the outermost object are meant, and a piece may end inside one, even inside `\u00e9`; so a key waits until it is
whole. All else passes as it came, digit by digit.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Rekeyed:
    """Renames one call's arguments; owned by that call. However they are cut into pieces, what comes out joins to the same text."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        """name on the wire → the caller's"""
        self._depth = 0
        self._string = self._escaped = False
        self._key_next = False
        """a string that begins now is a key of the outermost object"""
        self._key: list[str] | None = None
        """such a key, as far as it has come"""

    def feed(self, piece: str) -> str:
        """As much of the arguments as this piece completes."""
        out: list[str] = []
        for char in piece:
            if self._key is not None:
                self._key.append(char)
            else:
                out.append(char)
            if self._string:
                self._inside(char, out)
            else:
                self._outside(char, out)
        return "".join(out)

    def close(self) -> str:
        """What still waits: the beginning of a key, where the arguments were cut off."""
        rest, self._key = self._key or [], None
        return "".join(rest)

    def _inside(self, char: str, out: list[str]) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._string = False
            if self._key is not None:
                out.append(self._renamed("".join(self._key)))
                self._key = None

    def _outside(self, char: str, out: list[str]) -> None:
        if char == '"':
            self._string = True
            if self._key_next:
                self._key_next = False
                self._key = [out.pop()]
        elif char in "{[":
            self._depth += 1
            self._key_next = char == "{" and self._depth == 1
        elif char in "}]":
            self._depth -= 1
        elif char == ",":
            self._key_next = self._depth == 1

    def _renamed(self, key: str) -> str:
        try:
            name = self._names.get(msgspec.json.decode(key, type=str))
        except msgspec.DecodeError:
            return key
        return key if name is None else msgspec.json.encode(name).decode()
