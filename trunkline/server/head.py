"""What a completion's head says: everything about a request but its body.

Odd here: a head is read once for many requests. A connection's next head is nearly always its last one again, byte for byte but for the
number in `content-length`; `Again` knows it by its bytes, and what was read of it stands. Only a head that the strict parser has taken
before can be known again, so nothing is let in that it would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from ..errors import CallerError

OPIK_PATHS = frozenset({"/v1/private/chat/completions", "/api/v1/private/chat/completions"})
PATHS = OPIK_PATHS | {"/v1/chat/completions", "/api/v1/chat/completions"}

MAX_HEAD = 64 * 1024
"""Bytes of one request's target and headers; beyond it 431."""
MAX_HEADERS = 200

SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
"""A caller's own request id that may be repeated in an answer and a log."""


class Head:
    """`headers` have lower-case names; `opik`: it came to one of Opik's paths."""

    __slots__ = ("authorization", "encoding", "explain", "foreign", "headers", "opik", "request_id", "strict", "workspace", "x_api_key")

    def __init__(self, headers: Mapping[bytes, bytes], opik: bool, query: bytes = b"") -> None:
        get = headers.get
        self.headers = headers
        self.opik = opik
        self.authorization = get(b"authorization", b"")
        self.x_api_key = get(b"x-api-key", b"")
        self.workspace = get(b"comet-workspace", b"") or _workspace_in(query)
        self.encoding = get(b"content-encoding")
        self.strict = get(b"x-trunkline-strict", b"").strip().lower() in (b"true", b"1")
        self.foreign = get(b"sec-fetch-site") == b"cross-site" and not (self.authorization or self.x_api_key)
        """A page of another site asks, without a key."""
        self.explain = b"explain=true" in query.split(b"&")
        given = get(b"x-request-id", b"")
        self.request_id = given.decode() if SANE_ID.fullmatch(given) else ""
        """The caller's own id for the request, if it is a sane one."""


def _workspace_in(query: bytes) -> bytes:
    """Opik's second place for a workspace: `?workspace_name=` (OPIK.md 1.1)."""
    if b"workspace_name=" not in query:
        return b""
    return "".join(parse_qs(query.decode("latin-1")).get("workspace_name", [])[:1]).encode()


def head_too_large() -> CallerError:
    said = f"the request's head is larger than {MAX_HEAD // 1024} KB or has more than {MAX_HEADERS} headers"
    return CallerError(said, status=431, code="headers_too_large")


def head_bytes(url: bytes, headers: dict[bytes, bytes]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers.items())


LONGEST = 8 * 1024
"""Bytes of a head that is kept."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)


class Again:
    """A head to know the next one by. Made by `kept`."""

    __slots__ = ("after", "before", "head", "start")

    def __init__(self, before: bytes, after: bytes, head: Head) -> None:
        self.before, self.after, self.head = before, after, head
        self.start = len(before)

    def body(self, data: bytes) -> bytes | None:
        """The body of one whole request under this head that `data` is; None where it is anything else."""
        start = self.start
        if not data.startswith(self.before):
            return None
        end = data.find(b"\r", start, start + 10)
        digits = data[start:end]
        if not digits.isdigit() or not data.startswith(self.after, end):
            return None
        body = data[end + len(self.after) :]
        return body if len(body) == int(digits) else None


def kept(data: bytes, body: bytes, head: Head) -> Again | None:
    """What to know this head by: `data` is one whole request that the parser took, with this head and body. None where it will not do."""
    size = len(data) - len(body)
    if size > LONGEST or data[size - 4 : size] != b"\r\n\r\n" or b"transfer-encoding" in head.headers or b"expect" in head.headers:
        return None
    lengths = list(_LENGTH.finditer(data, 0, size))
    if len(lengths) != 1:
        return None
    start, end = lengths[0].span(1)
    return Again(data[:start], data[end:size], head)
