"""The conversation as Gemini's `contents`: user and model turns made of parts.

Odd here: the vendor finds a call's result by name and order, so results stand in the order of their calls; and a Gemini 3 model
refuses a call of the current turn that lacks its thought signature, for which Google documents a word that skips the check.

Sources: https://ai.google.dev/api/caching#Content, https://ai.google.dev/gemini-api/docs/thought-signatures,
https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import Part, Text
from ...target import Notes, Target
from ..turns import AssistantTurn, Call, Placed, Result, Turn, UserTurn
from . import bodies
from .media import media_part
from .models import Facts
from .signatures import signatures, with_signatures

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""Google's documented stand-in for a signature that is gone, e.g. in a conversation another model began."""

_OWN_ID = re.compile(r"[a-z0-9]{8}|call_\d{4,}")
"""The call ids Gemini gives; ours (`choice.call_id`) and other vendors' look different and are not sent."""


def system_instruction(system: Sequence[Placed], notes: Notes) -> bodies.Content | None:
    """The system texts in order; what is no text is dropped and named."""
    texts: list[bodies.Part | dict[str, Any]] = []
    for placed in system:
        if isinstance(placed.part, Text):
            _uncached(placed, notes)
            texts.append(bodies.Part(text=placed.part.text))
        else:
            notes.dropped(placed.param, "this provider's system instruction is text only")
    return bodies.Content(parts=texts) if texts else None


class Contents:
    """Encodes the turns of one request. `names` are the tools' names on the wire."""

    def __init__(self, target: Target, model: Facts, names: Mapping[str, str], notes: Notes) -> None:
        self.ids = target.kind != "vertex"  # Vertex v1 knows no id on calls and results
        self.model = model
        self.names = names
        self.notes = notes

    def encode(self, turns: Sequence[Turn]) -> list[bodies.Content]:
        current = _current_turn(turns)
        out: list[bodies.Content] = []
        for index, turn in enumerate(turns):
            if isinstance(turn, UserTurn):
                content = bodies.Content(role="user", parts=self._user(turn))
            else:
                content = bodies.Content(role="model", parts=self._model(turn, current=index > current))
            if content.parts:
                out.append(content)
            else:
                self.notes.dropped(turn.param if isinstance(turn, AssistantTurn) else "messages", "it holds nothing this provider takes")
        return out

    # ── the user's side ──────────────────────────────────────────────────────────────────────────────────

    def _user(self, turn: UserTurn) -> list[bodies.Part | dict[str, Any]]:
        beside: list[bodies.Part] = []
        results = [self._result(result, beside) for result in turn.results]
        said = [self._part(placed) for placed in turn.content]
        return [*results, *beside, *said]

    def _result(self, result: Result, beside: list[bodies.Part]) -> bodies.Part:
        """`beside` takes the media of a result, for the models that want it after the results and not inside."""
        media = [
            encoded
            for i, part in enumerate(result.content)
            if (encoded := media_part(part, f"{result.param}.content[{i}]", self.notes)) is not None
        ]
        if media and not self.model.media_in_results:
            beside += media
            media = []
        text = "".join(part.text for part in result.content if isinstance(part, Text))
        response = bodies.FunctionResponse(
            id=self._id(result.id), name=self._name(result.name), response=_response(text, failed=result.is_error), parts=media
        )
        return bodies.Part(function_response=response)

    def _part(self, placed: Placed) -> bodies.Part:
        if isinstance(placed.part, Text):
            _uncached(placed, self.notes)
            return bodies.Part(text=placed.part.text)
        media = media_part(placed.part, placed.param, self.notes)
        assert media is not None, "turns.split leaves text and media only"
        _uncached(placed, self.notes)
        return media

    # ── the model's side ─────────────────────────────────────────────────────────────────────────────────

    def _model(self, turn: AssistantTurn, *, current: bool) -> list[bodies.Part | dict[str, Any]]:
        found = signatures(turn)
        texts = with_signatures([self._part(placed) for placed in turn.content], found)
        calls = [self._call(call, found.calls.get(call.id) or _signature(call)) for call in turn.calls]
        if calls and current and self.model.signed_calls and not calls[0].thought_signature:
            calls[0] = msgspec.structs.replace(calls[0], thought_signature=SKIP_SIGNATURE)
            self.notes.added(
                f"{turn.calls[0].param}.extra_content",
                "this model wants the call's thought signature, which did not come back; Google's word to skip the check was sent",
            )
        return [*texts, *calls]

    def _call(self, call: Call, signature: str) -> bodies.Part:
        made = bodies.FunctionCall(id=self._id(call.id), name=self._name(call.name), args=call.arguments)
        return bodies.Part(function_call=made, thought_signature=signature)

    def _name(self, name: str) -> str:
        return self.names.get(name, name)

    def _id(self, id: str) -> str:
        return id if self.ids and _OWN_ID.fullmatch(id) else ""


def _current_turn(turns: Sequence[Turn]) -> int:
    """Where the model's current turn begins: after the last thing the user said. Results of calls do not end a turn."""
    for index in range(len(turns) - 1, -1, -1):
        turn = turns[index]
        if isinstance(turn, UserTurn) and turn.content and not turn.results:
            return index
    return -1


def _response(text: str, *, failed: bool) -> dict[str, Any] | Raw:
    """The result as the object the vendor wants: a JSON object as it is, anything else under `result` (or `error`)."""
    raw = Raw(text.strip().encode())
    try:
        msgspec.json.decode(raw, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        return {"error" if failed else "result": text}
    return {"error": raw} if failed else raw


class _Google(msgspec.Struct):
    thought_signature: str = ""


class _ExtraContent(msgspec.Struct):
    google: _Google | None = None


def _signature(call: Call) -> str:
    """From the call's `extra_content`, where Google's own OpenAI door puts it."""
    if call.extra_content is None:
        return ""
    try:
        extra = msgspec.json.decode(call.extra_content, type=_ExtraContent)
    except msgspec.DecodeError:
        return ""
    return extra.google.thought_signature if extra.google is not None else ""


def _uncached(placed: Placed, notes: Notes) -> None:
    part: Part = placed.part
    if getattr(part, "cache_control", None) is not None:
        notes.dropped(f"{placed.param}.cache_control", "this provider caches by itself")
