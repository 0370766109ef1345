"""Whole answers of OpenAI-style hosts: OpenAI's own go on byte for byte, the others are put right, and nothing is invented."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.chat import Finished, Metered, ReasoningDetail, Started, TextDelta, ToolDelta, ToolStarted
from trunkline.dialects.openai_chat import decode_error, decode_response, events_of, relay_response
from trunkline.errors import UpstreamError
from trunkline.fold import completion, fold
from trunkline.stamp import Stamp
from trunkline.target import Target
from trunkline.wire import HttpResponse

TARGET = Target(provider="host", kind="openai_compatible", model="asked", dialect="openai_chat", base_url="http://h/v1")
STAMP = Stamp("chatcmpl-1", 7)
TEXT = {"role": "assistant", "content": "Hi"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def answer(message: dict[str, Any] | None = None, finish: Any = "stop", **top: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message or TEXT, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "served", "choices": [choice], **top}


def relayed(body: Any) -> dict[str, Any]:
    """What the caller reads."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    got: dict[str, Any] = json.loads(relay_response(HttpResponse(200, {}, text), TARGET, STAMP)[1])
    return got


def message_of(message: dict[str, Any], finish: Any = "stop") -> dict[str, Any]:
    got: dict[str, Any] = relayed(answer(message, finish))["choices"][0]["message"]
    return got


def failing(body: Any, status: int = 200) -> UpstreamError:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(UpstreamError) as caught:
        relay_response(HttpResponse(status, {}, text), TARGET, STAMP)
    return caught.value


def test_openais_own_answer_is_relayed_byte_for_byte() -> None:
    body = json.dumps(answer({**TEXT, "refusal": None, "annotations": []}, odd=12345678901234567890, usage=USAGE), indent=2).encode()
    assert relay_response(HttpResponse(200, {}, body), TARGET, STAMP)[1] == body


def test_a_character_that_is_no_utf_8_costs_itself_and_not_the_answer() -> None:
    for old, new, content in ((b"Hi", b"caf\xe9", "caf\ufffd"), (b'"odd": 0', b'"odd": "\xe9"', "Hi")):
        body = json.dumps(answer(odd=0)).encode().replace(old, new)
        wire, sent = relay_response(HttpResponse(200, {}, body), TARGET, STAMP)
        assert wire.choices[0].message.content == content
        assert wire.model == "served"
        assert b"choices" in sent


def test_a_call_without_a_function_is_no_call() -> None:
    assert failing(answer({**TEXT, "tool_calls": [{"id": "a", "type": "function"}]}, "tool_calls")).code == "upstream_protocol"


def test_white_space_before_an_answer_is_taken_off() -> None:
    body = json.dumps(answer()).encode()
    assert relay_response(HttpResponse(200, {}, b"\n         \n\n" + body), TARGET, STAMP)[1] == body


def test_a_mended_answer_keeps_every_digit_and_every_unknown_member() -> None:
    body = (
        b'{"id":"","object":"x","created":"12","model":"","odd":{"a":12345678901234567890,"b":0.1000000000000000055,"c":1e999,"d":1.50},'
        b'"choices":[{"message":{"role":"assistant","content":"Hi","mine":[0.10]},"finish_reason":"eos","seed":12345678901234567890}]}'
    )
    got = relay_response(HttpResponse(200, {}, body), TARGET, STAMP)[1]
    assert b'"odd":{"a":12345678901234567890,"b":0.1000000000000000055,"c":1E+999,"d":1.50}' in got
    assert b'"mine":[0.10]' in got
    assert b'"seed":12345678901234567890' in got
    read = json.loads(got)
    assert (read["id"], read["created"], read["model"], read["object"]) == ("chatcmpl-1", 12, "asked", "chat.completion")
    assert (read["choices"][0]["finish_reason"], read["choices"][0]["native_finish_reason"]) == ("stop", "eos")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("body", [b'{"a":1e999}', b'{"a":NaN,"b":-Infinity}', rb'{"a":"half \ud83d"}', b'"two\nlines"'])
def test_what_is_nearly_json_is_read_all_the_same(body: bytes, mark: bytes) -> None:
    whole = mark + json.dumps(answer(odd=0)).encode().replace(b'"odd": 0', b'"odd":' + body)
    read = json.loads(relay_response(HttpResponse(200, {}, whole), TARGET, STAMP)[1])
    assert read["choices"][0]["message"]["content"] == "Hi"
    assert decode_response(HttpResponse(200, {}, whole), TARGET)


# ── habits ───────────────────────────────────────────────────────────────────────────────────────────────


def test_azures_filtered_choice_without_a_message_is_an_empty_answer() -> None:
    got = relayed({**answer(), "choices": [{"finish_reason": "content_filter", "index": 0, "content_filter_results": {"a": 1}}]})
    assert got["choices"][0]["message"] == {"role": "assistant", "content": ""}
    assert got["choices"][0]["finish_reason"] == "content_filter"
    assert got["choices"][0]["content_filter_results"] == {"a": 1}


def test_snowflakes_zero_values_are_no_values() -> None:
    zero = {
        **TEXT, "refusal": "", "function_call": {"name": "", "arguments": ""}, "tool_calls": [],
        "audio": {"id": "", "data": "", "transcript": ""},
    }  # fmt: skip
    assert message_of(zero, "") == {**TEXT, "refusal": None}
    assert relayed(answer(zero, ""))["choices"][0]["finish_reason"] == "stop"


def test_mistrals_list_is_content_and_reasoning() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "th"}]},
        {"type": "text", "text": "a"},
        {"type": "reference", "ids": [1]},
        "b",
    ]
    got = message_of({"role": "assistant", "content": parts})
    assert (got["content"], got["reasoning_content"], got["content_parts"]) == ("ab", "th", [{"type": "reference", "ids": [1]}])


def test_databricks_summaries_are_reasoning_and_signed_ones_are_kept() -> None:
    summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "th"}, {"type": "summary_text", "text": "ink"}]}
    signed = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "", "signature": "CAIS"}]}
    got = message_of({"role": "assistant", "content": [summary, signed, {"type": "text", "text": "391"}]})
    assert (got["content"], got["reasoning_content"], got["content_parts"]) == ("391", "think", [signed])


def test_cloudflares_object_is_the_json_text_of_it() -> None:
    assert message_of({"role": "assistant", "content": {"n": 12345678901234567890}})["content"] == '{"n":12345678901234567890}'


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_read_under_either_name(name: str) -> None:
    assert message_of({**TEXT, name: "thought"})["reasoning_content"] == "thought"
    events = decode_response(HttpResponse(200, {}, json.dumps(answer({**TEXT, name: "thought"})).encode()), TARGET)
    assert fold(events).choices[0].thoughts == ["thought"]


def test_an_empty_reasoning_adds_nothing() -> None:
    assert "reasoning_content" not in message_of({**TEXT, "reasoning": ""}, "eos")


def call_of(id: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ({"id": "", "function": {"name": "f", "arguments": "{}"}}, call_of("call_1_0_0", "{}")),
        ({"id": "c", "type": "function", "function": {"name": "f", "arguments": None}}, call_of("c", "{}")),
        ({"id": "c", "function": {"name": "f"}}, call_of("c", "{}")),
        ({"id": "c", "name": "f", "arguments": {"a": 1}}, call_of("c", '{"a":1}')),
    ],
)
def test_a_call_is_openais_however_it_came(call: dict[str, Any], sent: dict[str, Any]) -> None:
    assert message_of({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")["tool_calls"] == [sent]
    assert message_of({"role": "assistant", "content": None, "tool_calls": call}, "tool_calls")["tool_calls"] == [sent]


def test_arguments_that_come_as_an_object_keep_every_digit() -> None:
    arguments = b'{"n":12345678901234567890,"x":0.1000000000000000055,"y":1e999}'
    body = json.dumps(answer({"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "@"}}]})).encode()
    got = relay_response(HttpResponse(200, {}, body.replace(b'"@"', arguments)), TARGET, STAMP)[0]
    assert got.choices[0].message.tool_calls is not None
    function = got.choices[0].message.tool_calls[0].function
    assert function is not None
    assert function.arguments == '{"n":12345678901234567890,"x":0.1000000000000000055,"y":1E+999}'


def test_a_custom_call_is_no_function() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}
    assert message_of({**TEXT, "tool_calls": [call]})["tool_calls"] == [call]


def test_a_forced_tool_that_ends_with_stop_stays_as_the_vendor_said() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert relayed(answer({"role": "assistant", "content": None, "tool_calls": [call]}, "stop"))["choices"][0]["finish_reason"] == "stop"


def test_choices_without_good_indexes_are_counted() -> None:
    choice = {"message": TEXT, "finish_reason": "stop"}
    for indexes in ([0, 0], [None, None], ["0", "1"]):
        choices = [{**choice, "index": index} for index in indexes]
        assert [c["index"] for c in relayed({**answer(), "choices": choices})["choices"]] == [0, 1]
    assert [
        c["index"] for c in relayed({**answer(), "object": "", "choices": [{**choice, "index": 1}, {**choice, "index": 0}]})["choices"]
    ] == [1, 0]


def test_perplexitys_sources_are_annotations_too() -> None:
    citations = ["https://a", "https://b"]
    results = [{"title": "A", "url": "https://a", "date": None}, {"title": "no url"}, {"title": "C", "url": "https://c"}]
    got = relayed({**answer(finish="end_turn"), "citations": citations, "search_results": results})
    shown = [(a["url_citation"]["url"], a["url_citation"]["title"]) for a in got["choices"][0]["message"]["annotations"]]
    assert shown == [("https://a", "A"), ("https://b", "https://b"), ("https://c", "C")]
    assert (got["citations"], got["search_results"]) == (citations, results)


@pytest.mark.parametrize("usage", [None, "none", {"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.1}])
def test_usage_is_the_vendors_or_absent(usage: Any) -> None:
    events = decode_response(HttpResponse(200, {}, json.dumps(answer(finish="eos", usage=usage)).encode()), TARGET)
    metered = [event.usage for event in events if isinstance(event, Metered)]
    if isinstance(usage, dict):
        assert (metered[0].prompt, metered[0].completion) == (5, 2)
        assert json.loads(bytes(metered[0].raw)) == {**usage, "total_tokens": 7}
    else:
        assert metered == []


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 5.0, "completion_tokens": 2.0, "total_tokens": 7.0}, (5, 2, 7)),
        ({"prompt_tokens": "5", "completion_tokens": "2", "total_tokens": "7"}, (5, 2, 7)),
        ({"input_tokens": 5, "output_tokens": 2}, (5, 2, 7)),
        ({"prompt_tokens": None, "completion_tokens": 2, "total_tokens": 7}, (5, 2, 7)),
        ({"prompt_tokens": 5, "total_tokens": 7}, (5, 2, 7)),
        ({"prompt_tokens": 5}, (5, 0, 5)),
        ({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": "none"}, (5, 2, 7)),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 1.0}},
            (5, 2, 7),
        ),
        ({}, None),
        ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, None),
    ],
)
def test_a_usage_has_the_three_counts_of_openais_type_or_is_absent(usage: Any, counts: Any) -> None:
    got = relayed(answer(usage=usage)).get("usage")
    assert (got and (got["prompt_tokens"], got["completion_tokens"], got["total_tokens"])) == counts


@pytest.mark.parametrize("error", [{}, "", None, False])
def test_a_good_answer_beside_an_empty_error_is_a_good_answer(error: Any) -> None:
    got = relayed(answer(error=error))
    assert got["choices"] == answer()["choices"]
    assert not got.get("error")


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_no_two_calls_of_an_answer_have_one_id(arguments: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    calls = message_of({"role": "assistant", "content": None, "tool_calls": [call, call]})["tool_calls"]
    assert [call["id"] for call in calls] == ["a", "call_1_0_1"]


def test_what_the_vendor_did_not_say_is_empty_in_events() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    body = {"choices": [{"message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    events = decode_response(HttpResponse(200, {}, json.dumps(body).encode()), TARGET)
    assert events[:3] == [Started("", "asked"), ToolStarted(0, "", "f"), ToolDelta(0, "{}")]
    made = completion(fold(events), STAMP)["choices"][0]["message"]["tool_calls"][0]["id"]
    assert made == "call_1_0_0"


def test_an_answer_folds_into_itself() -> None:
    message = {
        **TEXT, "refusal": None, "reasoning_content": "t", "reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}],
        "tool_calls": [{**call_of("c", "{}"), "extra_content": {"google": {"s": 1}}}],
        "annotations": [{"type": "url_citation"}],
    }  # fmt: skip
    body = answer(message, "tool_calls", service_tier="default", odd=1)
    body["choices"][0] |= {"logprobs": {"content": []}, "native_finish_reason": "tool_use", "odd": 2}
    text = json.dumps(body).encode()
    wire, sent = relay_response(HttpResponse(200, {}, text), TARGET, STAMP)
    events = events_of(wire, sent)
    assert completion(fold(events), STAMP) == body
    assert Finished("tool_calls", 0, "tool_use", {"odd": 2}) in events
    assert ReasoningDetail({"type": "reasoning.encrypted", "data": "d"}) in events
    assert TextDelta("Hi") in events


def test_a_legacy_call_is_the_only_tool_call_of_its_choice() -> None:
    body = answer({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}}, "function_call")
    folded = fold(decode_response(HttpResponse(200, {}, json.dumps(body).encode()), TARGET))
    assert completion(folded, STAMP, legacy=True)["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert completion(folded, STAMP, legacy=True)["choices"][0]["finish_reason"] == "function_call"


# ── no answer ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body", [b"", b"<html>no</html>", b"[]", b'"x"', b"{}", b'{"choices":{}}', b"[" * 100_000, b'{"choices":[', b"\xff"]
)
def test_what_is_no_answer_is_an_upstream_error_without_its_text(body: bytes) -> None:
    error = failing(body)
    assert (error.status, error.code) == (502, "upstream_protocol")
    assert "<" not in error.message


def test_an_answer_without_choices_is_no_answer() -> None:
    assert "without a choice" in failing({**answer(), "choices": []}).message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"message": "no luck", "code": 429}}, 429),
        ({"error": {"message": "no luck", "code": "503"}}, 503),
        ({"error": {"message": "no luck"}}, 502),
        ({"error": "no luck"}, 502),
        ({"object": "error", "message": "no luck", "code": 400}, 400),
        ({"message": "no luck"}, 502),
        ({"detail": "no luck"}, 502),
        ([{"error": {"code": 429, "message": "no luck"}}], 429),
        ({"success": False, "result": None, "errors": [{"code": 5006, "message": "no luck"}], "messages": []}, 502),
        ({"msg": "no luck", "code": 1001}, 502),
        ({**answer(), "error": {"message": "no luck", "code": 500}}, 502),
        ({**answer(), "choices": [{"index": 0, "error": {"message": "no luck", "code": 502}, "finish_reason": "error"}]}, 502),
    ],
)
def test_an_error_that_came_with_200_is_an_error(body: Any, status: int) -> None:
    error = failing(body)
    assert (error.status, error.message) == (status, "no luck")


def test_a_choice_that_ended_with_an_error_is_no_answer() -> None:
    assert failing(answer(finish="error")).status == 502


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["index", "message", "delta", "content", "tool_calls", "function", "arguments", "name", "finish_reason",
                         "reasoning", "refusal", "audio", "function_call", "type", "thinking", "text", "error", "usage", "id",
                         "citations", "url"]),
        inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


@given(_json, _json, _json)
def test_any_json_is_an_answer_or_an_upstream_error(choices: Any, message: Any, member: Any) -> None:
    for body in (
        {"choices": choices}, {"choices": [choices]}, {"choices": [{"message": message}], "usage": member, "error": None},
        {**answer(), "choices": [{"message": {"content": member, "tool_calls": message, "reasoning": choices}}], "created": member},
        {**answer(), "citations": member, "id": member, "model": message, "search_results": choices, "object": 0},
    ):  # fmt: skip
        raised: UpstreamError | None = None
        try:
            assert decode_response(HttpResponse(200, {}, json.dumps(body).encode()), TARGET)
        except UpstreamError as error:
            raised = error
        assert raised is None or raised.message


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": {"message": "m", "type": "odd", "param": "p", "code": None}}, ("odd", "p", None)),
        (400, {"error": {"message": "m", "type": "odd", "param": None, "code": "unsupported_value"}}, ("odd", None, "unsupported_value")),
        (404, {"error": {"message": "m", "code": 404}}, ("invalid_request_error", None, "model_not_found")),
        (404, {"error": {"code": "DeploymentNotFound", "message": "m"}}, ("invalid_request_error", None, "model_not_found")),
        (422, {"detail": "m"}, ("invalid_request_error", None, None)),
        (422, {"detail": [{"loc": ["body", "n"], "msg": "m"}]}, ("invalid_request_error", None, None)),
        (400, {"code": "invalid-argument", "error": "m"}, ("invalid_request_error", None, "invalid-argument")),
        (400, {"id": "1", "message": "m"}, ("invalid_request_error", None, None)),
        (429, {"object": "error", "message": "m", "type": "rate_limited", "code": "1300"}, ("rate_limited", None, "1300")),
        (400, [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], ("invalid_request_error", None, None)),
        (429, {"error": {"message": "m", "code": 429, "metadata": {"raw": "slow"}}}, ("rate_limit_error", None, "rate_limit_exceeded")),
    ],
)
def test_each_shape_of_a_refusal_is_read(status: int, body: Any, expected: Any) -> None:
    error = decode_error(HttpResponse(status, {}, json.dumps(body).encode()), TARGET)
    assert (error.type, error.param, error.code) == expected
    assert error.status == (400 if status == 422 else status)
    assert error.message in ("m", "body.n: m", "m: slow")


@pytest.mark.parametrize(
    "body",
    [
        {"success": False, "result": {}, "errors": [{"code": 5006, "message": "no luck"}], "messages": []},  # Cloudflare
        {"code": 401, "msg": "no luck", "success": False},  # z.ai
        {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "no luck"}]}, "code": None},  # Mistral
        {"error": ["no luck"]},  # Hugging Face
        {"error": {"message": {"error": "no luck"}}},
        {"detail": {"error": "no luck"}},
    ],
)
def test_a_refusal_in_a_shape_of_the_hosts_own_keeps_its_words(body: Any) -> None:
    assert decode_error(HttpResponse(400, {}, json.dumps(body).encode()), TARGET).message in ("no luck", "body.n: no luck")


def test_a_refusal_in_plain_text_is_told_and_a_page_is_not() -> None:
    plain = {"content-type": "text/plain; charset=utf-8"}
    words = "Failed to deserialize the JSON body into the target type: messages[0]: missing field `role`"
    assert decode_error(HttpResponse(422, plain, words.encode()), TARGET).message == words
    for headers, body in ((plain, b"<html>busy</html>"), (plain, b""), ({"content-type": "text/html"}, b"busy"), ({}, b"busy")):
        assert decode_error(HttpResponse(502, headers, body), TARGET).message.endswith("without a readable message")


def test_openrouters_reset_becomes_a_delay() -> None:
    body = {"error": {"message": "m", "code": 429, "metadata": {"headers": {"X-RateLimit-Reset": "1767225630000"}}}}
    headers = {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert decode_error(HttpResponse(429, headers, json.dumps(body).encode()), TARGET).retry_after == 30.0
    assert decode_error(HttpResponse(429, {}, json.dumps(body).encode()), TARGET).retry_after is None


@given(_json, st.sampled_from([200, 301, 400, 401, 404, 429, 500]))
def test_any_body_of_a_refusal_is_an_error_with_a_message(body: Any, status: int) -> None:
    for shape in (body, {"error": body}, [body], {"detail": body}, {"error": {"message": body, "metadata": body, "code": body}}):
        error = decode_error(HttpResponse(status, {}, json.dumps(shape).encode()), TARGET)
        assert error.message
        assert error.status >= 400
