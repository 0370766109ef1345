"""Undoing `content-encoding`, for servers that compress though we ask for `identity`.

Odd here: a few bytes can swell to gigabytes, so what comes out is bounded a step at a time. `deflate` means zlib's format by RFC 9110
§8.4.1.2 and raw deflate in practice; both are read.
"""

from __future__ import annotations

import zlib

from ..errors import UpstreamError
from . import failures

STEP = 1 << 20
"""The most bytes that one step may give."""
BLOCK = 64 * 1024
"""Bytes fed at once: zlib copies what a step leaves over."""


class Inflater:
    """Decodes one body of `gzip` or `deflate`. Owned by that body."""

    def __init__(self, coding: str, name: str) -> None:
        self.gzip = coding != "deflate"
        self.name = name
        self.begun = False
        self.waiting = b""
        self.zlib = zlib.decompressobj(31 if self.gzip else 15)

    def feed(self, data: bytes) -> bytes:
        """At most STEP decoded bytes; `waiting` then holds what the next `feed(b"")` goes on with. Raises UpstreamError for bad data."""
        data = self.waiting + data if self.waiting else data
        if not data:
            return b""
        try:
            if self.zlib.eof:  # gzip allows members one after another
                if not self.gzip or not data.startswith(b"\x1f"):
                    self.waiting = b""  # padding after the end, as gzip(1) ignores it
                    return b""
                self.zlib = zlib.decompressobj(31)
            out = self._decode(data)
        except zlib.error as error:
            kind = "gzip" if self.gzip else "deflate"
            raise failures.protocol(self.name, f"sent a body that is not the {kind} it says it is") from error
        self.begun = True
        self.waiting = self.zlib.unconsumed_tail or self.zlib.unused_data
        return out

    def _decode(self, data: bytes) -> bytes:
        try:
            return self.zlib.decompress(data, STEP)
        except zlib.error:
            if self.gzip or self.begun:
                raise
            self.zlib = zlib.decompressobj(-15)
            return self.zlib.decompress(data, STEP)

    def close(self) -> None:
        """The body ended. Raises UpstreamError if the compressed data did not; an empty body is whole."""
        if self.begun and not self.zlib.eof:
            raise failures.protocol(self.name, "ended its compressed body too early")


def inflater(coding: str, name: str) -> Inflater | None:
    """For a `content-encoding` value; None where the body is as it is. UpstreamError for a coding that cannot be undone."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding in ("gzip", "x-gzip", "deflate"):
        return Inflater(coding, name)
    raise failures.protocol(name, f"answered with content-encoding {coding[:40]!r}, though identity was asked for")


def decoded(headers: dict[str, str], body: bytes, limit: int, name: str) -> tuple[dict[str, str], bytes]:
    """A whole body without its coding, and the headers that are true of it. UpstreamError where it is bad or above `limit` bytes."""
    undo = inflater(headers["content-encoding"], name)
    if undo is None or not body:
        return headers, body
    out: list[bytes] = []
    size = 0
    for start in range(0, len(body), BLOCK):
        block = body[start : start + BLOCK]
        while block or undo.waiting:
            out.append(undo.feed(block))
            block = b""
            size += len(out[-1])
            if size > limit:
                raise too_large(name, limit)
    undo.close()
    return plain(headers), b"".join(out)


def plain(headers: dict[str, str]) -> dict[str, str]:
    """The headers without what was true of the coded body only."""
    return {key: value for key, value in headers.items() if key not in ("content-encoding", "content-length")}


def too_large(name: str, limit: int) -> UpstreamError:
    return failures.protocol(name, f"sent a body of more than {limit} bytes")
