"""Requests that are legal in OpenAI's format and that this vendor refuses as they stand; each body is checked by botocore's model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.strategies import PDF, PNG

from .asking import HI, IMAGE, asking, call, tool
from .oracle import CLAUDE_3, LLAMA, NOVA, SONNET_4_5, encoded, noted

BRANCHES = {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "object", "properties": {"b": {}}}]}


def schema_of(schema: Any, model: str) -> tuple[Any, list[str]]:
    sent, result = encoded({"messages": [HI], "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}]}, model)
    return sent["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"], noted(result)


def test_branches_at_the_top_of_a_tools_parameters_are_put_together_for_claude_alone() -> None:
    together = {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}
    assert schema_of(BRANCHES, SONNET_4_5) == (together, ["tools[0].function.parameters"])
    assert schema_of(BRANCHES, NOVA) == ({"type": "object", **BRANCHES}, [])


@pytest.mark.parametrize("label", ["image/jpeg", "application/octet-stream", ""])
def test_a_picture_is_what_its_bytes_say_whatever_its_label(label: str) -> None:
    sent, _ = encoded(asking(type="image_url", image_url={"url": f"data:{label};base64,{PNG}"}))
    assert sent["messages"][0]["content"][0] == {"image": {"format": "png", "source": {"bytes": PNG}}}


def test_a_pdf_is_known_by_its_bytes() -> None:
    file = {"file_data": f"data:application/octet-stream;base64,{PDF}", "filename": "a.txt"}
    sent, _ = encoded(asking(type="file", file=file))
    (document,) = [block["document"] for block in sent["messages"][0]["content"] if "document" in block]
    assert document == {"format": "pdf", "name": "a", "source": {"bytes": PDF}}


def test_a_schema_that_is_no_object_is_not_asked_for_as_a_tools_arguments() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "array", "items": {"type": "string"}}}}
    sent, result = encoded({"messages": [HI], "response_format": wanted}, NOVA)
    assert "toolConfig" not in sent
    assert (result.json_tool, result.check) == ("", "schema")


NONE = {"type": "none"}
ONE = {"disable_parallel_tool_use": True}


def loop(content: Any = "4", *after: dict[str, Any]) -> list[dict[str, Any]]:
    called = {"role": "assistant", "tool_calls": [call("c1", "f")]}
    return [HI, called, {"role": "tool", "tool_call_id": "c1", "content": content}, *after]


@pytest.mark.parametrize(
    ("messages", "asked", "native"),
    [
        (loop(), {"tool_choice": "none"}, NONE),
        ([HI], {"parallel_tool_calls": False}, {"type": "auto", **ONE}),
        ([HI], {"parallel_tool_calls": False, "tool_choice": "required"}, {"type": "any", **ONE}),
        ([HI], {"parallel_tool_calls": False, "tool_choice": {"type": "function", "function": {"name": "f"}}},
         {"type": "tool", "name": "f", **ONE}),
    ],
)  # fmt: skip
def test_what_converse_has_no_choice_for_claude_is_asked_in_its_own_words(messages: Any, asked: Any, native: Any) -> None:
    sent, result = encoded({"messages": messages, "tools": [tool("f")], **asked})
    assert sent["additionalModelRequestFields"] == {"tool_choice": native}
    assert "toolChoice" not in sent["toolConfig"]  # the vendor refuses both
    assert "system" not in sent
    assert noted(result) == []


def test_an_older_claude_is_told_in_converses_words_alone() -> None:
    sent, result = encoded({"messages": [HI], "tools": [tool("f")], "parallel_tool_calls": False}, CLAUDE_3)
    assert "additionalModelRequestFields" not in sent
    assert noted(result) == ["parallel_tool_calls"]


PALMYRA = "us.writer.palmyra-x5-v1:0"
MISTRAL = "us.mistral.pixtral-large-2502-v1:0"
SAID = {"role": "user", "content": "And now?"}
FILE = {"role": "user", "content": [{"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}}]}


@pytest.mark.parametrize(
    ("model", "after", "split"),
    [(LLAMA, SAID, True), (MISTRAL, SAID, True), (PALMYRA, SAID, True), (NOVA, SAID, False), (SONNET_4_5, SAID, False),
     (SONNET_4_5, FILE, True), (NOVA, FILE, False)],
)  # fmt: skip
def test_what_may_not_stand_beside_a_tools_result_comes_after_it(model: str, after: Any, split: bool) -> None:
    sent, result = encoded({"messages": loop("4", after), "tools": [tool("f")]}, model)
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["user", "assistant", "user", *(["assistant", "user"] if split else [])]
    assert "toolResult" in sent["messages"][2]["content"][0]
    assert len(sent["messages"][2]["content"]) == 1 or not split
    assert ("messages[3]" in "".join(noted(result, "added"))) == (split or after is FILE)


def test_results_alone_stay_as_they_are() -> None:
    sent, result = encoded({"messages": loop(), "tools": [tool("f")]}, LLAMA)
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert noted(result) == []


@pytest.mark.parametrize("model", ["qwen.qwen3-vl-235b-a22b", "moonshotai.kimi-k2.5", MISTRAL])
def test_an_image_that_a_result_may_not_hold_follows_it(model: str) -> None:
    sent, result = encoded({"messages": loop([{"type": "text", "text": "see"}, IMAGE]), "tools": [tool("f")]}, model)
    (held,) = [block["toolResult"] for block in sent["messages"][2]["content"] if "toolResult" in block]
    assert held["content"] == [{"text": "see"}, {"text": "(The image follows the results.)"}]
    assert sent["messages"][-1]["content"][-1] == {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert noted(result, "approximated") == ["messages[2].content"]


@pytest.mark.parametrize(
    ("model", "effort", "fields", "named"),
    [
        ("openai.gpt-6-sol", "high", {"reasoning": {"effort": "high"}}, []),
        ("us.xai.grok-4.6", "none", {"reasoning": {"effort": "low"}}, ["reasoning_effort"]),
        ("us.xai.grok-4.6", "max", {"reasoning": {"effort": "xhigh"}}, ["reasoning_effort"]),
        ("zai.glm-5", "low", {"reasoning_effort": "high"}, ["reasoning_effort"]),
        ("zai.glm-5", "none", None, []),
        ("deepseek.v3.2", "high", {"reasoning_effort": "high"}, []),
    ],
)
def test_newer_families_are_told_how_hard_to_think_in_their_own_field(model: str, effort: str, fields: Any, named: list[str]) -> None:
    sent, result = encoded({"messages": [HI], "reasoning_effort": effort}, model)
    assert sent.get("additionalModelRequestFields") == fields
    assert noted(result) == named


def test_models_without_sampling_get_none() -> None:
    sent, result = encoded({"messages": [HI], "temperature": 0.5, "top_p": 0.5, "max_tokens": 9}, "us.xai.grok-4.6")
    assert sent["inferenceConfig"] == {"maxTokens": 9}
    assert noted(result, "dropped") == ["temperature", "top_p"]


def test_fable_has_structured_outputs_at_its_makers_alone() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "r", "schema": schema}}
    sent, result = encoded({"messages": [HI], "response_format": wanted}, "us.anthropic.claude-fable-5")
    assert "textFormat" not in sent.get("outputConfig", {})
    assert (result.json_tool, result.check) == ("r", "schema")
