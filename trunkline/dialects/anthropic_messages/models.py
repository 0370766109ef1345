"""What each Claude takes: one table, read by name and version.

Odd here: the vendor has changed what a request may hold with nearly every model (sampling parameters, thinking, forced tools,
prefill), and a wrong member is a 400. So a model's row decides, and a model newer than the table is taken to be like the
newest of its line, with a cautious output limit.

Sources: https://platform.claude.com/docs/en/about-claude/models/overview (limits),
https://platform.claude.com/docs/en/build-with-claude/thinking and …/effort (thinking, effort, sampling),
https://platform.claude.com/docs/en/build-with-claude/structured-outputs (formats),
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking/prefix-checks (binding).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

CAUTIOUS_OUTPUT = 64_000
"""For a model that is newer than the table."""


class Facts(Struct, frozen=True, kw_only=True):
    max_output: int
    """The most `max_tokens` may be, 0 where unknown."""
    thinking: Literal["", "budget", "adaptive"] = ""
    """How thinking is switched on: not at all, by `budget_tokens`, or `{"type": "adaptive"}`."""
    thinks_unasked: bool = False
    """Thinks when `thinking` is omitted."""
    off: str = "disabled"
    """The `thinking.type` that switches it off where it thinks unasked; "" where nothing does."""
    efforts: tuple[str, ...] = ()
    """The levels of `output_config.effort`."""
    sampling: Literal["both", "one", "none"] = "both"
    """Of temperature and top_p: both, one of them, or (with top_k) none at all."""
    forced_tools: bool = True
    """`tool_choice` any and tool are taken."""
    formats: bool = False
    """`output_config.format` and strict tools."""
    prefill: bool = True
    """The list of messages may end with the assistant."""
    silent: bool = False
    """Thinking text is empty unless `display` asks for it."""
    bound: bool = False
    """Thinking blocks handed back are refused when what stood before them changed."""
    claude: bool = True
    """It is a Claude, so the vendor's own checks hold for it."""


_FOUR = ("low", "medium", "high", "max")
_FIVE = ("low", "medium", "high", "xhigh", "max")


def _adaptive(**other: object) -> Facts:
    """The generation from Opus 4.7 on."""
    row: dict[str, object] = {
        "max_output": 128_000, "thinking": "adaptive", "efforts": _FIVE, "sampling": "none",
        "formats": True, "prefill": False, "silent": True,
    }  # fmt: skip
    return Facts(**(row | other))  # type: ignore[arg-type]


FOREIGN = Facts(max_output=0, thinking="budget", claude=False)
"""Another vendor's model behind the same API (many hosts offer one): the plain rules, and no limit that we know."""
_OLD = Facts(max_output=4_096)
_3_5 = Facts(max_output=8_192)
_4_5 = Facts(max_output=64_000, thinking="budget", sampling="one", formats=True)
_4_6 = Facts(max_output=128_000, thinking="adaptive", efforts=_FOUR, sampling="one", formats=True, prefill=False)
_ALWAYS = _adaptive(thinks_unasked=True, off="")
_ALWAYS_BOUND = _adaptive(thinks_unasked=True, off="", forced_tools=False, bound=True)

TABLE: dict[str, list[tuple[tuple[int, int], Facts]]] = {
    "opus": [
        ((5, 5), _ALWAYS_BOUND),
        ((5, 0), _adaptive(thinks_unasked=True)),
        ((4, 7), _adaptive()),
        ((4, 6), _4_6),
        ((4, 5), _4_5),
        ((4, 1), Facts(max_output=32_000, thinking="budget", sampling="one")),
        ((4, 0), Facts(max_output=32_000, thinking="budget")),
        ((0, 0), _OLD),
    ],
    "sonnet": [
        ((5, 5), _adaptive(thinks_unasked=True, off="between_tools", forced_tools=False, bound=True)),
        ((5, 0), _adaptive(thinks_unasked=True)),
        ((4, 6), _4_6),
        ((4, 5), _4_5),
        ((3, 7), Facts(max_output=64_000, thinking="budget")),
        ((3, 5), _3_5),
        ((0, 0), _OLD),
    ],
    "haiku": [
        ((5, 5), _adaptive(thinks_unasked=True, bound=True)),
        ((4, 5), _4_5),
        ((3, 5), _3_5),
        ((0, 0), _OLD),
    ],
    "fable": [((5, 1), _ALWAYS_BOUND), ((0, 0), _ALWAYS)],
    "mythos": [((5, 1), _ALWAYS_BOUND), ((0, 0), _ALWAYS)],
}
NEWEST = {"opus": (5, 5), "sonnet": (5, 5), "haiku": (5, 5), "fable": (5, 2), "mythos": (5, 2)}

_LINE_FIRST = re.compile(r"claude-([a-z]+)(?:-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?")
_VERSION_FIRST = re.compile(r"claude-(\d{1,2})(?:[-.](\d{1,2}))?(?:-([a-z]+))?(?!\d)")


@lru_cache(1024)
def facts(model: str) -> Facts:
    """The row of a model id in any of its spellings: with a date, `@date`, a Bedrock prefix, a dot in the version."""
    line, version = _parse(model.lower())
    rows = TABLE.get(line)
    if "claude" not in model.lower():
        return FOREIGN
    if rows is None:
        return _OLD if line in ("", "instant", "v") else _cautious(_ALWAYS_BOUND)
    if version is None:
        return rows[0][1] if line != "mythos" else rows[-1][1]
    found = next(row for least, row in rows if version >= least)
    return _cautious(found) if version > NEWEST[line] else found


@lru_cache(256)
def vertex_facts(model: str) -> Facts:
    """The row of a model on Vertex, where structured outputs (of the answer, and of strict tools) are "disabled by the organization
    policy" unless someone there allowed them, and the list of models that have them is another one; so no request relies on them.

    Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/structured_outputs
    """
    return replace(facts(model), formats=False)


def _cautious(row: Facts) -> Facts:
    return replace(row, max_output=CAUTIOUS_OUTPUT)


def _parse(model: str) -> tuple[str, tuple[int, int] | None]:
    old = _VERSION_FIRST.search(model)
    if old is not None:
        return old[3] or "", (int(old[1]), int(old[2] or 0))
    new = _LINE_FIRST.search(model)
    if new is None:
        return "", None
    return new[1], None if new[2] is None else (int(new[2]), int(new[3] or 0))
