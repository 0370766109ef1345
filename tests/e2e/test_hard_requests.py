"""What other gateways get wrong in requests (FIELD_BUGS), the other way round, through the whole gateway: what arrives at the vendor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.strategies import PDF, PNG, WAV

from .scripts import completion
from .vendors import Json, Scene, called, claude, converse, function, gemini, result, scene, turn

CLAUDE = "anthropic/claude-haiku-4-5"
GEMINI = "gemini/gemini-2.5-flash"
BEDROCK = "bedrock/anthropic.claude-3-7-sonnet-20250219-v1:0"
USER = {"role": "user", "content": "Hi"}
COHERE = {"id": "c1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": [{"type": "text", "text": "ok"}]}}
OLLAMA = {
    "model": "m",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "ok"},
    "done": True,
    "done_reason": "stop",
}
TOLD: dict[str, Json] = {
    "anthropic": claude("ok"), "gemini": gemini("ok"), "bedrock": converse({"text": "ok"}), "cohere": COHERE, "ollama": OLLAMA,
    "mistral": completion("ok"), "deepseek": completion("ok"),
}  # fmt: skip


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("requests")) as found:
        yield found


def sent(it: Scene, model: str, **fields: Any) -> Json:
    """What the vendor got."""
    answer = it.ask(model, TOLD[model.partition("/")[0]], **fields)
    assert answer.status_code == 200, answer.text
    return it.sent[0]


def refused(it: Scene, model: str, **fields: Any) -> str:
    """The words of the 400 that the gateway answers without calling anyone."""
    answer = it.ask(model, TOLD[model.partition("/")[0]], **fields)
    assert answer.status_code == 400, answer.text
    assert it.upstream.asked == []
    message: str = answer.json()["error"]["message"]
    return message


def dropped(it: Scene, model: str, **fields: Any) -> set[str]:
    answer = it.ask(model, TOLD[model.partition("/")[0]], **fields)
    assert answer.status_code == 200, answer.text
    return {name.strip() for name in answer.headers.get("x-trunkline-dropped", "").split(",")} - {""}


TOOLS = [function("look")]
LOOP = [USER, turn(called("look", "")), result("call_1", "found")]


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, BEDROCK])
def test_empty_arguments_are_an_empty_object(model: str, it: Scene) -> None:
    text = json.dumps(sent(it, model, messages=LOOP, tools=TOOLS)["contents" if model == GEMINI else "messages"][1])
    assert '"args": {}' in text or '"input": {}' in text or ('"functionCall"' in text and '"args"' not in text)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, BEDROCK])
def test_broken_arguments_are_refused_naming_the_call(model: str, it: Scene) -> None:
    messages = [USER, turn(called("look", '{"at": ')), result("call_1", "found")]
    assert "messages[1].tool_calls[0]" in refused(it, model, messages=messages, tools=TOOLS)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, BEDROCK])
def test_long_numbers_in_arguments_keep_their_digits(model: str, it: Scene) -> None:
    sent(it, model, messages=[USER, turn(called("look", '{"at": 12345678901234567890}')), result("call_1", "found")], tools=TOOLS)
    assert b"12345678901234567890" in it.upstream.asked[0].body


def test_two_calls_of_one_function_answered_out_of_order_keep_their_own_results(it: Scene) -> None:
    calls = turn(called("look", '{"at": "Oslo"}', "call_a"), called("look", '{"at": "Rome"}', "call_b"))
    messages = [USER, calls, result("call_b", "in Rome"), result("call_a", "in Oslo")]
    parts = sent(it, GEMINI, messages=messages, tools=TOOLS)["contents"][2]["parts"]
    assert [part["functionResponse"]["response"] for part in parts] == [{"result": "in Oslo"}, {"result": "in Rome"}]
    blocks = sent(it, CLAUDE, messages=messages, tools=TOOLS)["messages"][2]["content"]
    assert [(block["tool_use_id"], "Oslo" in json.dumps(block["content"])) for block in blocks] == [("call_a", True), ("call_b", False)]


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, BEDROCK])
def test_an_empty_tool_result_still_answers_its_call(model: str, it: Scene) -> None:
    body = sent(it, model, messages=[USER, turn(called("look", "{}")), result("call_1", "")], tools=TOOLS)
    last = json.dumps(body["contents" if model == GEMINI else "messages"][2])
    assert "tool_result" in last or "functionResponse" in last or "toolResult" in last


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, BEDROCK])
def test_every_system_text_survives_in_its_place(model: str, it: Scene) -> None:
    messages = [
        {"role": "system", "content": "first rule"}, {"role": "developer", "content": "second rule"}, USER,
        {"role": "assistant", "content": "Hello"}, {"role": "system", "content": "third rule"}, USER,
    ]  # fmt: skip
    text = json.dumps(sent(it, model, messages=messages))
    assert all(f"{name} rule" in text for name in ("first", "second", "third"))
    turns = json.dumps(it.sent[0]["contents" if model == GEMINI else "messages"])
    assert turns.index("Hello") < turns.index("third rule"), "in place, not at the top"
    assert "first rule" not in turns


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (CLAUDE, ["stop_sequences"]),
        (GEMINI, ["generationConfig", "stopSequences"]),
        (BEDROCK, ["inferenceConfig", "stopSequences"]),
        ("cohere/command-a-03-2025", ["stop_sequences"]),
    ],
)
def test_one_stop_text_becomes_a_list_and_five_stay_five(model: str, path: list[str], it: Scene) -> None:
    for stop in ("END", ["a", "b", "c", "d", "e"]):
        body: Any = sent(it, model, stop=stop)
        for step in path:
            body = body[step]
        assert body == ([stop] if isinstance(stop, str) else stop)


def test_more_stops_than_the_vendor_takes_are_refused_not_cut(it: Scene) -> None:
    assert "stop" in refused(it, GEMINI, stop=["a", "b", "c", "d", "e", "f"])


def test_tool_choice_is_kept_in_every_form(it: Scene) -> None:
    tools = [function("look"), function("listen")]
    named = {"type": "function", "function": {"name": "look"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}
    forms: list[tuple[Any, Any, Any]] = [
        ("required", {"type": "any"}, {"mode": "ANY"}),
        (named, {"type": "tool", "name": "look"}, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        (allowed, {"type": "any"}, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        ("none", {"type": "none"}, {"mode": "NONE"}),
    ]
    for form, for_claude, for_gemini in forms:
        assert sent(it, CLAUDE, tools=tools, tool_choice=form)["tool_choice"] == for_claude
        assert sent(it, GEMINI, tools=tools, tool_choice=form)["toolConfig"]["functionCallingConfig"] == for_gemini
    assert [tool["name"] for tool in sent(it, CLAUDE, tools=tools, tool_choice=allowed)["tools"]] == ["look"]


def test_what_vanishes_elsewhere_is_passed_on_or_named(it: Scene) -> None:
    asked: Json = {
        "seed": 1, "logprobs": True, "top_logprobs": 2, "user": "u", "metadata": {"a": "b"}, "presence_penalty": 0.1,
        "frequency_penalty": 0.2, "logit_bias": {"1": 1}, "parallel_tool_calls": False, "tools": TOOLS,
    }  # fmt: skip
    assert dropped(it, CLAUDE, **asked) >= {
        "seed",
        "logprobs",
        "top_logprobs",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "metadata",
    }
    assert it.sent[0]["metadata"] == {"user_id": "u"}
    assert it.sent[0]["tool_choice"]["disable_parallel_tool_use"] is True
    assert {"logit_bias", "parallel_tool_calls", "metadata", "presence_penalty"} <= dropped(it, GEMINI, **asked), "2.5 refuses penalties"
    config = it.sent[0]["generationConfig"]
    assert (config["seed"], config["responseLogprobs"], config["logprobs"]) == (1, True, 2)
    assert "presence_penalty" not in dropped(it, "gemini/gemini-2.0-flash", **asked)
    assert it.sent[0]["generationConfig"]["presencePenalty"] == 0.1
    assert {"logit_bias", "user", "metadata"} <= dropped(it, "mistral/mistral-small-latest", **asked)
    assert it.sent[0]["random_seed"] == 1
    assert "seed" not in it.sent[0]


def test_claude_gets_no_combination_that_it_refuses(it: Scene) -> None:
    assert sent(it, CLAUDE, temperature=1.7)["temperature"] == 1
    both = sent(it, CLAUDE, temperature=0.3, top_p=0.9)
    assert "top_p" not in both
    assert dropped(it, CLAUDE, temperature=0.3, top_p=0.9) == {"top_p"}
    thinking = sent(it, CLAUDE, reasoning_effort="high", max_tokens=500, temperature=0.2, tools=TOOLS, tool_choice="required")
    assert thinking["thinking"]["budget_tokens"] < thinking["max_tokens"]
    assert thinking.get("temperature", 1) == 1
    assert thinking.get("tool_choice", {"type": "auto"})["type"] == "auto"
    assert sent(it, CLAUDE)["max_tokens"] >= 32_000, "the model's own limit, not a tiny constant"


def test_effort_is_a_budget_where_the_model_has_budgets_and_never_zero_where_it_refuses_that(it: Scene) -> None:
    assert "thinkingLevel" not in sent(it, "gemini/gemini-2.5-flash", reasoning_effort="high")["generationConfig"]["thinkingConfig"]
    assert sent(it, "gemini/gemini-2.5-flash", reasoning_effort="none")["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 0
    assert sent(it, "gemini/gemini-2.5-pro", reasoning_effort="none")["generationConfig"]["thinkingConfig"]["thinkingBudget"] > 0
    assert "thinkingLevel" in sent(it, "gemini/gemini-3-pro-preview", reasoning_effort="high")["generationConfig"]["thinkingConfig"]


def test_a_penalty_of_another_scale_is_not_sent_as_ours(it: Scene) -> None:
    options = sent(it, "ollama/llama3.2", frequency_penalty=0.5)["options"]
    assert "repeat_penalty" not in options
    assert options["frequency_penalty"] == 0.5


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, BEDROCK])
def test_pictures_and_papers_are_sent_as_bytes_and_sound_never_vanishes(model: str, it: Scene) -> None:
    paper = {"type": "file", "file": {"filename": "a b?.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    sent(it, model, messages=[{"role": "user", "content": [{"type": "text", "text": "Read"}, picture, paper]}])
    text = it.upstream.asked[0].body.decode()
    assert PNG in text
    assert PDF in text
    assert "base64," not in text, "no data URL's beginning in the base64"
    sound = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hear"}, {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}],
        }
    ]
    if model == GEMINI:
        assert WAV in json.dumps(sent(it, model, messages=sound))
    elif model == CLAUDE:
        assert "messages[0].content[1]" in refused(it, model, messages=sound)


def test_a_picture_in_a_tool_result_is_a_block_of_the_vendors(it: Scene) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    messages = [USER, turn(called("look", "{}")), result("call_1", [{"type": "text", "text": "see"}, picture])]
    block = sent(it, CLAUDE, messages=messages, tools=TOOLS)["messages"][2]["content"][0]
    assert block["content"][1] == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    assert "image_url" not in json.dumps(it.sent[0])


def test_hosts_that_refuse_unknown_members_get_none_in_messages_either(it: Scene) -> None:
    own = {
        **turn(called("look", "{}")),
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "audio": None,
        "name": "me",
        "function_call": None,
    }
    messages = [{**USER, "name": "anna"}, own, result("call_1", "found")]
    strict = {"type": "function", "function": {**function("look")["function"], "strict": True}}
    body = sent(it, "mistral/mistral-small-latest", messages=messages, tools=[strict])
    text = json.dumps(body)
    assert not any(f'"{name}"' in text for name in ("refusal", "annotations", "reasoning_content", "audio", "function_call"))
    assert all("name" not in message or message["role"] == "tool" for message in body["messages"])
    (call,) = body["messages"][1]["tool_calls"]
    assert call["id"] == body["messages"][2]["tool_call_id"]
    assert len(call["id"]) == 9


def test_a_schema_goes_through_untouched_and_one_that_is_missing_is_one_the_vendor_takes(it: Scene) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "const": 12}}, "additionalProperties": False, "required": ["n"]}
    assert sent(it, CLAUDE, tools=[function("look", schema)])["tools"][0]["input_schema"] == schema
    bare = {"type": "function", "function": {"name": "look"}}
    assert sent(it, CLAUDE, tools=[bare])["tools"][0]["input_schema"]["type"] == "object"
    assert sent(it, BEDROCK, tools=[bare])["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["type"] == "object"


def test_service_tier_stands_where_bedrock_has_it(it: Scene) -> None:
    body = sent(it, BEDROCK, service_tier="flex")
    assert body["serviceTier"] == {"type": "flex"}
    assert "serviceTier" not in body.get("inferenceConfig", {})
