"""Knows a stream's text events by their bytes.

Odd here: nearly every event of a stream is the one before it but for the text, and, at vendors who hide its length, but for padding
(OpenAI's `obfuscation`, Mistral's `p`, Anthropic's blanks before the last brace). Once one such event has been decoded, the next is known
without decoding: the same bytes with another plain text in that place mean the same with that text. Text that JSON must escape, or that is
not ASCII, is no plain text here and takes the usual road; so does every event that is not quite the same.
"""

from __future__ import annotations

import re

_plain = re.compile(rb'[^"\\\x00-\x1f\x80-\xff]*').match
"""Text that stands in a JSON string as it is, whoever writes it."""
_SAMPLE = re.compile(r"[A-Za-z0-9 .,;:!?()*#_-]+")
"""Text that everybody writes the same way, so that its place can be found by looking for it."""
_HIDDEN = re.compile(rb'"(?:obfuscation|p)": ?"([A-Za-z0-9]*)"')
_END = re.compile(rb"( *)\}\n\n\Z")
_word = re.compile(rb"[A-Za-z0-9]*").match
_blanks = re.compile(rb" *").match


class Pattern:
    """The text events of one choice of one stream, from one of them. `before` and `after` stand around the text in what the caller gets."""

    __slots__ = ("_at", "_head", "_middle", "_padding", "_tail", "after", "before", "same")

    def __init__(self, head: bytes, rest: bytes, before: bytes, after: bytes) -> None:
        hidden = _HIDDEN.search(rest)
        padding = hidden or _END.search(rest)
        start, end = padding.span(1) if padding else (len(rest), len(rest))
        self._head, self._at = head, len(head)
        self._middle, self._tail = rest[:start], rest[end:]
        self._padding = _word if hidden else _blanks
        self.before, self.after = before, after
        self.same = before == head and after == rest
        """The caller gets the event as it is, padding and all."""

    def text(self, data: bytes) -> bytes | None:
        """The text of this event, None where it is not one of these."""
        if not data.startswith(self._head):
            return None
        end = _plain(data, self._at).end()  # type: ignore[union-attr]  # it matches nothing at least
        middle, tail = self._middle, self._tail
        if not data.startswith(middle, end):
            return None
        at = self._padding(data, end + len(middle)).end()  # type: ignore[union-attr]
        return data[self._at : end] if len(data) == at + len(tail) and data.endswith(tail) else None


def learn(data: bytes, text: str, event: bytes) -> Pattern | None:
    """The pattern of `data`, one event that brought this text and nothing else, for which the caller gets `event`.

    None where the text is not one to find its place by.
    """
    if _SAMPLE.fullmatch(text) is None:
        return None
    string = b'"%b"' % text.encode()
    if data.count(string) != 1 or event.count(string) != 1:
        return None
    head, _, rest = data.partition(string)
    before, _, after = event.partition(string)
    return Pattern(head + b'"', b'"' + rest, before + b'"', b'"' + after)


MOST = 8
"""How often a stream's pattern is learnt anew; one that changes more often has none."""


class Learner:
    """The pattern of one stream, as long as it holds."""

    __slots__ = ("choice", "learnt", "pattern")

    def __init__(self) -> None:
        self.pattern: Pattern | None = None
        """To be set to None when anything but text comes."""
        self.choice = 0
        self.learnt = 0

    def see(self, data: bytes, text: str, event: bytes, choice: int = 0) -> None:
        """A text event that the pattern did not know, decoded."""
        if self.learnt < MOST:
            found = learn(data, text, event)
            if found is not None:
                self.learnt += 1
                self.choice = choice
                self.pattern = found if self.learnt < MOST else None
