"""The tool calls of one stream: which is which, and whether their arguments join to JSON.

Odd here: OpenAI counts the calls of a choice from 0 and says id and name in a call's first piece only. Some hosts count from 1, or
count their content blocks, or give every parallel call the index 0 or none at all; some send a call whole, or without an id, or
without any arguments. What callers get is OpenAI's way.
"""

from __future__ import annotations

from typing import Any

from ...chat import Event, ToolDelta, ToolStarted
from ...stamp import Stamp
from .answers import extra_of, said
from .mend import arguments_text, list_of_calls
from .shapes import CallPiece, ChunkChoice, FunctionPiece


class StreamedCalls:
    """Owned by the relay of that stream."""

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self.filled: dict[tuple[int, int], bool] = {}
        """(choice, tool) → whether any argument text came"""
        self.named: dict[tuple[int, int], tuple[str, str]] = {}
        """(choice, tool) → its id and name; those whose `ToolStarted` was given"""
        self.renumbered: dict[tuple[int, Any], int] = {}
        """(choice, the host's index of a call) → ours, where they differ"""

    def count(self, choice: int) -> int:
        return sum(1 for index, _ in self.filled if index == choice)

    def are_clean(self, choice: ChunkChoice) -> bool:
        """Whether the pieces in a chunk are such as OpenAI would have sent."""
        count = self.count(choice.index)
        for call in choice.delta.tool_calls or ():
            key = (choice.index, call.index)
            name = call.function and call.function.name
            if key in self.renumbered:
                return False
            if key in self.filled:
                if name and self._is_another(key, call.id, name):
                    return False
            elif not (call.id and call.type and (name or call.custom)) or call.index != count:
                return False
            else:
                count += 1
        return True

    def _is_another(self, key: tuple[int, int], id: Any, name: Any) -> bool:
        """Whether a piece with a name begins another call than the one under that index."""
        known_id, known_name = self.named.get(key, ("", ""))
        return bool(name) and (name != known_name or (bool(id) and id != known_id))

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
                self.named[key] = (call.id or "", (function and function.name) or "")
                if function is not None:
                    events.append(ToolStarted(call.index, said(call.id or ""), function.name or "", index, extra_of(call.extra_content)))
            if function is not None and function.arguments:
                self.filled[key] = True
                events.append(ToolDelta(call.index, function.arguments, index))
            elif call.custom is not None:
                self.filled[key] = True

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
        for call in calls:
            self._mend(index, call)
        if calls:
            delta["tool_calls"] = calls
        legacy = delta.get("function_call")
        if legacy:
            legacy["arguments"] = arguments_text(legacy.get("arguments"))

    def _mend(self, index: int, call: dict[str, Any]) -> None:
        function = call.get("function")
        if not isinstance(function, dict):
            function = call["function"] = {}
        function["arguments"] = arguments_text(function.get("arguments"))
        if function.get("name") is None:
            function.pop("name", None)
        tool = self._number(index, call, function)
        if (index, tool) not in self.filled:
            call["id"] = str(call.get("id") or "") or self.stamp.call_id(index, tool)
            call["type"] = call.get("type") or ("custom" if call.get("custom") else "function")
            function.setdefault("name", "")
            self.filled[index, tool] = bool(function["arguments"])
        if call.get("custom"):
            del call["function"]

    def _number(self, index: int, call: dict[str, Any], function: dict[str, Any]) -> int:
        """Our index of a call, counted from 0 within its choice; written into the call."""
        wire, count = call.get("index"), self.count(index)
        if not isinstance(wire, int | str):
            wire = None
        starts = bool(call.get("id") or function.get("name") or call.get("custom"))
        known = self.renumbered.get((index, wire))
        if known is None and isinstance(wire, int) and (index, wire) in self.filled:
            known = wire
        if wire is None:
            tool = count if starts or not count else count - 1
        elif known is not None and not self._is_another((index, known), call.get("id"), function.get("name")):
            tool = known
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
