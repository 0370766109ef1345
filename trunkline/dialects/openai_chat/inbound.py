"""A caller's body, decoded and checked in one pass.

Odd here: the body is decoded twice on purpose. Once into `dict[str, Raw]`, which costs nearly nothing and is what a
same-format hop sends on; once into the typed `ChatRequest`, which checks every field. What is unusual (camelCase, a part of
an unknown type, Opik's `custom_parameters`) takes a slower way round and arrives at the same two.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import force_setattr

from ...chat import KNOWN_FIELDS, ChatRequest
from ...errors import CallerError
from . import spelling

_WIRE = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])
_REQUEST = msgspec.json.Decoder(ChatRequest)
_PATH = re.compile(r"^(.*?)(?: - at `(key in )?\$\.?(.*?)`)?$", re.DOTALL)
_BYTE = re.compile(r"\(byte (\d+)\)")
_SURROGATES = re.compile(rb"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)")
"""An escaped backslash, a whole pair, or (the group) half of one."""
_UNKNOWN_PART = re.compile(r"content(\[(\d+|\.\.\.)\])?(\.type)?$")

PART_TYPES = frozenset({"text", "image_url", "input_audio", "video_url", "file", "refusal"})
ROLES = "system, developer, user, assistant, tool or function"


def decode_request(body: bytes) -> ChatRequest:
    """The request in `body`, with `wire` set. CallerError 400 with the position of broken JSON, or with the path of a wrong field."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise CallerError(f"the body is not valid UTF-8: {error.reason} at byte {error.start}", code="invalid_json") from None
    try:
        wire = _WIRE.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(body, error) from None
    respelt = not wire.keys() <= KNOWN_FIELDS and any(name in spelling.TOP or name == "custom_parameters" for name in wire)
    try:
        if respelt:
            body, wire = _respell(wire)
        request = _typed(body, wire, respelt=respelt)
        if not respelt and spelling.suspicious(request, body):  # never twice: what `custom_parameters` held is as it should be
            body, wire = _respell(wire)
            request = _typed(body, wire, respelt=True)
    except RecursionError as error:  # how deep is too deep depends on where we are called from
        raise _malformed(body, error) from None
    if not request.model:
        raise CallerError("model is empty; name a model, e.g. openai/gpt-4o-mini or local", param="model")
    if not request.messages:
        raise CallerError("messages is empty; at least one message is needed", param="messages")
    force_setattr(request, "wire", wire)
    return request


def _typed(body: bytes, wire: dict[str, Raw], *, respelt: bool) -> ChatRequest:
    """`wire` is brought up to date where the body had to be respelt."""
    try:
        return _REQUEST.decode(body)
    except msgspec.ValidationError as error:
        if not respelt and spelling.misspelt(body):  # e.g. a tool message whose toolCallId is what is missing
            body, again = _respell(wire)
            wire.clear()
            wire.update(again)
            return _typed(body, wire, respelt=True)
        return _second_look(wire, error)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(body, error) from None


def _respell(wire: dict[str, Raw]) -> tuple[bytes, dict[str, Raw]]:
    """The body in snake_case, and with Opik's `custom_parameters` in their places."""
    fields = spelling.respelled(wire)
    extra = fields.pop("custom_parameters", None)
    if extra is not None and bytes(extra) != b"null":
        fields = _with_custom(fields, extra)
    return msgspec.json.encode(fields), fields


def _with_custom(fields: dict[str, Raw], extra: Raw) -> dict[str, Raw]:
    """Opik's `custom_parameters`: top-level keys that beat the typed ones; either token limit in it clears both (OPIK.md 1.2)."""
    try:
        custom = _WIRE.decode(extra)
    except msgspec.ValidationError as error:
        said = str(error).replace("Expected", "expected").replace("`", "")
        raise CallerError(f"custom_parameters: {said}", param="custom_parameters", code="invalid_type") from None
    if "max_tokens" in custom or "max_completion_tokens" in custom:
        fields.pop("max_tokens", None)
        fields.pop("max_completion_tokens", None)
    return {**fields, **custom}


def _second_look(wire: dict[str, Raw], error: msgspec.ValidationError) -> ChatRequest:
    """A part of a type we do not know is no fault of the caller's: it is carried as `Opaque`. Any other error is raised."""
    _, _, path = _split(str(error))
    if _UNKNOWN_PART.search(path) is None:
        raise _invalid(error) from None
    messages = [_with_opaque(message) for message in _LIST.decode(wire["messages"])]
    body = msgspec.json.encode({**wire, "messages": messages})
    try:
        return _REQUEST.decode(body)
    except msgspec.ValidationError as again:
        raise _invalid(again) from None
    except RecursionError as deep:
        raise _malformed(body, deep) from None


def _with_opaque(message: Raw) -> Any:
    """A message whose parts of unknown types are wrapped; anything else as it is."""
    members = _members(message)
    content = members.get("content") if members else None
    if content is None:
        return message
    wrapped = [_opaque(part) for part in _LIST.decode(content)] if bytes(content).startswith(b"[") else _opaque(content)
    return {**members, "content": wrapped}


def _opaque(part: Raw) -> Any:
    kind = _members(part).get("type")
    if kind is None or not bytes(kind).startswith(b'"') or msgspec.json.decode(kind) in PART_TYPES:
        return part
    return {"type": "trunkline:opaque", "raw": part}


def _members(raw: Raw) -> dict[str, Raw]:
    return _WIRE.decode(raw) if bytes(raw).startswith(b"{") else {}


# ── what is said of a bad body ───────────────────────────────────────────────────────────────────────────


def _malformed(body: bytes, error: Exception) -> CallerError:
    text = str(error)
    if isinstance(error, RecursionError):
        return CallerError("the body is nested too deeply", code="invalid_json")
    if isinstance(error, msgspec.ValidationError):
        return CallerError("the body must be a JSON object", code="invalid_type")
    if not body.strip():
        return CallerError("the body is empty; send a JSON object with model and messages", code="invalid_json")
    half = next((found for found in _SURROGATES.finditer(body) if found[1]), None)
    if half is not None:
        return CallerError(f"the body is not valid JSON: half a surrogate pair at byte {half.start()}", code="invalid_json")
    at = _BYTE.search(text)
    where = f"byte {at[1]}" if at else f"byte {len(body)} (the end)"
    reason = text.removeprefix("JSON is malformed: ").split(" (byte")[0]
    return CallerError(f"the body is not valid JSON: {reason[:1].lower()}{reason[1:]} at {where}", code="invalid_json")


def _split(text: str) -> tuple[str, bool, str]:
    """msgspec's message, whether it speaks of a key, and the path in our spelling (`messages[0].content`)."""
    found = _PATH.match(text)
    assert found is not None
    return found[1], bool(found[2]), (found[3] or "").replace("[...]", "[]")


def _invalid(error: msgspec.ValidationError) -> CallerError:
    said, is_key, path = _split(str(error))
    missing = re.match(r"Object missing required field `(.+)`", said)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
        return CallerError(f"{path} is required", param=path, code="missing_required_parameter")
    if path.endswith("role"):
        return CallerError(f"{path}: {said.lower()}; a role is {ROLES}", param=path, code="invalid_value")
    said = said.replace("object | null", "object").replace(" | null", "").replace("`", "")
    where = f"a key of {path}" if is_key else path or "the body"
    return CallerError(f"{where}: {said[:1].lower()}{said[1:]}", param=path or None, code="invalid_type")
