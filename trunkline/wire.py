"""What crosses a socket, as values: a request to send, an answer read whole, a frame of a stream.

Odd here: header values may hold a secret (`Authorization`), so a request prints with its signing headers starred.
"""

from __future__ import annotations

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token", "cookie"})


def header_text(text: str) -> str:
    """Text that may stand in a header: printable ASCII, bounded."""
    if text.isascii() and text.isprintable() and len(text) < 2000:
        return text
    return text.encode("unicode_escape").decode()[:2000]


def readable(data: bytes) -> bytes:
    """The same as UTF-8, with U+FFFD in place of what is none: one broken character must not cost the answer it stands in."""
    return data.decode("utf-8", "replace").encode()


class HttpRequest(Struct, frozen=True):
    """One request to an upstream. `url` is absolute; `headers` are without host and content-length, which the sender adds."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""

    def with_headers(self, *more: tuple[str, str]) -> HttpRequest:
        return HttpRequest(self.method, self.url, self.headers + more, self.body)

    def __repr__(self) -> str:
        shown = [(name, "***" if name.lower() in SECRET_HEADERS else value) for name, value in self.headers]
        return f"HttpRequest({self.method} {self.url.partition('?')[0]}, {shown}, {len(self.body)} bytes)"


class HttpResponse(Struct, frozen=True):
    """An answer read to its end. Header names are lower case; of a name that came twice the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


class Frame(Struct, frozen=True):
    """One message of a stream, whatever framed it.

    `data` is the payload (SSE: the data lines joined by a newline; AWS: the frame's payload; NDJSON: the line).
    `event` is SSE's event field or AWS's `:event-type` / `:exception-type`; `error` is True for an AWS exception frame
    and for an SSE `event: error`.
    """

    data: bytes
    event: str = ""
    error: bool = False
