"""Who said what: the six roles, and the calls of tools.

Odd here: an assistant's message may hand back what our own answers gave (`reasoning_content`, `reasoning_details`, `extra_content`,
`images`, `citations`, `provider_blocks`), which OpenAI has no names for.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from .content import Content
from .raw import MaybeRaw, null_is_absent


class Function(Struct, frozen=True):
    name: str
    arguments: str = ""
    """A JSON text, as the model wrote it: may be empty, may be broken."""


class CustomCall(Struct, frozen=True):
    name: str
    input: str = ""


class ToolCall(Struct, frozen=True):
    id: str = ""
    type: str = "function"
    function: Function | None = None
    custom: CustomCall | None = None
    extra_content: MaybeRaw = None
    """Google's place for `{"google": {"thought_signature": …}}` on its OpenAI door; ours too."""

    def __post_init__(self) -> None:
        if self.extra_content is not None:
            null_is_absent(self, "extra_content")


class System(Struct, frozen=True, tag_field="role", tag="system"):
    content: Content = None
    name: str | None = None


class Developer(Struct, frozen=True, tag_field="role", tag="developer"):
    content: Content = None
    name: str | None = None


class User(Struct, frozen=True, tag_field="role", tag="user"):
    content: Content = None
    name: str | None = None


class Assistant(Struct, frozen=True, tag_field="role", tag="assistant"):
    content: Content = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    reasoning_content: str | None = None
    reasoning_details: list[Raw] | None = None
    """What our answers carry in `reasoning_details`, handed back. See `ReasoningDetail`."""
    provider_blocks: list[Raw] | None = None
    """So too the vendor's own blocks, and where each stood. See `dialects.handed_back`."""
    provider_places: list[Raw] | None = None
    audio: MaybeRaw = None
    images: MaybeRaw = None
    """What the model drew, as our answers give it. See `dialects.turns.pictures`."""
    citations: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.audio is not None:
            null_is_absent(self, "audio")


class Tool(Struct, frozen=True, tag_field="role", tag="tool"):
    tool_call_id: str
    content: Content = None
    name: str | None = None
    is_error: bool | None = None


class FunctionResult(Struct, frozen=True, tag_field="role", tag="function"):
    """Legacy: the result of a `function_call`, matched by name."""

    name: str
    content: Content = None


Message = System | Developer | User | Assistant | Tool | FunctionResult
