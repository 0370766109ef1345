"""Google's own client library as the judge of our bodies: its types forbid members that the API does not have.

Odd here: they take snake_case as well as camelCase, so the spelling is checked apart.
"""

from __future__ import annotations

import json
import re
from typing import Any

from google.genai import types
from pydantic import BaseModel, ConfigDict, TypeAdapter

from trunkline.target import Encoded

Json = dict[str, Any]

_FREE = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema", "labels", "properties"})
"""Below these stands what the caller named."""


class Request(BaseModel):
    """https://ai.google.dev/api/generate-content#request-body"""

    model_config = ConfigDict(extra="forbid")

    contents: list[types.Content]
    systemInstruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    toolConfig: types.ToolConfig | None = None
    generationConfig: types.GenerationConfig | None = None
    safetySettings: list[types.SafetySetting] | None = None
    cachedContent: str | None = None
    continuationToken: str | None = None
    labels: dict[str, str] | None = None
    serviceTier: types.ServiceTier | None = None


_REQUEST = TypeAdapter(Request)


def body(encoded: Encoded) -> Json:
    """The body, after Google's library has found it well formed."""
    _REQUEST.validate_json(encoded.http.body)
    decoded: Json = json.loads(encoded.http.body)
    snake = sorted(_snake(decoded))
    assert not snake, f"not camelCase: {snake}"
    for content in decoded["contents"]:
        assert content["role"] in ("user", "model")
        assert content["parts"]
    _results_follow_calls(decoded["contents"])
    return decoded


def _snake(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_snake, value))
    if not isinstance(value, dict):
        return set()
    found = {key for key in value if re.search(r"[a-z]_[a-z]", key)}
    return found.union(*(_snake(inner) for key, inner in value.items() if key not in _FREE))


def _results_follow_calls(contents: list[Json]) -> None:
    """The vendor's rule: as many results as calls, in the very next turn, and here in their order too."""
    for at, content in enumerate(contents):
        calls = [p["functionCall"]["name"] for p in content["parts"] if "functionCall" in p]
        if calls:
            results = [p["functionResponse"]["name"] for p in contents[at + 1]["parts"] if "functionResponse" in p]
            assert results == calls
