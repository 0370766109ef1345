"""Knows a stream's text chunks by their bytes.

Odd here: nearly every chunk of a stream is the one before it but for the text, and, at vendors who hide its length, but for padding
(OpenAI's `obfuscation`, Mistral's `p`, Anthropic's blanks before the last brace). Once one of them has been read and decoded, the next
is known as it came off the socket, HTTP's framing and all: the same bytes with another plain text in that place mean the same with that
text. What that saves is less the work than the code that the processor must fetch for it between two sleeps. Text with any escape but
those of quotes and line ends, or with what is not printable, takes the usual road; so does every chunk that is not quite the same.
"""

from __future__ import annotations

import re
from typing import Protocol

_SAMPLE = re.compile(r"[A-Za-z0-9 .,;:!?()*#_-]+")
"""Text that everybody writes the same way, so that its place can be found by looking for it."""
_HIDDEN = re.compile(rb'"(?:obfuscation|p)": ?"([A-Za-z0-9]*)"')
_END = re.compile(rb"( *)\}\n\n\Z")
_BACKSLASH = 0x5C
_HEX = b"0123456789abcdefABCDEF"
_WORD = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

MOST = 8
"""How often a stream is learnt anew; one that changes more often is not known at all."""


class Out(Protocol):
    """The caller."""

    full: bool

    def write(self, data: bytes) -> None: ...

    def chunk(self, data: bytes) -> None:
        """Write one chunk of HTTP/1.1 that came from upstream."""
        ...


class Known:
    """The text chunks of one choice of one stream."""

    __slots__ = ("_after", "_before", "_head", "_learnt", "_middle", "_opik", "_out", "_padding", "_tail", "busy", "choice", "said")

    _out: Out

    def __init__(self, keeps: bool = False) -> None:
        self.choice = 0
        self.said: list[str] | None = [] if keeps else None
        """The texts that the caller was sent in place of the chunks they came in, where somebody is to hear of them (`keeps`) later on."""
        self._head: bytes | None = None
        self._middle = self._tail = self._padding = b""
        self._before = self._after = b""
        """What stands around the text in the caller's event; `_before` is empty where that is the very chunk."""
        self._learnt = 0
        self._opik = False
        self.busy = True
        """The next read does not begin an event: part of one is held, or the answer has not begun."""

    def begin(self, out: Out, opik: bool, busy: bool) -> None:
        """The caller's answer has begun. On Opik's paths `data:` never stands in what is sent on."""
        self._out, self._opik, self.busy = out, opik, busy

    def chunk(self, data: bytes) -> bool:
        """Send on one HTTP chunk that is one event like those before it; False, and nothing done, for any other bytes."""
        head = self._head
        if head is None or self.busy or self._out.full:
            return False
        at = data.find(b"\r\n", 0, 10) + 2
        if at < 3 or not data.startswith(head, at):
            return False
        start = at + len(head)
        end = data.find(b'"', start)
        while data[end - 1] == _BACKSLASH and end >= 0:
            end = data.find(b'"', end + 1)
        middle, tail = self._middle, self._tail
        rest, stop = end + len(middle), len(data) - len(tail)
        if rest > stop or not data.startswith(middle, end) or not data.endswith(tail):
            return False
        text, size = data[start:end], data[: at - 2]
        try:
            said = plain = text.decode()
        except UnicodeDecodeError:
            return False
        if "\\" in said:
            plain = said.replace("\\n", "").replace('\\"', "")
            if "\\" in plain:
                return False
            said = said.replace("\\n", "\n").replace('\\"', '"')
        if not plain.isprintable() or (self._opik and b"data:" in text):
            return False
        if (rest != stop and data[rest:stop].strip(self._padding)) or size.strip(_HEX) or int(size, 16) != len(data) - at - 2:
            return False
        if not self._before:
            self._out.chunk(data)
            return True
        if not text:
            return False
        if self.said is not None:
            self.said.append(said)
        self._out.write(b"%b%b%b" % (self._before, text, self._after))
        return True

    def wants(self, text: str) -> bool:
        """Whether an event with this text can teach anything: its place must be plain."""
        return self._learnt < MOST and _SAMPLE.fullmatch(text) is not None

    def learn(self, data: bytes, text: str, event: bytes, choice: int = 0) -> None:
        """`data` was one event with this text (which it `wants`) and nothing else; the caller gets `event` for it. Neither has a role."""
        string = b'"%b"' % text.encode()
        if data.count(string) != 1 or event.count(string) != 1:
            return
        head, _, rest = data.partition(string)
        head, rest = head + b'"', b'"' + rest
        hidden = _HIDDEN.search(rest)
        padding = hidden or _END.search(rest)
        start, end = padding.span(1) if padding else (len(rest), len(rest))
        middle, tail = rest[:start], rest[end:] + b"\r\n"
        if (head, middle, tail) == (self._head, self._middle, self._tail):
            return  # it was known, and came in pieces
        self._learnt += 1
        self.choice = choice
        self._padding = _WORD if hidden else b" "
        self._middle, self._tail = middle, tail
        before, _, after = event.partition(string)
        self._before, self._after = (b"", b"") if event == data else (before + b'"', b'"' + after)
        self._head = head if self._learnt < MOST else None

    def forget(self) -> None:
        """Something else than text came: a choice may have ended, or what comes next may have to say more than its text."""
        self._head = None
