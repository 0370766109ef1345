"""Our request in OpenAI's own format, for OpenAI and for every host that speaks something close to it.

Odd here: there is hardly anything to translate, so the body is the caller's own bytes, member by member, and this file is about
what must change: the model's name, the name of the token limit, the question for usage, and what the host's quirks need. A
member that nobody knows is sent on as it came.

Sources: https://platform.openai.com/docs/api-reference/chat/create and each host's page, named in its row of `providers.KINDS`.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from ...chat import ChatRequest
from ...providers import chat_url
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from . import history
from .quirks import GATEWAY_FIELDS, apply_quirks

_JSON = (("content-type", "application/json"),)
_INCLUDE_USAGE = Raw(b'{"include_usage":true}')
_encode = msgspec.json.Encoder().encode

NEWER_LIMIT = re.compile(r"(?:.*/)?(?:o\d|gpt-5|codex)")
"""OpenAI's reasoning models: they know only `max_completion_tokens`."""


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The body as the caller wrote it but for what this target needs changed; the changes are in the notes."""
    fields = dict(request.wire)
    fields["model"] = Raw(_encode(target.model))
    notes = Notes()
    if request.stream:
        _ask_for_usage(request, target, fields)
    elif "stream_options" in fields:
        del fields["stream_options"]
    if not request.tools and "tools" in fields:
        del fields["tools"]
    for name in GATEWAY_FIELDS & fields.keys():
        del fields[name]
    if history.needs_rewrite(request.messages, target):
        fields["messages"] = history.rewritten(request, target, notes)
    if request.max_tokens is not None or request.max_completion_tokens is not None:
        _limit(request, target, fields, notes)
    undo = apply_quirks(request, target, fields, notes) if target.quirks else {}
    return Encoded(http=HttpRequest("POST", chat_url(target), _JSON, _encode(fields)), notes=notes.done(), **undo)


def _ask_for_usage(request: ChatRequest, target: Target, fields: dict[str, Raw]) -> None:
    """Usage is asked for whether or not the caller wants to see it: the record and the budgets need it."""
    if "no_stream_options" in target.quirks:
        fields.pop("stream_options", None)
    elif not request.include_usage:
        options = {} if request.stream_options is None else msgspec.json.decode(request.wire["stream_options"], type=dict[str, Raw])
        fields["stream_options"] = Raw(_encode({**options, "include_usage": True})) if options else _INCLUDE_USAGE


def _limit(request: ChatRequest, target: Target, fields: dict[str, Raw], notes: Notes) -> None:
    """The token limit under the name that host and model know; both are sent on to a host that may know either."""
    if "max_tokens_only" in target.quirks:
        name, other = "max_tokens", "max_completion_tokens"
    elif "max_completion_tokens" in target.quirks or (target.kind in ("openai", "azure") and NEWER_LIMIT.match(target.model)):
        name, other = "max_completion_tokens", "max_tokens"
    else:
        return
    if other in fields:
        raw = fields.pop(other)
        if bytes(fields.get(name, b"null")) == b"null" and bytes(raw) != b"null":
            fields[name] = raw
            notes.approximated(other, f"sent as {name}, the name this model knows")
