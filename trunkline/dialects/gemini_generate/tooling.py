"""Tools and the choice among them, as `tools` and `toolConfig`.

Odd here: a function without parameters must not have a schema at all, and a choice among some of the tools is a list of names beside
the mode, which may be ANY (call one) or VALIDATED (call one or answer in words); models without VALIDATED are offered a shorter list.

Sources: https://ai.google.dev/api/caching#Tool, https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes,
https://ai.google.dev/gemini-api/docs/tool-combination
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from ...chat import Assistant, ChatRequest
from ...errors import CallerError
from ...target import Notes, Target
from ..tools import Choice, Offer, choice, narrowed, offered, renamed, wire_names
from . import bodies
from .builtin import google_tools
from .models import Facts
from .schemas import cleaned, is_bare_object

_ALPHABET = r"a-zA-Z0-9_.:\-"
_LONGEST = 64
_LEGAL = re.compile(f"[a-zA-Z_][{_ALPHABET}]{{0,{_LONGEST - 1}}}")


class Tooling(Struct, frozen=True):
    tools: list[bodies.Tool] = []
    config: bodies.ToolConfig | None = None
    names: Mapping[str, str] = {}
    """the caller's tool names → the wire's"""
    chosen_none: bool = False
    """the caller forbade calls"""

    @property
    def renamed(self) -> dict[str, str]:
        return renamed(dict(self.names))


def tooling(request: ChatRequest, target: Target, model: Facts, notes: Notes) -> Tooling:
    """CallerError for a choice that cannot be: a tool that is not offered, or none offered where one is required."""
    own = google_tools(request)
    offers = _functions(request, own, notes)
    picked = choice(request)
    names = _names([*(offer.function.name for offer in offers), *_called(request)])
    tools: list[bodies.Tool] = []
    calling = None
    strict = False
    if picked.mode == "auto" and picked.allowed and not model.validated:
        _allowed(picked, offers)
        offers, picked = narrowed(offers, picked, notes), Choice("auto", explicit=True)
    if offers:
        tools.append(bodies.FunctionTools(function_declarations=[_declaration(offer, model, names, notes) for offer in offers]))
        strict = _strict(offers, model, notes)
        calling = _calling(picked, strict, offers, model, names, notes)
        if request.parallel_tool_calls is False:
            notes.dropped("parallel_tool_calls", "this provider decides by itself how many tools to call at once")
    elif picked.explicit:
        if picked.mode == "required":
            raise CallerError("tool_choice is required but there are no function tools to choose from", param="tool_choice")
        notes.dropped("tool_choice", "there are no function tools to choose from")
    both = _googles(request, own, target, model, tools, notes)
    config = bodies.ToolConfig(function_calling_config=calling, include_server_side_tool_invocations=both) if calling or both else None
    return Tooling(tools, config, names, chosen_none=picked.mode == "none")


def _names(names: Iterable[str]) -> dict[str, str]:
    listed = list(dict.fromkeys(names))
    if all(_LEGAL.fullmatch(name) for name in listed):
        return {name: name for name in listed}
    return wire_names(listed, _ALPHABET, _LONGEST)


def _called(request: ChatRequest) -> Iterable[str]:
    """The tools that the history calls: they need legal names too, offered or not."""
    for message in request.messages:
        if isinstance(message, Assistant):
            for call in message.tool_calls or ():
                named = call.function or call.custom
                if named is not None:
                    yield named.name
            if message.function_call is not None:
                yield message.function_call.name


def _declaration(offer: Offer, model: Facts, names: Mapping[str, str], notes: Notes) -> bodies.FunctionDeclaration:
    function, schema = offer.function, offer.schema
    if offer.cache_control is not None:
        notes.dropped(f"{offer.param}.cache_control", "this provider caches by itself")
    name, description = names[function.name], function.description or ""
    if is_bare_object(schema):
        return bodies.FunctionDeclaration(name=name, description=description)
    if model.json_schema:
        return bodies.FunctionDeclaration(name=name, description=description, parameters_json_schema=schema)
    where = f"{offer.param}.function.parameters" if offer.param.startswith("tools") else f"{offer.param}.parameters"
    return bodies.FunctionDeclaration(name=name, description=description, parameters=cleaned(schema, where, notes))


def _strict(offers: list[Offer], model: Facts, notes: Notes) -> bool:
    """Whether the calls must keep to their schemas: VALIDATED, where the model has it."""
    strict = [offer for offer in offers if offer.function.strict]
    if strict and not model.validated:
        for offer in strict:
            notes.dropped(f"{offer.param}.function.strict", "this model does not hold its calls to a schema")
        return False
    return bool(strict)


def _calling(
    picked: Choice, strict: bool, offers: list[Offer], model: Facts, names: Mapping[str, str], notes: Notes
) -> bodies.CallingConfig | None:
    allowed = [names[name] for name in _allowed(picked, offers)]
    match picked.mode:
        case "none":
            return bodies.CallingConfig(mode="NONE")
        case "required":
            return bodies.CallingConfig(mode="ANY", allowed_function_names=allowed)
        case "named":
            return bodies.CallingConfig(mode="ANY", allowed_function_names=[names[picked.name]])
        case "auto":
            if allowed or strict:
                return bodies.CallingConfig(mode="VALIDATED", allowed_function_names=allowed)
            return bodies.CallingConfig(mode="AUTO") if picked.explicit else None


def _allowed(picked: Choice, offers: list[Offer]) -> tuple[str, ...]:
    known = {offer.function.name for offer in offers}
    for name in picked.allowed:
        if name not in known:
            raise CallerError(
                f"tool_choice.allowed_tools names {name!r}, which is not among the tools: {', '.join(sorted(known))}",
                param="tool_choice.allowed_tools.tools",
            )
    return picked.allowed


def _functions(request: ChatRequest, own: Mapping[int, Mapping[str, Raw]], notes: Notes) -> list[Offer]:
    """The functions on offer; Google's own tools are none, and are not to be named as lost."""
    found = Notes()
    offers = offered(request, found)
    known = {f"tools[{index}]" for index in own}
    notes.list += [note for note in found.list if note.param not in known]
    return offers


def _googles(
    request: ChatRequest,
    own: Mapping[int, dict[str, Raw]],
    target: Target,
    model: Facts,
    tools: list[bodies.Tool],
    notes: Notes,
) -> bool:
    """Google's own tools, and its search for `web_search_options`. True where they stand beside functions: the vendor must be told."""
    wanted: dict[str, bodies.Tool] = {f"tools[{index}]": tool for index, tool in own.items()}
    if request.web_search_options is not None and not any("googleSearch" in tool for tool in own.values()):
        wanted["web_search_options"] = bodies.SearchTool(google_search={})
    beside = bool(tools) and bool(wanted)
    if beside and not (model.search_with_tools and target.kind != "vertex"):
        for param in wanted:
            notes.dropped(param, "this model takes Google's own tools or functions, not both")
        return False
    options = msgspec.json.decode(request.web_search_options) if request.web_search_options is not None else None
    if isinstance(options, dict) and any(value is not None for value in options.values()):
        notes.approximated("web_search_options", f"Google Search takes no {', '.join(sorted(options))}")
    tools += wanted.values()
    return beside
