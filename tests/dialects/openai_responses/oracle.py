"""OpenAI's own SDK as the judge of a body: its parameter types, and nothing beside what they name."""

from __future__ import annotations

import json
from typing import Any

from openai.types.responses import ToolParam
from openai.types.responses.response_create_params import ResponseCreateParamsBase, ToolChoice
from openai.types.responses.response_input_param import ResponseInputParam
from openai.types.responses.response_text_config_param import ResponseTextConfigParam
from openai.types.shared_params import Reasoning
from pydantic import TypeAdapter

WHOLE = TypeAdapter(ResponseCreateParamsBase)
MEMBERS: dict[str, TypeAdapter[Any]] = {
    "input": TypeAdapter(ResponseInputParam),
    "tools": TypeAdapter(list[ToolParam]),
    "tool_choice": TypeAdapter(ToolChoice),
    "text": TypeAdapter(ResponseTextConfigParam),
    "reasoning": TypeAdapter(Reasoning),
}
NAMES = set(ResponseCreateParamsBase.__annotations__) | {"stream"}


def check(body: dict[str, Any]) -> None:
    """AssertionError or pydantic's ValidationError where a member is unknown or of another form than the SDK's."""
    assert body.keys() <= NAMES, body.keys() - NAMES
    assert None not in body.values()
    WHOLE.validate_python(body)
    for name, adapter in MEMBERS.items():
        if name in body:
            # a member that the types do not name is left out of what comes back
            assert json.loads(adapter.dump_json(adapter.validate_python(body[name]), warnings=False)) == body[name], name
    assert body.get("max_output_tokens", 16) >= 16
