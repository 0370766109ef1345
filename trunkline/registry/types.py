"""The shapes of genai-prices' data file, as light values of our own.

Odd here: the names are that package's, functions among them. Its `data.py` begins with `from .types import *`, and `source` runs that
file as if it stood in this package, so it builds what is here. Importing the package itself costs 0.4 s and 28 MB (pydantic, httpx2) in
every worker; this costs 0.02 s and 3 MB. What we have no use for (descriptions, comments, extractors, members of newer versions) is let
go while it is built. Source: https://github.com/pydantic/genai-prices, `genai_prices/types.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

__all__ = [
    "ArrayMatch", "ClauseAnd", "ClauseContains", "ClauseEndsWith", "ClauseEquals", "ClauseOr", "ClauseRegex", "ClauseStartsWith",
    "ConditionalPrice", "ModelInfo", "ModelPrice", "PriceVariant", "Provider", "StartDateConstraint", "Tier", "TieredPrices",
    "TimeOfDateConstraint", "UsageExtractor", "UsageExtractorMapping",
]  # fmt: skip

# ── which model a name means; `matches` takes the name in lower case ─────────────────────────────────────


class ClauseEquals(Struct, frozen=True):
    equals: str

    def matches(self, name: str) -> bool:
        return name == self.equals.lower()


class ClauseStartsWith(Struct, frozen=True):
    starts_with: str

    def matches(self, name: str) -> bool:
        return name.startswith(self.starts_with.lower())


class ClauseEndsWith(Struct, frozen=True):
    ends_with: str

    def matches(self, name: str) -> bool:
        return name.endswith(self.ends_with.lower())


class ClauseContains(Struct, frozen=True):
    contains: str

    def matches(self, name: str) -> bool:
        return self.contains.lower() in name


class ClauseRegex(Struct, frozen=True):
    regex: str

    def matches(self, name: str) -> bool:
        return re.search(self.regex, name) is not None


class ClauseOr(Struct, frozen=True):
    or_: Sequence[Clause]

    def matches(self, name: str) -> bool:
        return any(clause.matches(name) for clause in self.or_)


class ClauseAnd(Struct, frozen=True):
    and_: Sequence[Clause]

    def matches(self, name: str) -> bool:
        return all(clause.matches(name) for clause in self.and_)


Clause = ClauseEquals | ClauseStartsWith | ClauseEndsWith | ClauseContains | ClauseRegex | ClauseOr | ClauseAnd

# ── prices: US dollars, by that package's keys (`input_mtok`: per million tokens of input) ───────────────


class Tier(Struct, frozen=True):
    start: int
    price: Decimal


class TieredPrices(Struct, frozen=True):
    """The rate of the highest tier that the whole input exceeds holds for every token, not only for those above it."""

    base: Decimal
    tiers: Sequence[Tier]

    def at(self, input_tokens: int) -> Decimal:
        passed = [tier for tier in self.tiers if input_tokens > tier.start]
        return max(passed, key=lambda tier: tier.start).price if passed else self.base


Rate = Decimal | TieredPrices
Prices = Mapping[str, Rate]


def ModelPrice(**rates: Rate | None) -> Prices:
    return {key: rate for key, rate in rates.items() if rate is not None}


class StartDateConstraint(Struct, frozen=True):
    start_date: dt.date

    def active(self, at: dt.datetime) -> bool:
        return at.astimezone(dt.UTC).date() >= self.start_date


class TimeOfDateConstraint(Struct, frozen=True):
    """Hours of the day, UTC; past midnight where the end is before the start."""

    start_time: dt.time
    end_time: dt.time

    def active(self, at: dt.datetime) -> bool:
        now, start, end = at.astimezone(dt.UTC).time(), _utc(self.start_time), _utc(self.end_time)
        return now >= start or now < end if end < start else start <= now < end


def _utc(time: dt.time) -> dt.time:
    if time.tzinfo is None:
        return time
    return dt.datetime.combine(dt.date(1970, 1, 1), time).astimezone(dt.UTC).time()


Constraint = StartDateConstraint | TimeOfDateConstraint


class ConditionalPrice(Struct, frozen=True):
    constraint: Constraint | None = None
    prices: Prices = {}


class PriceVariant(Struct, frozen=True):
    """Rates that hold instead where the request's context has all of `when`, such as {"service_tier": "flex"}."""

    when: Mapping[str, str]
    prices: Prices
    constraint: Constraint | None = None


# ── models and vendors ───────────────────────────────────────────────────────────────────────────────────


class Model(Struct, frozen=True, kw_only=True):
    id: str
    match: Clause
    name: str
    """For people."""
    context_window: int | None
    deprecated: bool
    prices: tuple[ConditionalPrice, ...]
    variants: tuple[PriceVariant, ...]

    def prices_at(self, at: dt.datetime, context: Mapping[str, str] | None = None) -> Prices:
        """The rates at that (aware) time. The last condition that holds wins, and the first entry where none does."""
        standing = next((entry for entry in reversed(self.prices) if entry.constraint is None or entry.constraint.active(at)), None)
        prices = (standing or self.prices[0]).prices if self.prices else {}
        if not context:
            return prices
        special: dict[str, Rate] = {}
        for variant in self.variants:
            if variant.constraint is not None and not variant.constraint.active(at):
                continue
            if all(context.get(key) == value for key, value in variant.when.items()):
                special = {**variant.prices, **special}
        return {**prices, **special}


class Vendor(Struct, frozen=True, kw_only=True):
    id: str
    api_pattern: str
    """A regular expression for the start of its base URLs."""
    fallbacks: tuple[str, ...]
    """Vendors whose models it offers too."""
    models: tuple[Model, ...]


def ModelInfo(
    *,
    id: str,
    match: Clause,
    name: str | None = None,
    context_window: int | None = None,
    deprecated: bool | None = None,
    prices: Prices | Sequence[ConditionalPrice] = (),
    price_variants: Sequence[PriceVariant] | None = None,
    **unread: object,
) -> Model:
    conditions = (ConditionalPrice(prices=prices),) if isinstance(prices, Mapping) else tuple(prices)
    return Model(
        id=id, match=match, name=name or "", context_window=context_window, deprecated=bool(deprecated), prices=conditions,
        variants=tuple(price_variants or ()),
    )  # fmt: skip


def Provider(
    *, id: str, api_pattern: str, models: Sequence[Model] = (), fallback_model_providers: Sequence[str] | None = None, **unread: object
) -> Vendor:
    return Vendor(id=id, api_pattern=api_pattern, fallbacks=tuple(fallback_model_providers or ()), models=tuple(models))


def _unread(**unread: object) -> None:
    return None


ArrayMatch = UsageExtractor = UsageExtractorMapping = _unread
