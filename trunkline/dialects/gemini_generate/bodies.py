"""The body of a generateContent request, typed as Google's REST reference spells it.

Odd here: `name` in Python is camelCase on the wire, and what the caller wrote as JSON (schemas, arguments, safety settings) stays
the caller's bytes.

Source: https://ai.google.dev/api/generate-content#method:-models.generatecontent
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

NO_RAW = Raw(b"")


class Wire(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What all of them share: camelCase, and a default is not sent."""


class InlineData(Wire, frozen=True, kw_only=True):
    mime_type: str
    data: str
    """base64"""


class FileData(Wire, frozen=True, kw_only=True):
    mime_type: str = ""
    file_uri: str


class FunctionCall(Wire, frozen=True, kw_only=True):
    id: str = ""
    name: str
    args: Raw
    """a JSON object"""


class FunctionResponse(Wire, frozen=True, kw_only=True):
    id: str = ""
    name: str
    response: dict[str, Any] | Raw
    parts: list[Part] = []
    """Media of a result, Gemini 3 and later."""


class Part(Wire, frozen=True, kw_only=True):
    text: str | None = None
    inline_data: InlineData | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    thought_signature: str = ""
    """base64, url-safe or not: exactly as it came"""


class Content(Wire, frozen=True, kw_only=True):
    role: str = ""
    """user or model; empty for the system instruction"""
    parts: list[Part | dict[str, Any]]


class FunctionDeclaration(Wire, frozen=True, kw_only=True):
    name: str
    description: str = ""
    parameters_json_schema: Raw = NO_RAW
    parameters: Raw = NO_RAW
    """Google's OpenAPI subset, for models before 2.5."""


class FunctionTools(Wire, frozen=True, kw_only=True):
    function_declarations: list[FunctionDeclaration]


class SearchTool(Wire, frozen=True, kw_only=True):
    google_search: dict[str, Any]


Tool = FunctionTools | SearchTool | dict[str, Raw]
"""The last is one of Google's own, as the caller wrote it."""


class CallingConfig(Wire, frozen=True, kw_only=True):
    mode: str
    """NONE, AUTO, ANY or VALIDATED"""
    allowed_function_names: list[str] = []


class ToolConfig(Wire, frozen=True, kw_only=True):
    function_calling_config: CallingConfig | None = None
    include_server_side_tool_invocations: bool = False


class ThinkingConfig(Wire, frozen=True, kw_only=True):
    thinking_level: str = ""
    thinking_budget: int | None = None
    include_thoughts: bool = False


class GenerationConfig(Wire, frozen=True, kw_only=True):
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] = []
    candidate_count: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool = False
    logprobs: int | None = None
    response_mime_type: str = ""
    response_json_schema: Raw = NO_RAW
    response_schema: Raw = NO_RAW
    response_modalities: list[str] = []
    speech_config: dict[str, Any] = {}
    thinking_config: ThinkingConfig | Raw | None = None


class Body(Wire, frozen=True, kw_only=True):
    contents: list[Content]
    system_instruction: Content | None = None
    tools: list[Tool] = []
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | dict[str, Raw] = {}
    safety_settings: Raw = NO_RAW
    cached_content: Raw = NO_RAW
    continuation_token: Raw = NO_RAW
    """Gemini 4: goes on with an answer that ended as CONTINUATION."""
    labels: dict[str, Any] = {}
    service_tier: str = ""
