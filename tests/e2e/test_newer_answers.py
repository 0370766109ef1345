"""Answers and turns that the recordings do not have, through the gateway and an unmodified OpenAI client.

Odd here: the client itself is the judge: a chunk that is not OpenAI's breaks its accumulator or its types.
Sources: https://ai.google.dev/gemini-api/docs/thought-signatures, https://ai.google.dev/gemini-api/docs/generate-content/long-decode,
https://docs.cohere.com/reference/chat, https://docs.ollama.com/api/chat
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion

from .vendors import Json, Scene, function, scene

HELLO: Json = {"role": "user", "content": "Hi"}
GEMINI, COHERE, OLLAMA = "gemini/gemini-3.8-flash", "cohere/command-a-03-2025", "ollama/qwen3"


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("newer")) as found:
        yield found


@pytest.fixture(scope="module")
def client(it: Scene) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{it.gateway.url}/v1", api_key="any", max_retries=0)


def parts(*given: Json, finish: str = "", **more: Any) -> Json:
    candidate = {"content": {"role": "model", "parts": list(given)}, **({"finishReason": finish} if finish else {}), **more}
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}, "responseId": "r1"}


def streamed(it: Scene, client: openai.OpenAI, model: str, told: list[Json], **fields: Any) -> ParsedChatCompletion[None]:
    """The completion that the client makes of the stream, each chunk held against its types."""
    it.upstream.asked.clear()
    it.told = lambda asked: told
    with client.chat.completions.stream(**{"model": model, "messages": [HELLO], **fields}) as stream:
        for event in stream:
            if event.type == "chunk":
                ChatCompletionChunk.model_validate_json(event.chunk.model_dump_json(exclude_unset=True), strict=True)
        return stream.get_final_completion()


def whole(it: Scene, model: str, told: Json, **fields: Any) -> ChatCompletion:
    answer = it.ask(model, told, **fields)
    assert answer.status_code == 200, answer.text
    return ChatCompletion.model_validate_json(answer.content, strict=True)


@pytest.mark.parametrize("stream", [False, True])
def test_geminis_signed_texts_come_back_each_with_its_own_from_a_client_that_drops_them(
    stream: bool, it: Scene, client: openai.OpenAI
) -> None:
    tag = "streamed" if stream else "whole"  # the vault knows a turn by its text
    said: list[Json] = [{"text": f"One ({tag}). ", "thoughtSignature": "QQ=="}, {"text": "Two. "}, {"text": "", "thoughtSignature": "Qg=="}]
    if stream:
        frames = [parts(one) for one in said[:-1]]
        content = streamed(it, client, GEMINI, [*frames, parts(said[-1], finish="STOP")]).choices[0].message.content
    else:
        content = whole(it, GEMINI, parts(*said, finish="STOP")).choices[0].message.content
    assert content == f"One ({tag}). Two. "
    whole(it, GEMINI, parts({"text": "ok"}, finish="STOP"), messages=[HELLO, {"role": "assistant", "content": content}, HELLO])
    assert it.sent[0]["contents"][1] == {"role": "model", "parts": said}


def test_geminis_arguments_that_come_in_pieces_are_one_call(it: Scene, client: openai.OpenAI) -> None:
    piece = {"jsonPath": "$.at", "stringValue": "Pa", "willContinue": True}
    frames = [
        parts({"functionCall": {"name": "look.up", "willContinue": True}, "thoughtSignature": "QQ=="}),
        parts({"functionCall": {"partialArgs": [piece], "willContinue": True}}),
        parts({"functionCall": {"partialArgs": [{"jsonPath": "$.at", "stringValue": "ris"}], "willContinue": True}}),
        parts({"functionCall": {}}),
        parts({"text": ""}, finish="STOP"),
    ]
    choice = streamed(
        it, client, GEMINI, frames, tools=[{**function("look.up"), "function": {**function("look.up")["function"], "strict": True}}]
    )
    [call] = choice.choices[0].message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments)) == ("look.up", {"at": "Paris"})
    assert choice.choices[0].finish_reason == "tool_calls"


def test_geminis_parts_of_any_kind_reach_the_caller(it: Scene, client: openai.OpenAI) -> None:
    blocks: list[Json] = [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"hologram": {"depth": 3}}]
    for answer in (
        whole(it, GEMINI, parts(*blocks, {"text": "Done."}, finish="STOP")),
        streamed(it, client, GEMINI, [*map(parts, blocks), parts({"text": "Done."}, finish="STOP")]),
    ):
        message = answer.choices[0].message.to_dict()
        assert message["content"] == "Done."
        assert [{k: v for k, v in block.items() if k != "index"} for block in message["provider_blocks"]] == blocks  # type: ignore[attr-defined]


def test_geminis_longer_answer_can_be_gone_on_with(it: Scene) -> None:
    first = it.ask(GEMINI, parts({"text": "a"}, finish="CONTINUATION", continuationToken="dG9r"))
    [choice] = first.json()["choices"]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("length", "CONTINUATION")
    whole(it, GEMINI, parts({"text": "b"}, finish="STOP"), continuation_token=choice["continuation_token"])
    assert it.sent[0]["continuationToken"] == "dG9r"


@pytest.mark.parametrize("word", ["SAFETY", "NO_IMAGE", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE", "TOO_MANY_TOOL_CALLS", "NOVEL"])
def test_an_empty_answer_of_geminis_is_a_choice_with_the_vendors_word(word: str, it: Scene) -> None:
    answer = whole(it, GEMINI, {"candidates": [{"finishReason": word, "finishMessage": "because"}]})
    said = answer.choices[0].to_dict()
    assert said["message"]["content"] == ""  # type: ignore[index]
    assert (said["native_finish_reason"], said["finish_message"]) == (word, "because")
    assert said["finish_reason"] == ("content_filter" if word == "SAFETY" else "stop")


def test_a_conversation_that_ends_with_the_models_words_is_one_the_newer_geminis_take(it: Scene) -> None:
    answer = it.ask(
        GEMINI, parts({"text": "A"}, finish="STOP"), messages=[HELLO, {"role": "assistant", "content": "It is"}], temperature=0.3
    )
    assert it.sent[0]["contents"][-1]["role"] == "user"
    assert "generationConfig" not in it.sent[0]
    assert answer.headers["x-trunkline-dropped"] == "temperature"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (COHERE, {"id": "c", "message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]}}),
        (COHERE, {"id": "c", "message": {"role": "assistant", "content": "a"}, "finish_reason": "COMPLETE"}),
        (OLLAMA, {"model": "q", "message": {"role": "assistant", "content": "a"}}),
    ],
)
def test_a_whole_answer_that_does_not_say_how_it_ended_is_a_completion_all_the_same(model: str, told: Json, it: Scene) -> None:
    [choice] = whole(it, model, told).choices
    assert (choice.message.content, choice.finish_reason) == ("a", "stop")
