"""Tools and the choice among them, as the vendor has them.

Odd here: `disable_parallel_tool_use` is part of the choice, not of the request; a model that thinks by budget, and some that
always think, refuse to be forced; and the vendor's own tools (web search and its like) stand in the same list as the caller's.

Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Notes
from ..properties import Names, legal_for, rekeyed
from ..tools import Choice, Offer, choice, narrowed, offered, wire_names
from ..turns import AssistantTurn, Turn
from .models import Facts
from .schemas import ALPHABET, LONGEST, closed, object_schema

WEB_SEARCH = "web_search"
_OWN_TOOL = re.compile(r"[a-z_]+_20\d{6}|mcp_toolset")


class Tools(Struct):
    """The tools of a request, the choice among them, and what they are called on the wire."""

    any: bool
    """There are tools on offer, or calls in the history, or a choice among tools."""
    offers: list[Offer]
    own: list[Raw]
    """The vendor's own, as the caller wrote them."""
    choice: Choice
    names: dict[str, str]
    """The caller's name → wire name, of the tools on offer and of the calls in the history. The vendor's own keep their names."""
    taken: Collection[str]
    """Wire names that stand for something."""
    properties: dict[str, Names] = {}
    """Wire name → its parameters that have other names on the wire; known once the tools are listed."""


def read(request: ChatRequest, turns: list[Turn], notes: Notes) -> Tools:
    """What the request has of tools. CallerError where the choice asks for a tool that is not there."""
    called = [call.name for turn in turns if isinstance(turn, AssistantTurn) for call in turn.calls]
    if not (request.tools or request.functions or called or request.tool_choice is not None or request.function_call is not None):
        return Tools(False, [], [], Choice("auto"), {}, (WEB_SEARCH,))
    functions, own = offers(request, notes)
    picked = choice(request)
    if not functions and not own and picked.mode in ("required", "named"):
        raise CallerError("tool_choice asks for a tool call but tools is empty", param="tool_choice")
    reserved = own_names(own)
    searching = {WEB_SEARCH} if request.web_search_options is not None else set()
    wanted = dict.fromkeys([*(offer.function.name for offer in functions), *called])
    names = wire_names(wanted, ALPHABET, LONGEST, first=ALPHABET, taken=reserved | searching)
    return Tools(True, functions, own, picked, names, {*names.values(), *reserved, WEB_SEARCH})


def offers(request: ChatRequest, notes: Notes) -> tuple[list[Offer], list[Raw]]:
    """(function tools, the vendor's own tools as the caller wrote them). Tools of any other kind are dropped and named."""
    told = Notes()
    functions = offered(request, told)
    own: list[Raw] = []
    raw = request.wire.get("tools")
    members = msgspec.json.decode(raw, type=list[Raw] | None) or [] if raw is not None else []
    own_at = {f"tools[{i}]" for i, tool in enumerate(request.tools or ()) if _OWN_TOOL.fullmatch(tool.type) and i < len(members)}
    for i, member in enumerate(members):
        if f"tools[{i}]" in own_at:
            own.append(member)
    notes.list += [note for note in told.list if note.param not in own_at]
    return functions, own


NATIVE = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")
"""Members of a tool that OpenAI has no names for; they go through as they are."""


def natives(request: ChatRequest) -> dict[str, dict[str, Raw]]:
    """Where a function tool stands (`tools[0]`) → what it has of `NATIVE`, in the tool or in its `function`."""
    raw = bytes(request.wire.get("tools", b""))
    if not any(name.encode() in raw for name in NATIVE):
        return {}
    found = {}
    for i, tool in enumerate(msgspec.json.decode(raw, type=list[dict[str, Raw]])):
        members = msgspec.json.decode(tool.get("function", b"null"), type=dict[str, Raw] | None) or {}
        found[f"tools[{i}]"] = {name: value for name, value in (tool | members).items() if name in NATIVE and bytes(value) != b"null"}
    return found


class _OwnTool(Struct):
    name: str = ""


def own_names(tools: list[Raw]) -> set[str]:
    return {msgspec.json.decode(tool, type=_OwnTool).name for tool in tools} - {""}


def tool_list(tools: Tools, facts: Facts, own: Mapping[str, dict[str, Raw]], notes: Notes) -> list[dict[str, Any]]:
    """The function tools that may be called. `own` is what `natives` found."""
    listed = []
    for offer in narrowed(tools.offers, tools.choice, notes):
        tool, more = _tool(offer, tools, facts, notes), own.get(offer.param, {})
        renamed = tools.properties.get(tool["name"])
        if renamed and "input_examples" in more:
            examples = [rekeyed(example, renamed) for example in msgspec.json.decode(more["input_examples"], type=list[Raw])]
            more = {**more, "input_examples": Raw(msgspec.json.encode(examples))}
        listed.append(tool | more)
    return listed


def _tool(offer: Offer, tools: Tools, facts: Facts, notes: Notes) -> dict[str, Any]:
    function = offer.function
    tool: dict[str, Any] = {"name": tools.names[function.name]}
    if function.description:
        tool["description"] = function.description
    at = f"{offer.param}.function" if offer.param.startswith("tools") else offer.param
    schema = object_schema(offer.schema, f"{at}.parameters", notes if facts.claude else None)
    if facts.claude:
        schema = legal_for(tool["name"], schema, f"{at}.parameters", tools.properties, notes)
    tool["input_schema"] = schema
    if function.strict:
        wire, lost = closed(schema if isinstance(schema, Raw) else Raw(msgspec.json.encode(schema))) if facts.formats else (None, [])
        if wire is not None and not lost:
            tool["strict"] = True
            tool["input_schema"] = wire
        elif not facts.formats:
            notes.dropped(f"{at}.strict", "this model has no strict tools")
        else:
            notes.dropped(f"{at}.strict", f"the vendor's strict mode does not take {', '.join(lost) or 'such a schema'}")
    if offer.cache_control is not None:
        tool["cache_control"] = offer.cache_control
    return tool


def tool_choice(
    request: ChatRequest, choice: Choice, names: Mapping[str, str], facts: Facts, manual: bool, notes: Notes
) -> dict[str, Any] | None:
    """`tool_choice`, None where the default does. `manual`: the model thinks by budget, so none may be forced."""
    mode = choice.mode
    if mode in ("required", "named") and (manual or not facts.forced_tools):
        why = "while it thinks" if manual else "on this model"
        notes.approximated("tool_choice", f"the vendor does not force tools {why}; sent as auto")
        mode = "auto"
    single = {"disable_parallel_tool_use": True} if request.parallel_tool_calls is False else {}
    match mode:
        case "none":
            return {"type": "none"}
        case "required":
            return {"type": "any", **single}
        case "named":
            return {"type": "tool", "name": names[choice.name], **single}
        case "auto":
            return {"type": "auto", **single} if single or choice.explicit else None


class _Place(Struct):
    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None


class _Location(Struct):
    approximate: _Place | None = None


class _WebSearch(Struct):
    user_location: _Location | None = None
    search_context_size: str | None = None


def web_search(request: ChatRequest, notes: Notes) -> dict[str, Any] | None:
    """The vendor's web search tool for `web_search_options`."""
    if request.web_search_options is None:
        return None
    try:
        asked = msgspec.json.decode(request.web_search_options, type=_WebSearch)
    except msgspec.DecodeError as error:
        raise CallerError(f"web_search_options: {error}", param="web_search_options") from None
    tool: dict[str, Any] = {"type": "web_search_20250305", "name": WEB_SEARCH}
    if asked.search_context_size not in (None, "medium"):
        notes.dropped("web_search_options.search_context_size", "the vendor decides how much it reads")
    place = asked.user_location.approximate if asked.user_location else None
    if place is not None:
        given = {name: value for name in place.__struct_fields__ if (value := getattr(place, name))}
        if given:
            tool["user_location"] = {"type": "approximate", **given}
    return tool
