"""A head that is known again means what the strict parser would have made of it."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.server.head import Head, kept

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nContent-Length: %d\r\nauthorization: Bearer tl-1\r\n\r\n"


def whole(body: bytes) -> bytes:
    return HEAD % len(body) + body


class Parsed:
    """One request as httptools has it."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.done = 0
        httptools.HttpRequestParser(self).feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.done += 1


def test_the_next_request_of_a_connection_is_known_by_its_head() -> None:
    first = b'{"a":1}'
    again = kept(whole(first), first, Head({b"host": b"h"}, False))
    assert again is not None
    for body in (b"", b"{}", b"x" * 100_000):
        assert again.body(whole(body)) == body


@given(st.data())
def test_what_is_known_is_what_the_parser_reads(data: st.DataObject) -> None:
    first = b'{"a":1}'
    again = kept(whole(first), first, Head({}, False))
    assert again is not None
    good = whole(data.draw(st.binary(max_size=20)))
    at = data.draw(st.integers(0, len(good)))
    changed = good[:at] + data.draw(st.binary(max_size=3)) + good[at + data.draw(st.integers(0, 3)) :]
    body = again.body(changed)
    if body is not None:
        parsed = Parsed(changed)
        assert (parsed.done, parsed.body) == (1, body)


@pytest.mark.parametrize(
    "bad",
    [
        HEAD % 2 + b"{}{}",
        HEAD % 3 + b"{}",
        HEAD % 2 + b"{}" + HEAD % 2 + b"{}",
        HEAD.replace(b"%d", b"+2") + b"{}",
        HEAD.replace(b"%d", b"2 ") + b"{}",
        HEAD.replace(b"%d", b"0x2") + b"{}",
        HEAD.replace(b"%d", "²".encode()) + b"{}",
        HEAD.replace(b"%d", b"") + b"",
        HEAD.replace(b"tl-1", b"tl-2") % 2 + b"{}",
        (HEAD % 2 + b"{}").replace(b"/v1/", b"/v2/"),
        (HEAD % 2 + b"{}").replace(b"host: h", b"host: h\r\ncontent-length: 2"),
    ],
)
def test_another_head_or_another_length_is_not_known(bad: bytes) -> None:
    again = kept(whole(b"{}"), b"{}", Head({}, False))
    assert again is not None
    assert again.body(bad) is None


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", {b"transfer-encoding": b"chunked"}),
        (b"POST / HTTP/1.1\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n", {b"expect": b"100-continue"}),
        (b"POST / HTTP/1.1\r\nx: y\r\n\r\n", {b"x": b"y"}),
        (b"POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n", {}),
        (b"POST / HTTP/1.1\r\nx: " + b"y" * 9000 + b"\r\ncontent-length: 2\r\n\r\n", {}),
    ],
)
def test_a_head_that_says_more_than_a_length_is_not_kept(data: bytes, headers: dict[bytes, bytes]) -> None:
    assert kept(data + b"{}", b"{}", Head(headers, False)) is None
    assert kept(data, b"", Head(headers, False)) is None


def test_a_head_tells_what_matters_of_it() -> None:
    head = Head({b"x-trunkline-strict": b" TRUE", b"x-request-id": b"mine-1", b"sec-fetch-site": b"cross-site"}, False, b"a=1&explain=true")
    assert head.strict
    assert head.explain
    assert head.foreign
    assert head.request_id == "mine-1"
    assert not Head({b"sec-fetch-site": b"cross-site", b"authorization": b"x"}, False).foreign
    assert Head({b"x-request-id": b"no good\x00"}, False).request_id == ""
    assert not Head({}, False, b"explain=truely").explain
    assert Head({}, False, b"workspace_name=mine%20%C3%A9").workspace == "mine é".encode()
    assert Head({b"comet-workspace": b"w"}, False, b"workspace_name=mine").workspace == b"w"
    assert Head({}, False, b"a=1").workspace == b""
