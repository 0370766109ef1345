"""In which order an alias's targets are tried."""

from __future__ import annotations

import itertools
import random

import pytest

from trunkline.config.check import check
from trunkline.config.snapshot import Snapshot, build
from trunkline.plan import Speeds, plan

ENVIRON = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GROQ_API_KEY": "k"}
TARGETS = ["openai/a", "anthropic/b", "groq/c"]


def snapshot(strategy: str, weights: list[float] | None = None, environ: dict[str, str] = ENVIRON) -> Snapshot:
    from pathlib import Path

    table = {"targets": TARGETS, "strategy": strategy, **({"weights": weights} if weights else {})}
    return build(check({"models": {"m": table}}, environ, Path()), environ)


def names(made: Snapshot, **given: object) -> list[str]:
    more: dict[str, object] = {"speeds": {}, "costs": {}, "random": lambda: 0.5, **given}
    return [target.name for target in plan(made, "m", "default", False, **more)]  # type: ignore[arg-type]


def test_fallback_is_the_order_written() -> None:
    assert names(snapshot("fallback")) == TARGETS


def test_weighted_is_first_as_often_as_its_weight_says_and_falls_back_to_the_others() -> None:
    made, die = snapshot("weighted", [6, 3, 1]), random.Random(1)
    orders = [names(made, random=die.random) for _ in range(4000)]
    assert all(sorted(order) == sorted(TARGETS) for order in orders)
    share = [sum(order[0] == target for order in orders) / 4000 for target in TARGETS]
    assert share == pytest.approx([0.6, 0.3, 0.1], abs=0.03)


def test_a_target_without_a_key_takes_no_share() -> None:
    environ = {name: value for name, value in ENVIRON.items() if name != "GROQ_API_KEY"}
    assert sorted(names(snapshot("weighted", [6, 3, 1], environ))) == ["anthropic/b", "openai/a"]


def test_fastest_sorts_by_measured_speed_and_tries_the_unknown_first() -> None:
    assert names(snapshot("fastest"), speeds={"openai/a": 2.0, "anthropic/b": 1.0}) == ["groq/c", "anthropic/b", "openai/a"]


def test_cheapest_sorts_by_price_and_puts_the_unknown_last() -> None:
    assert names(snapshot("cheapest"), costs={"openai/a": 2.0, "groq/c": 1.0}) == ["groq/c", "openai/a", "anthropic/b"]


def test_speed_is_smoothed_and_a_failure_slows() -> None:
    speeds, target = Speeds(), plan(snapshot("fallback"), "m", "default", False, speeds={}, costs={}, random=lambda: 0.0)[0]
    for seconds in itertools.repeat(1.0, 5):
        speeds.note(target, seconds)
    assert speeds.seconds[target.name] == 1.0
    speeds.failed(target)
    assert 1.0 < speeds.seconds[target.name] < 30.0
