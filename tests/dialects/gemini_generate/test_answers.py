"""What an answer of generateContent says, case by case; the fixtures are small and follow Google's reference.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.chat import Event, Failed, Finished, TextDelta, ToolStarted
from trunkline.dialects import gemini_generate
from trunkline.errors import UpstreamError
from trunkline.fold import Folded, fold
from trunkline.target import Target
from trunkline.wire import Frame, HttpResponse

Json = dict[str, Any]
TARGET = Target(provider="g", kind="gemini", model="gemini-2.5-flash", dialect="gemini_generate", base_url="https://x.example")


def chunk(*parts: Json, finish: Any = None, index: int | None = None, **members: Any) -> Json:
    candidate: Json = {"content": {"parts": list(parts), "role": "model"}}
    if finish is not None:
        candidate["finishReason"] = finish
    if index is not None:
        candidate["index"] = index
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-2.5-flash", **members}


def streamed(*chunks: Any) -> list[Event]:
    decoder = gemini_generate.decode_stream(TARGET)
    events: list[Event] = []
    for item in chunks:
        events += decoder.feed(Frame(item if isinstance(item, bytes) else json.dumps(item).encode()))
    return events + decoder.close()


def whole(answer: Any) -> Folded:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return fold(gemini_generate.decode_response(HttpResponse(200, {}, body), TARGET))


def finishes(events: list[Event]) -> list[Finished]:
    return [event for event in events if isinstance(event, Finished)]


def test_a_stop_on_every_frame_finishes_once_at_the_end() -> None:
    events = streamed(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="STOP"))
    assert fold(events).choice(0).text == "ab"
    assert finishes(events) == [events[-1]] == [Finished("stop")]


def test_several_candidates_are_several_choices() -> None:
    first = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}
    second = {"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1}
    folded = whole({"candidates": [first, second]})
    assert {i: (c.text, c.finish and c.finish.reason) for i, c in folded.choices.items()} == {0: ("a", "stop"), 1: ("b", "length")}


def test_a_blocked_prompt_is_an_empty_filtered_choice() -> None:
    answer = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}}
    for folded in (whole(answer), fold(streamed(answer))):
        finish = folded.choice(0).finish
        assert finish is not None
        assert (finish.reason, finish.native, folded.choice(0).text) == ("content_filter", "PROHIBITED_CONTENT", "")
        assert folded.usage is not None
        assert (folded.usage.prompt, folded.usage.completion, folded.usage.total) == (7, None, 7)


def test_an_answer_without_candidates_or_reason_is_the_vendors_failure() -> None:
    answer: Any
    for answer in ({}, {"usageMetadata": {"promptTokenCount": 3}}, {"candidates": []}, b"<html>", b"[]", b'"x"', b'{"candidates": 3}'):
        with pytest.raises(UpstreamError) as caught:
            whole(answer)
        assert caught.value.status == 502
        assert caught.value.try_next


@pytest.mark.parametrize(
    ("word", "reason", "native"),
    [
        ("STOP", "stop", ""), (1, "stop", ""), ("MAX_TOKENS", "length", ""), (2, "length", ""),
        ("CONTINUATION", "length", "CONTINUATION"), ("SAFETY", "content_filter", "SAFETY"),
        (3, "content_filter", "SAFETY"), ("RECITATION", "content_filter", "RECITATION"), ("SPII", "content_filter", "SPII"),
        ("BLOCKLIST", "content_filter", "BLOCKLIST"), ("IMAGE_SAFETY", "content_filter", "IMAGE_SAFETY"),
        ("MALFORMED_FUNCTION_CALL", "stop", "MALFORMED_FUNCTION_CALL"), ("OTHER", "stop", "OTHER"), ("INVENTED", "stop", "INVENTED"),
        (99, "stop", "99"),
    ],
)  # fmt: skip
def test_the_words_for_the_end(word: Any, reason: str, native: str) -> None:
    finish = whole(chunk(finish=word, finishMessage="m")).choice(0).finish
    assert finish is not None
    assert (finish.reason, finish.native) == (reason, native)


def test_an_answer_that_holds_calls_finishes_with_them() -> None:
    for word in ("STOP", "MAX_TOKENS", "UNEXPECTED_TOOL_CALL", 1):
        [finish] = finishes(streamed(chunk({"functionCall": {"name": "f"}}), chunk({"text": ""}, finish=word)))
        assert finish.reason == "tool_calls"


def test_a_call_has_its_digits_its_order_and_an_id_of_its_own() -> None:
    body = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"n": 12345678901234567890, "x": 1.10}}},'
    body += b'{"functionCall":{"name":"f","args":{"n": 12345678901234567890, "x": 1.10}}},{"functionCall":{"name":"g"}},'
    body += b'{"functionCall":{"name":"h","args":null,"id":""}}]},"finishReason":"STOP"}],"responseId":"r1"}'
    calls = list(whole(body).choice(0).calls.values())
    assert [call.arguments for call in calls] == ['{"n":12345678901234567890,"x":1.10}'] * 2 + ["{}", "{}"]
    assert len({call.id for call in calls}) == 4
    assert all(call.id.startswith("call_") for call in calls)
    assert [call.id for call in whole(body).choice(0).calls.values()] == [call.id for call in calls]


def test_made_ids_differ_from_turn_to_turn() -> None:
    def made(**members: Any) -> str:
        answer = chunk({"functionCall": {"name": "f"}}, finish="STOP", **members)
        return whole(answer).choice(0).calls[0].id

    assert made(responseId="r1") != made(responseId="r2")
    assert made(responseId=None, usageMetadata={"promptTokenCount": 1}) != made(responseId=None, usageMetadata={"promptTokenCount": 2})


def test_an_id_the_vendor_gave_twice_is_replaced_once() -> None:
    part = {"functionCall": {"name": "f", "id": "abcdefgh"}}
    first, second = whole(chunk(part, part, finish="STOP")).choice(0).calls.values()
    assert first.id == "abcdefgh" != second.id


def test_a_signature_is_kept_on_its_call_and_as_a_detail() -> None:
    events = streamed(chunk({"functionCall": {"name": "f", "id": "abcdefgh"}, "thoughtSignature": "c2ln"}, finish="STOP"))
    [started] = [event for event in events if isinstance(event, ToolStarted)]
    assert started.extra == {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    assert fold(events).choice(0).details == [{"type": "reasoning.encrypted", "data": "c2ln", "format": "gemini", "id": "abcdefgh"}]


def test_a_signature_on_an_empty_text_is_kept() -> None:
    folded = fold(streamed(chunk({"text": "2"}), chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP")))
    assert (folded.choice(0).text, folded.choice(0).details[0]["data"]) == ("2", "c2ln")
    assert "id" not in folded.choice(0).details[0]


def test_thoughts_are_reasoning_and_never_content() -> None:
    choice = whole(chunk({"text": "hm", "thought": True}, {"text": "4"}, finish="STOP")).choice(0)
    assert (choice.thoughts, choice.text) == (["hm"], "4")


def test_nulls_and_missing_members_cost_nothing() -> None:
    odd = [
        {"candidates": None, "usageMetadata": None, "modelVersion": None, "responseId": None},
        {"candidates": [{"content": None, "index": None}]},
        {"candidates": [{"content": {"parts": None}, "groundingMetadata": None, "safetyRatings": None}]},
        {"candidates": [{"content": {"parts": [{"text": None}, {}, {"somethingNew": {"a": 1}}]}}]},
    ]
    folded = fold(streamed(*odd, chunk({"text": "ok"}, finish="STOP")))
    assert folded.choice(0).text == "ok"
    assert folded.usage is None


@pytest.mark.parametrize("part", [{"audioTranscription": {"text": "hey"}}, {"functionResponse": {"name": "f"}}, {"hologram": {"x": 1}}])
def test_a_part_without_a_place_in_openais_format_is_kept_whole(part: Json) -> None:
    answer = chunk({"text": "a"}, part, {}, finish="STOP")
    for folded in (whole(answer), fold(streamed(answer))):
        assert (folded.choice(0).text, folded.choice(0).extra) == ("a", {"provider_blocks": [part]})


def test_a_share_of_a_longer_answer_ends_as_length_with_the_token_to_go_on() -> None:
    answer = chunk({"text": "a"}, finish="CONTINUATION")
    answer["candidates"][0]["continuationToken"] = "dG9rZW4="
    for folded in (whole(answer), fold(streamed(answer))):
        assert folded.choice(0).finish == Finished("length", native="CONTINUATION", extra={"continuation_token": "dG9rZW4="})


def test_an_answer_that_is_blocked_half_way_was_filtered() -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT"}
    folded = fold(streamed(chunk({"text": "a"}), {"promptFeedback": feedback}))
    assert folded.choice(0).finish == Finished("content_filter", native="PROHIBITED_CONTENT", extra={"prompt_feedback": feedback})
    assert folded.choice(0).text == "a"


def test_what_the_vendor_says_of_a_retiring_model_is_kept() -> None:
    status = {"modelStage": "DEPRECATED", "retirementTime": "2027-01-01T00:00:00Z"}
    assert whole(chunk({"text": "a"}, finish="STOP", modelStatus=status)).extra == {"model_status": status}


def test_the_page_of_a_picture_that_was_found_is_a_source() -> None:
    answer = chunk({"text": "a"}, finish="STOP")
    found = {"image": {"sourceUri": "https://a.example", "imageUri": "https://a.example/x.png", "title": "A"}}
    answer["candidates"][0]["groundingMetadata"] = {"groundingChunks": [found]}
    [cited] = whole(answer).choice(0).extra["annotations"]
    assert (cited["url_citation"]["url"], cited["url_citation"]["title"]) == ("https://a.example", "A")


def test_usage_counts_thoughts_and_tool_prompts_and_the_last_frame_wins() -> None:
    early = {"promptTokenCount": 5, "totalTokenCount": 5}
    late = {
        "promptTokenCount": 5, "toolUsePromptTokenCount": 20, "candidatesTokenCount": 3, "thoughtsTokenCount": 11, "totalTokenCount": 39,
        "cachedContentTokenCount": 4, "serviceTier": "standard",
    }  # fmt: skip
    folded = fold(streamed(chunk({"text": "a"}, usageMetadata=early), chunk({"text": "b"}, finish="STOP", usageMetadata=late)))
    usage = folded.usage
    assert usage is not None
    assert (usage.prompt, usage.completion, usage.total, usage.cached, usage.reasoning) == (25, 14, 39, 4, 11)
    assert folded.extra["service_tier"] == "default"


def test_what_is_beside_the_words_may_have_any_shape() -> None:
    candidate = {
        "content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP", "groundingMetadata": {"groundingChunks": 5},
        "citationMetadata": [], "logprobsResult": "x",
    }  # fmt: skip
    folded = fold(streamed({"candidates": [candidate], "usageMetadata": {"promptTokenCount": "many"}, "promptFeedback": 4}))
    assert folded.choice(0).text == "ok"
    assert folded.choice(0).extra["grounding_metadata"] == {"groundingChunks": 5}


def test_citations_count_characters_not_bytes() -> None:
    text = "Grüße 🌍 aus Paris"
    start = len("Grüße 🌍 ".encode())
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"web": {"uri": "https://b.example"}}],
        "groundingSupports": [{"segment": {"startIndex": start, "endIndex": start + 9, "text": "aus Paris"}, "groundingChunkIndices": [0]}],
    }
    answer = chunk({"text": text}, finish="STOP")
    answer["candidates"][0]["groundingMetadata"] = grounding
    first, second = whole(answer).choice(0).extra["annotations"]
    cited = first["url_citation"]
    assert (text[cited["start_index"] : cited["end_index"]], cited["url"], cited["title"]) == ("aus Paris", "https://a.example", "A")
    assert second["url_citation"] == {"start_index": 0, "end_index": 0, "title": "", "url": "https://b.example"}


def test_log_probabilities_are_openais() -> None:
    answer = chunk({"text": "é"}, finish="STOP")
    answer["candidates"][0]["logprobsResult"] = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 3}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e", "logProbability": -1.5}]}],
    }
    assert whole(answer).choice(0).logprobs == {
        "content": [
            {
                "token": "é", "logprob": -0.5, "bytes": [195, 169],
                "top_logprobs": [{"token": "é", "logprob": -0.5, "bytes": [195, 169]}, {"token": "e", "logprob": -1.5, "bytes": [101]}],
            }
        ]
    }  # fmt: skip


def test_pictures_and_sound_are_kept() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert whole(chunk(picture, finish="STOP")).choice(0).extra["images"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    ]
    pieces = [base64.b64encode(piece).decode() for piece in (b"a", b"bcd")]
    sound = [chunk({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": piece}}) for piece in pieces]
    audio = fold(streamed(*sound, chunk(finish="STOP"))).choice(0).extra["audio"]
    assert base64.b64decode(audio["data"]) == b"abcd"
    assert (audio["id"], audio["mime_type"]) == ("audio_r1", "audio/L16;rate=24000")


def test_vertexs_time_is_when_it_was_created() -> None:
    assert whole(chunk({"text": "a"}, finish="STOP", createTime="2026-02-15T07:50:39.178410Z")).created == 1771141839


def test_a_list_of_frames_is_read_as_frames() -> None:
    listed = [chunk({"text": "a"}), chunk({"text": "b"}, finish=1)]
    assert whole(listed).choice(0).text == "ab"
    assert fold(streamed(json.dumps(listed).encode())).choice(0).text == "ab"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b'{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}', 503),
        (b'[{"error": {"message": "quota", "status": "RESOURCE_EXHAUSTED"}}]', 429),
        (b'{"error": "broken"}', 502),
        (b"not json at all", 502),
    ],
)
def test_an_error_in_a_stream_ends_it(data: bytes, status: int) -> None:
    events = streamed(chunk({"text": "a"}), data, chunk({"text": "b"}, finish="STOP"))
    assert [type(event) for event in events[1:]] == [TextDelta, Failed]
    assert isinstance(events[-1], Failed)
    assert events[-1].status == status


def test_a_done_mark_or_an_empty_frame_is_skipped() -> None:
    assert fold(streamed(chunk({"text": "a"}, finish="STOP"), b"[DONE]", b"")).failed is None


def test_an_error_body_without_shape_is_still_an_error() -> None:
    for body in (b"<html>Bad gateway</html>", b"", b"[1]", b'{"error": 5}'):
        error = gemini_generate.decode_error(HttpResponse(500, {}, body), TARGET)
        assert (error.status, error.try_next) == (502, True)
        assert "<" not in error.message


def test_a_field_that_was_refused_is_the_errors_param() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "contents[0].parts", "description": "d"}]}
    ]
    body = {"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT", "details": details}}
    error = gemini_generate.decode_error(HttpResponse(400, {}, json.dumps(body).encode()), TARGET)
    assert (error.status, error.code, error.param, error.try_next) == (400, "invalid_argument", "contents[0].parts", False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["text", "parts", "content", "name", "code"]), inner, max_size=2)
    ),
    max_leaves=6,
)
members = st.sampled_from(["candidates", "usageMetadata", "error", "promptFeedback", "responseId", "createTime", "modelVersion"])
frames = st.one_of(
    st.binary(max_size=30),
    st.dictionaries(members, json_values, max_size=4).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(["content", "finishReason", "index", "groundingMetadata", "logprobsResult"]), json_values, max_size=4
    ).map(lambda candidate: json.dumps({"candidates": [candidate]}).encode()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(frames, max_size=4))
def test_no_frame_makes_the_decoder_raise(data: list[bytes]) -> None:
    events = streamed(*data)
    assert sum(isinstance(event, Failed) for event in events) <= 1
    assert not any(isinstance(event, Failed) for event in events[:-1])
