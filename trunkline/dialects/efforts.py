"""How hard OpenAI's models can be told to think: the levels of `reasoning_effort` that each takes, and the nearest for one that it refuses.

Odd here: every generation has other levels and answers 400 to the rest. `none` came with gpt-5.1, when `minimal` went; `xhigh` came with
gpt-5.2, `max` with 5.6, and gpt-6-astra and gpt-6.1-sol cannot be told not to think. A model that stands in no row is left to the vendor.

Sources: the page of each model under https://developers.openai.com/api/docs/models; https://developers.openai.com/api/docs/guides/reasoning
("Setting … to `none` returns HTTP 400"); https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning (o-series: low to high)
"""

from __future__ import annotations

import re
from functools import lru_cache

from ..target import Notes, Target
from .refused import known_name

ORDER = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
KINDS = frozenset({"openai", "azure"})

_ROWS: tuple[tuple[str, str], ...] = (
    (r"gpt-[5-9](?:\.\d+)?-(?:chat|search)|gpt-5\.1-codex|gpt-5-codex|o1-(?:mini|preview)", ""),
    (r"gpt-5-pro", "high"),
    (r"gpt-5\.[24]-pro", "medium high xhigh"),
    (r"gpt-5\.3-codex", "low medium high xhigh"),
    (r"gpt-5\.1(?!\d|-)|gpt-5\.1-20", "none low medium high"),
    (r"gpt-5\.[245](?!\d|-pro|-codex)", "none low medium high xhigh"),
    (r"gpt-5\.6(?!\d)|gpt-6-(?:sol|luna)", "none low medium high xhigh max"),
    (r"gpt-6-astra|gpt-6\.1-sol", "low medium high xhigh max"),
    (r"gpt-5(?![.\d])", "minimal low medium high"),
    (r"o[134](?!\d)", "low medium high"),
)
"""The beginning of a model's name → its levels; the first that fits counts, and "" is one of which the pages do not say."""
_COMPILED = tuple((re.compile(rf"(?:^|[^a-z0-9])(?:{name})", re.IGNORECASE), tuple(levels.split())) for name, levels in _ROWS)


@lru_cache(4096)
def levels(kind: str, model: str) -> tuple[str, ...]:
    """The levels of that model, lowest first; none where they are not known."""
    name = known_name(model)
    return next((found for pattern, found in _COMPILED if pattern.search(name)), ()) if kind in KINDS else ()


def fitted(effort: str, target: Target, notes: Notes | None = None) -> str:
    """The effort as the target's model takes it: itself, or the nearest level, the higher of two, which is named."""
    taken = levels(target.kind, target.model)
    if not taken or effort in taken or effort not in ORDER:
        return effort
    level = next((level for level in taken if ORDER.index(level) > ORDER.index(effort)), taken[-1])
    if notes is not None:
        notes.approximated("reasoning_effort", f"sent as {level!r}; this model's levels are {', '.join(taken)}")
    return level
