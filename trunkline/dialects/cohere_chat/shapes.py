"""Cohere's answers as types, for one lean decode a frame.

Odd here: in a stream `content`, `tool_calls` and `citations` are single objects, and in `message-start` they are empty lists.

Source: https://docs.cohere.com/reference/chat-stream
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from ...chat import NO_RAW


class Block(Struct, frozen=True):
    """A block of content, or a piece of one."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None


class FunctionPiece(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class CallPiece(Struct, frozen=True):
    id: str | None = None
    function: FunctionPiece | None = None


class TokenLogprobs(Struct, frozen=True):
    """A chunk of text and the log probability of each of its tokens."""

    text: str = ""
    logprobs: list[float] | None = None


class Message(Struct, frozen=True):
    content: Block | list[Block] | str | None = None
    tool_plan: str | None = None
    tool_calls: CallPiece | list[CallPiece] | None = None
    citations: Raw = NO_RAW


class Delta(Struct, frozen=True):
    message: Message | None = None
    finish_reason: str | None = None
    error: str | None = None
    usage: Raw = NO_RAW


class StreamEvent(Struct, frozen=True):
    type: str = ""
    id: str | None = None
    index: int = 0
    delta: Delta | None = None
    logprobs: TokenLogprobs | None = None
    message: str = ""
    """of an error that came as a frame"""


class Kind(Struct, frozen=True):
    """An event of which no more than its type can be read."""

    type: str = ""


class Answer(Struct, frozen=True):
    """A whole answer."""

    message: Message
    id: str | None = None
    finish_reason: str | None = None
    error: str | None = None
    usage: Raw = NO_RAW
    logprobs: list[TokenLogprobs] | None = None


class Tokens(Struct, frozen=True):
    """Counts are JSON numbers, at times with a point ("12.0")."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    image_tokens: float | None = None
    reasoning_tokens: float | None = None


class UsageBody(Struct, frozen=True):
    tokens: Tokens | None = None
    billed_units: Tokens | None = None
    cached_tokens: float | None = None


EVENT = msgspec.json.Decoder(StreamEvent)
ANSWER = msgspec.json.Decoder(Answer)
USAGE = msgspec.json.Decoder(UsageBody)
KIND = msgspec.json.Decoder(Kind)
