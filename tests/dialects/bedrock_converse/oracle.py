"""botocore's own model of Converse as the oracle of what may be sent, and small helpers for the tests of this dialect."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import Any

from trunkline.chat import Event, Finished, Metered, ReasoningDelta, TextDelta, ToolDelta, ToolStarted, Usage
from trunkline.dialects import bedrock_converse
from trunkline.target import Encoded, Target

CLAUDE_3 = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET_4_6 = "us.anthropic.claude-sonnet-4-6"
NOVA = "us.amazon.nova-pro-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"


def target(model: str = SONNET_4_5, **more: Any) -> Target:
    return Target(
        provider="aws", kind="bedrock", model=model, dialect="bedrock_converse", base_url="https://bedrock-runtime.us-east-1.amazonaws.com",
        **more,
    )  # fmt: skip


def encoded(body: dict[str, Any], model: str = SONNET_4_5, **more: Any) -> tuple[dict[str, Any], Encoded]:
    """The encoded request, its body checked by the oracle."""
    from tests.strategies import decoded

    result = bedrock_converse.encode_request(decoded({"model": "any", **body}), target(model, **more))
    sent = json.loads(result.http.body)
    assert faults(sent) == []
    return sent, result


def noted(result: Encoded, kind: str = "") -> list[str]:
    return [note.param for note in result.notes if not kind or note.kind == kind]


@cache
def _service() -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model("bedrock-runtime")


def input_shape() -> Any:
    return _service().operation_model("Converse").input_shape


def faults(body: dict[str, Any]) -> list[str]:
    """What botocore's validator, and the patterns and enumerations that it leaves to the service, have against a body."""
    from botocore.validate import ParamValidator

    found: list[str] = []
    unpacked = _unpacked(input_shape(), body, "", found)
    report = ParamValidator().validate({"modelId": "any", **unpacked}, input_shape())
    return found + ([report.generate_report()] if report.has_errors() else [])


def _unpacked(shape: Any, value: Any, at: str, found: list[str]) -> Any:
    """The body as botocore takes it (bytes where JSON has base64), each text compared with its shape on the way."""
    match shape.type_name:
        case "structure" if shape.is_document_type:
            return value
        case "structure":
            for name in value.keys() - shape.members.keys():
                found.append(f"{at}.{name} is unknown")
            return {name: _unpacked(shape.members[name], v, f"{at}.{name}", found) for name, v in value.items() if name in shape.members}
        case "list":
            return [_unpacked(shape.member, v, f"{at}[{i}]", found) for i, v in enumerate(value)]
        case "map":
            for key in value:
                _text(shape.key, key, at, found)
            return {key: _unpacked(shape.value, v, f"{at}.{key}", found) for key, v in value.items()}
        case "blob":
            return base64.b64decode(value, validate=True)
        case "string":
            _text(shape, value, at, found)
            return value
        case _:
            return value


def _text(shape: Any, value: str, at: str, found: list[str]) -> None:
    pattern, longest = shape.metadata.get("pattern"), shape.metadata.get("max")
    if pattern and not re.fullmatch(pattern, value):
        found.append(f"{at}: {value!r} does not match {pattern}")
    if shape.enum and value not in shape.enum:
        found.append(f"{at}: {value!r} is none of {shape.enum}")
    if longest is not None and len(value) > longest:
        found.append(f"{at}: longer than {longest}")
    if at.endswith(("content.text", "].text")) and not value.strip():
        found.append(f"{at}: blank")


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────


def text(events: list[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def reasoning(events: list[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, ReasoningDelta))


def calls(events: list[Event]) -> list[tuple[str, str, Any]]:
    """(id, name, arguments decoded) of each call; its number must count up from 0."""
    started = [e for e in events if isinstance(e, ToolStarted)]
    assert [e.tool for e in started] == list(range(len(started)))
    joined = {e.tool: "".join(d.arguments for d in events if isinstance(d, ToolDelta) and d.tool == e.tool) for e in started}
    return [(e.id, e.name, json.loads(joined[e.tool])) for e in started]


def usage(events: list[Event]) -> Usage | None:
    metered = [e.usage for e in events if isinstance(e, Metered)]
    return metered[-1] if metered else None


def finish(events: list[Event]) -> Finished:
    (found,) = [e for e in events if isinstance(e, Finished)]
    return found
