"""What is counted is what was noted: every record once, under bounded names."""

from __future__ import annotations

import msgspec
import pytest

from trunkline.chat import Usage
from trunkline.dialects.openai_chat.shapes import WireUsage
from trunkline.meter import ENOUGH, FIRST, MAX_ERRORS, MAX_MODELS, OTHER, SECONDS, TOKENS, Meter, Record, Tally, empty
from trunkline.target import Target


def target(model: str = "m", kind: str = "openai") -> Target:
    return Target(provider="p", kind=kind, model=model, dialect="openai_chat", base_url="http://up")


WHO = ("openai", "m", "p")


def counted(*records: Record) -> Tally:
    meter = Meter()
    for record in records:
        meter.note(record)
    return meter.tally


def test_a_value_falls_below_the_first_bound_that_it_does_not_exceed() -> None:
    for bound, seconds in enumerate([SECONDS[0], SECONDS[0] + 1e-9, SECONDS[-1], 1000.0]):
        (histogram,) = counted(Record(200, seconds, target())).seconds.values()
        assert histogram.counts.index(1) == [0, 1, len(SECONDS) - 1, len(SECONDS)][bound]
        assert histogram.sum == seconds


def test_every_record_is_counted_once_however_many_wait() -> None:
    meter = Meter()
    for number in range(1, 2 * ENOUGH + 8):
        meter.note(Record(200, 0.1, target()))
        if number % 100 == 0:
            assert sum(meter.tally.seconds[WHO, 200, ""].counts) == number
    assert sum(meter.tally.seconds[WHO, 200, ""].counts) == 2 * ENOUGH + 7


@pytest.mark.parametrize("usage", [Usage(19, 80, 99, 5, None, 7), msgspec.json.decode(
    b'{"prompt_tokens":19,"completion_tokens":80,"total_tokens":99,"prompt_tokens_details":{"cached_tokens":5},'
    b'"completion_tokens_details":{"reasoning_tokens":7}}', type=WireUsage)])  # fmt: skip
def test_tokens_are_counted_as_the_vendor_said_relayed_or_translated(usage: Usage | WireUsage) -> None:
    tally = counted(Record(200, 0.1, target(), usage=usage), Record(200, 0.1, target(), usage=usage), Record(200, 0.1, target()))
    assert {kind: (sum(h.counts), h.sum) for (_, kind), h in tally.tokens.items()} == {"input": (2, 38), "output": (2, 160)}
    assert tally.tokens[WHO, "input"].counts[TOKENS.index(64)] == 2
    assert tally.parts == {(WHO, "cached"): 10, (WHO, "reasoning"): 14}


def test_what_the_vendor_did_not_say_is_not_counted_as_nothing() -> None:
    assert counted(Record(200, 0.1, target(), usage=Usage(None, 3))).tokens.keys() == {(WHO, "output")}
    assert not counted(Record(200, 0.1, target(), usage=Usage())).tokens


def test_outcomes_of_one_model_share_its_tokens_and_first_times() -> None:
    usage = Usage(1, 1, 2)
    tally = counted(*(Record(status, 1.0, target(), first=0.05, usage=usage) for status in (200, 499, 200, 502)))
    assert {status: sum(h.counts) for (_, status, _), h in tally.seconds.items()} == {200: 2, 499: 1, 502: 1}
    assert sum(tally.first[WHO].counts) == 4
    assert tally.first[WHO].counts[FIRST.index(0.06)] == 4
    assert tally.tokens[WHO, "output"].sum == 4


def test_a_model_that_never_answered_has_no_numbers_of_its_own() -> None:
    tally = counted(*(Record(404, 0.1, target(f"invented-{n}"), "not_found") for n in range(50)))
    assert {who for who, _, _ in tally.seconds} == {("openai", OTHER, "p")}
    tally = counted(Record(429, 0.1, target()), Record(200, 0.1, target()), Record(429, 0.1, target()))
    assert {(who[1], status): sum(h.counts) for (who, status, _), h in tally.seconds.items()} == {
        (OTHER, 429): 1, ("m", 200): 1, ("m", 429): 1,
    }  # fmt: skip


def test_names_are_bounded_whoever_invents_them() -> None:
    meter = Meter()
    for number in range(MAX_MODELS + 50):
        meter.note(Record(200, 0.1, target(f"m{number}"), f"error_{number}"))
    tally = meter.tally
    assert len({who for who, _, _ in tally.seconds}) <= MAX_MODELS + 1
    assert len({error for _, _, error in tally.seconds}) <= MAX_ERRORS + 1
    assert sum(sum(h.counts) for h in tally.seconds.values()) == MAX_MODELS + 50


def test_vendors_have_opentelemetrys_names() -> None:
    for kind, name in (("openai", "openai"), ("vertex", "gcp.vertex_ai"), ("bedrock", "aws.bedrock"), ("groq", "groq")):
        ((who, _, _),) = counted(Record(200, 0.1, target(kind=kind))).seconds
        assert who == (name, "m", "p")


def test_own_time_and_fallbacks_are_counted_where_there_were_any() -> None:
    tally = counted(Record(200, 0.1, target(), own=0.0003, attempts=3), Record(502, 0.1, target(), attempts=1), Record(401, 0.1))
    assert sum(tally.own.counts) == 1
    assert tally.own.sum == 0.0003
    assert tally.fallbacks == 2


def test_tallies_add_up_and_a_copy_changes_nothing() -> None:
    one, two = Meter(), Meter()
    for meter, status in ((one, 200), (two, 200), (two, 502)):
        meter.note(Record(status, 0.5, target(), first=0.01, own=0.001, usage=Usage(3, 4, 7, 2), attempts=2))
    total = Tally()
    for tally in (one.tally, two.tally):
        total.merge(tally)
    assert {status: sum(h.counts) for (_, status, _), h in total.seconds.items()} == {200: 2, 502: 1}
    assert total.tokens[WHO, "input"].sum == 9
    assert total.parts == {(WHO, "cached"): 6}
    assert (sum(total.own.counts), total.fallbacks, total.first[WHO].sum) == (3, 3, pytest.approx(0.03))
    assert sum(one.tally.seconds[WHO, 200, ""].counts) == 1
    total.merge(Tally(own=empty((0.1,) * 10)))
