"""The pure parts of a completion over HTTP: events as bytes, names in headers, packed bodies."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CallerError
from trunkline.flow import Batch
from trunkline.server.completions import dropped, payloads, too_large, unpacked
from trunkline.target import Note
from trunkline.wire import header_text

LIMIT = 10_000

# ── events ───────────────────────────────────────────────────────────────────────────────────────────────


def test_each_payload_is_one_event_and_done_comes_last() -> None:
    assert payloads(Batch([b'{"a":1}']), False) == b'data: {"a":1}\n\n'
    assert payloads(Batch([b"{}", b"[]"]), False) == b"data: {}\n\ndata: []\n\n"
    assert payloads(Batch([b"{}"], last=True), False) == b"data: {}\n\ndata: [DONE]\n\n"
    assert payloads(Batch([], last=True), False) == b"data: [DONE]\n\n"


_json = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["data:", "data: x", "\\data:", "data:data:", "data\\:", "\ndata: x\n\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "data:", "a"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(_json, max_size=3), st.booleans(), st.booleans())
def test_on_opiks_paths_data_stands_in_no_payload_and_the_json_means_the_same(values: list[Any], last: bool, ascii: bool) -> None:
    lines = [json.dumps(value, ensure_ascii=ascii, separators=(",", ":")).encode() for value in values]
    sent = payloads(Batch(lines, last), True)
    events = sent.split(b"\n\n")[:-1]
    assert all(event.startswith(b"data: ") and event.count(b"data:") == 1 for event in events)
    assert [json.loads(event[6:]) for event in events if event != b"data: [DONE]"] == values
    plain = payloads(Batch(lines, last), False)
    assert plain == b"".join(b"data: %b\n\n" % line for line in lines) + (b"data: [DONE]\n\n" if last else b""), "elsewhere the bytes stay"


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────


def test_only_what_was_dropped_is_named_each_once() -> None:
    notes = tuple(Note(kind, param, "why") for kind, param in (
        ("dropped", "seed"), ("approximated", "max_tokens"), ("dropped", "messages[0].name"), ("dropped", "seed"), ("emulated", "n"),
        ("clamped", "temperature"), ("added", "messages"),
    ))  # fmt: skip
    assert dropped(notes) == "seed, messages[0].name"
    assert dropped(()) == ""


@given(st.text())
def test_any_name_can_stand_in_a_header(text: str) -> None:
    shown = header_text(text)
    assert shown.isascii()
    assert shown == "" or shown.isprintable()
    assert len(shown) <= 2000


@pytest.mark.parametrize("name", ["a\r\nx-evil: 1", "a\0b", "a\x1bb", "a\x7fb", "größe", "a\tb", "x" * 5000])
def test_a_callers_name_breaks_no_header(name: str) -> None:
    shown = dropped((Note("dropped", name, "why"),))
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= 2000


# ── packed bodies ────────────────────────────────────────────────────────────────────────────────────────

BODY = b'{"model":"m"}' * 20


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (b"gzip", gzip.compress(BODY, mtime=0)),
        (b"x-gzip", gzip.compress(BODY, mtime=0)),
        (b" GZIP ", gzip.compress(BODY, mtime=0)),
        (b"deflate", zlib.compress(BODY)),
        (b"identity", BODY),
        (b"", BODY),
    ],
)
def test_a_packed_body_is_unpacked(encoding: bytes, packed: bytes) -> None:
    assert unpacked(packed, encoding, LIMIT) == BODY


def refused(body: bytes, encoding: bytes = b"gzip") -> CallerError:
    with pytest.raises(CallerError) as caught:
        unpacked(body, encoding, LIMIT)
    return caught.value


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < 100_000
    error = refused(bomb)
    assert (error.status, error.code) == (413, "request_too_large")


def test_the_limit_counts_the_unpacked_bytes_and_is_itself_allowed() -> None:
    assert len(unpacked(gzip.compress(b"0" * LIMIT), b"gzip", LIMIT)) == LIMIT
    assert refused(gzip.compress(b"0" * (LIMIT + 1))).status == 413


@pytest.mark.parametrize("cut", [1, 5, 15, -9, -8, -1])
def test_a_truncated_body_is_refused(cut: int) -> None:
    error = refused(gzip.compress(BODY, mtime=0)[:cut])
    assert (error.status, error.code) == (400, "invalid_encoding")
    assert "ends too early" in error.message


def test_what_is_no_gzip_or_goes_on_after_it_is_refused() -> None:
    assert "not valid gzip" in refused(BODY).message
    assert refused(gzip.compress(BODY, mtime=0) + b"more").code == "invalid_encoding"
    assert refused(b"").code == "invalid_encoding"
    broken = bytearray(gzip.compress(BODY, mtime=0))
    broken[-5] ^= 1  # its checksum
    assert refused(bytes(broken)).code == "invalid_encoding"


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip", b"\xff"])
def test_an_encoding_we_do_not_read_is_refused_by_name(encoding: bytes) -> None:
    error = refused(BODY, encoding)
    assert (error.status, error.code) == (415, "unsupported_encoding")
    assert encoding.decode("latin-1") in error.message or "\\x" in error.message or "ÿ" in error.message


@given(st.binary(max_size=200))
def test_any_body_is_unpacked_or_refused(body: bytes) -> None:
    refusal: CallerError | None = None
    try:
        assert len(unpacked(body, b"gzip", LIMIT)) <= LIMIT
    except CallerError as error:
        refusal = error
    assert refusal is None or refusal.status in (400, 413)


def test_a_body_that_is_too_large_is_told_the_limit() -> None:
    assert "larger than 32 MB" in too_large(32 * 1048576).message
