"""Failed attempts are slowed, per address, within a bound."""

from __future__ import annotations

from trunkline.slowdown import ADDRESSES, FREE, LONGEST, Slowdown


def test_the_first_failures_are_answered_at_once_and_then_each_waits_longer() -> None:
    slowdown = Slowdown()
    waits = [slowdown.failed("a", 0.0) for _ in range(100)]
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE : FREE + 2] == [0.1, 0.2]
    assert max(waits) == LONGEST


def test_failures_are_forgiven_with_time_and_counted_by_address() -> None:
    slowdown = Slowdown()
    for _ in range(50):
        slowdown.failed("a", 0.0)
    assert slowdown.failed("b", 0.0) == 0.0
    assert slowdown.failed("a", 60.0) == 0.0


def test_it_remembers_a_bounded_number_of_addresses() -> None:
    slowdown = Slowdown()
    for number in range(ADDRESSES + 100):
        slowdown.failed(str(number), 0.0)
    assert len(slowdown._records) == ADDRESSES
