"""What a config says instead of the data."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trunkline.registry.override import NONE, Override, overridden, override_of

DATA = {
    "input_mtok": Decimal(2),
    "output_mtok": Decimal(8),
    "cache_read_mtok": Decimal(1),
    "cache_write_mtok": Decimal(3),
    "cache_write_1h_mtok": Decimal(4),
}


def test_an_exact_name_beats_a_pattern_and_an_earlier_pattern_a_later() -> None:
    overrides = {"o/*": Override(input=1.0), "o/gpt*": Override(input=2.0), "o/gpt-4o": Override(input=3.0)}
    assert override_of(overrides, "o/gpt-4o").input == 3
    assert override_of(overrides, "o/gpt-5").input == 1
    assert override_of(overrides, "p/gpt-5") is NONE
    assert override_of({}, "o/gpt-5") is NONE


@pytest.mark.parametrize(
    ("said", "rates"),
    [
        (Override(), DATA),
        (Override(output=9.5), {**DATA, "output_mtok": Decimal("9.5")}),
        (Override(input=0.1), {"input_mtok": Decimal("0.1"), "output_mtok": Decimal(8)}),
        (Override(input=5, cached=0.5), {"input_mtok": Decimal(5), "cache_read_mtok": Decimal("0.5"), "output_mtok": Decimal(8)}),
        (Override(cached=0), {**DATA, "cache_read_mtok": Decimal(0)}),
        (
            Override(cache_write=2),
            {key: Decimal(2) if key == "cache_write_mtok" else rate for key, rate in DATA.items() if "1h" not in key},
        ),
    ],
)
def test_what_is_not_said_stays(said: Override, rates: dict[str, Decimal]) -> None:
    assert overridden(DATA, said) == rates
