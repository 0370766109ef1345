"""What each family behind Converse takes: one table, read by the model's id.

Odd here: an id may be bare (`anthropic.claude-…`), have a region in front (`us.`, `global.`), or be an ARN that ends in one of
these; an ARN of a private deployment names no family at all, and then only the plain rules hold. Claude's own rules are those
of its maker's API, so its rows are read there.

What may stand beside or inside a tool's result is in no table of the vendor's; it is what its models answered to others
(https://github.com/pydantic/pydantic-ai/issues/6081). Nor is which model may be forced to call a tool, beyond the first three families:
https://github.com/langchain-ai/langchain-aws (`supports_tool_choice_values`), and a recorded `any` that GLM 4.7 heeded.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html,
…/structured-output.html, …/prompt-caching.html, https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ..anthropic_messages.models import Facts as ClaudeFacts
from ..anthropic_messages.models import facts as claude_facts


class Facts(Struct, frozen=True, kw_only=True):
    claude: ClaudeFacts | None = None
    """The row of its maker's table, for a Claude."""
    reasoning: Literal["", "claude", "nova", "effort", "nested", "switch", "qwen", "always"] = ""
    """How `reasoning_effort` is said: not at all, in the maker's or the family's own field, or the model reasons always."""
    choices: frozenset[str] = frozenset()
    """The forced forms of `toolChoice` it takes: any, tool."""
    forced_thinking: bool = True
    """They are taken while it reasons, too."""
    formats: bool = False
    """`outputConfig.textFormat` and strict tools."""
    sampling: bool = True
    """Temperature and its like are taken."""
    caching: Literal["", "messages", "all"] = ""
    """Where cache points may stand; "all" is tools too."""
    long_cache: bool = False
    """A cache point may have a time to live."""
    native_choice: bool = False
    """Claude's own `tool_choice` is heeded in `additionalModelRequestFields`, in place of `toolConfig.toolChoice`."""
    apart: Literal["", "documents", "all"] = ""
    """What may not stand in one message with a tool's result."""
    result_images: bool = True
    """An image may stand inside a tool's result."""
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


_ANY = frozenset({"any"})
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
    (r"openai\.gpt-", Facts(reasoning="nested", sampling=False, choices=_BOTH)),
    (r"grok", Facts(reasoning="nested", sampling=False, choices=_BOTH)),
    (r"qwen3-(coder|next|vl)|qwen3-235b", Facts(formats=True, result_images=False)),
    (r"qwen3", Facts(reasoning="qwen", formats=True, result_images=False)),
    (r"deepseek\.r1", Facts(reasoning="always")),
    (r"deepseek\.v3\.2", Facts(reasoning="switch", formats=True, choices=_ANY, forced_thinking=False)),
    (r"deepseek", Facts(formats=True, choices=_ANY)),
    (r"kimi-k2-thinking", Facts(reasoning="always", formats=True, result_images=False)),
    (r"magistral", Facts(reasoning="always", formats=True, apart="all", result_images=False)),
    (r"minimax", Facts(reasoning="always", formats=True)),
    (r"moonshot|kimi", Facts(formats=True, result_images=False)),
    (r"glm-5\.3", Facts(reasoning="effort", formats=True, choices=_BOTH)),
    (r"glm-", Facts(reasoning="switch", formats=True, choices=_ANY)),
    (r"gemma-3|nemotron", Facts(formats=True)),
    (r"llama|palmyra", Facts(apart="all")),
    (r"mistral-large-3|ministral-3|voxtral|devstral-2", Facts(formats=True, choices=_ANY, apart="all", result_images=False)),
    (r"mistral-7b|mixtral", Facts(system=False, apart="all", result_images=False)),
    (r"titan-text|command-text|command-light|ai21\.j2", Facts(system=False)),
    (r"mistral|pixtral", Facts(choices=_ANY, apart="all", result_images=False)),
]  # fmt: skip


@cache
def facts(model: str) -> Facts:
    """The row of a model id or ARN; the plain rules where it names no family that we know."""
    id = model.lower()
    if "claude" in id:
        row = claude_facts(id)
        return _claude(replace(row, formats=False) if "claude-fable" in id else row)  # structured outputs of Fable: its maker's alone
    return next((row for pattern, row in TABLE if re.search(pattern, id)), _PLAIN)


def _claude(row: ClaudeFacts) -> Facts:
    return Facts(
        claude=row,
        reasoning="claude",
        choices=_BOTH if row.forced_tools else frozenset(),
        formats=row.formats,
        caching="all",
        long_cache=row.formats or row.thinking == "adaptive",
        native_choice=row.formats or row.thinking == "adaptive",
        apart="documents",
        error_status=True,
        top_k=("top_k",),
        prefill=row.prefill,
        media=False,
    )
