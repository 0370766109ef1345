"""What a request offers and asks of tools, whichever of OpenAI's two generations it is written in.

Odd here: `functions` / `function_call` are the same thing as `tools` / `tool_choice` with other spellings, a tool name that
OpenAI takes may be illegal elsewhere, and a call's arguments are a text that may be empty or broken. A custom tool takes text where a
function takes JSON; no other vendor has such, so it becomes a function of one text, and `emulate.Undo` turns its calls back.

Sources: https://platform.openai.com/docs/guides/function-calling (custom tools, allowed_tools)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from ..chat import ChatRequest, CustomSpec, FunctionSpec, ToolChoice
from ..errors import CallerError
from ..target import Notes

EMPTY_SCHEMA = Raw(b'{"type":"object","properties":{}}')
INPUT = "input"
"""The one parameter of the function that stands for a custom tool."""


class Offer(Struct, frozen=True):
    """A function tool on offer. `param` is where the caller wrote it."""

    function: FunctionSpec
    param: str
    cache_control: Raw | None = None

    @property
    def schema(self) -> Raw:
        """Its parameters; the schema of an object without properties where the caller gave none (or `{}`)."""
        raw = bytes(self.function.parameters)
        return EMPTY_SCHEMA if raw in (b"", b"null", b"{}") else self.function.parameters


def offered(request: ChatRequest, notes: Notes) -> list[Offer]:
    """The function tools, from `tools` and the legacy `functions`, and custom tools as functions; `customs` must then go into `Encoded`.

    A tool that is neither is dropped and named. CallerError for a custom tool that is none.
    """
    found = [Offer(spec, f"functions[{i}]") for i, spec in enumerate(request.functions or ())]
    for i, tool in enumerate(request.tools or ()):
        if tool.function is not None:
            found.append(Offer(tool.function, f"tools[{i}]", tool.cache_control))
        elif tool.custom is not None:
            found.append(Offer(stand_in(custom_spec(tool.custom, f"tools[{i}].custom")), f"tools[{i}]", tool.cache_control))
            notes.emulated(f"tools[{i}]", CUSTOM)
        else:
            notes.dropped(f"tools[{i}]", f"a tool of type {tool.type!r} is not known to this provider")
    return found


# ── custom tools ─────────────────────────────────────────────────────────────────────────────────────────

CUSTOM = "a custom tool is a function of one text here; a grammar is told to the model, not enforced"


def custom_spec(raw: Raw, param: str) -> CustomSpec:
    """`ToolSpec.custom`, read. CallerError naming the member that is wrong."""
    try:
        return msgspec.json.decode(raw, type=CustomSpec)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        raise CallerError(f"{param}: {said}", param=param + path.rstrip("`")) from None


def stand_in(spec: CustomSpec) -> FunctionSpec:
    """The function that stands for a custom tool: one text, whose description takes in what the tool's format demands."""
    grammar = spec.format.grammar if spec.format is not None and spec.format.type == "grammar" else None
    asked = "The input of the tool: plain text, given whole and as it is."
    if grammar is not None and grammar.definition:
        kind = "regular expression" if grammar.syntax == "regex" else f"{grammar.syntax.capitalize()} grammar"
        asked += f" All of it must match this {kind}:\n{grammar.definition}"
    schema = {"type": "object", "properties": {INPUT: {"type": "string", "description": asked}}, "required": [INPUT]}
    return FunctionSpec(spec.name, spec.description, Raw(msgspec.json.encode(schema)))


NO_CUSTOMS: frozenset[str] = frozenset()


def customs(request: ChatRequest) -> frozenset[str]:
    """`Encoded.customs`: the names of the custom tools on offer."""
    if not request.tools:
        return NO_CUSTOMS
    return frozenset(
        custom_spec(tool.custom, f"tools[{i}].custom").name
        for i, tool in enumerate(request.tools or ())
        if tool.function is None and tool.custom is not None
    )


# ── the choice ───────────────────────────────────────────────────────────────────────────────────────────


class Choice(Struct, frozen=True):
    mode: Literal["none", "auto", "required", "named"]
    """"auto" also where the caller said nothing."""
    name: str = ""
    """the caller's tool name, for "named" """
    allowed: tuple[str, ...] = ()
    """for allowed_tools: only these may be called; the mode is then auto or required"""
    explicit: bool = False
    """the caller said so"""


_MODES: dict[str, Literal["none", "auto", "required"]] = {"none": "none", "auto": "auto", "required": "required", "any": "required"}


def choice(request: ChatRequest) -> Choice:
    """`tool_choice` (or the legacy `function_call`) in one form. CallerError where it names a tool that is not offered."""
    if request.tool_choice is None and request.function_call is None:
        return Choice("auto")
    if request.tool_choice is None:
        asked = request.function_call
        picked = Choice(_mode(asked, "function_call"), explicit=True) if isinstance(asked, str) else None
        return picked or _named(request, asked.name if asked and not isinstance(asked, str) else "", "function_call")
    match request.tool_choice:
        case str(word):
            return Choice(_mode(word, "tool_choice"), explicit=True)
        case ToolChoice(type="allowed_tools", allowed_tools=allowed) if allowed is not None:
            return Choice(allowed.mode, allowed=_allowed(request, allowed.tools), explicit=True)
        case ToolChoice(function=function) if function is not None:
            return _named(request, function.name, "tool_choice.function.name")
        case ToolChoice(custom=custom) if custom is not None:
            return _named(request, custom.name, "tool_choice.custom.name")
        case ToolChoice(type=word):
            return Choice(_mode(word, "tool_choice"), explicit=True)


def _mode(word: str, param: str) -> Literal["none", "auto", "required"]:
    if word not in _MODES:
        raise CallerError(f"{param} is {word!r}; it may be none, auto, required or the name of a tool as an object", param=param)
    return _MODES[word]


def _named(request: ChatRequest, name: str, param: str) -> Choice:
    names = _names(request)
    if name not in names:
        raise CallerError(f"{param} names {name!r}, which is not among the tools: {', '.join(names) or 'none are offered'}", param=param)
    return Choice("named", name=name, explicit=True)


def _names(request: ChatRequest) -> list[str]:
    """The tools on offer, by name."""
    functions = [tool.function.name for tool in request.tools or () if tool.function is not None]
    return [*functions, *sorted(customs(request)), *(function.name for function in request.functions or ())]


def _allowed(request: ChatRequest, listed: list[ToolChoice]) -> tuple[str, ...]:
    """The names in a list of allowed tools. CallerError where none of them is on offer: an empty list would allow every tool."""
    named = [tool.function or tool.custom for tool in listed]
    names = tuple(tool.name for tool in named if tool is not None)
    if not set(names) & set(_names(request)):
        said = f"names {', '.join(map(repr, names))}, of which none is" if names else "names no tool that is"
        raise CallerError(f"tool_choice.allowed_tools {said} among the tools", param="tool_choice.allowed_tools.tools")
    return names


def narrowed(offers: list[Offer], choice: Choice, notes: Notes) -> list[Offer]:
    """The tools that `allowed_tools` leaves, for a vendor that cannot be told which are allowed; all where it says nothing."""
    kept = [offer for offer in offers if not choice.allowed or offer.function.name in choice.allowed]
    if len(kept) < len(offers):
        notes.emulated("tool_choice", "only the allowed tools are offered")
    return kept


def wire_names(names: Iterable[str], alphabet: str, longest: int, *, first: str = "a-zA-Z_", taken: Iterable[str] = ()) -> dict[str, str]:
    """The caller's tool names → legal, unique names on the wire. `alphabet` is the inside of a regex class, e.g. "a-zA-Z0-9_-".

    A legal name stays itself, whatever the others become. `first` is the class of a name's first character; `taken` are names
    that stand for something else on the wire (the vendor's own tools).
    """
    names, reserved = list(names), set(taken)
    if not names:
        return {}
    legal = re.compile(f"[{first}][{alphabet}]{{0,{longest - 1}}}")
    mapped = {name: name for name in names if legal.fullmatch(name) and name not in reserved}
    taken = set(mapped.values()) | reserved
    for name in names:
        if name in mapped:
            continue
        base = re.sub(f"[^{alphabet}]", "_", name)[:longest] or "tool"
        if not re.match(f"[{first}]", base):
            base = ("_" + base)[:longest]
        candidate, count = base, 1
        while candidate in taken:
            count += 1
            tail = f"_{count}"
            candidate = base[: longest - len(tail)] + tail
        mapped[name] = candidate
        taken.add(candidate)
    return mapped


def renamed(mapped: dict[str, str]) -> dict[str, str]:
    """`Encoded.names`: wire name → the caller's, only where they differ."""
    return {wire: name for name, wire in mapped.items() if wire != name}


def arguments_object(arguments: str, param: str) -> Raw:
    """A call's arguments as the bytes of a JSON object; "" is {}. CallerError naming the call where it is no object."""
    text = arguments.strip()
    if not text:
        return Raw(b"{}")
    try:
        msgspec.json.decode(text, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        raise CallerError(f"{param} is not a JSON object: {arguments[:80]!r}", param=param) from None
    return Raw(text.encode())
