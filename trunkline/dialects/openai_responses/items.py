"""Our messages as the items of `input`.

Odd here: an assistant message becomes several items (`answered`), and text is `input_text` from everyone but the assistant, whose words
go as strings.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from typing import Any, assert_never

from ...chat import Audio, File, Image, ImageRef, Text
from ...errors import CallerError
from ...target import Notes
from ..flat import Answered, Returned, Said, Step, text_only
from ..media import is_remote
from ..turns import Placed
from .answered import encode_answered

Json = dict[str, Any]
AUDIO_FORMATS = ("wav", "mp3")


def encode_items(steps: list[Step], notes: Notes) -> list[Json]:
    """CallerError naming a part of a kind that this API does not take."""
    out: list[Json] = []
    for step in steps:
        match step:
            case Said():
                out.append({"type": "message", "role": step.role, "content": _said(step)})
            case Answered():
                out += encode_answered(step, notes)
            case Returned():
                out.append(_returned(step, notes))
            case _:
                assert_never(step)
    return out


def _said(step: Said) -> str | list[Json]:
    if not step.content:
        return ""
    return [_part(placed) for placed in step.content]


def _part(placed: Placed) -> Json:
    part = placed.part
    match part:
        case Text(text=text):
            return {"type": "input_text", "text": text}
        case Image():
            detail = part.image_url.detail if isinstance(part.image_url, ImageRef) else None
            return {"type": "input_image", "image_url": part.url, "detail": detail or "auto"}
        case File():
            return _file(part, placed.param)
        case Audio(input_audio=audio) if audio.format in AUDIO_FORMATS:
            return {"type": "input_audio", "input_audio": {"data": audio.data, "format": audio.format}}
        case Audio(input_audio=audio):
            raise CallerError(f"{placed.param}: the format is {audio.format!r}; OpenAI takes wav and mp3", param=placed.param)
        case _:
            raise CallerError(
                f"{placed.param}: OpenAI takes text, images, files and audio, but no video; remove the part", param=placed.param
            )


def _file(part: File, param: str) -> Json:
    file = part.file
    if file.file_id:
        return {"type": "input_file", "file_id": file.file_id}
    if not file.file_data:
        raise CallerError(f"{param} has neither file_id nor file_data", param=f"{param}.file")
    if is_remote(file.file_data):
        return {"type": "input_file", "file_url": file.file_data}
    return {"type": "input_file", "filename": file.filename or "file", "file_data": file.file_data}


def _returned(step: Returned, notes: Notes) -> Json:
    if step.is_error:
        notes.approximated(f"{step.at}.is_error", "OpenAI has no mark for a failed call; the result's text says what it says")
    kind = "custom_tool_call_output" if step.custom else "function_call_output"
    if all(isinstance(placed.part, Text) for placed in step.content):
        output: str | list[Json] = text_only(step.content, notes, "")
    else:
        output = [_part(placed) for placed in step.content]
    return {"type": kind, "call_id": step.id, "output": output}
