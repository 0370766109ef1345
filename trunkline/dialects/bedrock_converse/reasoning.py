"""How hard the model shall think: `reasoning_effort` in each family's own field.

Odd here: Converse has no common field for it. Claude has its maker's (`thinking`, by budget or adaptive) beside Converse's
`outputConfig.effort`; Nova 2 has `reasoningConfig`, whose level "high" forbids a token limit and sampling; gpt-oss and Qwen have a
word each; OpenAI's own GPT models and Grok have their maker's `reasoning.effort`; GLM and DeepSeek reason at "high" or not at all;
and the others cannot be told.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html,
…/claude-messages-extended-thinking.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ...chat import ChatRequest
from ...errors import CallerError
from ...target import Notes
from ..anthropic_messages import params as claude_params
from ..anthropic_messages import thinking
from ..turns import AssistantTurn, Turn
from .content import signed_blocks
from .models import Facts

LEVELS = ("low", "medium", "high")
_NEAREST = {"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}


class Reasoning(Struct, frozen=True):
    """What goes into the body."""

    fields: dict[str, Any] = {}
    """of `additionalModelRequestFields`"""
    effort: str = ""
    """`outputConfig.effort`"""
    max_tokens: int = 0
    """0 leaves it out: the vendor's default is the model's own maximum"""
    on: bool = False
    manual: bool = False
    """Claude, by budget, or DeepSeek: no tool may be forced"""
    bare: bool = False
    """Nova at its highest: neither a token limit nor sampling may be given"""
    claude: thinking.Plan = thinking.Plan()


def plan(request: ChatRequest, facts: Facts, turns: list[Turn], max_tokens: int, ceiling: int, notes: Notes) -> Reasoning:
    """`max_tokens` is 0 where the caller gave none, `ceiling` where the model's limit is unknown. CallerError for an unknown effort."""
    if facts.claude is not None:
        return _claude(request, facts, turns, max_tokens, ceiling, notes)
    word = request.reasoning_effort
    if word is None:
        return Reasoning(max_tokens=max_tokens)
    if word not in thinking.EFFORTS:
        raise CallerError(f"reasoning_effort is {word!r}; it may be {', '.join(thinking.EFFORTS)}", param="reasoning_effort")
    match facts.reasoning:
        case "nova":
            return _nova(word, max_tokens, notes)
        case "effort":
            return Reasoning(fields={"reasoning_effort": _level(word, notes)}, max_tokens=max_tokens, on=True)
        case "nested":
            level = _nested(word, notes)
            return Reasoning(fields={"reasoning": {"effort": level}}, max_tokens=max_tokens, on=True)
        case "switch" if word != "none":
            if word != "high":
                notes.approximated("reasoning_effort", "sent as 'high': this model reasons or does not")
            return Reasoning(fields={"reasoning_effort": "high"}, max_tokens=max_tokens, on=True, manual=not facts.forced_thinking)
        case "qwen" if word != "none":
            return Reasoning(fields={"reasoning_config": _level(word, notes)}, max_tokens=max_tokens, on=True)
        case "always":
            notes.dropped("reasoning_effort", "this model always reasons, as much as it sees fit")
        case _ if word != "none":
            notes.dropped("reasoning_effort", "this model does not reason, or cannot be told how much")
    return Reasoning(max_tokens=max_tokens)


def _nested(word: str, notes: Notes) -> str:
    level = {"none": "low", "minimal": "low", "max": "xhigh"}.get(word, word)
    if level != word:
        notes.approximated("reasoning_effort", f"sent as {level!r}; this model's levels are low, medium, high, xhigh")
    return level


def _level(word: str, notes: Notes) -> str:
    level = _NEAREST.get(word, word)
    if level != word:
        notes.approximated("reasoning_effort", f"sent as {level!r}; this model's levels are {', '.join(LEVELS)}")
    return level


def _nova(word: str, max_tokens: int, notes: Notes) -> Reasoning:
    if word == "none":
        return Reasoning(fields={"reasoningConfig": {"type": "disabled"}}, max_tokens=max_tokens)
    level = _level(word, notes)
    if level == "high" and max_tokens:
        level = "medium"
        notes.approximated("reasoning_effort", "sent as 'medium': at 'high' this model takes no token limit, and one was asked for")
    config = {"type": "enabled", "maxReasoningEffort": level}
    return Reasoning(fields={"reasoningConfig": config}, max_tokens=max_tokens, on=True, bare=level == "high")


def _claude(request: ChatRequest, facts: Facts, turns: list[Turn], max_tokens: int, ceiling: int, notes: Notes) -> Reasoning:
    assert facts.claude is not None
    made = thinking.plan(
        request, facts.claude, [_as_its_maker_has_it(turn) for turn in turns], max_tokens or ceiling or 64_000, ceiling, notes
    )
    fields: dict[str, Any] = {"thinking": made.thinking} if made.thinking else {}
    own = thinking.native_effort(request)
    effort = str(own.pop("effort", None) or made.effort)
    if own:
        fields["output_config"] = own
    betas = [*claude_params.betas(request), *made.betas]
    if betas:
        fields["anthropic_beta"] = list(dict.fromkeys(betas))
    return Reasoning(
        fields=fields,
        effort=effort,
        max_tokens=made.max_tokens if max_tokens else 0,
        on=made.on,
        manual=made.manual,
        claude=made,
    )


def _as_its_maker_has_it(turn: Turn) -> Turn:
    """The turn with our signed reasoning in the form that the maker's rules are written for."""
    if not isinstance(turn, AssistantTurn) or not turn.details:
        return turn
    details: list[dict[str, object]] = []
    for block in signed_blocks(turn):
        said = block["reasoningContent"]
        if "reasoningText" in said:
            details.append({"type": "reasoning.text", "format": "anthropic", **said["reasoningText"]})
        else:
            details.append({"type": "reasoning.encrypted", "format": "anthropic", "data": said["redactedContent"]})
    return AssistantTurn(turn.content, turn.calls, details, turn.reasoning, turn.param)
