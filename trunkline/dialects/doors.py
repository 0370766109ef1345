"""Which of OpenAI's two APIs takes a request: chat completions, or the Responses API where chat completions would refuse it.

Odd here: "Starting with GPT-5.4, Chat Completions does not support tool calling with `reasoning_effort` values other than `none`", and
the models after 5.4 think unless told not to, so that the tools alone are a 400. Leaving the effort out would answer worse without a
word; the Responses API does both. It is asked at OpenAI's and Azure's own addresses only: another one may have the older API alone.

Sources: https://developers.openai.com/api/docs/guides/migrate-to-responses, …/guides/latest-model ("GPT-6 Astra and GPT-6.1 Sol support
Chat Completions, but tool calling requires Responses"); https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning (gpt-5.6:
"can't combine reasoning with tools on Chat Completions"), …/how-to/responses (from api-version 2025-03-01-preview on)
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from msgspec.structs import replace

from ..chat import ChatRequest
from ..target import Target
from .efforts import KINDS, fitted
from .refused import known_name, rule, thinks

_TOOLS_APART = re.compile(r"(?:^|[^a-z0-9])gpt-(?:5\.[4-9]|[6-9](?![0-9]))(?!(?:\.\d+)?-(?:chat|search))", re.IGNORECASE)
"""Models that think or call tools on chat completions, and do not do both."""
_FIRST_DATED = "2025-03-01"
_apart: dict[int, tuple[Target, Target]] = {}
"""By the target's identity: it, and the same at the other API. Targets live as long as their snapshot."""
_REMEMBERED = 1024


def door(request: ChatRequest, target: Target) -> Target:
    """The target itself, or the same model at the Responses API where this request needs it."""
    if (not request.tools and not request.functions) or target.kind not in KINDS or target.dialect != "openai_chat":
        return target
    if _TOOLS_APART.search(known_name(target.model)) is None or not _is_vendors(target):
        return target
    row, effort = rule(target.kind, target.model), request.reasoning_effort
    if row is None or not thinks(request, row, None if effort is None else fitted(effort, target)):
        return target
    known = _apart.get(id(target))
    if known is None or known[0] is not target:
        if len(_apart) >= _REMEMBERED:
            _apart.clear()
        known = _apart[id(target)] = target, replace(target, dialect="openai_responses")
    return known[1]


def _is_vendors(target: Target) -> bool:
    """Whether the Responses API is known to be where the target is."""
    if target.kind == "azure":
        version = target.options.get("api_version", "")
        return not version[:1].isdigit() or version[:10] >= _FIRST_DATED
    host = urlsplit(target.base_url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")
