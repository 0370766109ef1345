"""What tools are offered and asked for, in the Responses API's flatter form.

Odd here: `strict` is on here where the caller says nothing, and off in chat completions, so it is always said; and OpenAI's own
tools (web search, file search, code interpreter, MCP) may stand among the caller's and go through as they are.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...chat import ChatRequest, FunctionSpec, ToolChoice
from ...errors import CallerError
from ...target import Notes
from ..tools import EMPTY_SCHEMA, choice

Json = dict[str, Any]


def encode_tools(request: ChatRequest, notes: Notes) -> list[Json | Raw]:
    """All tools: functions, custom ones, OpenAI's own, and the web search that `web_search_options` asks for."""
    out: list[Json | Raw] = [_function(spec) for spec in request.functions or ()]
    raws = _raw_tools(request)
    for i, tool in enumerate(request.tools or ()):
        if tool.cache_control is not None:
            notes.dropped(f"tools[{i}].cache_control", "OpenAI caches by itself")
        if tool.function is not None:
            out.append(_function(tool.function))
        elif tool.custom is not None:
            out.append(_custom(tool.custom, f"tools[{i}].custom"))
        elif i < len(raws):
            out.append(raws[i])
        else:
            notes.dropped(f"tools[{i}]", f"a tool of type {tool.type!r} without its members cannot be sent")
    if request.web_search_options is not None:
        out.append(_web_search(request.web_search_options))
    return out


def _raw_tools(request: ChatRequest) -> list[Raw]:
    raw = request.wire.get("tools")
    return msgspec.json.decode(raw, type=list[Raw] | None) or [] if raw is not None else []


def _function(spec: FunctionSpec) -> Json:
    schema = spec.parameters if bytes(spec.parameters) not in (b"", b"null", b"{}") else EMPTY_SCHEMA
    described = {"description": spec.description} if spec.description else {}
    return {"type": "function", "name": spec.name, **described, "parameters": schema, "strict": bool(spec.strict)}


def _custom(raw: Raw, param: str) -> Json:
    """A grammar stands one level higher here."""
    try:
        tool = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        raise CallerError(f'{param} must be an object, e.g. {{"name": "run"}}', param=param) from None
    form = tool.get("format")
    if isinstance(form, dict) and isinstance(form.get("grammar"), dict):
        tool["format"] = {"type": "grammar", **form["grammar"]}
    return {"type": "custom", **tool}


def _web_search(raw: Raw) -> Json:
    try:
        asked = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        raise CallerError("web_search_options must be an object; {} will do", param="web_search_options") from None
    tool: Json = {"type": "web_search"}
    if asked.get("search_context_size"):
        tool["search_context_size"] = asked["search_context_size"]
    place = asked.get("user_location")
    if isinstance(place, dict) and isinstance(place.get("approximate"), dict):
        tool["user_location"] = {"type": "approximate", **place["approximate"]}
    return tool


def encode_choice(request: ChatRequest, offered: bool) -> Json:
    """`tool_choice`, {} where there is nothing to say. CallerError where it names or demands a tool that is not offered."""
    asked = request.tool_choice
    if isinstance(asked, ToolChoice):
        match asked:
            case ToolChoice(custom=custom) if custom is not None:
                return {"tool_choice": {"type": "custom", "name": custom.name}}
            case ToolChoice(type="allowed_tools", allowed_tools=allowed) if allowed is not None:
                tools = [_reference(each) for each in allowed.tools]
                return {"tool_choice": {"type": "allowed_tools", "mode": allowed.mode, "tools": tools}}
            case ToolChoice(type=word, function=None) if word not in ("auto", "none", "required", "any", "function"):
                return {"tool_choice": request.wire.get("tool_choice", {"type": word})}  # OpenAI's own tool, by its type
            case _:
                pass
    picked = choice(request)
    if picked.mode == "named":
        return {"tool_choice": {"type": "function", "name": picked.name}}
    if picked.mode == "required" and not offered:
        raise CallerError("tool_choice demands a tool call, but no tool is offered; add it to tools", param="tool_choice")
    return {"tool_choice": picked.mode} if picked.explicit and offered else {}


def _reference(each: ToolChoice) -> Json:
    if each.custom is not None:
        return {"type": "custom", "name": each.custom.name}
    return {"type": "function", "name": each.function.name} if each.function is not None else {"type": each.type}
