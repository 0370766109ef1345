"""What a Gemini model takes, read off its name: a table, since the API refuses with a 400 what a generation does not know.

Odd here: the generations differ in how thinking is asked for (levels from 3 on, a token budget in 2.5, nothing before), and a
budget of 0 turns thinking off on some models and is refused by others; and from 3.5 Flash-Lite and 3.6 Flash on, a model samples as it
likes and refuses a conversation that ends with its own turn.

Sources: https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/gemini-3,
https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6 (and -3.7, and latest-model for Gemini 4),
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/guides/gemini-3-8-flash (levels of 3.6 to 3.8),
https://ai.google.dev/gemini-api/docs/openai (how an effort becomes a level or a budget),
https://github.com/google-gemini/cookbook/issues/1290 (penalties), https://github.com/googleapis/js-genai/issues/1609 (candidates)
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import Struct

from ...errors import CallerError
from ...target import Notes
from .bodies import ThinkingConfig


class Budget(Struct, frozen=True):
    """Thinking tokens: what the model takes, and whether 0 (off) is among it."""

    least: int
    most: int
    off: bool


class Facts(Struct, frozen=True):
    generation: float
    levels: tuple[str, ...] = ()
    """thinking levels, lowest first; empty where the model has none"""
    budget: Budget | None = None
    json_schema: bool = True
    """takes `responseJsonSchema` and `parametersJsonSchema`; else Google's OpenAPI subset"""
    json_mode: bool = True
    """takes `responseMimeType: application/json`"""
    json_with_tools: bool = False
    """takes tools and a JSON answer in one request"""
    search_with_tools: bool = False
    """takes Google Search beside function tools"""
    media_in_results: bool = False
    """takes `functionResponse.parts`"""
    signed_calls: bool = False
    """refuses a function call of the current turn without its thought signature"""
    candidates: int = 1
    """the most `candidateCount` of a request that is not streamed"""
    penalties: str = "gemini vertex"
    """the kinds of target where the model takes presence and frequency penalties"""
    system: bool = True
    """takes `systemInstruction`"""
    validated: bool = True
    """knows the VALIDATED mode of function calling"""
    samples: bool = True
    """heeds temperature, top_p and top_k"""
    goes_on: bool = True
    """takes a conversation that ends with the model's own turn, and goes on from there"""


_ALL = ("minimal", "low", "medium", "high")
_FROM_LOW = _ALL[1:]


def _three(levels: tuple[str, ...], *, generation: float = 3.0, samples: bool = True, goes_on: bool = True) -> Facts:
    return Facts(
        generation, levels, json_with_tools=True, search_with_tools=True, media_in_results=True, signed_calls=True, penalties="",
        samples=samples, goes_on=goes_on,
    )  # fmt: skip


def _since_3_6(levels: tuple[str, ...], *, generation: float = 3.6) -> Facts:
    return _three(levels, generation=generation, samples=False, goes_on=False)


def _two_five(budget: Budget | None) -> Facts:
    return Facts(2.5, budget=budget, candidates=8, penalties="vertex")


_BEFORE_2_5 = Facts(2.0, json_schema=False, candidates=8, validated=False)

TABLE: tuple[tuple[re.Pattern[str], Facts], ...] = tuple(
    (re.compile(pattern), facts)
    for pattern, facts in (
        (r"gemini-2\.5-.*(image|tts|native-audio|live)", Facts(2.5, penalties="")),
        (r"gemini-2\.5-pro", _two_five(Budget(128, 32768, off=False))),
        (r"gemini-2\.5-flash-lite", _two_five(Budget(512, 24576, off=True))),
        (r"gemini-2\.5-", _two_five(Budget(1, 24576, off=True))),
        (r"gemini-2\.0-", _BEFORE_2_5),
        (r"gemini-(1\.|pro$|pro-vision)", Facts(1.5, json_schema=False, validated=False)),
        (r"gemma-[23]", Facts(1.0, json_schema=False, json_mode=False, system=False, validated=False, penalties="")),
        (r"gemma-", Facts(3.0, penalties="")),
        (r"gemini-[3-9].*(image|tts|native-audio|live)", _three(())),
        (r"gemini-3-pro", _three(("low", "high"))),
        (r"gemini-3\.1-pro", _three(_FROM_LOW)),
        (r"gemini-3.*pro|gemini-pro-latest", _three(_FROM_LOW, goes_on=False)),
        (r"gemini-3(\.[0-4])?-flash", _three(_ALL)),
        (r"gemini-3\.5-flash(?!-lite)", _three(_ALL, goes_on=False)),  # AI Studio routes it to 3.6
        (r"gemini-3\.[56]-flash|gemini-3.*flash-lite|gemini-flash-lite-latest", _since_3_6(_ALL)),
        (r"gemini-3.*flash|gemini-flash-latest", _since_3_6(_FROM_LOW)),
        (r"gemini-3", _three(("low", "high"))),
        (r"gemini-[4-9]", _since_3_6(_FROM_LOW, generation=4.0)),
    )
)
"""First match wins."""

UNKNOWN = Facts(0.0, penalties="", validated=False)
"""A name that says nothing: a tuned endpoint, or a model yet to come. What no model refuses is sent, the rest named."""


def bare(model: str) -> str:
    """The model's own name, without Google's resource path: models/gemini-2.5-flash → gemini-2.5-flash."""
    return model.rpartition("/")[2]


@lru_cache(maxsize=1024)
def facts(model: str) -> Facts:
    name = bare(model)
    return next((known for pattern, known in TABLE if pattern.match(name)), UNKNOWN)


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
"""Tokens, as Google's own OpenAI door has them; xhigh and max are ours: the most any model takes."""


def thinking(effort: str | None, model: Facts, notes: Notes) -> ThinkingConfig | None:
    """`reasoning_effort` as the model's own setting, with its thoughts shown. CallerError for an effort nobody knows."""
    if effort is None:
        return None
    if effort not in EFFORTS:
        raise CallerError(f"reasoning_effort is {effort!r}; it may be {', '.join(EFFORTS)}", param="reasoning_effort")
    if model.levels:
        level = _level(effort, model.levels)
        if level != effort:
            notes.clamped("reasoning_effort", f"this model thinks at {', '.join(model.levels)}; {level} was sent")
        return ThinkingConfig(thinking_level=level, include_thoughts=effort != "none")
    if model.budget is not None:
        asked = _BUDGETS[effort]
        if asked == 0 and model.budget.off:
            return ThinkingConfig(thinking_budget=0)
        tokens = min(max(asked, model.budget.least), model.budget.most)
        if tokens != asked:
            notes.clamped(
                "reasoning_effort", f"this model thinks with {model.budget.least} to {model.budget.most} tokens; {tokens} was sent"
            )
        return ThinkingConfig(thinking_budget=tokens, include_thoughts=effort != "none")
    notes.dropped("reasoning_effort", "this model has no setting for thinking")
    return None


def _level(effort: str, levels: tuple[str, ...]) -> str:
    """The level itself, else the next one up (Google's door sends medium as high where there is no medium), else the highest."""
    at = EFFORTS.index(effort)
    return next((level for level in levels if EFFORTS.index(level) >= at), levels[-1])
