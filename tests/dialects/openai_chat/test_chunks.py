"""Events as chunks: a client that joins them by OpenAI's rules reads the whole answer that the events fold to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from tests.dialects.openai_chat.events import answers
from trunkline.chat import Event, Extra, Failed, Finished, Metered, Started, TextDelta, ToolDelta, ToolStarted, Usage
from trunkline.dialects.openai_chat import ChunkEncoder
from trunkline.fold import completion, fold
from trunkline.stamp import Stamp

STAMP = Stamp("chatcmpl-1", 7)


def encoded(events: list[Event], *, legacy: bool = False) -> list[dict[str, Any]]:
    encoder = ChunkEncoder(STAMP, "asked", legacy=legacy)
    payloads = [payload for event in events for payload in encoder.encode([event])]
    assert payloads == ChunkEncoder(STAMP, "asked", legacy=legacy).encode(events), "however many events come at once"
    usage = encoder.usage_chunk()
    return [json.loads(payload) for payload in [*payloads, *([usage] if usage else [])]]


def joined(chunks: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What a client that follows OpenAI's documentation makes of the chunks: texts joined, calls by index, lists appended."""
    messages: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            held = messages.setdefault(choice["index"], {"calls": {}, "finish_reason": None, "logprobs": None})
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    for piece in value:
                        form, text = ("custom", "input") if "custom" in piece else ("function", "arguments")
                        call = held["calls"].setdefault(piece["index"], {**piece, form: {**piece[form], text: ""}})
                        call[form][text] += piece[form][text]
                elif name == "function_call":
                    call = held.setdefault("function_call", {"name": value.get("name"), "arguments": ""})
                    call["arguments"] += value.get("arguments", "")
                elif name == "role":
                    assert "role" not in held, "the role once"
                    held["role"] = value
                elif isinstance(value, list):
                    entries = held.setdefault(name, [])
                    for entry in value:
                        assert entry["index"] == len(entries), "OpenAI's clients join lists by index"
                        entries.append({key: item for key, item in entry.items() if key != "index"})
                elif isinstance(value, str):
                    held[name] = held.get(name, "") + value
            for name in ("finish_reason", "native_finish_reason", "odd"):
                held[name] = choice.get(name) or held.get(name)
            if choice["logprobs"]:
                held["logprobs"] = {"content": (held["logprobs"] or {"content": []})["content"] + choice["logprobs"]["content"]}
    return messages


@settings(max_examples=200)
@given(answers(customs=True))
def test_the_joined_chunks_are_what_the_events_fold_to(events: list[Event]) -> None:
    chunks = encoded(events)
    whole = completion(fold(events), STAMP)
    messages = joined(chunks)
    assert sorted(messages) == [choice["index"] for choice in whole["choices"]]
    for choice in whole["choices"]:
        message, read = choice["message"], messages[choice["index"]]
        assert read["role"] == "assistant"
        assert (read.get("content") or "") == (message["content"] or "")
        for name in ("refusal", "reasoning_content"):
            assert (read.get(name) or "") == (message.get(name) or "")
        for name in ("reasoning_details", "annotations"):
            assert read.get(name) == message.get(name)
        calls = [{name: value for name, value in call.items() if name != "index"} for _, call in sorted(read["calls"].items())]
        assert calls == message.get("tool_calls", [])
        assert read["logprobs"] == choice["logprobs"]
        for name in ("finish_reason", "native_finish_reason", "odd"):
            assert read[name] == choice.get(name)
    assert {chunk["id"] for chunk in chunks} == {whole["id"]}
    assert [chunk["usage"] for chunk in chunks if "usage" in chunk] == ([whole["usage"]] if "usage" in whole else [])


@settings(max_examples=60)
@given(answers())
def test_every_chunk_keeps_openais_promises(events: list[Event]) -> None:
    chunks = encoded(events)
    usage = [chunk for chunk in chunks if not chunk["choices"]]
    assert usage == [chunk for chunk in chunks if "usage" in chunk] == chunks[len(chunks) - len(usage) :]
    begun: set[int] = set()
    finished: list[int] = []
    for chunk in chunks:
        assert (chunk["id"], chunk["object"], chunk["created"], chunk["model"]) == ("x", "chat.completion.chunk", 1, "served")
        ChatCompletionChunk.model_validate(chunk, strict=True)
        for choice in chunk["choices"]:
            assert choice["index"] in begun or choice["delta"]["role"] == "assistant", "the role comes first"
            begun.add(choice["index"])
            if choice["finish_reason"]:
                finished.append(choice["index"])
    assert sorted(finished) == sorted(set(finished)) == sorted(begun), "one finish a choice"


@settings(max_examples=60)
@given(answers(choices=1))
def test_openais_own_client_reads_the_whole_answer(events: list[Event]) -> None:
    state: ChatCompletionStreamState[Any] = ChatCompletionStreamState()
    for chunk in encoded(events):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    read = state.get_final_completion()
    for choice, ours in zip(read.choices, completion(fold(events), STAMP)["choices"], strict=True):
        assert (choice.message.content or "") == (ours["message"]["content"] or "")
        assert (choice.message.refusal or "") == (ours["message"]["refusal"] or "")
        calls = [(c.id, c.function.name, c.function.arguments) for c in choice.message.tool_calls or () if c.type == "function"]
        assert calls == [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in ours["message"].get("tool_calls", ())]
        assert choice.finish_reason == ours["finish_reason"]


@given(answers(choices=1), st.integers(0, 12))
def test_members_that_come_late_never_make_a_chunk_without_choices(events: list[Event], at: int) -> None:
    events.insert(min(at, len(events) - 1), Extra({"citations": ["https://a"]}))
    chunks = encoded(events)
    assert all(chunk["choices"] or "usage" in chunk for chunk in chunks)
    assert sum("citations" in chunk for chunk in chunks) == 1, "and come once"


def test_a_head_written_once_is_written_again_when_the_vendor_says_more() -> None:
    events: list[Event] = [
        TextDelta("a"),
        TextDelta("b"),
        Started("x", "served", 5, {"system_fingerprint": "fp"}),
        TextDelta("c"),
        TextDelta("d"),
    ]
    chunks = encoded(events)
    assert [chunk["id"] for chunk in chunks] == ["chatcmpl-1", "chatcmpl-1", "x", "x"]
    assert [chunk.get("system_fingerprint") for chunk in chunks] == [None, None, "fp", "fp"]


def test_an_answer_without_an_id_or_time_gets_ours() -> None:
    chunk = encoded([Started(), TextDelta("a")])[0]
    assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-1", 7, "asked")


def test_a_custom_call_has_openais_form_and_no_function() -> None:
    events: list[Event] = [ToolStarted(0, "a", "run", custom=True), ToolDelta(0, "print("), ToolDelta(0, "1)"), Finished("tool_calls")]
    calls = [chunk["choices"][0]["delta"].get("tool_calls") for chunk in encoded(events)]
    assert calls == [
        [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": ""}}],
        [{"index": 0, "custom": {"input": "print("}}],
        [{"index": 0, "custom": {"input": "1)"}}],
        None,
    ]
    whole = {"id": "a", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    assert completion(fold(events), STAMP)["choices"][0]["message"]["tool_calls"] == [whole]


@pytest.mark.parametrize("first", ["custom", "function"])
def test_a_custom_call_has_no_form_as_a_function_call(first: str) -> None:
    """A caller of the older generation that offers both kinds gets the first call's form for all of an answer, streamed and whole."""
    events: list[Event] = [
        ToolStarted(0, "a", "x", custom=first == "custom"), ToolDelta(0, "{}"), ToolStarted(1, "b", "y", custom=first != "custom"),
        ToolDelta(1, "{}"), Finished("tool_calls"),
    ]  # fmt: skip
    whole = completion(fold(events), STAMP, legacy=True)["choices"][0]
    read = joined(encoded(events, legacy=True))[0]
    calls = [{name: value for name, value in call.items() if name != "index"} for _, call in sorted(read["calls"].items())]
    assert calls == whole["message"].get("tool_calls", [])
    assert read.get("function_call") == whole["message"].get("function_call")
    assert read["finish_reason"] == whole["finish_reason"] == ("tool_calls" if first == "custom" else "function_call")


@pytest.mark.parametrize("pieces", [[], [""], ["", ""]])
def test_a_call_without_arguments_is_an_empty_object(pieces: list[str]) -> None:
    events: list[Event] = [ToolStarted(0, "a", "f"), *(ToolDelta(0, piece) for piece in pieces), Finished("tool_calls")]
    assert joined(encoded(events))[0]["calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert completion(fold(events), STAMP)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_who_offered_functions_gets_function_call() -> None:
    events: list[Event] = [
        ToolStarted(0, "a", "f"), ToolDelta(0, '{"x"'), ToolDelta(0, ":1}"), ToolStarted(1, "b", "g"), Finished("tool_calls", 0, "tool_use")
    ]  # fmt: skip
    chunks = encoded(events, legacy=True)
    read = joined(chunks)[0]
    assert read["function_call"] == {"name": "f", "arguments": '{"x":1}'}, "there is room for one call"
    assert read["finish_reason"] == "function_call"
    assert not read["calls"]
    assert completion(fold(events), STAMP, legacy=True)["choices"][0]["message"]["function_call"] == read["function_call"]
    empty: list[Event] = [ToolStarted(0, "a", "f"), Finished("tool_calls")]
    assert joined(encoded(empty, legacy=True))[0]["function_call"] == {"name": "f", "arguments": "{}"}


def test_usage_is_a_chunk_only_where_the_vendor_gave_one_and_the_last_counts() -> None:
    assert encoded([TextDelta("a")])[-1]["choices"]
    assert encoded([TextDelta("a"), Metered(Usage(cached=1))])[-1]["choices"], "a usage that counts nothing is none"
    chunks = encoded([TextDelta("a"), Metered(Usage(1, 1)), Metered(Usage(1, 9))])
    assert chunks[-1]["usage"] == {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}


def test_a_failure_is_the_pipelines_to_report() -> None:
    assert encoded([Failed("no luck")]) == []
