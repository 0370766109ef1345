"""The tool calls of one stream: which is which, and whether their arguments join to JSON.

Odd here: OpenAI counts the calls of a choice from 0 and says id and name in a call's first piece only. Some hosts count from 1, or
count their content blocks, or give every parallel call the index 0 or none at all; some send a call whole, or without an id, or
without any arguments, or say its id and name again in every piece (OpenAI's own clients join texts, so the name would be "ff").
What callers get is OpenAI's way.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...chat import Event, ToolDelta, ToolStarted
from ...stamp import Stamp
from .answers import custom_of, extra_of, said
from .mend import arguments_text, function_of, list_of_calls
from .shapes import CallPiece, ChunkChoice, FunctionPiece


class StreamedCalls:
    """Owned by the relay of that stream."""

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self.filled: dict[tuple[int, int], bool] = {}
        """(choice, tool) → whether any argument text came"""
        self.named: dict[tuple[int, int], tuple[str, str]] = {}
        """(choice, tool) → its id and name; those whose `ToolStarted` was given"""
        self.ids: dict[tuple[int, str], int] = {}
        """(choice, id) → the tool that was given that id"""
        self.replaced: dict[tuple[int, int], str] = {}
        """(choice, tool) → the host's id of a call, where another call had it already"""
        self.whole: set[tuple[int, int]] = set()
        """(choice, tool) of calls whose first piece brought all of their arguments"""
        self.renumbered: dict[tuple[int, Any], int] = {}
        """(choice, the host's index of a call) → ours, where they differ"""

    def count(self, choice: int) -> int:
        return sum(1 for index, _ in self.filled if index == choice)

    def are_clean(self, choice: ChunkChoice) -> bool:
        """Whether the pieces in a chunk are such as OpenAI would have sent."""
        count, new = self.count(choice.index), set()
        for call in choice.delta.tool_calls or ():
            key = (choice.index, call.index)
            name = call.function and call.function.name
            if key in self.renumbered:
                return False
            if key in self.filled:
                if name or call.id or call.type == "":
                    return False
            elif (
                not (call.id and call.type and (name or call.custom))
                or call.index != count
                or call.id in new
                or (choice.index, call.id) in self.ids
            ):
                return False
            else:
                count += 1
                new.add(call.id)
        return True

    def _is_another(self, key: tuple[int, int], id: Any, name: Any) -> bool:
        """Whether a piece with a name begins another call than the one under that index."""
        known_id, known_name = self.named.get(key, ("", ""))
        if not name or not known_name:
            return False
        return name != known_name or (id not in (known_id, self.replaced.get(key)) if id else key in self.whole)

    def are_unfilled(self, choice: ChunkChoice) -> bool:
        """Whether some call of a choice would end without any argument text."""
        now = {call.index for call in choice.delta.tool_calls or () if call.function and call.function.arguments}
        return any(index == choice.index and not filled and tool not in now for (index, tool), filled in self.filled.items())

    def events(self, calls: list[CallPiece], index: int, events: list[Event]) -> None:
        for call in calls:
            key = (index, call.index)
            function = call.function
            self.filled.setdefault(key, False)
            if key not in self.named:
                self.named[key] = (call.id or "", (function and function.name) or ("" if call.custom is None else "custom"))
                self.ids.setdefault((index, call.id or ""), call.index)
                if function is not None:
                    if function.arguments and is_whole(function.arguments):
                        self.whole.add(key)
                    events.append(ToolStarted(call.index, said(call.id or ""), function.name or "", index, extra_of(call.extra_content)))
                elif call.custom is not None:
                    name, _ = custom_of(call.custom)
                    events.append(ToolStarted(call.index, said(call.id or ""), name, index, extra_of(call.extra_content), custom=True))
            if function is not None and function.arguments:
                self.filled[key] = True
                events.append(ToolDelta(call.index, function.arguments, index))
            elif call.custom is not None:
                self.filled[key] = True
                _, text = custom_of(call.custom)
                if text:
                    events.append(ToolDelta(call.index, text, index))

    def legacy_events(self, call: FunctionPiece, index: int, events: list[Event]) -> None:
        """A `function_call`, as the only tool call of its choice."""
        if (index, 0) not in self.named:
            self.named[index, 0] = ("", call.name or "")
            events.append(ToolStarted(0, "", call.name or "", index))
        if call.arguments:
            events.append(ToolDelta(0, call.arguments, index))

    # ── putting right ────────────────────────────────────────────────────────────────────────────────────

    def mend(self, index: int, delta: dict[str, Any]) -> None:
        """The pieces in a choice's delta, in place."""
        calls = list_of_calls(delta.pop("tool_calls", None))
        for place, call in enumerate(calls):
            self._mend(index, call, place if len(calls) > 1 else None)
        if calls:
            delta["tool_calls"] = calls
        legacy = delta.get("function_call")
        if legacy:
            legacy["arguments"] = arguments_text(legacy.get("arguments"))

    def _mend(self, index: int, call: dict[str, Any], place: int | None) -> None:
        function = function_of(call)
        function["arguments"] = arguments_text(function.get("arguments"))
        if function.get("name") is None:
            function.pop("name", None)
        tool = self._number(index, call, function, place)
        if (index, tool) not in self.filled:
            id = str(call.get("id") or "")
            if not id or (index, id) in self.ids:  # a result names the call it answers by its id alone
                self.replaced[index, tool] = id
                id = self.stamp.call_id(index, tool)
            call["id"] = id
            self.ids[index, id] = tool
            call["type"] = call.get("type") or ("custom" if call.get("custom") else "function")
            function.setdefault("name", "")
            self.filled[index, tool] = bool(function["arguments"])
        else:  # id and name were said; callers would join what is said again to them
            for name in ("id", "type"):
                call.pop(name, None)
            if self.named.get((index, tool), ("", ""))[1]:
                function.pop("name", None)
        if call.get("custom"):
            del call["function"]

    def _number(self, index: int, call: dict[str, Any], function: dict[str, Any], place: int | None) -> int:
        """Our index of a call, counted from 0 within its choice; written into the call. `place`: where it stands among several pieces."""
        wire, count = call.get("index"), self.count(index)
        if not isinstance(wire, int | str):
            wire = None
        starts = bool(call.get("id") or function.get("name") or call.get("custom"))
        known = self.renumbered.get((index, wire)) if wire is not None else self.ids.get((index, str(call.get("id") or "")))
        if known is None and isinstance(wire, int) and (index, wire) in self.filled:
            known = wire
        if known is not None and not self._is_another((index, known), call.get("id"), function.get("name")):
            tool = known
        elif wire is None:
            tool = count if starts or not count else min(count - 1, count if place is None else place)
        else:
            tool = count
        if wire is not None and tool != wire:
            self.renumbered[index, wire] = tool
        call["index"] = tool
        return tool

    def fill(self, index: int, delta: dict[str, Any]) -> None:
        """A call without arguments is `{}`: the pieces of every call must join to valid JSON."""
        pieces = {call["index"]: call for call in delta.get("tool_calls") or ()}
        for (choice, tool), filled in self.filled.items():
            if choice == index and not filled:
                piece = pieces.get(tool)
                if piece is None:
                    delta.setdefault("tool_calls", []).append({"index": tool, "function": {"arguments": "{}"}})
                elif "function" in piece and not piece["function"]["arguments"]:
                    piece["function"]["arguments"] = "{}"


def is_whole(arguments: str) -> bool:
    """Whether the text is all of a call's arguments."""
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
