"""What a model answers: a sequence of events.

Odd here: an answer is not a document, because a stream is none; a whole answer is the same sequence all at once, and `fold` makes a
completion of it.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Raw, Struct

from .raw import NO_RAW

Reason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens as the vendor counted them, in OpenAI's sense: prompt counts all input, completion all output.

    `None` is "the vendor did not say", never zero. `raw` is the vendor's own usage object.
    """

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    cached: int | None = None
    """Of `prompt`: read from a cache."""
    cache_write: int | None = None
    """Of `prompt`: written to a cache."""
    reasoning: int | None = None
    """Of `completion`: thinking."""
    raw: Raw = NO_RAW


class Started(Struct, frozen=True):
    """The answer began. Empty strings and 0 stand for what the vendor did not say."""

    id: str = ""
    model: str = ""
    created: int = 0
    extra: dict[str, Any] = {}
    """Top-level members to keep: system_fingerprint, service_tier, the vendor's own."""


class TextDelta(Struct, frozen=True):
    text: str
    choice: int = 0


class RefusalDelta(Struct, frozen=True):
    text: str
    choice: int = 0


class ReasoningDelta(Struct, frozen=True):
    """A piece of thinking, for `reasoning_content`."""

    text: str
    choice: int = 0


class ReasoningDetail(Struct, frozen=True):
    """One signed, redacted or encrypted piece of reasoning, whole, for `reasoning_details[]`.

    `detail` is a JSON object whose `type` says whose it is; handed back in `Assistant.reasoning_details` it is
    what the dialect that made it needs to rebuild the vendor's block:
    `{"type": "reasoning.text", "text": …, "signature": …, "format": "anthropic"}`,
    `{"type": "reasoning.encrypted", "data": …, "format": …, "id": tool call id or absent}`.
    """

    detail: dict[str, Any]
    choice: int = 0


class ToolStarted(Struct, frozen=True):
    tool: int
    """Counts the tool calls of a choice from 0."""
    id: str
    name: str
    choice: int = 0
    extra: dict[str, Any] = {}
    """Members beside `function`, e.g. `extra_content`."""
    custom: bool = False
    """A call of a custom tool: what its `ToolDelta`s bring is its input, any text, and no JSON."""


class ToolDelta(Struct, frozen=True):
    tool: int
    arguments: str
    choice: int = 0


class MessageExtra(Struct, frozen=True):
    """Members to set on the message: annotations, audio, images, the vendor's own. Lists are appended to, the rest replaced."""

    extra: dict[str, Any]
    choice: int = 0


class Logprobs(Struct, frozen=True):
    """OpenAI's `logprobs` object of some tokens: {"content": [...], "refusal": [...]}; lists are appended."""

    logprobs: dict[str, Any]
    choice: int = 0


class Metered(Struct, frozen=True):
    """Usage so far; the last one of an answer is the one that counts. Never summed within one upstream call."""

    usage: Usage


class Finished(Struct, frozen=True):
    """A choice ended. `native` keeps the vendor's word where OpenAI's has no room for it."""

    reason: Reason
    choice: int = 0
    native: str = ""
    extra: dict[str, Any] = {}
    """Members beside `finish_reason`, e.g. the vendor's own stop details."""


class Extra(Struct, frozen=True):
    """Top-level members that came late, e.g. `service_tier` or citations; merged like `Started.extra`."""

    extra: dict[str, Any]


class Failed(Struct, frozen=True):
    """The vendor reported an error inside an answer that had begun with 200. Nothing follows."""

    message: str
    status: int = 502
    code: str = "upstream_error"
    type: str = "upstream_error"
    retry_after: float | None = None


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ReasoningDetail
    | ToolStarted
    | ToolDelta
    | MessageExtra
    | Logprobs
    | Metered
    | Finished
    | Extra
    | Failed
)
