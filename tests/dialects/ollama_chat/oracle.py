"""Ollama's request as its documentation has it (https://docs.ollama.com/api/chat), strict where the server is not: it ignores
what it does not know, so an unknown member is a fault here."""

from __future__ import annotations

import base64
from typing import Any, Literal

import msgspec
from msgspec import Struct


class Function(Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, Any]
    index: int | None = None


class Call(Struct, forbid_unknown_fields=True):
    function: Function
    id: str
    type: Literal["function"]


class Message(Struct, forbid_unknown_fields=True):
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Spec(Struct, forbid_unknown_fields=True):
    name: str
    parameters: dict[str, Any]
    description: str | None = None


class Tool(Struct, forbid_unknown_fields=True):
    type: Literal["function"]
    function: Spec


class Options(Struct, forbid_unknown_fields=True):
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    num_predict: int | None = None
    num_ctx: int | None = None
    stop: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Body(Struct, forbid_unknown_fields=True):
    model: str
    messages: list[Message]
    stream: bool
    tools: list[Tool] | None = None
    options: Options | None = None
    format: Literal["json"] | dict[str, Any] | None = None
    think: bool | Literal["low", "medium", "high"] | None = None
    keep_alive: str | int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


def check(body: dict[str, Any]) -> None:
    """msgspec's ValidationError, or binascii's for a picture that is no bare base64."""
    for message in msgspec.convert(body, Body).messages:
        for image in message.images or ():
            base64.b64decode(image, validate=True)
