"""How much a model may write, and what it takes and gives: a table by name, since genai-prices' data says neither.

Odd here: the same model has many spellings (`us.anthropic.claude-…-v1:0`, `openai/gpt-4o`, `accounts/fireworks/models/deepseek-v3p2`), so
rows are matched against the bare name, in lower case, whoever hosts it. An output limit of open weights is their host's to set, so such a
row has it for one kind only. Claude's and Gemini's own tables stand with their dialects. What no row has is unknown, not absent.

Sources: https://platform.openai.com/docs/models, https://ai.google.dev/gemini-api/docs/models, https://docs.x.ai/docs/models,
https://api-docs.deepseek.com/quick_start/pricing, https://docs.cohere.com/docs/models, https://docs.mistral.ai/getting-started/models,
https://docs.aws.amazon.com/nova/latest/userguide/what-is-nova.html, https://platform.moonshot.ai/docs, https://docs.z.ai/guides/llm,
https://docs.perplexity.ai/getting-started/models; open weights: their model cards.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from ..dialects.anthropic_messages.models import facts as claude
from ..providers import KINDS

NAMES = ("tools", "vision", "audio", "json_schema", "reasoning")


class Abilities(Struct, frozen=True):
    """None, and 0, are unknown."""

    max_output: int = 0
    """The most tokens of one answer, thinking included."""
    tools: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    """Takes audio."""
    json_schema: bool | None = None
    """Keeps to a JSON schema by itself. Where it does not, this gateway asks in words and checks."""
    reasoning: bool | None = None


class Row(Struct, frozen=True):
    patterns: tuple[str, ...]
    abilities: Abilities
    kind: str
    """The only kind for which its `max_output` holds; "" for every one."""


def _row(patterns: str, has: str, max_output: int = 0, kind: str = "") -> Row:
    """`has` names what the models can do, with a question mark what is unknown; what it does not name they cannot."""
    words = has.split()
    known = {name: None if f"{name}?" in words else name in words for name in NAMES}
    return Row(tuple(patterns.split()), Abilities(max_output, **known), kind)


def _open(patterns: str, has: str) -> Row:
    """Open weights: whether an answer keeps to a schema, and how long it may be, is their host's doing."""
    return _row(patterns, f"{has} json_schema?")


_TVS, _ALL = "tools vision json_schema", "tools vision json_schema reasoning"

TABLE: tuple[Row, ...] = (
    # ── OpenAI ──
    _open("gpt-oss*", "tools reasoning"),
    _row("gpt-5-pro*", _ALL, 272_000),
    _row("gpt-5*-chat* gpt-5.3", _TVS, 16_384),
    _row("gpt-5-search-api*", _TVS, 128_000),
    _row("gpt-5.[45]-pro*", "tools vision reasoning", 128_000),
    _row("gpt-5* gpt-6-astra* gpt-6-luna* gpt-6*-sol* gpt-6*-terra*", _ALL, 128_000),
    _row("codex-mini*", _ALL, 100_000),
    _row("computer-use*", "tools vision reasoning", 1_024),
    _row("o*-deep-research*", "vision reasoning", 100_000),
    _row("o1-mini*", "reasoning", 65_536),
    _row("o1-preview*", "reasoning", 32_768),
    _row("o3-mini*", "tools json_schema reasoning", 100_000),
    _row("o1* o3* o4-mini*", _ALL, 100_000),
    _row("gpt-4.1*", _TVS, 32_768),
    _row("gpt-4o-2024-05-13", "tools vision", 4_096),
    _row("gpt-4o*audio* gpt-audio*", "tools audio", 16_384),
    _row("chatgpt-4o*", "vision", 16_384),
    _row("gpt-4o*", _TVS, 16_384),
    _row("gpt-4-turbo gpt-4-turbo-2024*", "tools vision", 4_096),
    _row("gpt-4-1106-preview gpt-4-0125-preview gpt-4-turbo-preview", "tools", 4_096),
    _row("gpt-4 gpt-4-0613", "tools", 8_192),
    _row("gpt-3.5-turbo gpt-3.5-turbo-0125 gpt-3.5-turbo-1106", "tools", 4_096),
    # ── Google ──
    _row("gemini-*computer-use*", "tools vision reasoning", 64_000),
    _row("gemini-*image* gemini-nano-banana*", "vision"),
    _row("gemini-2.5-* gemini-3* gemini-flash-latest gemini-flash-lite-latest gemini-pro-latest", _ALL + " audio", 65_536),
    _row("gemini-4*", _ALL + " audio"),
    _row("gemini-2.0-* gemini-1.5-*", _TVS + " audio", 8_192),
    _open("gemma-4* gemma4*", "tools vision reasoning"),
    _open("gemma-3n*", "tools? vision audio"),
    _open("gemma-3-1b* gemma-2* gemma-7b* gemma2*", "tools?"),
    _open("gemma-3*", "tools? vision"),
    # ── xAI ──
    _row("grok-code* grok-build*", "tools vision? json_schema reasoning"),
    _row("grok-4*multi-agent*", "tools? vision json_schema reasoning"),
    _row("grok-2-vision*", _TVS),
    _row("grok-2* grok-3 grok-3-fast*", "tools json_schema"),
    _row("grok-3-mini*", "tools json_schema reasoning"),
    _row("grok-4*-non-reasoning*", _TVS),
    _row("grok-4*", _ALL),
    # ── DeepSeek; its own API takes no schema ──
    _row("deepseek-chat", "tools", 8_192, "deepseek"),
    _row("deepseek-reasoner", "tools reasoning", 65_536, "deepseek"),
    _row("deepseek-flash deepseek-v4-flash", "tools vision reasoning json_schema?", 393_216, "deepseek"),
    _row("deepseek-v4-pro", "tools reasoning json_schema?", 393_216, "deepseek"),
    _open("deepseek-v4-flash*", "tools vision reasoning"),
    _open("deepseek-v4* deepseek-v3.[12]* deepseek-v3p[12]* deepseek-chat-v3.[12]* v3.2*", "tools vision? reasoning"),
    _open("deepseek-r1* r1-v1", "tools? reasoning"),
    # ── Cohere ──
    _row("command-a-plus*", _ALL, 64_000),
    _row("command-a-reasoning*", "tools json_schema reasoning", 32_000),
    _row("command-a-vision*", "vision json_schema", 8_000),
    _row("command-a command-a-03-2025", "tools json_schema", 8_000),
    _row("command-r*", "tools json_schema", 4_096),
    # ── Mistral ──
    _row("mistral-large-4* mistral-medium-3-5* mistral-medium-3.5* mistral-medium-latest magistral-*", _ALL),
    _row("mistral-small-2603 mistral-small-latest", _ALL),
    _row("mistral-large-2512 mistral-large-3* mistral-large-latest mistral-medium-3* mistral-small-3.[12]* pixtral-*", _TVS),
    _row("ministral-*-2512 ministral-3-*", _TVS),
    _open("voxtral-small-* voxtral-mini-3b*", "tools? audio"),
    _row("mistral-large* mistral-small* codestral* devstral* ministral-*", "tools json_schema"),
    _open("mistral-nemo* open-mistral-nemo* mistral-saba*", "tools?"),
    # ── Amazon ──
    _row("nova-micro*", "tools", 10_000),
    _row("nova-lite* nova-pro* nova-premier*", "tools vision", 10_000),
    _row("nova-2-lite*", "tools vision reasoning", 64_000),
    _row("titan-text-*", ""),
    # ── Perplexity ──
    _row("sonar-reasoning* sonar-deep-research*", "vision json_schema reasoning"),
    _row("sonar-pro", "vision json_schema", 8_000),
    _row("sonar", "vision json_schema"),
    # ── open weights, by their makers and elsewhere ──
    _open("kimi-k2-thinking*", "tools reasoning"),
    _open("kimi-k2.[5-9]* kimi-k2p[5-9]* kimi-k3*", "tools vision reasoning"),
    _open("kimi-k2*", "tools"),
    _open("moonshot-v1-*vision*", "tools vision"),
    _open("moonshot-v1-*", "tools"),
    _open("glm-4.5v* glm-4.6v*", "tools vision reasoning"),
    _row("glm-5.3-flash", "tools vision reasoning json_schema?", 128_000, "zai"),
    _row("glm-4.[67] glm-5 glm-5.[123]", "tools reasoning json_schema?", 128_000, "zai"),
    _open("glm-4.[5-7]* glm-4p[5-7]* glm-5*", "tools vision? reasoning"),
    _open("llama-4* llama4*", "tools vision"),
    _open("llama-3.2-11b-vision* llama-3.2-90b-vision* llama3-2-11b* llama3-2-90b* llama-v3p2-*-vision*", "tools? vision"),
    _row("llama-guard* llama-prompt-guard*", ""),
    _open("llama-3.[13]* llama3.[13]* llama3-[13]-* llama-v3p[13]* meta-llama-3.[13]*", "tools"),
    _open("qwen3-vl* qwen2.5-vl* qwen2p5-vl*", "tools vision reasoning?"),
    _open("qwen3-coder* qwen-3-coder* qwen3-*-instruct* qwen2.5-* qwen2p5-*", "tools"),
    _open("qwen3-* qwen-3-* qwq*", "tools reasoning"),
    _open("qwen3.8-27b qwen-3.8-27b", "tools vision reasoning"),
    _open("minimax-m[123]*", "tools vision? reasoning"),
    _open("phi-4-multimodal*", "tools? vision audio"),
    _open("phi-4-reasoning*", "tools? reasoning"),
)  # fmt: skip
"""The first match wins."""

_BEDROCK = re.compile(r"^(?:(?:us-gov|us|eu|apac|au|jp|in|ca|global)\.)?[a-z0-9]+\.(?=[a-z])")
"""Geography and vendor: us.anthropic.claude-…"""


def abilities(kind: str, model: str) -> Abilities:
    """What a model can do at a host of this kind. What the kind's API cannot do at all, no model of it can."""
    found = _known(kind, model)
    api = KINDS[kind].capabilities if kind in KINDS else None
    if api is None:
        return found
    if kind == "local":  # one model, so its API's abilities are its own
        return Abilities(found.max_output, api.tools, api.vision, api.audio, api.json_schema, api.reasoning)
    refused = {name: False for name in NAMES if getattr(api, name) is False}
    return Abilities(found.max_output, **{name: refused.get(name, getattr(found, name)) for name in NAMES})


def max_output(kind: str, model: str) -> int:
    """The model's own limit of one answer in tokens, 0 where unknown."""
    return _known(kind, model).max_output


@lru_cache(maxsize=4096)
def _known(kind: str, model: str) -> Abilities:
    name = bare(kind, model)
    if name.startswith("claude"):
        facts = claude(name)
        new = "claude-2" not in name and name not in ("claude-v1", "claude-instant")
        return Abilities(facts.max_output, new, new, False, facts.formats, bool(facts.thinking))
    for row in TABLE:
        if any(fnmatchcase(name, pattern) for pattern in row.patterns):
            return row.abilities if row.kind in ("", kind) else replace(row.abilities, max_output=0)
    return Abilities()


def bare(kind: str, model: str) -> str:
    """A model's own name in lower case: no host, vendor, variant or fine-tune."""
    name = model.lower().rpartition("/")[2]
    if name.startswith("ft:"):
        name = name[3:]
    if kind == "bedrock":
        name = _BEDROCK.sub("", name, count=1)
    return name.partition(":")[0]
