"""Members that a vendor's reasoning models answer with a 400, or take and do not heed, where its other models heed them: model by model.

Odd here: whether a member is refused may hang on another one. From gpt-5.1 on, OpenAI's models sample like any other while
`reasoning_effort` is none, which is the default of 5.1, 5.2 and 5.4 and of no other. A value that says what the model does anyway
(temperature 1, a penalty of 0) is left out too, since some models refuse the member whatever it says; it is not named, as nothing is lost.

Sources: https://platform.openai.com/docs/guides/reasoning; https://platform.openai.com/docs/guides/latest-model ("GPT-5.4 parameter
compatibility": temperature, top_p and logprobs only at effort none, never on older GPT-5 models); the chat reference on `stop`; Azure's
models are OpenAI's: https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning; https://docs.x.ai/docs/guides/reasoning
("presencePenalty, frequencyPenalty and stop parameters are not supported by reasoning models"); https://api-docs.deepseek.com/guides/
reasoning_model and thinking_mode; https://platform.kimi.ai/docs/api/models-overview ("Cannot be modified"). What OpenAI's pages leave out
(penalties, logit_bias, stop and prediction on gpt-5; parallel_tool_calls on the o-series, which Azure's table leaves empty; an effort on
the chat and search models) is known by its 400s, and so is what Groq's models know of efforts: https://console.groq.com/docs/reasoning.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from ..chat import ChatRequest
from ..target import Notes, Target
from .beside import NEUTRAL


class Rule(Struct, frozen=True):
    always: frozenset[str] = frozenset()
    """refused whatever else is said"""
    thinking: frozenset[str] = frozenset()
    """refused while the model thinks"""
    thinks: bool = True
    """it thinks unless `reasoning_effort` is given and none; False: only if one is given"""
    why: str = "this model refuses it"
    efforts: frozenset[str] | None = None
    """the values of `reasoning_effort` that it takes, where that is known; another is left out"""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PENALTIES = _set("presence_penalty frequency_penalty")
SAMPLING = PENALTIES | _set("temperature top_p logprobs top_logprobs")
_NEW = _set("logit_bias stop prediction")
"""What gpt-5 and later refuse at any effort."""
_FIXED = SAMPLING | {"logit_bias"}
_AT_NONE = "this model takes it only with reasoning_effort none"
_NO_THOUGHT = Rule(thinks=False, efforts=frozenset())

Rows = tuple[tuple[str, Rule | None], ...]

_OPENAI: Rows = (
    (r"gpt-5-chat", _NO_THOUGHT),
    (r"gpt-(?:4o|4o-mini)-search", Rule(_FIXED, thinks=False, efforts=frozenset())),
    (r"gpt-5-search", Rule(_FIXED)),
    (r"gpt-[5-9](?:\.\d+)?-chat", Rule(_FIXED, efforts=_set("medium"))),
    (r"gpt-5\.[124](?!\d|-pro|-codex)", Rule(_NEW, SAMPLING, thinks=False, why=_AT_NONE)),
    (r"gpt-(?:5\.\d|[6-9])", Rule(_NEW, SAMPLING, why=_AT_NONE)),
    (r"gpt-5", Rule(_FIXED | _NEW)),
    (r"(?:o1|o3-mini)(?!\d)", Rule(_FIXED | {"parallel_tool_calls"})),
    (r"o[1-9](?!\d)", Rule(_FIXED | {"stop", "parallel_tool_calls"})),
    (r"codex-mini", Rule(_FIXED)),
)
TABLES: dict[str, Rows] = {
    "openai": _OPENAI,
    "azure": _OPENAI,
    "xai": (
        (r"grok-3-mini", Rule(PENALTIES | {"stop"})),
        (r"grok-[23](?!\d)", Rule(_set("reasoning_effort"))),
        (r"grok-4.*non-reasoning", Rule(PENALTIES | {"reasoning_effort"})),
        (r"grok-4(?:-0709|-latest)?$|grok-4-fast|grok-4[.-]1(?!\d)|grok-4[.-]20(?!.*multi-agent)|grok-code|grok-build",
         Rule(PENALTIES | {"stop", "reasoning_effort"})),
        (r"grok-[4-9]", Rule(PENALTIES | {"stop"})),
    ),
    "groq": (
        (r"llama-?[34]", _NO_THOUGHT),
        (r"gpt-oss", Rule(efforts=_set("low medium high"))),
        (r"qwen-?3", Rule(efforts=_set("none default"))),
    ),
    "moonshot": ((r"kimi-k(?:2\.[5-9]|[3-9])", Rule(PENALTIES | {"temperature", "top_p"})),),
    "deepseek": (
        (r"deepseek-reasoner", Rule(SAMPLING, why="this model does not heed it, or refuses it")),
        (r"deepseek-v[4-9]", Rule(thinking=SAMPLING - _set("logprobs top_logprobs"), why="this model does not heed it while it thinks")),
    ),
}  # fmt: skip
"""Kind → (the beginning of a model's name, its rule); the first that fits counts. None: a model like any other."""

_TABLES = {
    kind: tuple((re.compile(rf"(?:^|[^a-z0-9])(?:{name})", re.IGNORECASE), row) for name, row in rows) for kind, rows in TABLES.items()
}


def known_name(model: str) -> str:
    """What a model is known by: a fine-tune by its base."""
    return model.split(":")[1] if model.startswith("ft:") and ":" in model[3:] else model


@lru_cache(4096)
def rule(kind: str, model: str) -> Rule | None:
    """What that kind's model refuses; None where it is a model like any other. Of a fine-tune its base counts, not whose it is."""
    name = known_name(model)
    return next((row for pattern, row in _TABLES.get(kind, ()) if pattern.search(name)), None)


def refused(
    request: ChatRequest, target: Target, notes: Notes, *, effort: str | None = None, among: frozenset[str] | None = None
) -> frozenset[str]:
    """The members that must not be sent to the target's model; those by which the caller asked for something are named.

    `effort`: what the caller says of it elsewhere than in `reasoning_effort`. `among`: those that the API has at all, where not all.
    """
    row = rule(target.kind, target.model)
    if row is None:
        return frozenset()
    thinking = thinks(request, row, effort or request.reasoning_effort)
    names = row.always | row.thinking if thinking else row.always
    names = names if among is None else names & among
    for name in sorted(names):
        value = getattr(request, name)
        if value is not None and value not in _IDLE.get(name, NEUTRAL.get(name, ())):
            notes.dropped(name, "this model refuses it" if name in row.always and row.thinking else row.why)
    return names | _effort(request, row, notes) if row.efforts is not None and request.reasoning_effort is not None else names


def _effort(request: ChatRequest, row: Rule, notes: Notes) -> frozenset[str]:
    """`reasoning_effort` where the model does not take what is said of it. That a model is not to think which never does, is no loss."""
    if row.efforts is None or request.reasoning_effort in row.efforts:
        return frozenset()
    if row.thinks or request.reasoning_effort != "none":
        notes.dropped("reasoning_effort", "this model has no such effort" if row.efforts else "this model does not reason")
    return _set("reasoning_effort")


_IDLE: dict[str, tuple[object, ...]] = {"temperature": (1,), "top_p": (1,), "stop": ([],)}
"""Values that say what such a model does anyway."""


def thinks(request: ChatRequest, row: Rule, effort: str | None) -> bool:
    """Whether the model will think. `effort` is what the request comes to say of it, None where it says nothing."""
    if b'"disabled"' in bytes(request.wire.get("thinking", b"")):  # DeepSeek's switch
        return False
    return row.thinks if effort is None else effort != "none"
