"""Turns as the vendor's blocks: text, images, documents, tool calls and their results, and signed thinking first.

Odd here: the vendor refuses text that is empty or only white space, so such text goes; a result may be empty but not if it is
an error; a cache mark on a part of a tool result must stand on the result itself; and the blocks of the vendor's own tools, which a caller
hands back apart from the text, must stand where they stood, or a paused turn cannot go on.

Source: https://docs.anthropic.com/en/api/messages, …/build-with-claude/vision, …/pdf-support, …/agents-and-tools/tool-use/server-tools
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from ...chat import Audio, ChatRequest, File, FileRef, Image, Part, Text, Video, parts
from ...errors import CallerError
from ...target import Notes
from ..handed_back import Own
from ..media import Blob, data_url, is_remote, seen, standard_base64
from ..properties import Names, rekeyed
from ..turns import AssistantTurn, Call, Placed, Result, Turn, UserTurn, distinct
from .thinking import block_of

Block = dict[str, Any]

_TOOL_ID = re.compile("[a-zA-Z0-9_-]+")
_OWN_BLOCK = re.compile(r"server_tool_use|mcp_tool_use|\w+_tool_result|container_upload|compaction")

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
TEXTS = frozenset({"txt", "md", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "html", "htm", "log"})
"""Endings of file names, and ends of MIME types, that are text."""


def system_blocks(placed: list[Placed]) -> list[Block]:
    """The system texts. CallerError where a part is no text: the vendor's `system` takes nothing else."""
    blocks = []
    for item in placed:
        if not isinstance(item.part, Text):
            raise CallerError(f"{item.param} is no text; this provider's system prompt takes text only", param=item.param)
        if item.part.text.strip():
            blocks.append(_text(item.part))
    return blocks


def messages(turns: list[Turn], names: Mapping[str, str], notes: Notes, properties: Mapping[str, Names]) -> list[dict[str, Any]]:
    """The turns as `messages`. CallerError naming what cannot be sent, or a turn that has nothing to send.

    `properties`: a tool's wire name → its parameters that have other names on the wire.
    """
    return [
        {"role": "user", "content": _user(turn, notes)}
        if isinstance(turn, UserTurn)
        else {"role": "assistant", "content": _assistant(turn, names, notes, properties)}
        for turn in distinct(turns)  # "`tool_use` ids must be unique"
    ]


def _user(turn: UserTurn, notes: Notes) -> list[Block]:
    blocks = [_result(result, notes) for result in turn.results]
    blocks += _blocks(turn.content, notes)
    if not blocks:
        param = turn.content[0].param if turn.content else "messages"
        raise CallerError(f"{param} has no text beside white space; this provider refuses an empty user message", param=param)
    return blocks


def _assistant(turn: AssistantTurn, names: Mapping[str, str], notes: Notes, properties: Mapping[str, Names]) -> list[Block]:
    thoughts = [block_of(detail) for detail in turn.details]
    if None in thoughts:
        notes.dropped(f"{turn.param}.reasoning_details", "reasoning without this vendor's signature cannot be handed back")
    elif turn.reasoning and not turn.details:
        notes.dropped(f"{turn.param}.reasoning_content", "unsigned reasoning cannot be handed back")
    for placed in turn.content:
        if not isinstance(placed.part, Text):
            raise CallerError(f"{placed.param} is no text; this provider takes text only from the assistant", param=placed.param)
    calls: list[Block] = [_call(call, names.get(call.name, call.name), properties) for call in turn.calls]
    blocks = interleaved(turn, thoughts, calls, notes) if turn.blocks else [*filter(None, thoughts), *_blocks(turn.content, notes), *calls]
    if not blocks:
        raise CallerError(f"{turn.param} has neither content nor tool_calls that can be sent", param=f"{turn.param}.content")
    return blocks


def _call(call: Call, name: str, properties: Mapping[str, Names]) -> Block:
    arguments = rekeyed(call.arguments, properties[name]) if name in properties else call.arguments
    return {"type": "tool_use", "id": tool_id(call.id), "name": name, "input": arguments}


def interleaved(turn: AssistantTurn, thoughts: list[Block | None], calls: list[Block], notes: Notes) -> list[Block]:
    """The turn with the vendor's own blocks in it, in the order in which the vendor gave it, as far as their places say."""
    blocks: list[Block] = []
    text, thought, called = 0, 0, 0
    rest = turn.content
    for own in turn.blocks:
        place = own.place
        said, rest = _cut(rest, place.content - text)
        blocks += [*filter(None, thoughts[thought : place.reasoning_details]), *_said(said), *calls[called : place.tool_calls]]
        text, thought, called = max(text, place.content), max(thought, place.reasoning_details), max(called, place.tool_calls)
        blocks += _own_block(own, notes)
    return [*blocks, *filter(None, thoughts[thought:]), *_said(rest), *calls[called:]]


def _cut(content: list[Placed], count: int) -> tuple[list[Placed], list[Placed]]:
    """(the texts up to so many characters, what comes after)"""
    head, rest = [], list(content)
    while rest and count > 0:
        placed = rest.pop(0)
        part = placed.part
        assert isinstance(part, Text)
        if len(part.text) > count:
            rest.insert(0, Placed(Text(part.text[count:], part.cache_control), placed.param))
            part = Text(part.text[:count])
        head.append(Placed(part, placed.param))
        count -= len(part.text)
    return head, rest


def _said(content: list[Placed]) -> list[Block]:
    """Text blocks, without the white space that may be left between two places."""
    return [_text(placed.part) for placed in content if isinstance(placed.part, Text) and placed.part.text.strip()]


def _own_block(own: Own, notes: Notes) -> list[Block]:
    block = own.block
    if block is None:
        return []
    if own.place.format != "anthropic" and (own.place.format or not _OWN_BLOCK.fullmatch(str(block.get("type")))):
        notes.dropped(own.param, "it is not a block of this provider's")
        return []
    if "partial" in block:
        notes.dropped(own.param, "it was cut off by the token limit, and the vendor takes whole blocks only")
        return []
    return [block]


def tool_id(id: str) -> str:
    """A call's id in the vendor's alphabet ("^[a-zA-Z0-9_-]+$"): call and result go the same way, so they still match."""
    return id if _TOOL_ID.fullmatch(id) else "id_" + id.encode().hex()


def _result(result: Result, notes: Notes) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": tool_id(result.id)}
    inner = _blocks([Placed(part, f"{result.param}.content") for part in result.content], notes)
    marks = [mark for item in inner if (mark := item.pop("cache_control", None)) is not None]
    if len(inner) == 1 and inner[0]["type"] == "text":
        block["content"] = inner[0]["text"]
    elif inner:
        block["content"] = inner
    elif result.is_error:
        block["content"] = "error"  # "content cannot be empty if `is_error` is true"
        notes.added(f"{result.param}.content", "the vendor refuses an error without a text; the text 'error' was put there")
    if result.is_error:
        block["is_error"] = True
    if marks:
        block["cache_control"] = marks[-1]
    return block


def _blocks(placed: list[Placed], notes: Notes) -> list[Block]:
    blocks = []
    for item in placed:
        if isinstance(item.part, Text) and not item.part.text.strip():
            notes.dropped(item.param, "the vendor refuses text that is only white space")
            continue
        blocks.append(_block(item.part, item.param, notes))
    return blocks


def _block(part: Part, param: str, notes: Notes) -> Block:
    match part:
        case Text():
            return _text(part)
        case Image():
            if not isinstance(part.image_url, str) and part.image_url.detail not in (None, "auto"):
                notes.dropped(f"{param}.image_url.detail", "the vendor scales images its own way")
            return _marked(_image(part.url, f"{param}.image_url.url"), part)
        case File(file=file):
            return _marked(_file(file, param), part)
        case Audio():
            raise CallerError(f"{param} is audio, which this provider does not take; send a transcript as text", param=param)
        case Video():
            raise CallerError(f"{param} is a video, which this provider does not take; send single frames as images", param=param)
        case _:
            raise CallerError(f"{param} cannot be sent to this provider", param=param)


def _text(part: Text) -> Block:
    return _marked({"type": "text", "text": part.text}, part)


def _marked(block: Block, part: Text | Image | File) -> Block:
    if part.cache_control is not None:
        block["cache_control"] = part.cache_control
    return block


def _image(url: str, param: str) -> Block:
    blob = data_url(url, param)
    if blob is not None:
        return {"type": "image", "source": _image_source(blob, param)}
    if is_remote(url):
        return {"type": "image", "source": {"type": "url", "url": url}}
    raise CallerError(f"{param} must be an https URL or a data URL (data:image/png;base64,…)", param=param)


def _image_source(blob: Blob, param: str) -> Block:
    mime = seen(blob.base64) or ("image/jpeg" if blob.mime == "image/jpg" else blob.mime)
    if mime not in IMAGE_TYPES:
        raise CallerError(f"{param} is {mime or 'of no stated type'}; this provider takes JPEG, PNG, GIF and WebP images", param=param)
    return {"type": "base64", "media_type": mime, "data": blob.base64}


def _file(file: FileRef, param: str) -> Block:
    if file.file_data is None:
        raise CallerError(
            f"{param}.file.file_id names a file at another provider; send the file itself as file_data", param=f"{param}.file.file_id"
        )
    at = f"{param}.file.file_data"
    blob = data_url(file.file_data, at)
    if blob is None and is_remote(file.file_data):
        return _titled({"type": "url", "url": file.file_data}, file)
    if blob is None:  # bare base64, as some clients send it
        blob = Blob("", standard_base64(file.file_data, at))
    if blob.mime in ("", "application/octet-stream"):
        named = "text/plain" if (file.filename or "").rpartition(".")[2].lower() in TEXTS else blob.mime
        blob = Blob(seen(blob.base64) or named, blob.base64)
    if blob.mime == "application/pdf":
        return _titled({"type": "base64", "media_type": "application/pdf", "data": blob.base64}, file)
    if blob.mime in IMAGE_TYPES:
        return {"type": "image", "source": _image_source(blob, at)}
    if blob.mime.startswith("text/") or blob.mime.removeprefix("application/") in TEXTS:
        try:
            text = base64.b64decode(blob.base64).decode()
        except UnicodeDecodeError:
            raise CallerError(f"{at} is {blob.mime} but not UTF-8", param=at) from None
        return _titled({"type": "text", "media_type": "text/plain", "data": text}, file)
    raise CallerError(f"{at} is {blob.mime or 'of no stated type'}; this provider takes PDF, plain text and images", param=at)


def _titled(source: Block, file: FileRef) -> Block:
    title = {"title": file.filename} if file.filename else {}
    return {"type": "document", "source": source, **title}


def remote_urls(request: ChatRequest, all_of_them: bool) -> list[str]:
    """URLs of images and files that the vendor will not fetch: plain http ones, or (Vertex) all of them."""
    found: list[str] = []
    for message in request.messages:
        if isinstance(message.content, str):
            continue
        for part in parts(message.content):
            url = part.url if isinstance(part, Image) else (part.file.file_data or "") if isinstance(part, File) else ""
            if is_remote(url) and (all_of_them or url[:5].lower() == "http:") and url not in found:
                found.append(url)
    return found
