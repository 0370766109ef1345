"""What a config says of a model instead of the data: `[prices."provider/model"]`.

    [prices."openai/gpt-4o"]
    input = 2.0                  # US dollars per million tokens
    output = 8.0
    [prices."vllm/*"]            # a pattern; an exact name beats it, and an earlier pattern a later one
    input = 0
    output = 0
    context_window = 32768

Odd here: what a table leaves out stays as the data has it, and a price it gives replaces the data's tiers with it. Zero is a price;
absent is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from types import MappingProxyType

from ..config.schema import PriceTable
from .types import Prices

Override = PriceTable
Overrides = Mapping[str, Override]
"""By provider/model, or a pattern (fnmatch, case counts)."""

NO_OVERRIDES: Overrides = MappingProxyType({})
NONE = Override()
RATES = {"input": "input_mtok", "output": "output_mtok", "cached": "cache_read_mtok", "cache_write": "cache_write_mtok"}


def override_of(overrides: Overrides, *names: str) -> Override:
    """What is said of a model by any of its names; `NONE` where nothing is."""
    if not overrides:
        return NONE
    for name in names:
        if name in overrides:
            return overrides[name]
    return next((said for pattern, said in overrides.items() if any(fnmatchcase(name, pattern) for name in names)), NONE)


def overridden(prices: Prices, said: Override) -> Prices:
    """The data's prices with what the config says instead. A price of input alone holds for cached input too, unless that is said."""
    given = {key: Decimal(str(value)) for name, key in RATES.items() if (value := getattr(said, name)) is not None}
    if not given:
        return prices
    kept = dict(prices)
    if "input_mtok" in given:
        kept = {key: rate for key, rate in kept.items() if not key.startswith("cache_")}
    if "cache_write_mtok" in given:
        kept.pop("cache_write_1h_mtok", None)
    return {**kept, **given}
