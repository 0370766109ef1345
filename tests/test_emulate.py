"""The three disguises of a request are undone in its answer: renamed tools, a forced tool for a format, parallel calls for `n`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.openai_chat.events import answers
from trunkline.chat import Event, Finished, Metered, ReasoningDelta, Started, TextDelta, ToolDelta, ToolStarted, Usage
from trunkline.emulate import Sum, Undo
from trunkline.fold import fold
from trunkline.target import Encoded
from trunkline.wire import HttpRequest

HTTP = HttpRequest("POST", "http://h")
NAMED = Encoded(http=HTTP, names={"a_b": "a.b"})
FORCED = Encoded(http=HTTP, json_tool="json")


def undone(encoded: Encoded, *events: Event, choice: int = 0) -> list[Event]:
    """Undone one at a time, which must be the same as all at once."""
    undo = Undo(encoded, choice)
    out = [made for event in events for made in undo.apply([event])]
    assert Undo(encoded, choice).apply(list(events)) == out
    return out


@given(answers())
def test_an_answer_without_a_disguise_goes_on_untouched(events: list[Event]) -> None:
    assert Undo(Encoded(http=HTTP)).apply(events) is events


def test_a_tool_has_the_callers_name_again() -> None:
    assert undone(NAMED, ToolStarted(0, "c", "a_b"), ToolStarted(1, "d", "other"))[:2] == [
        ToolStarted(0, "c", "a.b"),
        ToolStarted(1, "d", "other"),
    ]


def test_a_forced_tools_arguments_are_the_answers_text() -> None:
    events = undone(
        FORCED, Started("x"), ToolStarted(0, "c", "json"), ToolDelta(0, '{"a"'), ToolDelta(0, ":1}"), Finished("tool_calls", 0, "tool_use")
    )
    assert events == [Started("x"), TextDelta('{"a"'), TextDelta(":1}"), Finished("stop")]


def test_text_around_the_forced_tool_is_no_part_of_the_json() -> None:
    events = undone(
        FORCED, TextDelta("Sure: "), ToolStarted(0, "c", "json"), ToolDelta(0, "{}"), TextDelta("Anything else?"), Finished("tool_calls")
    )
    assert fold(events).choices[0].text == "{}"


def test_text_in_place_of_the_forced_tool_is_not_lost() -> None:
    events = undone(FORCED, TextDelta("I can"), ReasoningDelta("hm"), TextDelta("not."), Finished("content_filter", 0, "refusal"))
    assert fold(events).choices[0].text == "I cannot."
    assert events[-1] == Finished("content_filter", 0, "refusal")


def test_a_forced_tool_that_says_nothing_is_an_empty_object() -> None:
    for pieces in ([], [ToolDelta(0, "")]):
        events = undone(FORCED, ToolStarted(0, "c", "json"), *pieces, Finished("tool_calls"))
        assert events == [TextDelta("{}"), Finished("stop")]


def test_real_calls_beside_the_forced_tool_are_counted_from_0_and_finish_as_calls() -> None:
    events = undone(
        FORCED, ToolStarted(0, "c", "json"), ToolDelta(0, "{}"), ToolStarted(1, "d", "f"), ToolDelta(1, "[]"), Finished("tool_calls")
    )
    assert events == [TextDelta("{}"), ToolStarted(0, "d", "f"), ToolDelta(0, "[]"), Finished("tool_calls")]


def test_a_second_call_of_the_forced_tool_does_not_spoil_the_json() -> None:
    events = undone(
        FORCED, ToolStarted(0, "c", "json"), ToolDelta(0, '{"a":1}'), ToolStarted(1, "d", "json"), ToolDelta(1, '{"a":2}'),
        ToolStarted(2, "e", "f"), Finished("tool_calls"),
    )  # fmt: skip
    assert events == [TextDelta('{"a":1}'), ToolStarted(0, "e", "f"), Finished("tool_calls")]


def test_each_choice_has_its_own_forced_tool() -> None:
    events = undone(
        FORCED, ToolStarted(0, "c", "json", 1), ToolDelta(0, "{}", 1), TextDelta("no"), Finished("tool_calls", 1), Finished("stop")
    )
    assert events == [TextDelta("{}", 1), Finished("stop", 1), TextDelta("no"), Finished("stop")]


@given(answers(choices=1), st.integers(1, 4))
def test_a_parallel_calls_choice_gets_its_index_and_nothing_else_changes(events: list[Event], choice: int) -> None:
    moved = fold(Undo(Encoded(http=HTTP), choice).apply(events))
    plain = fold(events)
    assert list(moved.choices) == [choice]
    assert moved.choices[choice].text == plain.choices[0].text
    assert [vars(call) for call in moved.choices[choice].calls.values()] == [vars(call) for call in plain.choices[0].calls.values()]
    assert moved.usage == plain.usage


def test_the_usage_of_parallel_calls_is_added_and_one_answer_begins() -> None:
    total = Sum()
    first = total.take(0, [Started("a"), TextDelta("x"), Metered(Usage(10, 1)), Metered(Usage(10, 2, cached=4)), Finished("stop")])
    second = total.take(1, [Started("b"), TextDelta("y", 1), Finished("stop", 1), Metered(Usage(10, 3))])
    assert first == [Started("a"), TextDelta("x"), Finished("stop")]
    assert second == [TextDelta("y", 1), Finished("stop", 1)]
    assert total.metered() == [Metered(Usage(20, 5, None, 4))], "the last of each call, and what nobody said stays unsaid"
    assert Sum().metered() == []


# ── custom tools ─────────────────────────────────────────────────────────────────────────────────────────

CUSTOM = Encoded(http=HTTP, names={"run_1": "run it"}, customs=frozenset({"run it", "sql"}))


def test_a_function_that_stands_for_a_custom_tool_is_a_custom_call_again() -> None:
    events = undone(
        CUSTOM, ToolStarted(0, "c", "run_1", extra={"extra_content": 1}), ToolDelta(0, '{"input": "print'), ToolDelta(0, '(\\"1\\")"}'),
        Finished("tool_calls", 0, "tool_use"),
    )  # fmt: skip
    assert events == [
        ToolStarted(0, "c", "run it", 0, {"extra_content": 1}, custom=True), ToolDelta(0, "print"), ToolDelta(0, '("1")'),
        Finished("tool_calls", 0, "tool_use"),
    ]  # fmt: skip


def test_functions_beside_it_stay_functions_and_calls_may_interleave() -> None:
    events = undone(
        CUSTOM, ToolStarted(0, "a", "sql"), ToolStarted(1, "b", "f"), ToolStarted(2, "c", "sql"), ToolDelta(2, '{"input": "x'),
        ToolDelta(1, '{"input": "y"}'), ToolDelta(0, '{"input": "z"}'), ToolDelta(2, '"}'), Finished("tool_calls"),
    )  # fmt: skip
    calls = fold(events).choices[0].calls
    assert [(call.custom, call.arguments) for call in calls.values()] == [(True, "z"), (False, '{"input": "y"}'), (True, "x")]


def test_an_input_that_was_not_wrapped_comes_before_the_finish() -> None:
    events = undone(CUSTOM, ToolStarted(0, "a", "sql"), ToolDelta(0, "select"), ToolDelta(0, " 1"), Finished("tool_calls"))
    assert events[1:] == [ToolDelta(0, "select 1"), Finished("tool_calls")]


def test_each_choice_of_an_answer_keeps_its_own_inputs() -> None:
    def said(choice: int, text: str) -> list[Event]:
        return [ToolStarted(0, "a", "sql", choice), ToolDelta(0, f'{{"input": "{text}', choice)]

    ends: list[Event] = [ToolDelta(0, '"}', 0), Finished("tool_calls", 0), ToolDelta(0, '!"}', 1), Finished("tool_calls", 1)]
    folded = fold(undone(CUSTOM, *said(0, "x"), *said(1, "y"), *ends))
    assert [folded.choices[index].calls[0].arguments for index in (0, 1)] == ["x", "y!"]


def test_a_custom_call_beside_a_forced_tool_is_undone_too() -> None:
    both = Encoded(http=HTTP, json_tool="json", customs=frozenset({"sql"}))
    events = undone(
        both, TextDelta("Hm."), ToolStarted(0, "a", "json"), ToolDelta(0, "{}"), ToolStarted(1, "b", "sql"), ToolDelta(1, '{"input":"x"}'),
        Finished("tool_calls"),
    )  # fmt: skip
    choice = fold(events).choices[0]
    assert (choice.text, choice.calls[0].custom, choice.calls[0].arguments) == ("{}", True, "x")


RENAMED = Encoded(http=HTTP, names={"a_b": "a.b"}, properties={"a_b": {"_top": "$top"}, "json": {"_x": "é x"}}, json_tool="json")


def test_a_parameter_has_the_callers_name_again_in_the_calls_of_its_tool_only() -> None:
    started = [ToolStarted(0, "c", "a_b"), ToolStarted(1, "d", "other")]
    events = undone(RENAMED, *started, ToolDelta(0, '{"_t'), ToolDelta(1, '{"_top":1}'), ToolDelta(0, 'op":1}'), Finished("tool_calls"))
    calls = fold(events).choice(0).calls
    assert [(calls[i].name, calls[i].arguments) for i in (0, 1)] == [("a.b", '{"$top":1}'), ("other", '{"_top":1}')]


def test_a_renamed_call_that_is_cut_off_keeps_what_came_of_it() -> None:
    events = undone(RENAMED, ToolStarted(0, "c", "a_b"), ToolDelta(0, '{"_top":1,"_t'), Finished("length"))
    assert fold(events).choice(0).calls[0].arguments == '{"$top":1,"_t'


def test_a_parameter_of_the_forced_tool_has_the_callers_name_again() -> None:
    events = undone(RENAMED, ToolStarted(0, "c", "json"), ToolDelta(0, '{"_'), ToolDelta(0, 'x":"_x"}'), Finished("tool_calls"))
    assert fold(events).choice(0).text == '{"é x":"_x"}'
    assert events[-1] == Finished("stop")


def test_a_renamed_parameter_comes_back_in_any_choice() -> None:
    events = undone(RENAMED, ToolStarted(0, "c", "a_b"), ToolDelta(0, '{"_top":1}'), Finished("tool_calls"), choice=2)
    assert fold(events).choice(2).calls[0].arguments == '{"$top":1}'
