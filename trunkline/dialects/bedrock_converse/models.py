"""What each family behind Converse takes: one table, read by the model's id.

Odd here: an id may be bare (`anthropic.claude-…`), have a region in front (`us.`, `global.`), or be an ARN that ends in one of
these; an ARN of a private deployment names no family at all, and then only the plain rules hold. Claude's own rules are those
of its maker's API, so its rows are read there.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html,
…/structured-output.html, …/prompt-caching.html, https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from msgspec import Struct

from ..anthropic_messages.models import Facts as ClaudeFacts
from ..anthropic_messages.models import facts as claude_facts


class Facts(Struct, frozen=True, kw_only=True):
    claude: ClaudeFacts | None = None
    """The row of its maker's table, for a Claude."""
    reasoning: Literal["", "claude", "nova", "effort", "qwen", "always"] = ""
    """How `reasoning_effort` is said: not at all, in the maker's or the family's own field, or the model reasons always."""
    choices: frozenset[str] = frozenset()
    """The forced forms of `toolChoice` it takes: any, tool."""
    formats: bool = False
    """`outputConfig.textFormat` and strict tools."""
    caching: Literal["", "messages", "all"] = ""
    """Where cache points may stand; "all" is tools too, and with a time to live."""
    error_status: bool = False
    """`toolResult.status` is taken."""
    top_k: tuple[str, ...] = ()
    """Its place in `additionalModelRequestFields`."""
    system: bool = True
    """It has a system prompt."""
    prefill: bool = False
    """The list of messages may end with the assistant."""
    media: bool = True
    """Audio and video may be sent; whether this very model hears or sees them is for the vendor to say."""
    grounding: bool = False
    """It has a web search of its own, the system tool `nova_grounding`."""


_BOTH = frozenset({"any", "tool"})
_NOVA = Facts(choices=_BOTH, caching="messages", error_status=True, top_k=("inferenceConfig", "topK"), prefill=True)
_PLAIN = Facts()

TABLE: list[tuple[str, Facts]] = [
    (
        r"nova-(2|premier)",
        Facts(
            choices=_BOTH, caching="messages", error_status=True, top_k=("inferenceConfig", "topK"), prefill=True,
            reasoning="nova", grounding=True,
        ),
    ),
    (r"nova", _NOVA),
    (r"gpt-oss", Facts(reasoning="effort", formats=True)),
    (r"qwen3-(coder|next|vl)|qwen3-235b", Facts(formats=True)),
    (r"qwen3", Facts(reasoning="qwen", formats=True)),
    (r"deepseek\.r1", Facts(reasoning="always")),
    (r"deepseek", Facts(formats=True)),
    (r"kimi-k2-thinking|minimax|magistral", Facts(reasoning="always", formats=True)),
    (r"moonshot|kimi|gemma-3|nemotron|glm-", Facts(formats=True)),
    (r"mistral-large-3|ministral-3|voxtral|devstral-2", Facts(formats=True, choices=frozenset({"any"}))),
    (r"mistral-7b|mixtral|titan-text|command-text|command-light|ai21\.j2", Facts(system=False)),
    (r"mistral|pixtral", Facts(choices=frozenset({"any"}))),
]  # fmt: skip


@cache
def facts(model: str) -> Facts:
    """The row of a model id or ARN; the plain rules where it names no family that we know."""
    id = model.lower()
    if "claude" in id:
        return _claude(claude_facts(id))
    return next((row for pattern, row in TABLE if re.search(pattern, id)), _PLAIN)


def _claude(row: ClaudeFacts) -> Facts:
    return Facts(
        claude=row,
        reasoning="claude",
        choices=_BOTH if row.forced_tools else frozenset(),
        formats=row.formats,
        caching="all",
        error_status=True,
        top_k=("top_k",),
        prefill=row.prefill,
        media=False,
    )
