"""The blocks of the vendor's own tools, handed back: each where it stood, so that a paused turn goes on and what was found is known.

Written by hand from https://platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools ("pass the response back as-is").
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import beta
from pydantic import TypeAdapter

from tests.dialects.anthropic_messages.asking import USER, answer, asked, call, encode, notes, target
from tests.dialects.anthropic_messages.oracle import walk
from tests.dialects.anthropic_messages.test_odd_answers import whole
from tests.dialects.anthropic_messages.test_stream import START, begin, end, piece, run, stop
from tests.dialects.openai_chat.asking import decode as asking
from tests.recordings import ABSENT, PRESENT, Recording, recordings
from tests.replay.passing import STAMP
from tests.replay.passing import whole as completed
from tests.strategies import decoded
from trunkline.chat import Event
from trunkline.dialects import dialect
from trunkline.errors import CallerError
from trunkline.fold import completion, fold
from trunkline.target import Encoded, Target

Json = dict[str, Any]
USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Oslo"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
    {"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "E", "page_age": None},
]}  # fmt: skip
AGAIN = {**USE, "id": "srvtoolu_2"}
FOUND_AGAIN = {**FOUND, "tool_use_id": "srvtoolu_2"}
THOUGHTS = [{"type": "reasoning.text", "text": word, "signature": f"s{word}", "format": "anthropic"} for word in ("one", "two")]
ONE, TWO = ({"type": "thinking", "thinking": word, "signature": f"s{word}"} for word in ("one", "two"))
SEARCH = [{"type": "web_search_20250305", "name": "web_search"}]

TYPES: dict[str, Any] = {
    "text": beta.BetaTextBlockParam, "thinking": beta.BetaThinkingBlockParam, "tool_use": beta.BetaToolUseBlockParam,
    "server_tool_use": beta.BetaServerToolUseBlockParam, "web_search_tool_result": beta.BetaWebSearchToolResultBlockParam,
}  # fmt: skip


def place(content: int = 0, thoughts: int = 0, calls: int = 0) -> Json:
    return {"format": "anthropic", "content": content, "reasoning_details": thoughts, "tool_calls": calls}


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def turns(encoded: Encoded) -> list[Json]:
    """The turns, each block judged by the vendor's own type of what a request may hold."""
    made: list[Json] = json.loads(encoded.http.body)["messages"]
    for turn in made:
        for block in turn["content"]:
            if block["type"] in TYPES:
                walk(TypeAdapter(TYPES[block["type"]]).validate_python(block, strict=True))
    return made


def sent(*messages: Json, **fields: Any) -> list[Json]:
    """The content of the assistant's turn."""
    found: list[Json] = turns(encode(USER, *messages, tools=SEARCH, **fields))[1]["content"]
    return found


def test_each_block_stands_where_it_stood() -> None:
    said = {
        "role": "assistant", "content": "I look.It is cold.", "reasoning_details": THOUGHTS,
        "provider_blocks": [USE, FOUND, AGAIN, FOUND_AGAIN],
        "provider_places": [place(7, 1), place(7, 1), place(7, 2), place(7, 2)],
    }  # fmt: skip
    assert sent(said, USER) == [ONE, text("I look."), USE, FOUND, TWO, AGAIN, FOUND_AGAIN, text("It is cold.")]


def test_without_their_places_blocks_stand_between_the_reasoning_and_the_text() -> None:
    said = {"role": "assistant", "content": "It is cold.", "reasoning_details": THOUGHTS[:1], "provider_blocks": [USE, FOUND]}
    assert sent(said, USER) == [ONE, USE, FOUND, text("It is cold.")]


def test_the_index_of_a_streamed_list_is_no_member_of_the_block() -> None:
    said = {
        "role": "assistant", "content": "a",
        "provider_blocks": [{"index": 0, **USE}, {"index": 1, **FOUND}],
        "provider_places": [{"index": 0, **place()}, {"index": 1, **place()}],
    }  # fmt: skip
    assert sent(said, USER) == [USE, FOUND, text("a")]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-5-5"])
def test_a_paused_turn_goes_on(model: str) -> None:
    paused = {"role": "assistant", "content": "I look. ", "provider_blocks": [USE], "provider_places": [place(8)]}
    encoded = encode(USER, paused, model=model, tools=SEARCH)
    assert turns(encoded)[1:] == [{"role": "assistant", "content": [text("I look. "), USE]}]
    assert notes(encoded) == []


def test_a_turn_whose_text_came_last_was_not_paused() -> None:
    done = {"role": "assistant", "content": "I look.Cold.", "provider_blocks": [USE, FOUND], "provider_places": [place(7), place(7)]}
    encoded = encode(USER, done, model="claude-opus-5-5", tools=SEARCH)
    assert [turn["role"] for turn in turns(encoded)] == ["user", "assistant", "user"]
    assert notes(encoded) == [("added", "messages")]


def test_a_paused_turn_and_its_going_on_are_one_turn_in_order() -> None:
    first = {
        "role": "assistant",
        "content": "a",
        "reasoning_details": THOUGHTS[:1],
        "provider_blocks": [USE],
        "provider_places": [place(1, 1)],
    }
    then = {
        "role": "assistant",
        "content": "b",
        "reasoning_details": THOUGHTS[1:],
        "provider_blocks": [FOUND],
        "provider_places": [place()],
    }
    last = {"role": "assistant", "content": "c"}
    assert sent(first, then, last, USER) == [ONE, text("a"), USE, FOUND, TWO, text("b"), text("c")]


def test_a_call_of_the_callers_stands_beside_one_of_the_vendors() -> None:
    said = asked(call("toolu_1"), provider_blocks=[USE], provider_places=[place(calls=1)])
    f = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    made = turns(encode(USER, said, answer("toolu_1"), tools=[*SEARCH, f]))
    assert [block["type"] for block in made[1]["content"]] == ["tool_use", "server_tool_use"]


@pytest.mark.parametrize("kind", [
    "web_fetch_tool_result", "code_execution_tool_result", "bash_code_execution_tool_result", "tool_search_tool_result", "mcp_tool_result",
])  # fmt: skip
def test_results_of_every_tool_of_the_vendors_go_back(kind: str) -> None:
    said = {"role": "assistant", "content": "a", "provider_blocks": [{"type": kind, "tool_use_id": "srvtoolu_1", "content": []}]}
    encoded = encode(USER, said, USER)
    assert b'"%b"' % kind.encode() in encoded.http.body
    assert notes(encoded) == []


@pytest.mark.parametrize(
    ("block", "where"),
    [({"executableCode": {"code": "1"}}, None), ({"type": "web_search_call", "id": "ws_1"}, None), (USE, {"format": "bedrock"}),
     ({**USE, "partial": '{"que'}, place())],
)  # fmt: skip
def test_what_is_no_whole_block_of_the_vendors_is_dropped_by_name(block: Json, where: Json | None) -> None:
    said = {"role": "assistant", "content": "a", "provider_blocks": [block], **({"provider_places": [where]} if where else {})}
    encoded = encode(USER, said, USER)
    assert turns(encoded)[1]["content"] == [text("a")]
    assert notes(encoded) == [("dropped", "messages[1].provider_blocks[0]")]


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"provider_blocks": ["a"]}, "messages[1].provider_blocks[0]"), ({"provider_blocks": [None]}, "messages[1].provider_blocks[0]"),
     ({"provider_blocks": [USE], "provider_places": [{"content": -1}]}, "messages[1].provider_places"),
     ({"provider_blocks": [USE], "provider_places": ["end"]}, "messages[1].provider_places")],
)  # fmt: skip
def test_what_was_never_given_is_refused_by_name(fields: Json, param: str) -> None:
    with pytest.raises(CallerError) as caught:
        encode(USER, {"role": "assistant", "content": "a", **fields}, USER)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("places", [[], [place(10**9, 9, 9)], [place(), place()]])
def test_places_that_do_not_fit_lose_nothing(places: list[Json]) -> None:
    said = {"role": "assistant", "content": "ab", "reasoning_details": THOUGHTS[:1], "provider_blocks": [USE], "provider_places": places}
    blocks = sent(said, USER)
    assert sorted(block["type"] for block in blocks) == ["server_tool_use", "text", "thinking"]
    assert blocks[0] == ONE


def test_camel_case_means_the_same() -> None:
    said = {"role": "assistant", "content": "ab", "providerBlocks": [{**USE, "input": {"toolCalls": 1}}],
            "providerPlaces": [{"format": "anthropic", "content": 1, "reasoningDetails": 0, "toolCalls": 0}]}  # fmt: skip
    request = asking(messages=[USER, said, USER])
    assert turns(dialect("anthropic_messages").encode_request(request, target()))[1]["content"] == [
        text("a"),
        {**USE, "input": {"toolCalls": 1}},
        text("b"),
    ]


OTHERS = ("openai_chat", "openai_responses", "gemini_generate", "bedrock_converse", "cohere_chat", "ollama_chat")


@pytest.mark.parametrize("spoken", OTHERS)
def test_any_other_provider_is_spared_them_and_says_so(spoken: str) -> None:
    kind = {"openai_chat": "openai", "openai_responses": "openai"}.get(spoken, spoken.partition("_")[0])
    model = "anthropic.claude-sonnet-4-5-v1:0" if kind == "bedrock" else "m"
    aimed = Target(provider=kind, kind=kind, model=model, dialect=spoken, base_url="http://h")
    said = {"role": "assistant", "content": "a", "provider_blocks": [USE, FOUND], "provider_places": [place(), place()]}
    encoded = dialect(spoken).encode_request(decoded({"model": "m", "messages": [USER, said, USER]}), aimed)
    assert b"srvtoolu" not in encoded.http.body
    assert b"provider_" not in encoded.http.body
    assert [note.param for note in encoded.notes if note.kind == "dropped"] == ["messages[1].provider_blocks"]


def test_claude_on_vertex_takes_them_too() -> None:
    said = {"role": "assistant", "content": "a", "provider_blocks": [USE, FOUND], "provider_places": [place(), place()]}
    aimed = target(kind="vertex", options={"project": "p", "location": "l"})
    encoded = dialect("anthropic_messages").encode_request(decoded({"model": "m", "messages": [USER, said, USER]}), aimed)
    assert turns(encoded)[1]["content"] == [USE, FOUND, text("a")]


# ── there and back ───────────────────────────────────────────────────────────────────────────────────────

ANSWER = [ONE, text("I look."), USE, FOUND, TWO, AGAIN, FOUND_AGAIN, text("It is "), text("cold.")]


def streamed(*blocks: Json) -> list[Event]:
    """The same answer as a stream."""
    frames: list[Any] = [START]
    for i, block in enumerate(blocks):
        match block["type"]:
            case "text":
                frames += [begin(i, type="text", text=""), piece(i, "text_delta", text=block["text"])]
            case "thinking":
                frames += [begin(i, type="thinking", thinking="", signature=""), piece(i, "thinking_delta", thinking=block["thinking"]),
                           piece(i, "signature_delta", signature=block["signature"])]  # fmt: skip
            case "server_tool_use":
                frames += [begin(i, **{**block, "input": {}}), piece(i, "input_json_delta", partial_json=json.dumps(block["input"]))]
            case _:
                frames.append(begin(i, **block))
        frames.append(stop(i))
    return run(*frames, end("end_turn"))


@pytest.mark.parametrize("events", [whole(*ANSWER), streamed(*ANSWER)], ids=["whole", "streamed"])
def test_an_answer_handed_back_is_what_the_vendor_answered(events: list[Event]) -> None:
    message = completion(fold(events), STAMP)["choices"][0]["message"]
    assert sent(message, USER) == [*ANSWER[:-2], text("It is cold.")]


SEARCHED = [
    one for one in recordings("messages") if not one.stream and one.status == 200 and b"tool_result" in one.body and one.framing == "json"
]


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("recording", SEARCHED, ids=repr)
def test_every_recorded_search_handed_back_is_what_the_vendor_answered(recording: Recording) -> None:
    [choice] = completed(recording)["choices"]
    said: list[Json] = []
    for block in json.loads(recording.body)["content"]:
        block.pop("citations", None)
        if block["type"] == "tool_use":
            block.pop("caller", None)  # "direct" is what goes without saying
        if said and block["type"] == said[-1]["type"] == "text":
            said[-1]["text"] += block["text"]
        elif block["type"] != "text" or block["text"].strip():
            said.append(block)
    message = choice["message"]
    results = [answer(call["id"]) for call in message.get("tool_calls", ())]
    made: list[Json] = json.loads(encode(USER, message, *results, USER).http.body)["messages"]
    assert made[1]["content"] == said
