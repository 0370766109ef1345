"""Cards as OpenAI's clients and as Opik's read them.

Odd here: OpenAI's list has four fields, so each host added its own. Ours say prices per million tokens, with the unit beside them;
`context_length` and `pricing.prompt` / `.completion` (text, US dollars per token) say the same as OpenRouter does, since there are
clients that read those (https://openrouter.ai/docs/api-reference/list-available-models).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from ..errors import CallerError
from ..routing.resolve import vendor
from .cards import OURS, ModelCard

OPIK_NAMES = {"vertex": "vertex-ai", "openai_compatible": "custom-llm"}
"""Our kinds that Opik calls otherwise (OPIK.md 3)."""

MILLION = Decimal(1_000_000)


def openai_list(cards: Iterable[ModelCard]) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/models/list, and what else we know of each."""
    return {"object": "list", "data": [openai_model(card) for card in cards]}


def openai_one(cards: Sequence[ModelCard], id: str) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/models/retrieve. CallerError 404 for an id that is not listed, naming the nearest."""
    owner = vendor(id)
    named = [card for card in cards if card.id == id] or [card for card in cards if owner and card.kind == owner.name and card.model == id]
    found = named[0] if named else None
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(id[:200], [card.id for card in cards], 3, 0.5)
        guess = f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else " GET /v1/models lists what is known here."
        raise CallerError(f"The model {id[:200]!r} is not listed here.{guess}", status=404, code="model_not_found", param="model")
    return openai_model(found)


def openai_model(card: ModelCard) -> dict[str, Any]:
    pricing = {"input": _number(card.input), "output": _number(card.output), "cached_input": _number(card.cached)}
    return {
        "id": card.id,
        "object": "model",
        "created": card.created,
        "owned_by": card.owned_by,
        "context_window": card.context_window,
        "context_length": card.context_window,
        "max_output_tokens": card.max_output,
        "pricing": {
            **pricing,
            "cache_write": _number(card.cache_write),
            "unit": "usd_per_million_tokens",
            "prompt": _per_token(card.input),
            "completion": _per_token(card.output),
        },
        "capabilities": card.capabilities,
    }


def opik_models(cards: Iterable[ModelCard]) -> dict[str, list[dict[str, Any]]]:
    """Opik's registry: by its names of providers, camelCase. `id` is what to send as `model`: a bare name, or `vertex_ai/…`, where Opik
    itself uses those, so that its clients find the models they know. A name of `[models]` stands under "trunkline"."""
    cards = list(cards)
    providers: dict[str, set[str]] = {}
    for card in cards:
        providers.setdefault(card.kind, set()).add(card.provider)
    found: dict[str, list[dict[str, Any]]] = {}
    for card in cards:
        id = _opik_id(card) if providers[card.kind] == {card.kind} else card.id
        entry: dict[str, Any] = {"id": id, "label": card.label}
        if card.kind == "vertex":
            entry["qualifiedName"] = id
        entry["structuredOutput"] = bool(card.capabilities["json_schema"])
        entry["reasoning"] = bool(card.capabilities["reasoning"])
        found.setdefault(OPIK_NAMES.get(card.kind, card.kind or OURS), []).append(entry)
    return found


def _opik_id(card: ModelCard) -> str:
    if card.kind == "vertex" and card.id == f"vertex/{card.model}":
        return f"vertex_ai/{card.model}"
    owner = vendor(card.model)
    return card.model if owner is not None and owner.name == card.kind and card.id.endswith(card.model) else card.id


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)


def _per_token(price: Decimal | None) -> str | None:
    return None if price is None else f"{(price / MILLION).normalize():f}"
