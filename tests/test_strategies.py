"""The strategies draw what OpenAI would take, and between them everything that the dialects promise to translate."""

from __future__ import annotations

from typing import Any

import pydantic
from hypothesis import given, settings
from openai.types.chat.completion_create_params import CompletionCreateParams

from tests.strategies import Json, chat_bodies, chat_requests
from trunkline.chat import ChatRequest
from trunkline.dialects import tools, turns
from trunkline.target import Notes

OPENAI = pydantic.TypeAdapter(CompletionCreateParams)


def walk(value: Any) -> None:
    """To the end: pydantic reads an `Iterable` lazily."""
    if isinstance(value, dict):
        value = value.values()
    if not isinstance(value, str | int | float | None):
        for inner in value:
            walk(inner)


@settings(max_examples=100, deadline=None)
@given(chat_bodies())
def test_each_body_is_valid_for_openai(body: Json) -> None:
    for message in body["messages"]:
        if message["role"] == "tool" and any(isinstance(part, dict) and part["type"] == "image_url" for part in message["content"]):
            message["content"] = "an image, which callers send for other vendors and OpenAI's own types do not have"
    walk(OPENAI.validate_python(body))


@settings(max_examples=100, deadline=None)
@given(chat_requests())
def test_each_request_has_whole_turns_and_a_choice_among_its_tools(request: ChatRequest) -> None:
    notes = Notes()
    _, split = turns.split(request, notes)
    assert split
    offered = {offer.function.name for offer in tools.offered(request, notes)}
    choice = tools.choice(request)
    assert choice.mode != "named" or choice.name in offered
    assert set(choice.allowed) <= offered
    assert request.wire.keys() >= {"model", "messages"}
