"""One chat completion, as asked.

Odd here: every field may be null, which means absent, and two generations of the API stand side by side (`functions` and `tools`,
`max_tokens` and `max_completion_tokens`).

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct, field

from .messages import Message
from .raw import NO_RAW, MaybeRaw, null_is_absent


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class JsonSchema(Struct, frozen=True):
    name: str = "response"
    schema: Raw = NO_RAW
    """A JSON schema, the caller's bytes; empty when absent."""
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(Struct, frozen=True):
    type: str
    """text, json_object or json_schema; other words are a host's own and are relayed."""
    json_schema: JsonSchema | None = None


class FunctionSpec(Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: Raw = NO_RAW
    """A JSON schema, the caller's bytes; empty when absent."""
    strict: bool | None = None


class Grammar(Struct, frozen=True):
    definition: str = ""
    syntax: str = "lark"
    """lark or regex"""


class CustomFormat(Struct, frozen=True):
    type: str = "text"
    """text or grammar"""
    grammar: Grammar | None = None


class CustomSpec(Struct, frozen=True):
    """A tool whose input is text, not JSON: what stands in `ToolSpec.custom`, which is kept as bytes for the hosts that know it.

    Source: https://platform.openai.com/docs/guides/function-calling#custom-tools
    """

    name: str
    description: str | None = None
    format: CustomFormat | None = None


class ToolSpec(Struct, frozen=True):
    type: str = "function"
    function: FunctionSpec | None = None
    custom: MaybeRaw = None
    """A `CustomSpec`, the caller's bytes."""
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.custom is not None or self.cache_control is not None:
            null_is_absent(self, "custom", "cache_control")


class NamedFunction(Struct, frozen=True):
    name: str


class AllowedTools(Struct, frozen=True):
    mode: Literal["auto", "required"] = "auto"
    tools: list[ToolChoice] = []


class ToolChoice(Struct, frozen=True):
    """`{"type": "function", "function": {"name"}}`, so too with custom; `{"type": "allowed_tools", …}`; or Opik's `{"type": "auto"}`."""

    type: str = "function"
    function: NamedFunction | None = None
    custom: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None


NonNegative = Annotated[int, Meta(ge=0)]


class ChatRequest(Struct, frozen=True, kw_only=True):
    """One chat completion, as asked. Field names, types and meanings are OpenAI's; null means absent."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: NonNegative | None = None
    seed: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    response_format: ResponseFormat | None = None
    tools: list[ToolSpec] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionSpec] | None = None
    function_call: str | NamedFunction | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    store: bool | None = None
    metadata: dict[str, Any] | None = None
    modalities: list[str] | None = None
    audio: MaybeRaw = None
    prediction: MaybeRaw = None
    web_search_options: MaybeRaw = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: MaybeRaw = None
    wire: Mapping[str, Raw] = field(name="trunkline:wire", default_factory=dict)
    """The body's top-level members in snake_case, each as the caller's own bytes: what a same-format hop relays."""

    def __post_init__(self) -> None:
        if (
            self.audio is not None
            or self.prediction is not None
            or self.web_search_options is not None
            or self.prompt_cache_options is not None
        ):
            null_is_absent(self, "audio", "prediction", "web_search_options", "prompt_cache_options")

    @property
    def token_limit(self) -> int | None:
        """The most tokens the answer may have, by either of OpenAI's two names; the newer one wins."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


KNOWN_FIELDS = frozenset(name for name in ChatRequest.__struct_fields__ if name != "wire")
