"""Our request in OpenAI's own format, for OpenAI and for every host that speaks something close to it.

Odd here: there is hardly anything to translate, so the body is the caller's own bytes, member by member, and this file is about
what must change: the model's name, the name of the token limit, the question for usage, and what the host's quirks need. A
member that nobody knows is sent on as it came.

Sources: https://platform.openai.com/docs/api-reference/chat/create and each host's page, named in its row of `providers.KINDS`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from msgspec import Raw

from ...chat import ChatRequest, ToolChoice
from ...providers import chat_url
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from ..efforts import fitted
from ..refused import refused, rule
from . import history
from .quirks import apply_quirks

_JSON = (("content-type", "application/json"),)
_INCLUDE_USAGE = Raw(b'{"include_usage":true}')
_encode = msgspec.json.Encoder().encode

NEWER_LIMIT = re.compile(r"(?:^|[^a-z0-9])(?:o\d|gpt-[5-9]|codex)", re.IGNORECASE)
"""OpenAI's reasoning models, also as part of a fine-tune's or a deployment's name: they know only `max_completion_tokens`."""


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The body as the caller wrote it but for what this target needs changed; the changes are in the notes."""
    fields = dict(request.wire)
    fields["model"] = _name(target.model)
    notes = Notes()
    if request.stream:
        _ask_for_usage(request, target, fields)
    elif "stream_options" in fields:
        del fields["stream_options"]
    if not request.tools and "tools" in fields:
        _no_tools(request, fields)
    if fields.pop("extra_body", None) is not None:
        notes.dropped("extra_body", "its members belong beside the others, or into custom_parameters")
    asked = request.tool_choice
    if isinstance(asked, ToolChoice) and asked.type in ("auto", "none", "required"):  # Opik's clients write the word as an object
        fields["tool_choice"] = Raw(_encode(asked.type))
    if history.needs_rewrite(request.messages, target):
        fields["messages"] = history.rewritten(request, target, notes)
    if request.tools and any(tool.cache_control is not None for tool in request.tools):
        _tool_cache_marks(target, fields, notes)
    if request.max_tokens is not None or request.max_completion_tokens is not None:
        _limit(request, target, fields, notes)
    effort = request.reasoning_effort
    if effort is not None and (level := fitted(effort, target, notes)) != effort:
        effort = level
        fields["reasoning_effort"] = Raw(_encode(level))
    if rule(target.kind, target.model) is not None:
        for name in refused(request, target, notes, effort=effort):
            fields.pop(name, None)
    undo = apply_quirks(request, target, fields, notes) if target.quirks else {}
    return Encoded(http=HttpRequest("POST", chat_url(target), _JSON, _encode(fields)), notes=notes.done(), **undo)


@lru_cache(4096)
def _name(model: str) -> Raw:
    return Raw(_encode(model))


def _no_tools(request: ChatRequest, fields: dict[str, Raw]) -> None:
    """Hosts refuse an empty list of tools, and without tools also the switches that then mean nothing."""
    del fields["tools"]
    fields.pop("parallel_tool_calls", None)
    if request.tool_choice in (None, "auto", "none") and not request.functions:
        fields.pop("tool_choice", None)


def _tool_cache_marks(target: Target, fields: dict[str, Raw], notes: Notes) -> None:
    if "keeps_cache_control" in target.quirks:
        return
    tools = msgspec.json.decode(fields["tools"], type=list[dict[str, Raw]])
    for index, tool in enumerate(tools):
        history.drop_cache_mark(tool, f"tools[{index}]", notes)
    fields["tools"] = Raw(_encode(tools))


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
    elif "max_completion_tokens" in target.quirks or (target.kind in ("openai", "azure") and NEWER_LIMIT.search(target.model)):
        name, other = "max_completion_tokens", "max_tokens"
    else:
        return
    if other in fields:
        raw = fields.pop(other)
        if bytes(raw) == b"null":
            return
        if bytes(fields.get(name, b"null")) == b"null" or name == "max_tokens":  # of two limits the newer name's counts
            fields[name] = raw
        notes.approximated(other, f"sent as {name}, the name this model knows")
