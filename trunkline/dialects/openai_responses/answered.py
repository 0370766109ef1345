"""An assistant's message as the items it was made of: its reasoning, its words, its calls, in the order they came.

Odd here: chat completions has one text and then the calls, where the model may have thought, spoken, thought again and called twice; and
"a reasoning item must be followed by the item it led to". So each detail that goes to the caller says how much text and how many calls
stood before it, and what comes back is cut there again. Words said on the way are marked as `commentary`, which newer models want back.

Sources: https://platform.openai.com/docs/guides/reasoning#keeping-reasoning-items-in-context,
https://platform.openai.com/docs/api-reference/responses/create#responses-create-input (`phase`)
"""

from __future__ import annotations

from typing import Any

from ...target import Notes
from ..flat import Answered, Called, text_only

Json = dict[str, Any]
FORMAT = "openai-responses"
"""Whose `reasoning_details` can be handed back here."""


def encode_answered(step: Answered, notes: Notes) -> list[Json]:
    """The items of an assistant's message. What of another vendor's reasoning cannot go back is named."""
    own = [detail for detail in step.details if detail.get("format") == FORMAT]
    if step.details and not own:
        notes.dropped(f"{step.at}.reasoning_details", "OpenAI takes back only its own encrypted reasoning")
    elif step.reasoning and not any(map(_reasoning, own)):
        notes.dropped(f"{step.at}.reasoning_content", "OpenAI takes back only encrypted reasoning, which is in reasoning_details")
    text = text_only(step.content, notes, "an assistant's message is text only in the Responses API")
    before: dict[int, list[Json]] = {}
    """number of a call → the reasoning that led to it"""
    said = _Said(text)
    for detail in own:
        calls = min(_count(detail, "calls"), len(step.calls))
        item = _reasoning(detail)
        if item is not None and calls:
            before.setdefault(calls, []).append(item)
        elif item is not None:
            said.until(_count(detail, "start"))
            said.items.append(item)
        elif detail.get("type") == "message.phase" and isinstance(phase := detail.get("phase"), str):
            said.until(_count(detail, "start"))
            said.until(_count(detail, "end"), phase=phase)
    said.until(len(text))
    if not text and not step.calls:
        said.items.append(_message(""))
    called = [item for number, call in enumerate(step.calls) for item in (*before.pop(number, ()), _call(call))]
    return [*said.items, *called, *(item for rest in before.values() for item in rest)]


class _Said:
    """The text so far, cut into messages."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.items: list[Json] = []

    def until(self, end: int, *, phase: str = "") -> None:
        end = min(max(end, self.at), len(self.text))
        if end > self.at:
            self.items.append({**_message(self.text[self.at : end]), **({"phase": phase} if phase else {})})
        self.at = end


def _message(text: str) -> Json:
    return {"type": "message", "role": "assistant", "content": text}


def _count(detail: Json, name: str) -> int:
    """How much stood before: 0 where a detail does not say, as older ones do not."""
    value = detail.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _reasoning(detail: Json) -> Json | None:
    match detail:
        case {"type": "reasoning.encrypted", "data": str(data)} if data:
            summary = [item for item in detail.get("summary") or () if isinstance(item, dict) and isinstance(item.get("text"), str)]
            parts = [{"type": "summary_text", "text": item["text"]} for item in summary]
            named = {"id": detail["id"]} if detail.get("id") else {}
            return {"type": "reasoning", **named, "summary": parts, "encrypted_content": data}
        case _:
            return None


def _call(call: Called) -> Json:
    if call.custom:
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.text}
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.text}
