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
_VENDORS = {"openai": (".api.openai.com",), "azure": (".azure.com", ".azure.us", ".azure.cn")}
"""What the vendor's own hosts end in."""


def beside(target: Target) -> Target | None:
    """The same model at the Responses API, where that is known to be beside chat completions and some requests need it. Worked out once."""
    if target.kind not in KINDS or target.dialect != "openai_chat" or _TOOLS_APART.search(known_name(target.model)) is None:
        return None
    host, version = "." + (urlsplit(target.base_url).hostname or ""), target.options.get("api_version", "")
    if not host.endswith(_VENDORS[target.kind]) or (version[:1].isdigit() and version[:10] < _FIRST_DATED):
        return None
    return replace(target, dialect="openai_responses")


def needs_responses(request: ChatRequest, target: Target) -> bool:
    """Whether chat completions refuses this request to a target that has another API `beside` it."""
    if not request.tools and not request.functions:
        return False
    row, effort = rule(target.kind, target.model), request.reasoning_effort
    return row is not None and thinks(request, row, None if effort is None else fitted(effort, target))
