"""A sealed text opens at its own place, under its own key, unchanged; and nowhere else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import OperatorError
from trunkline.store.master import parse
from trunkline.store.sealing import Place, Ring, fresh_master_key, master_key, seal, unseal

PLACE = Place("default", "openai", "1", "api_key")
KEY = fresh_master_key()
RING = Ring(lambda: [KEY])


@given(st.text())
def test_what_is_sealed_opens_to_itself(text: str) -> None:
    sealed = seal(text, PLACE, KEY)
    assert unseal(sealed, PLACE, RING) == text
    assert len(text) < 4 or text not in sealed


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("other", "openai", "1", "api_key"),
        Place("default", "gemini", "1", "api_key"),
        Place("default", "openai", "2", "api_key"),
        Place("default", "openai", "1", "headers"),
        Place('default","openai', "1", "", "api_key"),
    ],
)
def test_a_sealed_text_moved_elsewhere_does_not_open(elsewhere: Place) -> None:
    with pytest.raises(OperatorError, match="changed or moved"):
        unseal(seal("x", PLACE, KEY), elsewhere, RING)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_text_does_not_open(at: int, by: int) -> None:
    head, _, data = seal("sk-123", PLACE, KEY).rpartition(".")
    raw = bytearray(base64.b64decode(data))
    raw[at % len(raw)] ^= by
    with pytest.raises(OperatorError, match="changed or moved"):
        unseal(f"{head}.{base64.b64encode(raw).decode()}", PLACE, RING)


@pytest.mark.parametrize("text", ["", "sk-plain", "tl1.", "tl1.{id}.", "tl1.{id}.!!!", "tl2.{id}.AAAA"])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(OperatorError):
        unseal(text.format(id=KEY.id), PLACE, RING)


def test_the_same_text_is_never_sealed_alike() -> None:
    assert seal("x", PLACE, KEY) != seal("x", PLACE, KEY)


def test_an_unknown_key_makes_the_ring_ask_its_source_again() -> None:
    other, held = fresh_master_key(), [KEY]
    ring = Ring(lambda: list(held))
    sealed = seal("x", PLACE, other)
    with pytest.raises(OperatorError, match=f"{other.id}, which this gateway does not hold"):
        unseal(sealed, PLACE, ring)
    held.append(other)
    assert unseal(sealed, PLACE, ring) == "x"


@pytest.mark.parametrize(
    "text", ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"]
)
def test_a_master_key_is_read_in_base64_and_hex(text: str) -> None:
    assert master_key(text).bytes() == bytes(range(32))
    assert master_key(f" {text}\n").id == master_key(text).id


@pytest.mark.parametrize("text", ["short", "x" * 44, "AAAA", "zz" * 32, "é" * 44])
def test_what_is_no_master_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(OperatorError, match="32 bytes") as caught:
        parse(text, "env:X")
    assert "env:X" in caught.value.message
    assert text not in caught.value.message


def test_a_master_key_prints_as_stars() -> None:
    assert KEY.key.reveal() not in repr(KEY)
