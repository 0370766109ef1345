"""What an answer costs, against the vendors' published numbers and against genai-prices' own arithmetic."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import types as theirs
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from trunkline.chat import Usage
from trunkline.registry.cost import cost, price, rates
from trunkline.registry.override import Override
from trunkline.registry.source import HUGGING_FACE, SOURCES, listed
from trunkline.registry.types import Tier, TieredPrices

AT = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
M = 1_000_000


@pytest.mark.parametrize(
    ("kind", "model", "usage", "dollars"),
    [
        # https://platform.openai.com/docs/pricing: $2.50 in, $1.25 cached, $10 out
        ("openai", "gpt-4o", Usage(prompt=M, completion=M, cached=400_000), "12.00"),
        # https://www.anthropic.com/pricing: $1 in, $0.10 read, $1.25 written, $5 out
        ("anthropic", "claude-haiku-4-5", Usage(prompt=M, completion=M, cached=500_000, cache_write=200_000), "5.6"),
        # $3 and $15 up to 200,000 tokens of input, $6 and $22.50 above
        ("anthropic", "claude-sonnet-4-5", Usage(prompt=200_000, completion=10_000), "0.75"),
        ("anthropic", "claude-sonnet-4-5", Usage(prompt=200_001, completion=10_000), "1.425006"),
        # https://ai.google.dev/gemini-api/docs/pricing: $1.25 and $10 up to 200,000, $2.50 and $15 above; thinking is output
        ("gemini", "gemini-2.5-pro", Usage(prompt=100_000, completion=10_000, reasoning=4_000), "0.225"),
        ("gemini", "gemini-2.5-pro", Usage(prompt=400_000, completion=10_000), "1.15"),
        # https://mistral.ai/pricing: $0.50 and $1.50
        ("mistral", "mistral-large-2512", Usage(prompt=M, completion=M), "2.00"),
        # https://aws.amazon.com/bedrock/pricing: Nova Lite $0.06 and $0.24
        ("bedrock", "us.amazon.nova-lite-v1:0", Usage(prompt=M, completion=M), "0.30"),
        # https://docs.perplexity.ai/getting-started/pricing: $1 and $1, and $12 for 1,000 requests
        ("perplexity", "sonar", Usage(prompt=1_000, completion=1_000), "0.014"),
    ],
)
def test_published_prices(kind: str, model: str, usage: Usage, dollars: str) -> None:
    assert price(kind, model, usage, at=AT) == Decimal(dollars)


@pytest.mark.parametrize(
    ("kind", "model", "usage"),
    [
        ("openai", "gpt-of-tomorrow", Usage(prompt=1, completion=1)),
        ("vllm", "gpt-4o", Usage(prompt=1, completion=1)),
        ("openai", "gpt-4o", Usage(prompt=5)),
        ("openai", "gpt-4o", Usage(completion=5)),
        ("openai", "gpt-4o", Usage(total=5)),
        ("gemini", "gemma-3-27b-it", Usage(prompt=1, completion=1)),
    ],
    ids=["model", "host", "no completion", "no prompt", "total only", "no rates"],
)
def test_what_is_unknown_is_none_and_not_zero(kind: str, model: str, usage: Usage) -> None:
    assert price(kind, model, usage, at=AT) is None


def test_a_rate_that_was_not_needed_may_be_missing() -> None:
    prices = {"input_mtok": Decimal(1)}
    assert cost(prices, Usage(prompt=M, completion=0)) == 1
    assert cost(prices, Usage(prompt=M, completion=1)) is None


def test_the_embedded_model_costs_nothing() -> None:
    assert price("local", "smollm2-135m-instruct", Usage(prompt=10, completion=10)) == 0


def test_the_configs_price_wins_over_the_datas() -> None:
    usage = Usage(prompt=M, completion=M, cached=M // 2)
    said = {"openai/gpt-4o": Override(input=1.0, output=2.0)}
    assert price("openai", "gpt-4o", usage, said, at=AT) == 3
    assert price("openai", "gpt-4o", usage, said, provider="work", at=AT) == Decimal("11.875")
    assert price("openai", "gpt-4o", usage, {"work/*": Override(output=0)}, provider="work", at=AT) == Decimal("1.875")
    assert price("vllm", "llama", usage, {"vllm/llama": Override(input=0, output=0)}) == 0
    assert price("vllm", "llama", usage, {"vllm/llama": Override(input=1)}) is None


def test_the_rate_that_the_answer_names_is_charged() -> None:
    usage = Usage(prompt=M, completion=M)
    assert price("openai", "o3", usage, context={"service_tier": "flex"}, at=AT) == 5  # as genai-prices' own documentation has it
    assert price("openai", "o3", usage, at=AT) == 10
    assert price("openai", "o3", usage, context={"service_tier": "unheard-of"}, at=AT) == 10


def test_a_price_is_the_one_of_its_day() -> None:
    usage = Usage(prompt=M, completion=M)
    assert price("openai", "o3", usage, at=dt.datetime(2025, 5, 1, tzinfo=dt.UTC)) == 50
    assert price("openai", "o3", usage, at=dt.datetime(2025, 7, 1, tzinfo=dt.UTC)) == 10


@pytest.mark.parametrize(
    "raw",
    [
        b'{"cache_creation_input_tokens":1000000,"cache_creation":{"ephemeral_1h_input_tokens":400000,"ephemeral_5m_input_tokens":600000}}',
        b'{"cacheWriteInputTokens":1000000,"cacheDetails":[{"inputTokens":400000,"ttl":"1h"},{"inputTokens":600000,"ttl":"5m"}]}',
    ],
    ids=["anthropic", "bedrock"],
)
def test_a_cache_written_for_an_hour_costs_its_own_rate(raw: bytes) -> None:
    usage = Usage(prompt=M, completion=0, cache_write=M, raw=Raw(raw))
    assert price("anthropic", "claude-haiku-4-5", usage, at=AT) == Decimal("0.6") * Decimal("1.25") + Decimal("0.4") * 2
    assert price("anthropic", "claude-haiku-4-5", Usage(prompt=M, completion=0, cache_write=M, raw=Raw(b"[]")), at=AT) == Decimal("1.25")


# ── genai-prices' own arithmetic ─────────────────────────────────────────────────────────────────────────

USAGES = [
    Usage(prompt=1_000, completion=200, cached=300, cache_write=100, reasoning=50),
    Usage(prompt=900_000, completion=3_000, cached=10),
]


def as_theirs(usage: Usage) -> genai_prices.Usage:
    return genai_prices.Usage(
        input_tokens=usage.prompt,
        output_tokens=usage.completion,
        cache_read_tokens=usage.cached or 0,
        cache_write_tokens=usage.cache_write or 0,
        output_reasoning_tokens=usage.reasoning or 0,
    )


@pytest.mark.parametrize("kind", [*SOURCES, "huggingface"])
def test_every_models_cost_is_what_genai_prices_says(kind: str) -> None:
    snapshot = get_snapshot()
    compared = 0
    for name, _ in listed(kind, region="us-east-1"):
        model, vendor = (
            (name.rpartition(":")[0], HUGGING_FACE + name.rpartition(":")[2])
            if kind == "huggingface"
            else (name, SOURCES[kind].vendor if kind in SOURCES else "")
        )
        provider, info = snapshot.find_provider_model(model, None, vendor, None)
        for usage in USAGES:
            ours = price(kind, name, usage, at=AT)
            if ours is None:
                keys = rates(kind, name, at=AT).keys()
                assert not {"input_mtok", "output_mtok"} <= keys, f"{name} has {keys}"
            else:
                assert ours == info.calc_price(as_theirs(usage), provider, genai_request_timestamp=AT).total_price, name
                compared += 1
    assert compared


RATE = st.decimals(0, 100, places=4)
TIERS = st.lists(st.tuples(st.integers(1, 500_000), RATE), max_size=3, unique_by=lambda tier: tier[0]).map(sorted)


@given(
    st.dictionaries(
        st.sampled_from(["cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok", "requests_kcount"]), st.tuples(RATE, TIERS)
    ),
    st.tuples(RATE, TIERS),
    st.tuples(RATE, TIERS),
    st.integers(0, M),
    st.integers(0, M),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_arithmetic_is_genai_prices_own(
    more: dict[str, tuple[Decimal, list[tuple[int, Decimal]]]],
    into: tuple[Decimal, list[tuple[int, Decimal]]],
    out: tuple[Decimal, list[tuple[int, Decimal]]],
    prompt: int,
    completion: int,
    read: float,
    written: float,
    thought: float,
) -> None:
    given_rates = {**more, "input_mtok": into, "output_mtok": out}
    cached = int(prompt * read)
    usage = Usage(
        prompt=prompt,
        completion=completion,
        cached=cached,
        cache_write=int((prompt - cached) * written),
        reasoning=int(completion * thought),
    )
    ours = {key: TieredPrices(base, [Tier(*tier) for tier in tiers]) if tiers else base for key, (base, tiers) in given_rates.items()}
    their = {
        key: theirs.TieredPrices(base, [theirs.Tier(*tier) for tier in tiers]) if tiers else base
        for key, (base, tiers) in given_rates.items()
    }
    assert cost(ours, usage) == theirs.ModelPrice(**their).calc_price(as_theirs(usage))["total_price"]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_counts_that_contradict_each_other_never_make_a_cost_negative(
    prompt: int, completion: int, cached: int, written: int, thought: int
) -> None:
    prices = {key: Decimal(1) for key in ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")}
    usage = Usage(prompt=prompt, completion=completion, cached=cached, cache_write=written, reasoning=thought)
    assert cost(prices, usage) == Decimal(prompt + completion) / M
