"""Undoing in the answer what encoding did to the request, on events, so that no dialect has to.

Odd here: four disguises exist. Names of tools and of their parameters may have been made legal and must come back as the caller's own; a
forced tool may stand for `response_format`, and then its arguments are the answer's text; a function of one text may stand for a custom
tool, and then its arguments are unwrapped as they come; and several calls may stand for the caller's `n`.
"""

from __future__ import annotations

from msgspec.structs import replace

from .chat import Event, Finished, Metered, Reason, Started, TextDelta, ToolDelta, ToolStarted, Usage
from .rekey import Rekeyed
from .target import Encoded
from .unwrap import Unwrapped

_SURPLUS = -1
"""In `real_tools`: a second call of the forced tool, which nobody asked for."""


class Undo:
    """Undoes one call's disguises; owned by that call. `choice` is the index its choices get (for `n` by parallel calls)."""

    def __init__(self, encoded: Encoded, choice: int = 0) -> None:
        self.names = encoded.names
        self.json_tool = encoded.json_tool
        self.customs = encoded.customs
        self.properties = encoded.properties
        self.inputs: dict[int, dict[int, Unwrapped | Rekeyed]] = {}
        """choice → tool → the input of a custom call, or the arguments of one whose parameters were renamed"""
        self.answers: dict[int, Rekeyed] = {}
        """choice → the forced tool's arguments, where its parameters were renamed"""
        self.choice = choice
        self.content_tools: dict[int, int] = {}
        """choice → the forced tool whose arguments are its text; of several the first"""
        self.empty: set[int] = set()
        """choices whose forced tool has said nothing yet"""
        self.chatter: dict[int, list[Event]] = {}
        """choice → text beside the forced tool: no part of the JSON, and all there is where the tool was not called"""
        self.real_tools: dict[tuple[int, int], int] = {}
        self.idle = not (self.names or self.json_tool or self.customs or self.properties or choice)

    def apply(self, events: list[Event]) -> list[Event]:
        if self.idle:
            return events
        out: list[Event] = []
        for event in events:
            out += self._one(event)
        return at_choice(out, self.choice)

    def _one(self, event: Event) -> list[Event]:
        match event:
            case ToolStarted(tool, _, name, index) if name == self.json_tool and self.json_tool:
                if index not in self.content_tools:
                    self.content_tools[index] = tool
                    self.empty.add(index)
                    if name in self.properties:
                        self.answers[index] = Rekeyed(self.properties[name])
                else:
                    self.real_tools[index, tool] = _SURPLUS
                return []
            case ToolStarted(tool, _, name, index):
                number = self._count(index)
                self.real_tools[index, tool] = number
                if name in self.properties:
                    self.inputs.setdefault(index, {})[tool] = Rekeyed(self.properties[name])
                name = self.names.get(name, name)
                if name in self.customs:
                    self.inputs.setdefault(index, {})[tool] = Unwrapped()
                return [replace(event, tool=number, name=name, custom=event.custom or name in self.customs)]
            case ToolDelta(tool, arguments, index) if self.content_tools.get(index) == tool:
                if not arguments:
                    return []
                self.empty.discard(index)
                if index in self.answers:
                    arguments = self.answers[index].feed(arguments)
                return [TextDelta(arguments, index)] if arguments else []
            case ToolDelta(tool, arguments, index):
                number = self.real_tools.get((index, tool), tool)
                if number == _SURPLUS:
                    return []
                if tool in self.inputs.get(index, {}):
                    return self._input(number, self.inputs[index][tool].feed(arguments), index)
                return [replace(event, tool=number)]
            case TextDelta(_, index) if self.json_tool:
                self.chatter.setdefault(index, []).append(event)
                return []
            case Finished(reason, index) if self.json_tool or index in self.inputs:
                return [*self._inputs(index), *self._held(index), self._finished(event, reason)]
            case _:
                return [event]

    def _input(self, number: int, text: str, index: int) -> list[Event]:
        return [ToolDelta(number, text, index)] if text else []

    def _inputs(self, index: int) -> list[Event]:
        """What the custom and the renamed calls of a choice still hold back."""
        rest = self.inputs.pop(index, {})
        return [event for tool, held in rest.items() for event in self._input(self.real_tools[index, tool], held.close(), index)]

    def _count(self, index: int) -> int:
        return sum(1 for (i, _), number in self.real_tools.items() if i == index and number != _SURPLUS)

    def _held(self, index: int) -> list[Event]:
        if index not in self.content_tools:
            return self.chatter.pop(index, [])
        return [TextDelta("{}", index)] if index in self.empty else []

    def _finished(self, event: Finished, reason: Reason) -> Finished:
        index = event.choice
        if reason == "tool_calls" and index in self.content_tools and not self._count(index):
            return replace(event, reason="stop", native="")
        return event


def at_choice(events: list[Event], choice: int) -> list[Event]:
    """The events of an answer with one choice, as those of the choice with that index."""
    return [replace(event, choice=choice) if hasattr(event, "choice") else event for event in events] if choice else events


class Sum:
    """The usage of several parallel calls as one; the prompt was read, and is paid, each time."""

    def __init__(self) -> None:
        self.latest: dict[int, Usage] = {}
        self.started: Started | None = None

    def take(self, call: int, events: list[Event]) -> list[Event]:
        """The events without usage and with one `Started` only."""
        out: list[Event] = []
        for event in events:
            match event:
                case Metered(usage):
                    self.latest[call] = usage
                case Started():
                    if self.started is None:
                        self.started = event
                        out.append(event)
                case _:
                    out.append(event)
        return out

    def metered(self) -> list[Event]:
        if not self.latest:
            return []
        usages = list(self.latest.values())

        def total(counts: list[int | None]) -> int | None:
            known = [count for count in counts if count is not None]
            return sum(known) if known else None

        return [
            Metered(
                Usage(
                    prompt=total([usage.prompt for usage in usages]),
                    completion=total([usage.completion for usage in usages]),
                    total=total([usage.total for usage in usages]),
                    cached=total([usage.cached for usage in usages]),
                    cache_write=total([usage.cache_write for usage in usages]),
                    reasoning=total([usage.reasoning for usage in usages]),
                )
            )
        ]
