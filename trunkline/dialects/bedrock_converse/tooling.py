"""`toolConfig`: the tools, and the choice among them.

Odd here: there is no choice "none", so the tools are left out; but a history that holds tool calls must come with a `toolConfig`
("The toolConfig field must be defined when using toolUse and toolResult content blocks"), so then they stay and the model is
told. And each family takes other ways of forcing a call.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html, …_ToolChoice.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Notes
from .. import tools as tools_of
from ..anthropic_messages.schemas import Format, closed, object_schema
from ..properties import Names, legal_for
from ..tools import EMPTY_SCHEMA, Choice, Offer
from .content import cache_point
from .models import Facts

ALPHABET, LONGEST = "a-zA-Z0-9_-", 64
GROUNDING = "nova_grounding"
NO_CALLS = "Answer in text. Do not call a tool."


class Tooling(Struct, frozen=True):
    config: dict[str, Any] = {}
    """`toolConfig`, empty where there is none"""
    instruction: str = ""
    """what the model must be told for want of a field"""
    fields: dict[str, Any] = {}
    """Claude's own `tool_choice`, of `additionalModelRequestFields`; then `config` has none, since the vendor refuses both"""
    json_tool: str = ""
    """wire name of the tool that stands for `response_format`"""
    properties: dict[str, Names] = {}
    """wire name of a tool → its parameters that have other names on the wire"""


def wire_names(offers: list[Offer], called: list[str], request: ChatRequest) -> dict[str, str]:
    """The caller's tool names → wire names, of tools on offer and of calls in the history."""
    taken = [GROUNDING] if request.web_search_options is not None else []
    wanted = dict.fromkeys([*(offer.function.name for offer in offers), *called])
    return tools_of.wire_names(wanted, ALPHABET, LONGEST, first=ALPHABET, taken=taken)


def plan(
    request: ChatRequest,
    offers: list[Offer],
    choice: Choice,
    called: list[str],
    names: Mapping[str, str],
    facts: Facts,
    manual: bool,
    shape: Format,
    notes: Notes,
) -> Tooling:
    """`called` are the tools called in the history; `manual`: Claude thinks by budget, so none may be forced.

    CallerError where the choice asks for a call and no tool is offered, or allows none that is.
    """
    if choice.mode in ("required", "named") and not offers:
        raise CallerError("tool_choice asks for a tool call but tools is empty", param="tool_choice")
    single = request.parallel_tool_calls is False and bool(offers)
    if single and not (facts.native_choice and shape.tool is None):
        notes.dropped("parallel_tool_calls", "the vendor has no field for it; the model may call several tools at once")
    searching = _web_search(request, facts, notes)
    kept = offers if choice.mode != "none" or called else []
    wanted, forced = _forced(choice, facts, manual, notes)
    renamed: dict[str, Names] = {}
    listed = [tool for offer in _allowed(kept, choice, wanted, notes) for tool in _tools(offer, names, facts, renamed, notes)]
    if called and not listed:
        notes.added("tools", "the vendor insists on the tools that the history calls; they were put there without their schemas")
        listed = [_placeholder(names[name]) for name in dict.fromkeys(called)]
    instruction = ""
    silent = choice.mode == "none" and bool(listed) and shape.tool is None
    if silent and not facts.native_choice:
        notes.emulated("tool_choice", "the vendor wants the tools of the history to stay; the model is told not to call any")
        instruction = NO_CALLS
    listed += searching
    if shape.tool is not None:
        name = _fresh(shape.tool["name"], {*names.values(), GROUNDING})
        callable_ = bool(listed) and choice.mode != "none"  # one of the caller's tools, or the answer
        forced = {"any": {}} if callable_ else {"tool": {"name": name}}
        schema = _legal(name, shape.tool["input_schema"], "response_format.json_schema.schema", facts, renamed, notes)
        listed.append(_spec(name, shape.tool["description"], schema))
        return Tooling({"tools": listed, "toolChoice": forced}, json_tool=name, properties=renamed)
    if not listed:
        return Tooling()
    if "tool" in forced:
        forced = {"tool": {"name": names[choice.name]}}
    if facts.native_choice and (silent or single):
        return Tooling({"tools": listed}, fields={"tool_choice": _as_its_maker_has_it(forced, silent)}, properties=renamed)
    return Tooling({"tools": listed, **({"toolChoice": forced} if forced else {})}, instruction, properties=renamed)


def _as_its_maker_has_it(forced: dict[str, Any], silent: bool) -> dict[str, Any]:
    """Claude's own choice: it has "none", and one call at a time, which Converse's has not."""
    if silent:
        return {"type": "none"}
    kind = next(iter(forced), "auto")
    return {"type": kind, **forced.get(kind, {}), "disable_parallel_tool_use": True}


def _forced(choice: Choice, facts: Facts, manual: bool, notes: Notes) -> tuple[str, dict[str, Any]]:
    """(the one tool to leave on offer, `toolChoice`); empty where they are not needed."""
    if choice.mode not in ("required", "named"):
        return "", {}
    if manual:
        notes.approximated("tool_choice", "the vendor does not force tools while this model thinks; sent as auto")
        return "", {}
    if choice.mode == "named" and "tool" in facts.choices:
        return "", {"tool": {}}
    if "any" in facts.choices:
        return choice.name, {"any": {}}
    notes.approximated(
        "tool_choice", "this model cannot be forced to call a tool; sent as auto" + (" with this one tool" if choice.name else "")
    )
    return choice.name, {}


def _allowed(offers: list[Offer], choice: Choice, only: str, notes: Notes) -> list[Offer]:
    return [offer for offer in offers if offer.function.name == only] if only else tools_of.narrowed(offers, choice, notes)


def _legal(
    tool: str, schema: Raw | dict[str, Any], param: str, facts: Facts, renamed: dict[str, Names], notes: Notes
) -> Raw | dict[str, Any]:
    """A tool's schema with names that Claude takes, those changed put into `renamed`; any other model's as it is."""
    return schema if facts.claude is None else legal_for(tool, schema, param, renamed, notes)


def _tools(offer: Offer, names: Mapping[str, str], facts: Facts, renamed: dict[str, Names], notes: Notes) -> list[dict[str, Any]]:
    """The tool, and a cache point after it where it is marked."""
    function = offer.function
    at = f"{offer.param}.function" if offer.param.startswith("tools") else offer.param
    schema = object_schema(offer.schema, f"{at}.parameters", notes if facts.claude is not None else None)
    schema = _legal(names[function.name], schema, f"{at}.parameters", facts, renamed, notes)
    tool = _spec(names[function.name], function.description or "", schema)
    if function.strict:
        wire, lost = closed(schema if isinstance(schema, Raw) else Raw(msgspec.json.encode(schema))) if facts.formats else (None, [])
        if wire is not None and not lost:
            tool["toolSpec"] |= {"strict": True, "inputSchema": {"json": wire}}
        elif not facts.formats:
            notes.dropped(f"{at}.strict", "this model has no strict tools")
        else:
            notes.dropped(f"{at}.strict", f"the vendor's strict mode does not take {', '.join(lost) or 'such a schema'}")
    if offer.cache_control is None or bytes(offer.cache_control) == b"null":
        return [tool]
    if facts.caching != "all":
        notes.dropped(f"{offer.param}.cache_control", "this model takes no cache points among tools")
        return [tool]
    return [tool, cache_point(offer.cache_control, facts, offer.param, notes)]


def _spec(name: str, description: str, schema: Raw | dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name}
    if description:
        spec["description"] = description
    return {"toolSpec": {**spec, "inputSchema": {"json": schema}}}


def _placeholder(name: str) -> dict[str, Any]:
    return _spec(name, "A tool used earlier in this conversation, no longer on offer.", EMPTY_SCHEMA)


def _fresh(name: str, taken: set[str]) -> str:
    return tools_of.wire_names([name], ALPHABET, LONGEST, first=ALPHABET, taken=taken)[name]


def _web_search(request: ChatRequest, facts: Facts, notes: Notes) -> list[dict[str, Any]]:
    """`web_search_options` as Nova's own search tool."""
    if request.web_search_options is None:
        return []
    if not facts.grounding:
        notes.dropped("web_search_options", "this model has no web search of its own")
        return []
    if msgspec.json.decode(request.web_search_options):
        notes.approximated("web_search_options", f"sent as the system tool {GROUNDING}, which takes no settings")
    return [{"systemTool": {"name": GROUNDING}}]
