"""OpenAI's list of messages as strictly alternating turns, for the vendors that know only user and assistant.

Three rules of those vendors shape this file: system text stands outside the turns; same-role neighbours are one turn; and
the results of an assistant's tool calls come together, in call order, at the head of the very next user turn.
"""

from __future__ import annotations

from itertools import count, pairwise

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from ..chat import (
    Assistant,
    ChatRequest,
    Developer,
    FunctionResult,
    Image,
    Message,
    Opaque,
    Part,
    RefusalPart,
    System,
    Text,
    Tool,
    User,
    parts,
)
from ..errors import CallerError
from ..target import Notes
from .handed_back import Own, Place, name_lost, own_blocks, seam
from .tools import INPUT, arguments_object


class Call(Struct, frozen=True):
    id: str
    name: str
    """the caller's name for the tool"""
    arguments: Raw
    """a JSON object"""
    param: str
    extra_content: Raw | None = None


class Result(Struct, frozen=True):
    id: str
    name: str
    """the tool's name, found through the call"""
    content: list[Part]
    param: str
    is_error: bool = False


class Placed(Struct, frozen=True):
    """A part and where the caller wrote it."""

    part: Part
    param: str


class UserTurn(Struct):
    results: list[Result]
    content: list[Placed]


class AssistantTurn(Struct):
    content: list[Placed]
    calls: list[Call]
    details: list[dict[str, object]]
    """`reasoning_details` handed back, decoded; the dialect takes those of its own format"""
    reasoning: str = ""
    param: str = ""
    blocks: list[Own] = []
    """`provider_blocks` handed back, each with its place among the others"""

    def held(self) -> Place:
        """How much of each it holds."""
        text = sum(len(placed.part.text) for placed in self.content if isinstance(placed.part, Text))
        return Place("", text, len(self.details), len(self.calls))

    def paused(self) -> bool:
        """A vendor's own block comes last, so it is for the vendor to go on."""
        if not self.blocks or self.blocks[-1].block is None:
            return False
        last, held = self.blocks[-1].place, self.held()
        return last.content >= held.content and last.reasoning_details >= held.reasoning_details and last.tool_calls >= held.tool_calls


Turn = UserTurn | AssistantTurn


def split(request: ChatRequest, notes: Notes, *, takes_blocks: bool = True, drawn: bool = False) -> tuple[list[Placed], list[Turn]]:
    """(system texts in order, turns beginning with the user). CallerError naming the message that breaks a rule.

    `takes_blocks`: the vendor takes its own blocks back; for one that does not they are dropped and named. `drawn`: it takes
    back what its model drew.
    """
    system: list[Placed] = []
    turns: list[Turn] = []
    open_calls: dict[str, Call] = {}
    for index, message in enumerate(request.messages):
        at = f"messages[{index}]"
        _name_lost(message, at, notes)
        match message:
            case System(content=content) | Developer(content=content):
                placed = placed_parts(content, at, notes)
                if not turns:
                    system += placed
                else:
                    _user(turns).content += [_as_note(p) for p in placed]
            case User(content=content):
                placed = placed_parts(content, at, notes)
                if not placed:
                    raise CallerError(f"{at} has no content; this provider refuses an empty user message", param=f"{at}.content")
                _user(turns).content += placed
            case Assistant():
                _require_answers(open_calls)
                turn = _assistant(turns, at)
                calls = _calls(message, at, index)
                if not takes_blocks:
                    name_lost(message, at, notes)
                elif turn.blocks or message.provider_blocks:
                    before = turn.held()
                    turn.blocks += [seam(before), *own_blocks(message, at, before)]
                turn.content += placed_parts(message.content, at, notes)
                if message.images is not None:
                    turn.content += pictures(message.images, at, notes, taken=drawn)
                if message.refusal:
                    turn.content.append(Placed(Text(message.refusal), f"{at}.refusal"))
                turn.calls += calls
                turn.reasoning += message.reasoning_content or ""
                turn.details += _details(message.reasoning_details, at)
                open_calls = {call.id: call for call in turn.calls}
                if not (turn.content or turn.calls or turn.details or turn.reasoning or turn.blocks):
                    raise CallerError(f"{at} has neither content nor tool_calls", param=f"{at}.content")
            case Tool(tool_call_id=id, content=content, is_error=bad):
                call = open_calls.pop(id, None)
                if call is None:
                    raise CallerError(
                        f"{at}.tool_call_id {id!r} answers no tool call of the assistant message before it", param=f"{at}.tool_call_id"
                    )
                _user(turns).results.append(Result(id, call.name, [p.part for p in placed_parts(content, at, notes)], at, bool(bad)))
            case FunctionResult(name=name, content=content):
                call = next((c for c in open_calls.values() if c.name == name), None)
                if call is None:
                    raise CallerError(f"{at}.name {name!r} answers no function call before it", param=f"{at}.name")
                del open_calls[call.id]
                _user(turns).results.append(Result(call.id, name, [p.part for p in placed_parts(content, at, notes)], at))
    _require_answers(open_calls)
    _order_results(turns)
    if not turns or isinstance(turns[0], AssistantTurn):
        notes.added("messages", "this provider wants a user turn first; a minimal one was put there")
        turns.insert(0, UserTurn([], [Placed(Text("Begin."), "messages")]))
    return system, turns


def _name_lost(message: Message, at: str, notes: Notes) -> None:
    """A participant's name, and an earlier spoken answer by its id, have no place among bare turns."""
    if not isinstance(message, (Tool, FunctionResult)) and message.name:
        notes.dropped(f"{at}.name", "this provider knows no participants' names")
    if isinstance(message, Assistant) and message.audio is not None:
        notes.dropped(f"{at}.audio", "this provider knows no earlier audio answers")


def _user(turns: list[Turn]) -> UserTurn:
    if not turns or not isinstance(turns[-1], UserTurn):
        turns.append(UserTurn([], []))
    last = turns[-1]
    assert isinstance(last, UserTurn)
    return last


def _assistant(turns: list[Turn], at: str) -> AssistantTurn:
    if not turns or not isinstance(turns[-1], AssistantTurn):
        turns.append(AssistantTurn([], [], [], param=at))
    last = turns[-1]
    assert isinstance(last, AssistantTurn)
    return last


def placed_parts(content: object, at: str, notes: Notes) -> list[Placed]:
    """Parts with their places; empty texts removed, refusals as text, unknown parts dropped and named."""
    if isinstance(content, str):
        return [Placed(Text(content), f"{at}.content")] if content else []
    listed = isinstance(content, list)
    placed = []
    for i, part in enumerate(parts(content)):  # type: ignore[arg-type]
        param = f"{at}.content[{i}]" if listed else f"{at}.content"
        match part:
            case Text(text="") | RefusalPart(refusal=""):
                continue
            case RefusalPart(refusal=text):
                placed.append(Placed(Text(text), param))
            case Opaque():
                notes.dropped(param, f"a part of type {part.kind!r} is not known to this provider")
            case _:
                placed.append(Placed(part, param))
    return placed


_PICTURES: msgspec.json.Decoder[list[Image] | None] = msgspec.json.Decoder(list[Image] | None)


def pictures(images: Raw, at: str, notes: Notes, *, taken: bool) -> list[Placed]:
    """What the model drew in an earlier turn, handed back as the answer had it; named where the vendor does not take it."""
    try:
        found = _PICTURES.decode(images) or []
    except msgspec.DecodeError:
        notes.dropped(f"{at}.images", "these are no pictures as an answer gives them")
        return []
    placed = []
    for i, picture in enumerate(found):
        if taken and picture.url.startswith("data:"):
            placed.append(Placed(picture, f"{at}.images[{i}]"))
        else:
            why = (
                "a picture of a model's goes back as the data URL it came as"
                if taken
                else "this provider takes back no picture of a model's"
            )
            notes.dropped(f"{at}.images[{i}]", why)
    return placed


def _as_note(placed: Placed) -> Placed:
    if isinstance(placed.part, Text):
        return Placed(Text(f"<system>\n{placed.part.text}\n</system>", placed.part.cache_control), placed.param)
    return placed


def _details(raws: list[Raw] | None, at: str) -> list[dict[str, object]]:
    details = [msgspec.json.decode(raw) for raw in raws or ()]
    for index, detail in enumerate(details):
        if not isinstance(detail, dict):
            path = f"{at}.reasoning_details[{index}]"
            raise CallerError(f"{path}: expected object; hand back what an answer's reasoning_details hold, as they are", param=path)
    return details


def _calls(message: Assistant, at: str, index: int) -> list[Call]:
    calls = []
    for i, call in enumerate(message.tool_calls or ()):
        param = f"{at}.tool_calls[{i}]"
        if call.function is not None:
            arguments = arguments_object(call.function.arguments, f"{param}.function.arguments")
            calls.append(Call(call.id, call.function.name, arguments, param, call.extra_content))
        elif call.custom is not None:
            wrapped = Raw(msgspec.json.encode({INPUT: call.custom.input}))
            calls.append(Call(call.id, call.custom.name, wrapped, param, call.extra_content))
        else:
            raise CallerError(f"{param} has no function", param=f"{param}.function")
    if message.function_call is not None:
        param = f"{at}.function_call"
        arguments = arguments_object(message.function_call.arguments, f"{param}.arguments")
        calls.append(Call(f"call_legacy_{index}", message.function_call.name, arguments, param))
    return calls


def _require_answers(open_calls: dict[str, Call]) -> None:
    for call in open_calls.values():
        raise CallerError(f"{call.param} ({call.id!r}) is left without a tool message that answers it", param=call.param)


def _order_results(turns: list[Turn]) -> None:
    """Results in the order of their calls, whatever order they came in."""
    for before, after in pairwise(turns):
        if isinstance(before, AssistantTurn) and isinstance(after, UserTurn):
            order = {call.id: i for i, call in enumerate(before.calls)}
            after.results.sort(key=lambda r: order.get(r.id, len(order)))


def distinct(turns: list[Turn]) -> list[Turn]:
    """The turns, every call's id its own, and its result's with it, for vendors that refuse an id said twice in a conversation.

    Some hosts count anew in each answer (`call_0`). Only what repeats is renamed, and the same way however long the conversation grows.
    """
    seen: set[str] = set()
    for turn, after in zip(turns, [*turns[1:], None], strict=True):
        if isinstance(turn, UserTurn):
            continue
        renamed: dict[str, str] = {}
        for i, call in enumerate(turn.calls):
            id = _unseen(call.id, seen)
            seen.add(id)
            if id != call.id:
                renamed[call.id] = id
                turn.calls[i] = replace(call, id=id)
        if renamed and isinstance(after, UserTurn):
            after.results = [replace(result, id=renamed.get(result.id, result.id)) for result in after.results]
    return turns


def _unseen(id: str, seen: set[str]) -> str:
    if id not in seen:
        return id
    return next(name for number in count(2) if (name := f"{id}_{number}") not in seen)


def end_with_user(turns: list[Turn], notes: Notes, *, goes_on: bool) -> None:
    """A list that ends with the assistant asks it to go on ("prefill"); unless it `goes_on`, a minimal user turn is put last.

    A paused turn is not answered: the vendor is to go on with its own tools.
    """
    last = turns[-1]
    if not isinstance(last, AssistantTurn) or last.paused():
        return
    if not goes_on:
        turns.append(UserTurn([], [Placed(Text("Continue."), "messages")]))
        notes.added("messages", "this model wants a user turn last; a minimal one was put there")
        return
    if last.content and isinstance(last.content[-1].part, Text):
        part, param = last.content[-1].part, last.content[-1].param
        if part.text != part.text.rstrip():  # Claude: "final assistant content cannot end with trailing whitespace"
            last.content[-1] = Placed(Text(part.text.rstrip(), part.cache_control), param)
            notes.clamped(param, "the vendor refuses white space at the end of the last assistant message")
