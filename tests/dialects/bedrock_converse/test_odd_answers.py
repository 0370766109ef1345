"""Answers that no recording has: images, newer blocks, tiers, nulls, and what a stream says after its end.

Written by hand from botocore's model of bedrock-runtime and https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import base64
import json

import pytest

from tests.dialects.replaying import folded
from trunkline.chat import Event, Extra, Finished, Metered
from trunkline.dialects import bedrock_converse
from trunkline.wire import HttpResponse

from .oracle import calls, finish, reasoning, target, text
from .test_answers import USAGE, answered, delta, start, stop, streamed


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def extra(events: list[Event]) -> dict[str, object]:
    return folded(events).choice(0).extra


ABROAD = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}}
FAILED = {"image": {"format": "png", "error": {"message": "blocked"}}}


def test_an_image_in_pieces_is_one_and_one_that_cannot_be_shown_is_kept_as_it_is() -> None:
    pieces = [delta(0, image={"source": {"bytes": b64(data)}}) for data in (b"a", b"bcd")]
    got = streamed(
        start(0, image={"format": "png"}), *pieces, stop(0),
        start(1, image={"format": "png"}), delta(1, image={"source": {"s3Location": {"uri": "s3://b/k"}}}), stop(1),
        start(2, image={"format": "png"}), delta(2, image={"error": {"message": "blocked"}}), stop(2),
        ("messageStop", {"stopReason": "end_turn"}),
    )  # fmt: skip
    whole = answered([{"image": {"format": "png", "source": {"bytes": b64(b"abcd")}}}, ABROAD, FAILED])
    for events in (got, whole):
        images = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64(b'abcd')}"}}]
        assert extra(events) == {"images": images, "provider_blocks": [ABROAD, FAILED]}


def test_a_block_yet_to_be_invented_is_put_together_from_its_pieces() -> None:
    sound = {"audio": {"format": "wav", "source": {"bytes": b64(b"abcd")}}}
    idea = {"idea": {"text": "one two", "steps": [1, 2], "done": True}}
    got = streamed(
        start(0, audio={"format": "wav"}), *(delta(0, audio={"source": {"bytes": b64(data)}}) for data in (b"ab", b"cd")), stop(0),
        delta(1, idea={"text": "one ", "steps": [1]}), delta(1, idea={"text": "two", "steps": [2], "done": True}), stop(1),
        delta(2, text="Hi"), stop(2), ("messageStop", {"stopReason": "end_turn"}),
    )  # fmt: skip
    for events in (got, answered([sound, idea, {"text": "Hi"}])):
        assert text(events) == "Hi"
        assert extra(events) == {"provider_blocks": [sound, idea]}


def test_what_comes_after_the_end_of_a_stream_stands_before_its_finish() -> None:
    late = {"usage": USAGE, "serviceTier": {"type": "flex"}, "trace": {"guardrail": {"actionReason": "r"}}}
    got = streamed(delta(0, text="Hi"), stop(0), ("messageStop", {"stopReason": "end_turn"}), ("metadata", late))
    assert [type(event) for event in got[-3:]] == [Extra, Finished, Metered]
    assert got[-3] == Extra({"service_tier": "flex", "trace": {"guardrail": {"actionReason": "r"}}})


def test_a_stream_without_its_metadata_ends_well_and_one_without_its_end_does_not() -> None:
    assert finish(streamed(delta(0, text="Hi"), stop(0), ("messageStop", {"stopReason": "end_turn"}))).reason == "stop"
    assert not any(isinstance(event, Finished) for event in streamed(delta(0, text="Hi"), stop(0)))


@pytest.mark.parametrize(
    ("tier", "member"), [("default", "service_tier"), ("priority", "service_tier"), ("reserved", "native_service_tier")]
)
def test_a_tier_that_openai_has_no_word_for_keeps_its_own_place(tier: str, member: str) -> None:
    assert folded(answered([{"text": "Hi"}], serviceTier={"type": tier})).extra == {member: tier}


def test_nulls_are_nothing_and_lose_nothing_else() -> None:
    events = answered(
        [
            {"reasoningContent": {"reasoningText": {"text": None, "signature": "S"}}},
            {"citationsContent": {"content": None, "citations": None}},
            {"citationsContent": {"content": [{"text": "Hi"}, {"text": None}], "citations": [None]}},
            {"text": None, "image": None, "toolUse": {"toolUseId": None, "name": "f", "input": {"a": 1}}},
        ],
        "tool_use",
    )
    assert (text(events), reasoning(events), extra(events)) == ("Hi", "", {})
    assert [detail["signature"] for detail in folded(events).choice(0).details] == ["S"]
    assert [(name, given) for _, name, given in calls(events)] == [("f", {"a": 1})]


def test_claudes_own_word_for_a_refusal_is_a_filtered_answer() -> None:
    ended = finish(answered([{"text": "No"}], "refusal"))
    assert (ended.reason, ended.native) == ("content_filter", "refusal")


def test_an_error_of_the_front_door_is_told_in_its_words() -> None:
    said = {
        "Output": {"__type": "com.amazon.coral.service#UnrecognizedClientException", "message": "The token is invalid."},
        "Version": "1.0",
    }
    error = bedrock_converse.decode_error(HttpResponse(403, {}, json.dumps(said).encode()), target())
    assert (error.status, error.code) == (502, "upstream_auth")
    assert error.message.endswith("The token is invalid.")


def test_a_refusal_without_words_is_named_by_its_kind() -> None:
    said = {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}
    error = bedrock_converse.decode_error(HttpResponse(404, {}, json.dumps(said).encode()), target())
    assert error.message == "UnknownOperationException"
