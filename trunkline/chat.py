"""The vocabulary: what a caller asks, and what a model answers, as values.

Two things are odd here. The request is OpenAI's own JSON, typed: msgspec decodes a body straight into
these structs, so one pass both checks the caller's types and gives every dialect its input. And the answer
is not a document but a sequence of events, because that is what a stream is; a whole answer is the same
sequence all at once. JSON that belongs to the caller or the vendor (a tool's schema, metadata, an extra field)
stays `msgspec.Raw`: bytes nobody re-spells, so 12345678901234567890 keeps its digits.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Raw, Struct, field
from msgspec.structs import force_setattr

NO_RAW = Raw(b"")

# msgspec decodes no union with Raw (it reads `Raw | None` as "null only"), so at run time these fields are plain Raw with
# None as the default, and `_null_is_absent` keeps the other half of the promise.
if TYPE_CHECKING:
    MaybeRaw = Raw | None
else:
    MaybeRaw = Raw


def _null_is_absent(value: Struct, *names: str) -> None:
    for name in names:
        raw = getattr(value, name)
        if raw is not None and bytes(raw) == b"null":
            force_setattr(value, name, None)


# ── content ──────────────────────────────────────────────────────────────────────────────────────────────


class Text(Struct, frozen=True, tag_field="type", tag="text"):
    text: str
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.cache_control is not None:
            _null_is_absent(self, "cache_control")


class ImageRef(Struct, frozen=True):
    url: str
    """https://… or data:image/png;base64,…"""
    detail: str | None = None


class Image(Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageRef | str
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.cache_control is not None:
            _null_is_absent(self, "cache_control")

    @property
    def url(self) -> str:
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url


class AudioData(Struct, frozen=True):
    data: str
    """base64"""
    format: str = "wav"


class Audio(Struct, frozen=True, tag_field="type", tag="input_audio"):
    input_audio: AudioData


class VideoRef(Struct, frozen=True):
    url: str


class Video(Struct, frozen=True, tag_field="type", tag="video_url"):
    video_url: VideoRef | str

    @property
    def url(self) -> str:
        return self.video_url if isinstance(self.video_url, str) else self.video_url.url


class FileRef(Struct, frozen=True):
    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None
    """data:application/pdf;base64,…"""


class File(Struct, frozen=True, tag_field="type", tag="file"):
    file: FileRef
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.cache_control is not None:
            _null_is_absent(self, "cache_control")


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class Opaque(Struct, frozen=True, tag_field="type", tag="trunkline:opaque"):
    """A part of a type we do not know. `raw` is the caller's own part: relayed as it is, named as dropped elsewhere."""

    raw: Raw

    @property
    def kind(self) -> str:
        import msgspec

        try:
            return msgspec.json.decode(self.raw, type=_Typed).type
        except msgspec.ValidationError:  # a caller wrote our own tag
            return "unknown"


class _Typed(Struct):
    type: str = "unknown"


Part = Text | Image | Audio | Video | File | RefusalPart | Opaque
Content = str | list[Part] | Text | Image | Audio | Video | File | RefusalPart | Opaque | None


def parts(content: Content) -> list[Part]:
    """Content in any of the three forms a caller may use (string, list, one part) as a list of parts. "" and None give []."""
    if not content:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if isinstance(content, list):
        return content
    return [content]


def text_of(content: Content) -> str:
    """The text parts of a content, joined without separators."""
    return "".join(part.text for part in parts(content) if isinstance(part, Text))


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────


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
            _null_is_absent(self, "extra_content")


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
    audio: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.audio is not None:
            _null_is_absent(self, "audio")


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

# ── the request ──────────────────────────────────────────────────────────────────────────────────────────


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


class ToolSpec(Struct, frozen=True):
    type: str = "function"
    function: FunctionSpec | None = None
    custom: MaybeRaw = None
    cache_control: MaybeRaw = None

    def __post_init__(self) -> None:
        if self.custom is not None or self.cache_control is not None:
            _null_is_absent(self, "custom", "cache_control")


class NamedFunction(Struct, frozen=True):
    name: str


class AllowedTools(Struct, frozen=True):
    mode: Literal["auto", "required"] = "auto"
    tools: list[ToolChoice] = []


class ToolChoice(Struct, frozen=True):
    """`{"type": "function", "function": {"name"}}`, `{"type": "allowed_tools", …}`, or Opik's `{"type": "auto"}`."""

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
            _null_is_absent(self, "audio", "prediction", "web_search_options", "prompt_cache_options")

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


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────

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
