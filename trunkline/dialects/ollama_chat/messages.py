"""Our messages as Ollama's: one text a message, pictures beside it.

Source: https://docs.ollama.com/api/chat
"""

from __future__ import annotations

from typing import Any, assert_never

from ...chat import Audio, File, Image, Text, Video
from ...errors import CallerError
from ...target import Notes
from ..flat import Answered, Returned, Said, Step
from ..media import data_url, is_remote
from ..turns import Placed

Json = dict[str, Any]
_REFUSED = {Audio: "audio", Video: "video", File: "files"}


def encode_messages(steps: list[Step], notes: Notes) -> list[Json]:
    """CallerError naming a part that Ollama cannot read."""
    out: list[Json] = []
    for step in in_call_order(steps):
        match step:
            case Said():
                out.append({"role": "user" if step.role == "user" else "system", **_content(step.content)})
            case Answered():
                out.append(_assistant(step, notes))
            case Returned():
                if step.is_error:
                    notes.approximated(f"{step.at}.is_error", "Ollama has no mark for a failed call; the result's text says what it says")
                named = {"tool_name": step.name} if step.name else {}
                out.append({"role": "tool", **_content(step.content), **named, "tool_call_id": step.id})
            case _:
                assert_never(step)
    return out


def in_call_order(steps: list[Step]) -> list[Step]:
    """The same steps with each run of tool results in the order of the calls before it."""
    out: list[Step] = []
    order: dict[str, int] = {}
    run: list[Returned] = []
    for step in steps:
        if isinstance(step, Returned):
            run.append(step)
            continue
        out += _ordered(run, order)
        run = []
        if isinstance(step, Answered):
            order = {call.id: index for index, call in enumerate(step.calls)}
        out.append(step)
    return out + _ordered(run, order)


def _ordered(run: list[Returned], order: dict[str, int]) -> list[Step]:
    return [*sorted(run, key=lambda result: order.get(result.id, len(order)))]


def _content(content: list[Placed]) -> Json:
    out: Json = {"content": "".join(placed.part.text for placed in content if isinstance(placed.part, Text))}
    images = [_image(placed) for placed in content if not isinstance(placed.part, Text)]
    return {**out, "images": images} if images else out


def _image(placed: Placed) -> str:
    """Bare base64, without the `data:…` before it."""
    part = placed.part
    if not isinstance(part, Image):
        kind = _REFUSED.get(type(part), "such parts")
        raise CallerError(f"{placed.param}: Ollama takes text and images, but no {kind}; remove the part", param=placed.param)
    param = f"{placed.param}.image_url.url"
    blob = data_url(part.url, param)
    if blob is None:
        why = "was not fetched" if is_remote(part.url) else "is neither an http(s) nor a data URL"
        raise CallerError(f"{param} {why}; Ollama wants the image itself: write data:image/png;base64,…", param=param)
    return blob.base64


def _assistant(step: Answered, notes: Notes) -> Json:
    message: Json = {"role": "assistant", **_content(step.content)}
    if step.reasoning:
        message["thinking"] = step.reasoning
    if step.details:
        notes.dropped(f"{step.at}.reasoning_details", "Ollama takes no signed reasoning back")
    if step.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"index": i, "name": call.name, "arguments": call.arguments()}}
            for i, call in enumerate(step.calls)
        ]
    return message
