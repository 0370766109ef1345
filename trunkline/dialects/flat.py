"""OpenAI's list of messages, one by one and in place, for the vendors whose list is much the same as ours.

Odd here: these vendors have all of OpenAI's roles, so nothing is merged or moved; what has to be settled is OpenAI's own
variety: the legacy `function_call` (which has no id), refusals, custom calls, arguments that are the empty string.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ..chat import Assistant, ChatRequest, Developer, FunctionResult, System, Text, Tool, User
from ..errors import CallerError
from ..target import Notes
from .handed_back import name_lost
from .tools import INPUT, arguments_object
from .turns import Placed, pictures, placed_parts


class Said(Struct, frozen=True):
    """A system, developer or user message."""

    role: str
    content: list[Placed]
    at: str


class Called(Struct, frozen=True):
    id: str
    name: str
    text: str
    """the arguments as the caller wrote them ("{}" for none), or a custom call's input"""
    param: str
    custom: bool = False

    def arguments(self) -> Raw:
        """A JSON object. CallerError naming the call where it is none."""
        if self.custom:
            return Raw(msgspec.json.encode({INPUT: self.text}))
        return arguments_object(self.text, self.param)


class Answered(Struct, frozen=True):
    """An assistant message."""

    content: list[Placed]
    calls: list[Called]
    reasoning: str
    details: list[dict[str, Any]]
    """`reasoning_details` handed back, decoded"""
    at: str


class Returned(Struct, frozen=True):
    """A tool's result."""

    id: str
    name: str
    """the tool's name, found through the call; "" where no call has that id"""
    content: list[Placed]
    at: str
    is_error: bool = False
    custom: bool = False


Step = Said | Answered | Returned


def flat(request: ChatRequest, notes: Notes, *, drawn: bool = False) -> list[Step]:
    """The messages in order. CallerError naming a legacy result without its call, or a call without a function.

    `drawn`: the vendor takes back what its model drew.
    """
    steps: list[Step] = []
    calls: dict[str, Called] = {}
    unanswered: list[Called] = []
    for index, message in enumerate(request.messages):
        at = f"messages[{index}]"
        content = [_unmarked(placed, notes) for placed in placed_parts(message.content, at, notes)]
        name = getattr(message, "name", None)
        if name and not isinstance(message, Tool | FunctionResult):
            notes.dropped(f"{at}.name", "this provider has no names of participants")
        match message:
            case System():
                steps.append(Said("system", content, at))
            case Developer():
                steps.append(Said("developer", content, at))
            case User():
                steps.append(Said("user", content, at))
            case Assistant():
                made = _calls(message, at, index)
                calls |= {call.id: call for call in made}
                unanswered += made
                if message.images is not None:
                    content += pictures(message.images, at, notes, taken=drawn)
                steps.append(_answered(message, content, made, at, notes))
            case Tool(tool_call_id=id, is_error=bad):
                found = calls.get(id)
                unanswered = [call for call in unanswered if call.id != id]
                custom = found is not None and found.custom
                steps.append(Returned(id, found.name if found else name or "", content, at, bool(bad), custom))
            case FunctionResult(name=named):
                call = next((call for call in unanswered if call.name == named), None)
                if call is None:
                    raise CallerError(f"{at}.name {named!r} answers no function call before it", param=f"{at}.name")
                unanswered.remove(call)
                steps.append(Returned(call.id, named, content, at))
    return steps


def _unmarked(placed: Placed, notes: Notes) -> Placed:
    if getattr(placed.part, "cache_control", None) is not None:
        notes.dropped(f"{placed.param}.cache_control", "this provider caches by itself")
    return placed


def _answered(message: Assistant, content: list[Placed], calls: list[Called], at: str, notes: Notes) -> Answered:
    if message.refusal:
        content = [*content, Placed(Text(message.refusal), f"{at}.refusal")]
    if message.audio is not None:
        notes.dropped(f"{at}.audio", "this provider takes no earlier audio answers")
    name_lost(message, at, notes)
    details = [msgspec.json.decode(raw) for raw in message.reasoning_details or ()]
    return Answered(content, calls, message.reasoning_content or "", [d for d in details if isinstance(d, dict)], at)


def _calls(message: Assistant, at: str, index: int) -> list[Called]:
    made = []
    for i, call in enumerate(message.tool_calls or ()):
        param = f"{at}.tool_calls[{i}]"
        if call.function is not None:
            text = call.function.arguments.strip() or "{}"
            made.append(Called(call.id or f"call_{index}_{i}", call.function.name, text, f"{param}.function.arguments"))
        elif call.custom is not None:
            made.append(Called(call.id or f"call_{index}_{i}", call.custom.name, call.custom.input, f"{param}.custom.input", custom=True))
        else:
            raise CallerError(f"{param} has no function", param=f"{param}.function")
    if message.function_call is not None:
        text = message.function_call.arguments.strip() or "{}"
        made.append(Called(f"call_legacy_{index}", message.function_call.name, text, f"{at}.function_call.arguments"))
    return made


def text_only(content: list[Placed], notes: Notes, why: str) -> str:
    """The texts of a content joined; every other part is dropped and named."""
    for placed in content:
        if not isinstance(placed.part, Text):
            notes.dropped(placed.param, why)
    return "".join(placed.part.text for placed in content if isinstance(placed.part, Text))
