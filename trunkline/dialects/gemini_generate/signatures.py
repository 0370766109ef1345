"""Thought signatures put back on the parts they came with.

Odd here: OpenAI's content is one text where the model's turn was several parts, some signed, and "a part with a signature must not be
merged with one without, nor two with signatures"; so each signature's detail says where its part stood in the text, and the text is cut
there again. A detail without a place (an older answer's) goes on the last text.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ..turns import AssistantTurn
from . import bodies

Part = bodies.Part | dict[str, Any]


class Mark(Struct, frozen=True):
    """A signature and the stretch of the text it belongs to: an empty one where its part held no text of the answer."""

    data: str
    start: int
    end: int
    part: dict[str, Any] | None = None
    """the part itself, where it was none of the answer's text"""


class Signatures(Struct):
    """What one turn's `reasoning_details` of ours say."""

    calls: dict[str, str]
    """tool call id → its signature"""
    marks: list[Mark]
    images: dict[int, str]
    """which of the turn's pictures → its signature"""
    unplaced: str = ""


def signatures(turn: AssistantTurn) -> Signatures:
    """Other vendors' details are passed over, and so is the place of texts where several messages became this turn."""
    found = Signatures({}, [], {})
    whole = len({placed.param.partition("]")[0] for placed in turn.content}) <= 1
    for detail in turn.details:
        data, part, start, end, image = (detail.get(name) for name in ("data", "part", "start", "end", "image"))
        if detail.get("format") != "gemini" or not isinstance(data, str) or not (data or part):
            continue
        if isinstance(id := detail.get("id"), str):
            found.calls[id] = data
        elif isinstance(image, int):
            found.images[image] = data
        elif isinstance(part, dict):
            at = start if isinstance(start, int) and whole else 0
            found.marks.append(Mark(data, at, at, part))
        elif isinstance(start, int) and isinstance(end, int) and whole:
            thought = {"text": "", "thought": True} if detail.get("thought") is True else None
            found.marks.append(Mark(data, start, start if thought else end, thought))
        else:
            found.unplaced = data
    return found


def with_signatures(parts: Sequence[bodies.Part], found: Signatures) -> list[Part]:
    """The parts of a turn's content, its texts cut where a signed part began and ended, and what was signed beside them in its place."""
    text = "".join(part.text or "" for part in parts)
    out: list[Part] = []
    at = 0
    for mark in sorted([*found.marks, *_media(parts, found)], key=lambda mark: mark.start):
        start = min(max(mark.start, at), len(text))
        end = min(max(mark.end, start), len(text))
        if start > at:
            out.append(bodies.Part(text=text[at:start]))
        out.append(_signed(mark, text[start:end]))
        at = end
    if at < len(text):
        out.append(bodies.Part(text=text[at:]))
    return _last_text_signed(out, found.unplaced) if found.unplaced else out


def _media(parts: Sequence[bodies.Part], found: Signatures) -> list[Mark]:
    """The turn's pictures as marks where they stand among its texts."""
    said = 0
    marks: list[Mark] = []
    for part in parts:
        if part.text is not None:
            said += len(part.text)
        else:
            plain = msgspec.to_builtins(part)
            marks.append(Mark(found.images.get(len(marks), ""), said, said, plain))
    return marks


def _signed(mark: Mark, text: str) -> Part:
    if mark.part is None:
        return bodies.Part(text=text, thought_signature=mark.data)
    return {**mark.part, "thoughtSignature": mark.data} if mark.data else mark.part


def _last_text_signed(parts: list[Part], signature: str) -> list[Part]:
    last = parts[-1] if parts else None
    if isinstance(last, bodies.Part) and not last.thought_signature:
        return [*parts[:-1], msgspec.structs.replace(last, thought_signature=signature)]
    return [*parts, bodies.Part(text="", thought_signature=signature)]
