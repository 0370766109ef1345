"""The models that a caller may name: one card each.

Odd here: no list is complete. A provider takes any model its vendor has, so what is listed is what can be known: names of `[models]`,
models that the data has for the vendor, those a stored provider names itself (Opik's `configuration.models`), those the config has a
price for, and the embedded one. Every id can be sent as `model` as it stands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from ..access import Caller, may_use
from ..errors import CallerError
from ..local.settings import Settings as LocalSettings
from ..providers import Provider
from ..routing.resolve import alias_of, resolve, stripped, vendor
from ..target import Target
from .abilities import NAMES, abilities
from .cost import FREE, rate_at
from .override import Overrides, overridden, override_of
from .source import find, listed, now
from .types import Model

if TYPE_CHECKING:
    from ..config.snapshot import Snapshot

LOCAL_CONTEXT = LocalSettings().context
OURS = "trunkline"
"""Who owns a name of `[models]`."""


class Host(Struct, frozen=True):
    """What a provider's row and a target have in common."""

    name: str
    kind: str
    base_url: str
    options: Mapping[str, str]


class ModelCard(Struct, frozen=True, kw_only=True):
    """None is unknown. Prices are US dollars per million tokens, for the shortest input where they grow with it."""

    id: str
    """What to send as `model`."""
    provider: str = ""
    """The provider's name here; "" for a name of `[models]`, as are its `kind` and `model`."""
    kind: str = ""
    model: str = ""
    """As the vendor spells it."""
    label: str = ""
    """For people."""
    created: int = 0
    owned_by: str = OURS
    context_window: int | None = None
    max_output: int | None = None
    capabilities: dict[str, bool | None] = {}
    """By `abilities.NAMES`."""
    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    """Input read from a cache."""
    cache_write: Decimal | None = None


def known_models(snapshot: Snapshot, caller: Caller, overrides: Overrides | None = None, at: dt.datetime | None = None) -> list[ModelCard]:
    """What this caller may name, in the order: names of `[models]`, then each provider its workspace sees. No id twice.

    `overrides` are the config's `[prices]` unless others are given. For a thread: the first call takes 20 ms to 400 ms, by how many
    models there are, later ones up to 20 ms.
    """
    overrides = snapshot.settings.prices if overrides is None else overrides
    at = at or now()
    cards: dict[str, ModelCard] = {}
    for name in snapshot.aliases:
        card = alias_card(snapshot, caller, name, overrides, at)
        if card is not None:
            cards.setdefault(name, card)
    rows = snapshot.seen_by(caller.workspace)
    for row in rows:
        if row.kind == "local" and not snapshot.local_installed:
            continue
        host = Host(row.name, row.kind, row.base_url, row.options)
        for id, model, found in named_by(row, overrides):
            name = allowed(caller, row, id, model, rows)
            if name and name not in cards:
                cards[name] = card_of(host, name, model, found, overrides, at)
    return list(cards.values())


def named_by(row: Provider, overrides: Overrides) -> Iterator[tuple[str, str, Model | None]]:
    """A provider's models: the name to ask by, the vendor's name, and what the data knows."""
    if row.kind == "local":
        yield f"{row.name}/{alias_of(row)}", alias_of(row), None
        return
    for id in row.models:
        model = stripped(id, row)
        yield id, model, find(row.kind, model, row.base_url)
    if not row.models:
        for model, found in listed(row.kind, row.options.get("region", ""), row.base_url):
            yield f"{row.name}/{model}", model, found
    for name in overrides:
        provider, slash, model = name.partition("/")
        if provider == row.name and slash and not any(letter in model for letter in "*?["):
            yield name, model, find(row.kind, model, row.base_url)


def allowed(caller: Caller, row: Provider, id: str, model: str, rows: Iterable[Provider]) -> str:
    """The name by which the caller may ask for a model: its id, or the bare one where its key allows only that; "" for neither."""
    if may_use(caller, id, f"{row.name}/{model}"):
        return id
    if may_use(caller, model) and is_bare(row, model, rows):
        return model
    return ""


def is_bare(row: Provider, model: str, rows: Iterable[Provider]) -> bool:
    """Whether a model's name without a provider means this one."""
    owner = vendor(model)
    return owner is not None and owner.name == row.kind and [each.id for each in rows if each.kind == row.kind] == [row.id]


def card_of(host: Host, id: str, model: str, found: Model | None, overrides: Overrides, at: dt.datetime) -> ModelCard:
    said = override_of(overrides, f"{host.name}/{model}")
    able = abilities(host.kind, model)
    prices = overridden(FREE if host.kind == "local" else found.prices_at(at) if found is not None else {}, said)
    price = {key: rate_at(rate, 0) for key, rate in prices.items()}
    window = context_window(host) if host.kind == "local" else found.context_window if found is not None else None
    return ModelCard(
        id=id,
        provider=host.name,
        kind=host.kind,
        model=model,
        label=(found.name if found is not None else "") or model,
        owned_by=host.name,
        context_window=said.context_window or window,
        max_output=said.max_output or able.max_output or None,
        capabilities={name: getattr(able, name) if (given := getattr(said, name)) is None else given for name in NAMES},
        input=price.get("input_mtok"),
        output=price.get("output_mtok"),
        cached=price.get("cache_read_mtok"),
        cache_write=price.get("cache_write_mtok"),
    )


def context_window(host: Host) -> int:
    """The embedded model's, as it is set up."""
    return int(host.options.get("context", "") or LOCAL_CONTEXT)


# ── names of [models] ────────────────────────────────────────────────────────────────────────────────────


def alias_card(snapshot: Snapshot, caller: Caller, name: str, overrides: Overrides, at: dt.datetime) -> ModelCard | None:
    """What holds for every target of a name; None where the caller may not use it or none of its targets has a provider here."""
    try:
        targets = resolve(snapshot, name, caller.workspace)
    except CallerError:
        return None
    if not may_use(caller, name) and not all(may_use(caller, target.name) for target in targets):
        return None
    return common(name, [card_of_target(target, overrides, at) for target in targets])


def card_of_target(target: Target, overrides: Overrides, at: dt.datetime) -> ModelCard:
    host = Host(target.provider, target.kind, target.base_url, target.options)
    return card_of(host, target.name, target.model, find(target.kind, target.model, target.base_url), overrides, at)


def common(name: str, cards: list[ModelCard]) -> ModelCard:
    """A price where all have the same, the smallest window, and an ability where all have it."""

    def same(field: str) -> Decimal | None:
        values: set[Decimal | None] = {getattr(card, field) for card in cards}
        return values.pop() if len(values) == 1 else None

    def smallest(field: str) -> int | None:
        values: list[int | None] = [getattr(card, field) for card in cards]
        return None if None in values else min(value for value in values if value is not None)

    def every(ability: str) -> bool | None:
        values = {card.capabilities[ability] for card in cards}
        return False if False in values else None if None in values else True

    return ModelCard(
        id=name,
        label=name,
        context_window=smallest("context_window"),
        max_output=smallest("max_output"),
        capabilities={ability: every(ability) for ability in NAMES},
        input=same("input"),
        output=same("output"),
        cached=same("cached"),
        cache_write=same("cache_write"),
    )
