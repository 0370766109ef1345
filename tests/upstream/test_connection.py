"""What an answer may look like, and what it may not: bytes fed by hand in any split."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import UpstreamError

from .harness import Played, pieces

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAM = CHUNKED + b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nx-trailer: 1\r\nset-cookie: evil\r\n\r\n"
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
HOT = gzip.compress(b"hello world")
TWICE = gzip.compress(b"hello ") + gzip.compress(b"world")
RAW = zlib.compress(b"hello world", wbits=-15)
GZIPPED = b"HTTP/1.1 200 OK\r\ncontent-encoding: x-gzip\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

GOOD: dict[str, tuple[bytes, int, bytes, bool]] = {
    # what → bytes, status, body, whether the connection can be used again
    "length": (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello", True),
    "empty": (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", 500, b"", True),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", True),
    "chunked with trailers": (STREAM, 200, b"hello world", True),
    "1xx before": (EARLY + STREAM, 200, b"hello world", True),
    "204": (b"HTTP/1.1 204 No Content\r\ncontent-type: a\r\n\r\n", 204, b"", True),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", 304, b"", True),
    "connection close": (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", False),
    "HTTP/1.0 kept": (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", True),
    "until close": (b"HTTP/1.1 200 OK\r\n\r\nall of this", 200, b"all of this", False),
    "HTTP/1.0 until close": (b"HTTP/1.0 200 OK\r\nserver: old\r\n\r\nall of this", 200, b"all of this", False),
    "gzip": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(HOT), HOT), 200, b"hello world", True),
    "gzip, chunked": (GZIPPED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(HOT), HOT), 200, b"hello world", True),
    "two gzip members": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + TWICE, 200, b"hello world", False),
    "deflate": (b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\n\r\n" + zlib.compress(b"hello world"), 200, b"hello world", False),
    "raw deflate": (b"HTTP/1.1 200 OK\r\ncontent-encoding: Deflate\r\n\r\n" + RAW, 200, b"hello world", False),
    "identity": (b"HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", True),
    "upgrade offered": (b"HTTP/1.1 200 OK\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", True),
    "bytes after it": (OK + b"garbage", 200, b"ok", False),
    "another answer after it": (OK + b"HTTP/1.1 500 Evil\r\ncontent-length: 0\r\n\r\n", 200, b"ok", False),
}  # fmt: skip

BAD: dict[str, tuple[bytes, str]] = {
    # what → bytes, the code of the error once the server has closed
    "nothing": (b"", "upstream_disconnected"),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-le", "upstream_disconnected"),
    "1xx and no more": (EARLY, "upstream_disconnected"),
    "half the chunks": (CHUNKED + b"5\r\nhel", "upstream_disconnected"),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", "upstream_disconnected"),
    "a length that lies": (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", "upstream_protocol"),
    "html": (b"<html>504</html>", "upstream_protocol"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "upstream_protocol"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x46", "upstream_protocol"),
    "an unasked switch": (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", "upstream_protocol"),
    "chunks that are none": (CHUNKED + b"hello\r\n", "upstream_protocol"),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 4\r\n\r\nhello", "upstream_protocol"),
    "length and chunks": (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "upstream_protocol"),
    "a negative length": (b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", "upstream_protocol"),
    "a folded header": (b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n", "upstream_protocol"),
    "a NUL": (b"HTTP/1.1 200 OK\r\na: \x00\r\ncontent-length: 0\r\n\r\n", "upstream_protocol"),
    "one long header": (b"HTTP/1.1 200 OK\r\na: " + b"x" * 66_000 + b"\r\ncontent-length: 0\r\n\r\n", "upstream_protocol"),
    "a head with no end": (b"HTTP/1.1 200 OK\r\na: " + b"x" * 400_000, "upstream_protocol"),
    "too many headers": (b"HTTP/1.1 200 OK\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(300)) + b"\r\n", "upstream_protocol"),
    "a header too often": (b"HTTP/1.1 200 OK\r\n" + b"a: xxxxxxxx\r\n" * 30_000 + b"\r\n", "upstream_protocol"),
    "1xx for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000, "upstream_protocol"),
    "trailers for ever": (CHUNKED + b"0\r\n" + b"a: b\r\n" * 30_000, "upstream_protocol"),
    "one long trailer": (CHUNKED + b"0\r\na: " + b"x" * 200_000, "upstream_protocol"),
    "one long chunk extension": (CHUNKED + b"5;" + b"x" * 200_000, "upstream_protocol"),
    "no gzip": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello", "upstream_protocol"),
    "half a gzip": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n" + HOT[:20], "upstream_protocol"),
    "brotli": (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 5\r\n\r\nhello", "upstream_protocol"),
}  # fmt: skip

both_ways = pytest.mark.parametrize("streaming", [False, True], ids=["fetch", "open"])


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@both_ways
@pytest.mark.parametrize("what", GOOD)
def test_an_answer_is_the_same_however_it_is_split(what: str, streaming: bool, loop: asyncio.AbstractEventLoop) -> None:
    data, status, body, keeps = GOOD[what]
    for size in (1, 2, 3, 7, len(data)):
        played = Played(loop, streaming=streaming).feed(*pieces(data, size))
        if "until close" in what or "deflate" in what or "members" in what:
            played.end()
        got = played.whole()
        assert (got.status, got.body) == (status, body)
        assert "x-trailer" not in got.headers
        assert "link" not in got.headers
        kept = played.pool.idle == [played.connection]
        assert kept != played.transport.aborted
        if size == len(data) or keeps:
            assert kept is keeps


@both_ways
@pytest.mark.parametrize("what", GOOD)
def test_an_answer_split_in_two_anywhere_is_the_same(what: str, streaming: bool, loop: asyncio.AbstractEventLoop) -> None:
    data, status, body, _ = GOOD[what]
    for cut in range(1, len(data)):
        got = Played(loop, streaming=streaming).feed(data[:cut], data[cut:]).end().whole()
        assert (got.status, got.body) == (status, body)


@both_ways
@pytest.mark.parametrize("size", [7, 4096, 1 << 20])
@pytest.mark.parametrize("what", BAD)
def test_a_bad_answer_is_an_upstream_error_with_its_code(what: str, size: int, streaming: bool, loop: asyncio.AbstractEventLoop) -> None:
    data, code = BAD[what]
    played = Played(loop, streaming=streaming).feed(*pieces(data, size)).end()
    error = played.error()
    assert (error.code, error.status, error.try_next) == (code, 502, True)
    assert "vendor.test:80" in error.message
    assert played.pool.idle == []


@both_ways
def test_a_reset_in_mid_answer_is_a_disconnection_even_where_the_length_was_told(streaming: bool, loop: asyncio.AbstractEventLoop) -> None:
    played = Played(loop, streaming=streaming).feed(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello").end(ConnectionResetError())
    assert played.error().code == "upstream_disconnected"
    played = Played(loop, streaming=streaming).feed(b"HTTP/1.1 200 OK\r\n\r\nhello").end(ConnectionResetError())
    assert played.error().code == "upstream_disconnected"


@both_ways
def test_trailing_line_breaks_between_answers_are_forgiven(streaming: bool, loop: asyncio.AbstractEventLoop) -> None:
    played = Played(loop, streaming=streaming).feed(GOOD["length"][0] + b"\r\n")
    assert played.whole().body == b"hello"
    played.future = played.send()
    assert played.feed(GOOD["length"][0]).whole().body == b"hello"


def test_a_body_may_be_as_large_as_max_body_and_no_larger(loop: asyncio.AbstractEventLoop) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
    for streaming in (False, True):
        for size in (1, 50, 4096):
            exact = pieces(head % 1000 + b"x" * 1000, size)
            assert len(Played(loop, streaming=streaming, max_body=1000).feed(*exact).whole().body) == 1000
            error = Played(loop, streaming=streaming, max_body=1000).feed(*pieces(head % 1001 + b"x" * 1001, size)).error()
            assert error.code == "upstream_protocol"
            assert "more than 1000 bytes" in error.message


def test_a_body_that_swells_when_unpacked_is_bounded(loop: asyncio.AbstractEventLoop) -> None:
    bomb = gzip.compress(b"\0" * 30_000_000)
    data = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(bomb), bomb)
    for streaming in (False, True):
        error = Played(loop, streaming=streaming, max_body=4_000_000).feed(data).error()
        assert "4000000 bytes" in error.message


def test_headers_say_what_is_true_of_the_unpacked_body(loop: asyncio.AbstractEventLoop) -> None:
    for streaming in (False, True):
        headers = Played(loop, streaming=streaming).feed(GOOD["gzip"][0]).whole().headers
        assert "content-encoding" not in headers
        assert "content-length" not in headers


def test_an_answer_of_64_kib_of_headers_is_taken(loop: asyncio.AbstractEventLoop) -> None:
    big = b"HTTP/1.1 200 OK\r\na: " + b"x" * 65_000 + b"\r\ncontent-length: 100000\r\n\r\n" + b"y" * 100_000
    for size in (1000, 1 << 20):
        assert len(Played(loop).feed(*pieces(big, size)).whole().headers["a"]) == 65_000


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────

VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20).map(str.encode)
HEADERS = st.lists(st.tuples(st.sampled_from([b"X-A", b"x-b", b"Server", b"set-cookie"]), VALUES), max_size=5)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A valid answer and its body."""
    body = draw(st.binary(max_size=200))
    head = draw(st.sampled_from([b"", EARLY])) + b"HTTP/1.1 200 OK\r\n"
    head += b"".join(b"%b: %b\r\n" % pair for pair in draw(HEADERS))
    match draw(st.sampled_from(["length", "chunked", "close"])):
        case "length":
            return head + b"content-length: %d\r\n\r\n%b" % (len(body), body), body
        case "close":
            return head + b"\r\n" + body, body
    data, left = head + b"transfer-encoding: chunked\r\n\r\n", body
    while left:
        size = draw(st.integers(1, len(left)))
        data += b"%x%b\r\n%b\r\n" % (size, draw(st.sampled_from([b"", b";a=b"])), left[:size])
        left = left[size:]
    return data + b"0\r\n" + draw(st.sampled_from([b"", b"x-sum: 1\r\n"])) + b"\r\n", body


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(marks) if a != b]


@settings(max_examples=150, deadline=None)
@given(answers(), st.lists(st.integers(0, 2000), max_size=12), st.booleans())
def test_any_split_of_any_valid_answer_gives_the_same(made: tuple[bytes, bytes], cuts: list[int], streaming: bool) -> None:
    data, body = made
    loop = asyncio.new_event_loop()
    try:
        whole = Played(loop).feed(data).end().whole()
        got = Played(loop, streaming=streaming).feed(*split(data, cuts)).end().whole()
        assert whole.body == body
        assert got == whole
    finally:
        loop.close()


@settings(max_examples=300, deadline=None)
@given(
    answers(),
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from(["set", "cut", "add", "twice"]), st.binary(max_size=4)), min_size=1, max_size=4
    ),
    st.lists(st.integers(0, 2000), max_size=6),
    st.booleans(),
)
def test_a_mutated_answer_never_hangs_and_raises_nothing_but_an_upstream_error(
    made: tuple[bytes, bytes], changes: list[tuple[int, str, bytes]], cuts: list[int], streaming: bool
) -> None:
    data = made[0]
    for where, how, what in changes:
        at = where % (len(data) + 1)
        match how:
            case "set":
                data = data[:at] + what + data[at + len(what) :]
            case "cut":
                data = data[:at] + data[at + 3 :]
            case "add":
                data = data[:at] + what + data[at:]
            case "twice":
                data = data[:at] + data[at // 2 :]
    loop = asyncio.new_event_loop()
    try:
        with suppress(UpstreamError):
            assert 200 <= Played(loop, streaming=streaming).feed(*split(data, cuts)).end().whole().status <= 999
    finally:
        loop.close()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_at_all_give_an_answer_or_an_upstream_error(data: bytes, streaming: bool) -> None:
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(UpstreamError):
            Played(loop, streaming=streaming).feed(data).end().whole()
    finally:
        loop.close()
