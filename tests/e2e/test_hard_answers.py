"""What other gateways get wrong in answers (FIELD_BUGS), the other way round, through the whole gateway: what the caller reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.replay.reading import check_completion, together

from .scripts import ROLE, chunk, completion
from .vendors import Json, Scene, chunks, claude, claude_stream, function, gemini, scene, tool_use

CLAUDE = "anthropic/claude-haiku-4-5"
GEMINI = "gemini/gemini-2.5-flash"
HOST = "host/model"
CALL = {"functionCall": {"name": "look", "args": {"at": "Oslo"}}}


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("answers")) as found:
        yield found


def read(it: Scene, model: str, told: Any, **fields: Any) -> tuple[Json, Json]:
    """(the completion, its only choice), whole or streamed, valid by OpenAI's types."""
    answer = it.ask(model, told, **fields)
    assert answer.status_code == 200, answer.text
    body = together(chunks(answer)) if fields.get("stream") else answer.json()
    check_completion(body)
    (choice,) = body["choices"]
    return body, choice


def broken_off(it: Scene, model: str, told: Any) -> Json:
    """The error that ends a stream which had begun."""
    answer = it.ask(model, told, stream=True)
    assert answer.status_code == 200
    assert "[DONE]" not in answer.text
    last = json.loads(answer.text.removesuffix("\n\n").split("\n\n")[-1].removeprefix("data: "))
    error: Json = last["error"]
    assert error["message"]
    return error


@pytest.mark.parametrize(("model", "told"), [
    (CLAUDE, claude_stream("half an", stop=None)),
    (GEMINI, [gemini("half an", finish="")]),
    (HOST, [ROLE, chunk({"content": "half an"})]),
])  # fmt: skip
def test_a_stream_that_stops_before_its_finish_is_an_error(model: str, told: Any, it: Scene) -> None:
    assert broken_off(it, model, told)["code"] == "upstream_incomplete"


@pytest.mark.parametrize(("model", "told"), [
    (CLAUDE, [*claude_stream("half", stop=None)[:3], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]),
    (HOST, [ROLE, {"error": {"message": "Overloaded", "code": 503}}]),
])  # fmt: skip
def test_an_error_in_a_200_stream_is_told_in_the_vendors_words(model: str, told: Any, it: Scene) -> None:
    assert "Overloaded" in broken_off(it, model, told)["message"]


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, HOST])
def test_usage_is_the_vendors_rides_alone_and_only_if_asked(model: str, it: Scene) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    told: Any = {CLAUDE: claude_stream("Hi"), GEMINI: [gemini("H", finish=""), gemini("i")],
                 HOST: [ROLE, chunk({"content": "Hi"}, usage=usage), chunk({}, "stop", usage=usage)]}[model]  # fmt: skip
    body, _ = read(it, model, told, stream=True, stream_options={"include_usage": True})
    assert {name: body["usage"][name] for name in usage} == usage
    assert "usage" not in read(it, model, told, stream=True)[0]


@pytest.mark.parametrize("stream", [False, True])
def test_geminis_function_call_finishes_as_tool_calls(stream: bool, it: Scene) -> None:
    told = gemini("Looking.", CALL)
    _, choice = read(it, GEMINI, [told] if stream else told, tools=[function("look")], stream=stream)
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["id"]
    assert json.loads(call["function"]["arguments"]) == {"at": "Oslo"}


def test_geminis_thoughts_and_tool_prompts_are_counted(it: Scene) -> None:
    counts = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "toolUsePromptTokenCount": 3,
        "totalTokenCount": 25,
    }
    body, _ = read(it, GEMINI, gemini("Hi", usage=counts))
    assert body["usage"] == {
        "prompt_tokens": 13,
        "completion_tokens": 12,
        "total_tokens": 25,
        "completion_tokens_details": {"reasoning_tokens": 7},
    }


def test_a_usage_without_a_prompt_count_is_no_failure(it: Scene) -> None:
    body, _ = read(it, GEMINI, gemini("Hi", usage={"candidatesTokenCount": 5}))
    assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5}


def test_a_blocked_prompt_is_a_choice_that_was_filtered(it: Scene) -> None:
    _, choice = read(
        it, GEMINI, {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}}
    )
    assert choice["finish_reason"] == "content_filter"
    assert not choice["message"]["content"]


@pytest.mark.parametrize("stream", [False, True])
def test_claudes_cache_is_part_of_the_prompt(stream: bool, it: Scene) -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 5}
    told = claude_stream("Hi", usage=usage) if stream else claude("Hi", usage=usage)
    body, _ = read(it, CLAUDE, told, stream=stream, stream_options={"include_usage": True} if stream else None)
    assert body["usage"]["prompt_tokens"] == 123
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 100


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_side_tool_is_no_call_for_the_caller(stream: bool, it: Scene) -> None:
    searched = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "oslo"}}
    blocks = (searched, "It is in Norway.")
    _, choice = read(it, CLAUDE, claude_stream(*blocks, stop="pause_turn") if stream else claude(*blocks, stop="pause_turn"), stream=stream)
    assert not choice["message"].get("tool_calls")
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"] == "It is in Norway."


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_calls_keep_their_indexes_and_long_numbers_their_digits(stream: bool, it: Scene) -> None:
    number = 12345678901234567890
    blocks = ("Both.", tool_use("look", "toolu_a", at=number), tool_use("look", "toolu_b"))
    told = claude_stream(*blocks, stop="tool_use") if stream else claude(*blocks, stop="tool_use")
    _, choice = read(it, CLAUDE, told, stream=stream)
    calls = choice["message"]["tool_calls"]
    assert [call["id"] for call in calls] == ["toolu_a", "toolu_b"]
    assert str(number) in calls[0]["function"]["arguments"]
    assert json.loads(calls[1]["function"]["arguments"]) == {}
    assert choice["message"]["content"] == "Both."


def test_retry_after_comes_from_geminis_body_and_only_with_a_refusal(it: Scene) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.2s"}]
    limited = (429, {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "details": details}})
    for stream in (False, True):
        answer = it.ask(GEMINI, limited, stream=stream)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "49"
        assert "Quota exceeded" in answer.json()["error"]["message"]
    assert "retry-after" not in it.ask(GEMINI, gemini("Hi")).headers


def test_a_good_answer_in_an_odd_form_stays_a_good_answer(it: Scene) -> None:
    odd: Any = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "usage": None}
    filtered = {**odd, "choices": [{"index": 0, "finish_reason": "content_filter", "content_filter_results": {"hate": {"filtered": True}}}]}
    assert read(it, HOST, filtered)[1]["finish_reason"] == "content_filter"
    an_object = {**odd, "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": {"city": "Oslo"}}}]}
    assert json.loads(read(it, HOST, an_object)[1]["message"]["content"]) == {"city": "Oslo"}
    empty: Any = {"role": "assistant", "content": "Hi", "refusal": "", "function_call": {"name": "", "arguments": ""}, "tool_calls": []}
    _, choice = read(it, HOST, {**odd, "choices": [{"index": 0, "finish_reason": "", "message": empty}]})
    assert choice["finish_reason"] == "stop"
    assert not choice["message"]["refusal"]
    assert "function_call" not in choice["message"]


def test_a_refusal_stays_a_refusal(it: Scene) -> None:
    told = completion({"role": "assistant", "content": None, "refusal": "I will not."})
    assert read(it, HOST, told)[1]["message"]["refusal"] == "I will not."
    _, choice = read(it, HOST, [ROLE, chunk({"refusal": "I will not."}), chunk({}, "stop")], stream=True)
    assert choice["message"]["refusal"] == "I will not."


def test_coheres_events_are_read_with_their_names(it: Scene) -> None:
    begun = {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": ""}}
    told = [
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": begun}}},
        {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": '{"at": "Oslo"}'}}}}},
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 4, "output_tokens": 2}}}},
    ]  # fmt: skip
    _, choice = read(it, "cohere/command-a-03-2025", told, stream=True)
    assert choice["finish_reason"] == "tool_calls"
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"at": "Oslo"}


def test_what_a_host_calls_reasoning_is_reasoning_content(it: Scene) -> None:
    _, choice = read(
        it, "deepseek/deepseek-reasoner", [ROLE, chunk({"reasoning": "hm"}), chunk({"content": "Hi"}), chunk({}, "stop")], stream=True
    )
    assert choice["message"]["reasoning_content"] == "hm"
    assert choice["message"]["content"] == "Hi"
