"""Our messages as Cohere's.

Odd here: "text content is not allowed when tool_calls are provided. If you wish to pass a tool plan … use 'tool_plan'", says the
API, so what an assistant said beside its calls goes there; and a tool's result is a document, so that the answer can cite it.

Sources: https://docs.cohere.com/reference/chat, https://docs.cohere.com/docs/tool-use-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import msgspec
from msgspec import Raw

from ...chat import Audio, File, Image, ImageRef, Text, Video
from ...errors import CallerError
from ...target import Notes
from ..flat import Answered, Returned, Said, Step, text_only
from ..turns import Placed

Json = dict[str, Any]
_REFUSED = {Audio: "audio", Video: "video", File: "files"}


def encode_messages(steps: list[Step], names: Mapping[str, str], notes: Notes) -> list[Json]:
    """`names` are the tools' names on the wire. CallerError naming a part of a kind that Cohere does not read."""
    out: list[Json] = []
    for step in steps:
        match step:
            case Said(role="user"):
                out.append({"role": "user", "content": _user(step.content, notes)})
            case Said():
                text = text_only(step.content, notes, "a system message is text only")
                out.append({"role": "system", "content": text})
            case Answered():
                out.append(_assistant(step, names, notes))
            case Returned():
                out.append({"role": "tool", "tool_call_id": step.id, "content": _result(step, notes)})
            case _:
                assert_never(step)
    return out


def _user(content: list[Placed], notes: Notes) -> str | list[Json]:
    if all(isinstance(placed.part, Text) for placed in content) and len(content) < 2:
        return "".join(placed.part.text for placed in content if isinstance(placed.part, Text))
    return [_part(placed) for placed in content]


def _part(placed: Placed) -> Json:
    part = placed.part
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        image: Json = {"url": part.url}
        if isinstance(part.image_url, ImageRef) and part.image_url.detail:
            image["detail"] = part.image_url.detail
        return {"type": "image_url", "image_url": image}
    kind = _REFUSED.get(type(part), "such parts")
    raise CallerError(
        f"{placed.param}: Cohere takes text and images, but no {kind}; remove the part or choose another model", param=placed.param
    )


def _assistant(step: Answered, names: Mapping[str, str], notes: Notes) -> Json:
    text = text_only(step.content, notes, "Cohere takes an assistant's text only")
    if step.details:
        notes.dropped(f"{step.at}.reasoning_details", "Cohere takes no signed reasoning back")
    if not step.calls:
        if step.reasoning:
            notes.dropped(f"{step.at}.reasoning_content", "Cohere thinks anew in each turn")
        return {"role": "assistant", "content": text}
    message: Json = {"role": "assistant"}
    plan = "\n".join(piece for piece in (step.reasoning, text) if piece)
    if plan:
        message["tool_plan"] = plan
    if text:
        notes.approximated(f"{step.at}.content", "sent as tool_plan: Cohere takes no content beside tool calls")
    message["tool_calls"] = [
        {"id": call.id, "type": "function", "function": {"name": names[call.name], "arguments": bytes(call.arguments()).decode()}}
        for call in step.calls
    ]
    return message


def _result(step: Returned, notes: Notes) -> list[Json]:
    """One document: the result's own members where it is a JSON object, else its text under `output`."""
    if step.is_error:
        notes.approximated(f"{step.at}.is_error", "Cohere has no mark for a failed call; the result's text says what it says")
    text = text_only(step.content, notes, "a tool's result is text only on Cohere")
    return [{"type": "document", "document": {"data": _members(text) or {"output": text}}}]


def _members(text: str) -> dict[str, Raw]:
    """The members of a JSON object, as bytes; {} for any other text."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Raw])
    except (msgspec.DecodeError, RecursionError):
        return {}
