"""What one answer cost, by genai-prices' rates and the config's.

Odd here: a vendor's counts overlap. Cached and cache-written tokens are part of the prompt, thinking is part of the completion, and each
is charged at its own rate only where the model has one. What is unknown (a model, a rate that was needed, a count that the vendor did not
give) makes the cost unknown, None, and never 0. The arithmetic is genai-prices' own done again, so that the package need not be imported
(see `types`); a test compares the two for every model. Not counted: tools billed apart (web searches, containers), and the higher rates
that a few models have for audio and images, which `Usage` does not count apart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import Struct

from ..chat import Usage
from .override import NO_OVERRIDES, Overrides, overridden, override_of
from .source import find, now
from .types import Prices, Rate, TieredPrices

MILLION = Decimal(1_000_000)
FREE: Prices = {"input_mtok": Decimal(0), "output_mtok": Decimal(0)}
"""The embedded model: it runs here, and nobody sends a bill."""


def price(
    kind: str,
    model: str,
    usage: Usage,
    overrides: Overrides = NO_OVERRIDES,
    *,
    provider: str = "",
    base_url: str = "",
    context: Mapping[str, str] | None = None,
    at: dt.datetime | None = None,
) -> Decimal | None:
    """US dollars that this usage cost, None where that cannot be known. May block for some 20 ms the first time (see `source.vendors`).

    `provider` is the target's name, for overrides (its kind where left out); `base_url` tells apart hosts of kind openai_compatible;
    `context` is what the answer said of its rate, such as {"service_tier": "flex"}; `at` (aware) is when it was asked, else now.
    """
    return cost(rates(kind, model, overrides, provider=provider, base_url=base_url, context=context, at=at), usage)


def rates(
    kind: str,
    model: str,
    overrides: Overrides = NO_OVERRIDES,
    *,
    provider: str = "",
    base_url: str = "",
    context: Mapping[str, str] | None = None,
    at: dt.datetime | None = None,
) -> Prices:
    """The rates of a model, by genai-prices' keys; {} where none are known."""
    found = None if kind == "local" else find(kind, model, base_url)
    prices = found.prices_at(at or now(), context) if found is not None else FREE if kind == "local" else {}
    return overridden(prices, override_of(overrides, f"{provider or kind}/{model}"))


def cost(prices: Prices, usage: Usage) -> Decimal | None:
    """US dollars. None without prices, without both counts, or where tokens were used that no rate is known for."""
    if not prices or usage.prompt is None or usage.completion is None:
        return None
    cached = min(usage.cached or 0, usage.prompt)
    written = min(usage.cache_write or 0, usage.prompt - cached)
    long = min(_written_for_an_hour(usage), written)
    reasoning = min(usage.reasoning or 0, usage.completion)
    apart = {"cache_read_mtok": cached, "cache_write_mtok": written, "output_reasoning_mtok": reasoning}
    tokens = {key: count for key, count in apart.items() if key in prices}
    if "cache_write_1h_mtok" in prices and "cache_write_mtok" in prices:
        tokens |= {"cache_write_mtok": written - long, "cache_write_1h_mtok": long}
    tokens["output_mtok"] = usage.completion - tokens.get("output_reasoning_mtok", 0)
    tokens["input_mtok"] = usage.prompt - sum(count for key, count in tokens.items() if key.startswith("cache_"))
    total = Decimal(0)
    for key, count in tokens.items():
        if count:
            if key not in prices:
                return None
            total += rate_at(prices[key], usage.prompt) * count / MILLION
    if "requests_kcount" in prices:
        total += rate_at(prices["requests_kcount"], usage.prompt) / 1000
    return total


def rate_at(rate: Rate, input_tokens: int) -> Decimal:
    return rate.at(input_tokens) if isinstance(rate, TieredPrices) else rate


class _Creation(Struct):
    ephemeral_1h_input_tokens: int = 0


class _Detail(Struct, rename="camel"):
    input_tokens: int = 0
    ttl: str = ""


class _Raw(Struct):
    """Where Anthropic and Bedrock say for how long a cache was written: an hour costs more than five minutes.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching#1-hour-cache-duration,
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CacheDetail.html
    """

    cache_creation: _Creation | None = None
    cache_details: list[_Detail] = msgspec.field(name="cacheDetails", default_factory=list)


def _written_for_an_hour(usage: Usage) -> int:
    raw = bytes(usage.raw)
    if not usage.cache_write or not raw:
        return 0
    try:
        said = msgspec.json.decode(raw, type=_Raw)
    except msgspec.DecodeError:
        return 0
    if said.cache_creation is not None:
        return said.cache_creation.ephemeral_1h_input_tokens
    return sum(detail.input_tokens for detail in said.cache_details if detail.ttl == "1h")
