"""The vocabulary: what a caller asks, and what a model answers, as values.

Two things are odd here. The request is OpenAI's own JSON, typed: msgspec decodes a body straight into
these structs, so one pass both checks the caller's types and gives every dialect its input. And the answer
is not a document but a sequence of events, because that is what a stream is; a whole answer is the same
sequence all at once. JSON that belongs to the caller or the vendor (a tool's schema, metadata, an extra field)
stays `msgspec.Raw`: bytes nobody re-spells, so 12345678901234567890 keeps its digits.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from .content import (
    Audio,
    AudioData,
    Content,
    File,
    FileRef,
    Image,
    ImageRef,
    Opaque,
    Part,
    RefusalPart,
    Text,
    Video,
    VideoRef,
    parts,
    text_of,
)
from .events import (
    Event,
    Extra,
    Failed,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    Reason,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)
from .messages import Assistant, CustomCall, Developer, Function, FunctionResult, Message, System, Tool, ToolCall, User
from .raw import NO_RAW, MaybeRaw
from .request import (
    KNOWN_FIELDS,
    AllowedTools,
    ChatRequest,
    FunctionSpec,
    JsonSchema,
    NamedFunction,
    NonNegative,
    ResponseFormat,
    StreamOptions,
    ToolChoice,
    ToolSpec,
)

__all__ = [
    "KNOWN_FIELDS",
    "NO_RAW",
    "AllowedTools",
    "Assistant",
    "Audio",
    "AudioData",
    "ChatRequest",
    "Content",
    "CustomCall",
    "Developer",
    "Event",
    "Extra",
    "Failed",
    "File",
    "FileRef",
    "Finished",
    "Function",
    "FunctionResult",
    "FunctionSpec",
    "Image",
    "ImageRef",
    "JsonSchema",
    "Logprobs",
    "MaybeRaw",
    "Message",
    "MessageExtra",
    "Metered",
    "NamedFunction",
    "NonNegative",
    "Opaque",
    "Part",
    "Reason",
    "ReasoningDelta",
    "ReasoningDetail",
    "RefusalDelta",
    "RefusalPart",
    "ResponseFormat",
    "Started",
    "StreamOptions",
    "System",
    "Text",
    "TextDelta",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolDelta",
    "ToolSpec",
    "ToolStarted",
    "Usage",
    "User",
    "Video",
    "VideoRef",
    "parts",
    "text_of",
]  # fmt: skip
