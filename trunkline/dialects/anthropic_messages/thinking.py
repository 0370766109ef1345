"""How hard the model shall think: `reasoning_effort`, or the vendor's own `thinking`, as what this model takes.

Odd here: there are three generations. The oldest does not think; the next takes a number of tokens that must stay below
`max_tokens`; the newest takes a word and decides itself, and some of those cannot be told not to. And the first of the
thinking models refuses a tool loop whose thinking was not handed back, so there thinking is given up for the request.

Source: https://platform.claude.com/docs/en/build-with-claude/thinking, …/extended-thinking, …/effort
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Notes
from ..turns import AssistantTurn, Turn, UserTurn
from .models import Facts

BUDGETS = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 32_768, "max": 32_768}
"""Tokens, for the models that take a number."""
LEAST_BUDGET = 1_024
EFFORTS = ("none", *BUDGETS)
BINDING_BETA = "thinking-binding-controls-2026-08-01"


class Plan(Struct, frozen=True):
    """What goes into the body. `on`: the model will think, so the rules for thinking requests hold."""

    on: bool = False
    manual: bool = False
    """by `budget_tokens`: sampling is restricted and no tool may be forced"""
    thinking: dict[str, Any] | None = None
    effort: str = ""
    max_tokens: int = 0
    betas: tuple[str, ...] = ()


def plan(request: ChatRequest, facts: Facts, turns: list[Turn], max_tokens: int, ceiling: int, notes: Notes) -> Plan:
    """The plan for this request. `ceiling` is the model's own output limit, 0 where unknown. CallerError for an unknown effort."""
    native, param = _native(request)
    if native is None and request.reasoning_effort is None:
        return _bound(Plan(on=facts.thinks_unasked, max_tokens=max_tokens), facts, turns)
    if native is None:
        param = "reasoning_effort"
        native, effort = _from_effort(str(request.reasoning_effort), facts, notes)
    else:
        native = _fitting(native, facts, notes)
        effort = _beside(request.reasoning_effort, native, facts, notes)
    kind = native.get("type", "")
    if kind != "enabled":
        on = kind == "adaptive" or (not kind and facts.thinks_unasked)
        return _bound(Plan(on=on, thinking=native or None, effort=effort, max_tokens=max_tokens), facts, turns)
    if loop_without_thinking(turns):
        notes.dropped(param, "the tool loop in the history came without its signed thinking, and the vendor refuses to think on without it")
        return Plan(max_tokens=max_tokens)
    return _budgeted(native, param, request, max_tokens, ceiling, notes)


def _native(request: ChatRequest) -> tuple[dict[str, Any] | None, str]:
    raw = request.wire.get("thinking")
    if raw is None or bytes(raw) == b"null":
        return None, ""
    try:
        return msgspec.json.decode(raw, type=dict[str, Any]), "thinking"
    except msgspec.DecodeError:
        raise CallerError('thinking must be an object, e.g. {"type": "enabled", "budget_tokens": 2048}', param="thinking") from None


def _from_effort(word: str, facts: Facts, notes: Notes) -> tuple[dict[str, Any], str]:
    """(`thinking`, `output_config.effort`) for an effort; empty where they are to be omitted."""
    if word not in EFFORTS:
        raise CallerError(f"reasoning_effort is {word!r}; it may be {', '.join(EFFORTS)}", param="reasoning_effort")
    if word == "none":
        return _switched_off(facts, notes)
    if not facts.thinking:
        notes.dropped("reasoning_effort", "this model does not think")
        return {}, ""
    if facts.thinking == "budget":
        return {"type": "enabled", "budget_tokens": BUDGETS[word]}, ""
    level = word if word in facts.efforts else {"minimal": "low", "xhigh": "max"}.get(word, "high")
    if level != word:
        notes.approximated("reasoning_effort", f"sent as {level!r}; this model's levels are {', '.join(facts.efforts)}")
    shown = {"display": "summarized"} if facts.silent else {}
    return {"type": "adaptive", **shown}, level


def _beside(word: str | None, native: dict[str, Any], facts: Facts, notes: Notes) -> str:
    """`output_config.effort` for a caller who says both `reasoning_effort` and the vendor's own `thinking`, which wins where they clash."""
    if word is None:
        return ""
    if native.get("type") == "adaptive" and word != "none":
        return _from_effort(word, facts, notes)[1]
    if word != "none" or native.get("type") != "disabled":
        notes.dropped("reasoning_effort", "thinking was given, too, and says it")
    return ""


def _switched_off(facts: Facts, notes: Notes) -> tuple[dict[str, Any], str]:
    if not facts.thinks_unasked:
        return {}, ""
    if facts.off == "disabled":
        return {"type": "disabled"}, ""
    notes.approximated("reasoning_effort", "this model cannot be told not to think; its lowest effort was asked for")
    return ({"type": facts.off} if facts.off else {}), "low"


def _fitting(native: dict[str, Any], facts: Facts, notes: Notes) -> dict[str, Any]:
    """The caller's own `thinking` in the form that this model takes."""
    kind = native.get("type")
    if kind in ("enabled", "adaptive") and not facts.thinking:
        notes.dropped("thinking", "this model does not think")
        return {}
    if kind == "enabled" and facts.thinking == "adaptive" and facts.sampling == "none":
        notes.approximated("thinking", "this model takes no budget; it was asked to think adaptively")
        return {"type": "adaptive", **{k: v for k, v in native.items() if k not in ("type", "budget_tokens")}}
    if kind == "adaptive" and facts.thinking == "budget":
        notes.approximated("thinking", f"this model takes a budget; it was given {BUDGETS['medium']} tokens")
        return {"type": "enabled", "budget_tokens": BUDGETS["medium"]}
    if kind == "disabled" and facts.thinks_unasked and facts.off != "disabled":
        notes.approximated("thinking", "this model cannot be told not to think")
        return {"type": facts.off} if facts.off else {}
    return dict(native)


def _budgeted(native: dict[str, Any], param: str, request: ChatRequest, max_tokens: int, ceiling: int, notes: Notes) -> Plan:
    """`budget_tokens` below `max_tokens`: "Must be ≥1024 and less than max_tokens". The answer keeps the room that was asked for."""
    asked = native.get("budget_tokens")
    budget = max(LEAST_BUDGET, asked) if isinstance(asked, int) else BUDGETS["medium"]
    if budget != asked:
        notes.clamped(f"{param}.budget_tokens", f"the vendor's least is {LEAST_BUDGET}; sent as {budget}")
    if budget >= max_tokens:
        room = budget + max_tokens
        raised = min(room, ceiling) if ceiling else room
        raised = max(raised, LEAST_BUDGET + 1)
        budget = min(budget, max(LEAST_BUDGET, raised - max_tokens))
        if budget >= raised:
            budget = raised - 1
        limit = "max_completion_tokens" if request.max_completion_tokens is not None else "max_tokens"
        notes.clamped(limit, f"raised from {max_tokens} to {raised}: thinking takes up to {budget} tokens of it")
        max_tokens = raised
    return Plan(on=True, manual=True, thinking={**native, "budget_tokens": budget}, max_tokens=max_tokens)


def _bound(made: Plan, facts: Facts, turns: list[Turn]) -> Plan:
    """Where blocks are bound to what stood before them, let the vendor drop stale ones: a chat client may edit its history."""
    kind = (made.thinking or {"type": "adaptive"}).get("type", "adaptive")
    if not (facts.bound and kind == "adaptive" and any(signed(turn) for turn in turns)):
        return made
    thinking = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}, **(made.thinking or {})}
    return msgspec.structs.replace(made, thinking=thinking, betas=(BINDING_BETA,))


def signed(turn: Turn) -> list[dict[str, Any]]:
    """The thinking blocks that an assistant turn hands back, as the vendor had them."""
    if not isinstance(turn, AssistantTurn):
        return []
    return [block for detail in turn.details if (block := block_of(detail)) is not None]


def block_of(detail: dict[str, Any]) -> dict[str, Any] | None:
    """The thinking block that a detail was made of; None where this vendor did not sign it."""
    match detail:
        case {"type": "reasoning.text", "format": "anthropic", "signature": str(signature)} if signature:
            return {"type": "thinking", "thinking": str(detail.get("text") or ""), "signature": signature}
        case {"type": "reasoning.encrypted", "format": "anthropic", "data": str(data)} if data:
            return {"type": "redacted_thinking", "data": data}
        case _:
            return None


def loop_without_thinking(turns: list[Turn]) -> bool:
    """The list ends inside a tool loop whose assistant turn came without its thinking."""
    match turns[-2:]:
        case [AssistantTurn(calls=calls) as asked, UserTurn(results=results)] if calls and results:
            return not signed(asked)
        case _:
            return False


def native_effort(request: ChatRequest) -> dict[str, Any]:
    """The caller's own `output_config`, {} where there is none."""
    raw = request.wire.get("output_config", Raw(b"null"))
    try:
        return msgspec.json.decode(raw, type=dict[str, Any] | None) or {}
    except msgspec.DecodeError:
        raise CallerError('output_config must be an object, e.g. {"effort": "low"}', param="output_config") from None
