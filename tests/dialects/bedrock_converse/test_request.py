"""What reaches Converse: every row of the translation table, each body checked by botocore's own model of the API."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.strategies import PDF, PNG, chat_bodies, decoded
from trunkline.dialects import bedrock_converse
from trunkline.errors import CallerError

from .asking import BIG, HI, IMAGE, LOOP, asking, call, calling, tool
from .oracle import CLAUDE_3, LLAMA, NOVA, NOVA_2, SONNET_4_5, SONNET_4_6, encoded, faults, noted, target

MODELS = [
    CLAUDE_3,
    SONNET_4_5,
    SONNET_4_6,
    "anthropic.claude-opus-5",
    NOVA,
    NOVA_2,
    LLAMA,
    "openai.gpt-oss-120b-1:0",
    "qwen.qwen3-32b-v1:0",
    "us.deepseek.r1-v1:0",
    "mistral.mistral-large-2407-v1:0",
    "amazon.titan-text-express-v1",
]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(chat_bodies(media=frozenset({"image", "file"}), unanswered=True), st.sampled_from(MODELS))
def test_whatever_is_asked_the_vendors_model_accepts_the_body(body: dict[str, Any], model: str) -> None:
    fetched = json.loads(json.dumps(body).replace("https://example.com/cat.jpg", IMAGE["image_url"]["url"]))  # type: ignore[index]
    result = bedrock_converse.encode_request(decoded(fetched), target(model))
    assert faults(json.loads(result.http.body)) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        {"messages": [], "inferenceConfig": {"maxTokens": 0}},
        {"messages": [], "requestMetadata": {"a": "ü"}},
        {"messages": [], "toolConfig": {"tools": [{"toolSpec": {"name": "a.b", "inputSchema": {"json": {}}}}]}},
    ],
)
def test_the_oracle_refuses_what_the_vendor_refuses(bad: dict[str, Any]) -> None:
    assert faults(bad)


# ── where it goes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        (CLAUDE_3, "anthropic.claude-3-haiku-20240307-v1%3A0"),
        ("arn:aws:bedrock:us-east-1:0:inference-profile/us.a.b", "arn%3Aaws%3Abedrock%3Aus-east-1%3A0%3Ainference-profile%2Fus.a.b"),
    ],
)
def test_the_model_is_one_encoded_segment_of_the_path(model: str, segment: str) -> None:
    _, unary = encoded({"messages": [HI]}, model)
    _, stream = encoded({"messages": [HI], "stream": True}, model)
    assert unary.http.url == f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{segment}/converse"
    assert stream.http.url == unary.http.url + "-stream"


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────


def test_system_texts_stay_in_order_and_later_ones_in_their_place() -> None:
    sent, _ = encoded(
        {"messages": [{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}, HI, {"role": "system", "content": "C"}]}
    )
    assert sent["system"] == [{"text": "A"}, {"text": "B"}]
    assert sent["messages"] == [{"role": "user", "content": [{"text": "Hi"}, {"text": "<system>\nC\n</system>"}]}]


def test_a_model_without_a_system_prompt_reads_it_from_the_user() -> None:
    sent, result = encoded({"messages": [{"role": "system", "content": "A"}, HI]}, "amazon.titan-text-express-v1")
    assert "system" not in sent
    assert sent["messages"][0]["content"] == [{"text": "A"}, {"text": "Hi"}]
    assert noted(result, "approximated") == ["messages"]


def test_calls_and_results_match_come_in_call_order_and_before_text() -> None:
    long = "call_" + "x" * 80
    sent, _ = encoded(
        {
            "tools": [tool("get.weather"), tool("f")],
            "messages": [
                HI,
                {"role": "assistant", "content": "Well", "tool_calls": [call(long, "get.weather", BIG), call("b", "f", "")]},
                {"role": "tool", "tool_call_id": "b", "content": "no", "is_error": True},
                {"role": "tool", "tool_call_id": long, "content": [{"type": "text", "text": "see"}, IMAGE]},
                {"role": "user", "content": "And?"},
            ],
        }
    )  # fmt: skip
    said, first, second = sent["messages"][1]["content"]
    assert said == {"text": "Well"}
    assert first["toolUse"]["name"] == "get_weather"
    assert first["toolUse"]["input"] == {"n": 12345678901234567890}
    assert second["toolUse"] == {"toolUseId": "b", "name": "f", "input": {}}
    answers = sent["messages"][2]["content"]
    assert [a["toolResult"]["toolUseId"] for a in answers[:2]] == [first["toolUse"]["toolUseId"], "b"]
    assert answers[0]["toolResult"]["content"] == [{"text": "see"}, {"image": {"format": "png", "source": {"bytes": PNG}}}]
    assert answers[1]["toolResult"] == {"toolUseId": "b", "content": [{"text": "no"}], "status": "error"}
    assert answers[2] == {"text": "And?"}


def test_no_id_is_said_twice_in_a_conversation() -> None:
    made, _ = encoded({"messages": [*LOOP, *LOOP], "tools": [tool("f")]}, SONNET_4_5)
    blocks = [block for message in made["messages"] for block in message["content"]]
    uses = [(block.get("toolUse") or block["toolResult"])["toolUseId"] for block in blocks if "text" not in block]
    assert uses == ["c1", "c1", "c1_2", "c1_2"]


def test_tool_names_are_made_legal_and_mapped_back() -> None:
    sent, result = encoded({"tools": [tool("a.b"), tool("a_b"), tool("3d"), tool("y" * 70)], "messages": [HI]})
    wire = [t["toolSpec"]["name"] for t in sent["toolConfig"]["tools"]]
    assert len(set(wire)) == 4
    assert wire[1:3] == ["a_b", "3d"]
    assert [result.names.get(name, name) for name in wire] == ["a.b", "a_b", "3d", "y" * 70]


def test_an_empty_result_still_answers_its_call() -> None:
    sent, result = encoded({"tools": [tool("f")], "messages": [*LOOP[:2], {"role": "tool", "tool_call_id": "c1", "content": ""}]})
    assert sent["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": "(no output)"}]
    assert noted(result, "added") == ["messages[2].content"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (calling("c", "{broken"), "messages[1].tool_calls[0].function.arguments"),
        ({"messages": [HI, {"role": "tool", "tool_call_id": "zz", "content": "1"}]}, "messages[1].tool_call_id"),
        ({"messages": [*calling("c")["messages"], HI]}, "messages[1].tool_calls[0]"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages[0].content"),
        (asking(type="image_url", image_url={"url": "data:image/tiff;base64,AAAA"}), "messages[0].content[0].image_url.url"),
        (asking(type="image_url", image_url={"url": "https://x.test/a.png"}), "messages[0].content[0].image_url.url"),
        (asking(type="file", file={"file_id": "file-1"}), "messages[0].content[0].file.file_id"),
        (asking(type="input_audio", input_audio={"data": "AAAA", "format": "wav"}), "messages[0].content[0]"),
        ({"messages": [HI], "max_tokens": 0}, "max_tokens"),
        ({"messages": [HI], "reasoning_effort": "much"}, "reasoning_effort"),
        ({"messages": [HI], "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(CallerError) as caught:
        bedrock_converse.encode_request(decoded({"model": "m", **body}), target())
    assert (caught.value.status, caught.value.param) == (400, param)


def test_files_become_blocks_with_legal_unique_names() -> None:
    def file(name: str, data: str) -> dict[str, Any]:
        return {"type": "file", "file": {"filename": name, "file_data": data}}

    pdf = f"data:application/pdf;base64,{PDF}"
    parts = [
        file("my_paper.v2.pdf", pdf),
        file("my paper v2.pdf", pdf),
        file("é.pdf", pdf),
        file("notes.md", base64.b64encode(b"# x").decode()),
        file("", PDF),
    ]
    sent, result = encoded({"messages": [{"role": "user", "content": parts}]})
    text, *documents = sent["messages"][0]["content"]
    assert "text" in text
    assert noted(result, "added") == ["messages[0].content[0]"]
    assert [(d["document"]["name"], d["document"]["format"]) for d in documents] == [
        ("my paper v2", "pdf"), ("my paper v2 2", "pdf"), ("Document", "pdf"), ("notes", "md"), ("Document 2", "pdf"),
    ]  # fmt: skip
    assert documents[0]["document"]["source"] == {"bytes": PDF}


def test_media_at_web_addresses_is_to_be_fetched_and_s3_is_not() -> None:
    request = decoded(
        {
            "model": "m",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "see"},
                        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                        {"type": "file", "file": {"file_data": "http://x.test/b.pdf"}},
                        {"type": "video_url", "video_url": {"url": "s3://bucket/c.mp4"}},
                        IMAGE,
                    ],
                }
            ],
        }
    )
    assert bedrock_converse.remote_media(request, target(NOVA)) == ["https://x.test/a.png", "http://x.test/b.pdf"]


def test_video_from_s3_reaches_a_model_that_sees() -> None:
    parts = [{"type": "text", "text": "?"}, {"type": "video_url", "video_url": {"url": "s3://bucket/c.mp4"}}]
    sent, _ = encoded({"messages": [{"role": "user", "content": parts}]}, NOVA)
    assert sent["messages"][0]["content"][1] == {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/c.mp4"}}}}


def test_a_cache_mark_is_a_cache_point_after_its_part() -> None:
    marked = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = {
        "messages": [{"role": "system", "content": [marked]}, {"role": "user", "content": [marked, {"type": "text", "text": "?"}]}],
        "tools": [{**tool("f"), "cache_control": {"type": "ephemeral"}}],
    }
    sent, _ = encoded(body)
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert sent["system"] == [{"text": "long"}, point]
    assert sent["messages"][0]["content"] == [{"text": "long"}, point, {"text": "?"}]
    assert sent["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    sent, result = encoded(body, NOVA)
    assert sent["system"][1] == {"cachePoint": {"type": "default"}}
    marks = ["messages[0].content[0].cache_control", "messages[1].content[0].cache_control"]
    assert noted(result) == ["tools[0].cache_control", *(f"{mark}.ttl" for mark in marks)]
    sent, result = encoded(body, CLAUDE_3)
    assert sent["system"][1] == {"cachePoint": {"type": "default"}}
    assert noted(result, "approximated") == [f"{mark}.ttl" for mark in marks]
    sent, result = encoded(body, LLAMA)
    assert "cachePoint" not in json.dumps(sent)
    assert sorted(noted(result)) == [
        "messages[0].content[0].cache_control",
        "messages[1].content[0].cache_control",
        "tools[0].cache_control",
    ]


def test_signed_reasoning_goes_back_first_and_unchanged() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "bedrock"},
        {"type": "reasoning.encrypted", "data": "RXU4", "format": "bedrock"},
        {"type": "reasoning.encrypted", "data": "Eu8", "format": "anthropic"},
        {"type": "reasoning.text", "text": "other", "signature": "x", "format": "gemini"},
    ]
    body = {"tools": [tool("f")], "messages": [HI, {**LOOP[1], "reasoning_details": details, "content": "So"}, LOOP[2]]}
    sent, result = encoded(body)
    assert sent["messages"][1]["content"][:4] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "RXU4"}},
        {"reasoningContent": {"redactedContent": base64.b64encode(b"Eu8").decode()}},
        {"text": "So"},
    ]
    assert noted(result) == ["messages[1].reasoning_details"]
    sent, result = encoded(body, NOVA)
    assert "reasoningContent" not in json.dumps(sent)
    assert noted(result) == ["messages[1].reasoning_details"]


@pytest.mark.parametrize(("model", "prefilled"), [(CLAUDE_3, True), (NOVA, True), (SONNET_4_6, False), (LLAMA, False)])
def test_a_last_assistant_message_is_kept_as_a_beginning_only_where_the_model_takes_one(model: str, prefilled: bool) -> None:
    sent, result = encoded({"messages": [HI, {"role": "assistant", "content": "The answer is "}]}, model)
    assert sent["messages"][1]["content"] == [{"text": "The answer is" if prefilled else "The answer is "}]
    assert len(sent["messages"]) == (2 if prefilled else 3)
    assert noted(result) == (["messages[1].content"] if prefilled else ["messages"])


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────


def test_limits_and_stops() -> None:
    sent, result = encoded({"messages": [HI], "max_completion_tokens": 50, "max_tokens": 9, "stop": ["END", "\n"]})
    assert sent["inferenceConfig"] == {"maxTokens": 50, "stopSequences": ["END"]}
    assert noted(result) == ["stop"]
    sent, result = encoded({"messages": [HI], "max_tokens": 900_000})
    assert sent["inferenceConfig"]["maxTokens"] == 64_000
    assert noted(result, "clamped") == ["max_tokens"]
    sent, _ = encoded({"messages": [HI], "stop": "END"}, LLAMA)
    assert sent["inferenceConfig"] == {"stopSequences": ["END"]}


@pytest.mark.parametrize(
    ("model", "config", "fields", "notes"),
    [
        (CLAUDE_3, {"temperature": 1, "topP": 0.5}, {"top_k": 7}, ["temperature"]),
        (SONNET_4_5, {"temperature": 1}, {"top_k": 7}, ["temperature", "top_p"]),
        ("anthropic.claude-opus-4-7", None, None, ["temperature", "top_k", "top_p"]),
        (NOVA, {"temperature": 1, "topP": 0.5}, {"inferenceConfig": {"topK": 7}}, ["temperature"]),
        (LLAMA, {"temperature": 1, "topP": 0.5}, None, ["temperature", "top_k"]),
    ],
)
def test_sampling_as_each_family_takes_it(model: str, config: Any, fields: Any, notes: list[str]) -> None:
    sent, result = encoded({"messages": [HI], "temperature": 1.7, "top_p": 0.5, "top_k": 7}, model)
    assert sent.get("inferenceConfig") == config
    assert sent.get("additionalModelRequestFields") == fields
    assert sorted(noted(result)) == notes


@pytest.mark.parametrize(
    ("model", "effort", "fields", "output", "notes"),
    [
        (SONNET_4_5, "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None, []),
        (SONNET_4_6, "high", {"thinking": {"type": "adaptive"}}, {"effort": "high"}, []),
        (SONNET_4_6, "none", None, None, []),
        (CLAUDE_3, "low", None, None, ["reasoning_effort"]),
        (NOVA_2, "minimal", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, None, ["reasoning_effort"]),
        (NOVA_2, "none", {"reasoningConfig": {"type": "disabled"}}, None, []),
        (NOVA, "none", None, None, []),
        ("openai.gpt-oss-120b-1:0", "xhigh", {"reasoning_effort": "high"}, None, ["reasoning_effort"]),
        ("qwen.qwen3-32b-v1:0", "medium", {"reasoning_config": "medium"}, None, []),
        ("us.deepseek.r1-v1:0", "high", None, None, ["reasoning_effort"]),
        (LLAMA, "high", None, None, ["reasoning_effort"]),
    ],
)
def test_reasoning_effort_as_each_family_takes_it(model: str, effort: str, fields: Any, output: Any, notes: list[str]) -> None:
    sent, result = encoded({"messages": [HI], "reasoning_effort": effort}, model)
    assert sent.get("additionalModelRequestFields") == fields
    assert sent.get("outputConfig") == output
    assert noted(result) == notes


def test_thinking_by_budget_fits_below_the_limit_and_drops_what_the_vendor_refuses_beside_it() -> None:
    body = {"messages": [HI], "reasoning_effort": "medium", "max_tokens": 1000, "temperature": 0.3, "top_k": 5, "top_p": 0.4,
            "tools": [tool("f")], "tool_choice": "required"}  # fmt: skip
    sent, result = encoded(body)
    budget = sent["additionalModelRequestFields"]["thinking"]["budget_tokens"]
    assert 1024 <= budget < sent["inferenceConfig"]["maxTokens"] == budget + 1000
    assert sent["inferenceConfig"].keys() == {"maxTokens"}
    assert sent["additionalModelRequestFields"].keys() == {"thinking"}
    assert "toolChoice" not in sent["toolConfig"]
    assert sorted(noted(result)) == ["max_tokens", "temperature", "tool_choice", "top_k", "top_p"]


def test_a_tool_loop_thinks_on_only_with_its_signed_reasoning() -> None:
    body = {"messages": LOOP, "tools": [tool("f")], "reasoning_effort": "low"}
    sent, result = encoded(body)
    assert "additionalModelRequestFields" not in sent
    assert noted(result) == ["reasoning_effort"]
    signed = {**LOOP[1], "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", "format": "bedrock"}]}
    sent, result = encoded({**body, "messages": [LOOP[0], signed, LOOP[2]]})
    assert sent["additionalModelRequestFields"]["thinking"]["type"] == "enabled"
    assert noted(result) == []


def test_nova_at_its_highest_takes_no_limit_and_no_sampling() -> None:
    sent, result = encoded({"messages": [HI], "reasoning_effort": "high", "temperature": 0.1, "top_p": 0.5, "top_k": 3}, NOVA_2)
    assert "inferenceConfig" not in sent
    assert sent["additionalModelRequestFields"] == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}
    assert noted(result) == ["temperature", "top_p", "top_k"]
    sent, result = encoded({"messages": [HI], "reasoning_effort": "high", "max_tokens": 100}, NOVA_2)
    assert sent["inferenceConfig"] == {"maxTokens": 100}
    assert sent["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"] == "medium"
    assert noted(result) == ["reasoning_effort"]


def test_metadata_within_the_vendors_alphabet_and_number() -> None:
    entries = {f"k{i}": "v" for i in range(14)}
    sent, result = encoded(
        {"messages": [HI], "metadata": {**entries, "bad": "a;b", "é": "x"}, "user": "u-1", "safety_identifier": "s", "store": True}
    )
    assert sent["requestMetadata"] == {**entries, "user": "u-1", "safety_identifier": "s"}
    assert sorted(noted(result, "dropped")) == ["metadata.bad", "metadata.é", "store"]
    sent, result = encoded({"messages": [HI], "metadata": {f"k{i}": "v" for i in range(16)}, "user": "u"})
    assert len(sent["requestMetadata"]) == 16
    assert noted(result) == ["user"]


@pytest.mark.parametrize(
    ("tier", "type"), [("flex", "flex"), ("default", "default"), ("priority", "priority"), ("auto", None), ("scale", None)]
)
def test_the_service_tier_is_a_member_of_its_own(tier: str, type: str | None) -> None:
    sent, result = encoded({"messages": [HI], "service_tier": tier})
    assert sent.get("serviceTier") == ({"type": type} if type else None)
    assert noted(result) == (["service_tier"] if tier == "scale" else [])


def test_what_has_no_like_is_named_and_what_means_nothing_is_not() -> None:
    lost = {"seed": 1, "logprobs": True, "top_logprobs": 2, "logit_bias": {"5": 1}, "presence_penalty": 0.5, "frequency_penalty": 0.5,
            "verbosity": "low", "prediction": {"type": "content", "content": "x"}, "prompt_cache_key": "k", "strange": 1}  # fmt: skip
    sent, result = encoded({"messages": [HI], "tools": [tool("f")], "parallel_tool_calls": False, "n": 3, **lost}, NOVA)
    assert sent.keys() == {"messages", "toolConfig"}
    assert sorted(noted(result, "dropped")) == sorted([*lost, "parallel_tool_calls"])
    assert result.fan_out == 3
    _, result = encoded({"messages": [HI], "seed": None, "store": False, "presence_penalty": 0, "n": 1, "tools": []})
    assert noted(result) == []


def test_the_vendors_own_members_go_through() -> None:
    guard = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    sent, result = encoded(
        {
            "messages": [HI],
            "guardrail_config": guard,
            "performanceConfig": {"latency": "optimized"},
            "top_k": 3,
            "additionalModelRequestFields": {"anthropic_beta": ["x"]},
            "requestMetadata": {"a": "b"},
            "thinking": {"type": "enabled", "budget_tokens": 2000},
        }
    )
    assert sent["guardrailConfig"] == guard
    assert sent["performanceConfig"] == {"latency": "optimized"}
    assert sent["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2000}, "anthropic_beta": ["x"]}
    assert sent["requestMetadata"] == {"a": "b"}
    assert noted(result) == ["top_k"]
