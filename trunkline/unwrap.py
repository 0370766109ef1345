r"""The input of a custom tool's call, out of the arguments of the function that stands for it: `{"input": "…"}`, as a stream brings them.

Odd here: the text is given out while its JSON is still coming, and a piece may end anywhere, in the middle of `\ud83d\ude00` too; so what
cannot be read yet waits for the next piece. And a model writes what it likes: an escape that JSON does not know stands for itself, and
arguments that are not wrapped at all are the input.

Source: https://www.rfc-editor.org/rfc/rfc8259#section-7
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

_BEFORE = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_WRAPPING = '{"input":"'
_SOON = 64
"""Characters within which the wrapping begins; where it does not, it is looked for once more at the end."""

_READABLE = re.compile(
    r"""(?:[^"\\]+
    | \\[^u]
    | \\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}
    | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
    | \\u[dD][c-fC-F][0-9a-fA-F]{2}
    | \\u[dD][89abAB][0-9a-fA-F]{2}
      (?=[^\\]|\\[^u]|\\u(?:[^dD]|[dD](?:[^c-fC-F]|[c-fC-F](?:[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]))))
    | \\u(?=[0-9a-fA-F]{0,3}[^0-9a-fA-F])
    )*""",
    re.VERBOSE | re.DOTALL,
)
"""The inside of a JSON string as far as it means the same whatever comes next. In order: plain text, a short escape, a character, a pair of
surrogates, the second half of one alone, the first half alone, and an escape that is none."""

_ESCAPE = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)", re.DOTALL)
_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Unwrapped:
    """The input of one call; owned by that call. However the arguments are cut into pieces, what comes out joins to the same text."""

    def __init__(self) -> None:
        self._held = ""
        self._later: list[str] = []
        """pieces that wait for the end"""
        self._looked = 0
        """characters that had come when the wrapping was last looked for"""
        self._state = "before"
        """before, inside or after the text"""

    def feed(self, piece: str) -> str:
        """As much of the text as this piece completes."""
        if self._state == "after":
            return ""
        if self._state == "before" and self._looked >= _SOON:
            self._later.append(piece)
            return ""
        self._held += piece
        return self._inside() if self._state == "inside" or self._begins() else ""

    def close(self) -> str:
        """The arguments are all there: what was held back. Half an escape at the end of arguments that were cut short is none."""
        self._held += "".join(self._later)
        if self._state == "before" and not self._begins():
            self._state = "after"
            return _otherwise(self._held)
        text = self._inside() if self._state == "inside" else ""
        self._state = "after"
        return text

    def _begins(self) -> bool:
        self._looked = len(self._held)
        found = _BEFORE.match(self._held)
        if found is None:
            return False
        self._held, self._state = self._held[found.end() :], "inside"
        return True

    def _inside(self) -> str:
        found = _READABLE.match(self._held)
        end = found.end() if found else 0
        text, self._held = self._held[:end], self._held[end:]
        if self._held[:1] == '"':
            self._held, self._state = "", "after"
        return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    high, low, code, short = escape.groups()
    if short is not None:
        return _SHORT.get(short, escape[0])
    if high is not None:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    number = int(code, 16)
    return "\ufffd" if 0xD800 <= number < 0xE000 else chr(number)


def _otherwise(arguments: str) -> str:
    """The input in arguments that do not begin with the wrapping: an object's `input`, wherever it stands, a bare text, or all of it."""
    if _WRAPPING.startswith("".join(arguments.split())) or arguments.strip() == "{}":
        return ""
    try:
        value = msgspec.json.decode(arguments, type=dict[str, Raw] | str)
        if isinstance(value, str):
            return value
        raw = bytes(value["input"])
        return msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else "" if raw == b"null" else raw.decode()
    except (msgspec.DecodeError, KeyError, RecursionError):
        return arguments
