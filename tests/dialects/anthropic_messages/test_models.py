"""A model is known by any of its spellings, and one newer than the table is taken for the newest of its line."""

from __future__ import annotations

import pytest

from trunkline.dialects.anthropic_messages.models import CAUTIOUS_OUTPUT, FOREIGN, TABLE, facts


@pytest.mark.parametrize(
    ("spellings", "line", "version"),
    [
        (["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929", "claude-sonnet-4.5"], "sonnet", (4, 5)),
        (["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"], "sonnet", (4, 5)),
        (["claude-opus-4-20250514", "claude-4-opus-20250514", "claude-opus-4-0", "claude-opus-4"], "opus", (4, 0)),
        (["claude-3-7-sonnet-latest", "claude-3-7-sonnet@20250219", "claude-3.7-sonnet"], "sonnet", (3, 7)),
        (["claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"], "haiku", (3, 5)),
        (["claude-opus-5-5", "Claude-Opus-5-5"], "opus", (5, 5)),
        (["claude-fable-5-2", "claude-fable-5-1"], "fable", (5, 1)),
        (["claude-mythos-preview"], "mythos", (0, 0)),
        (["claude-3-opus-20240229", "claude-opus-3"], "opus", (0, 0)),
    ],
)
def test_each_spelling_finds_its_row(spellings: list[str], line: str, version: tuple[int, int]) -> None:
    row = dict(TABLE[line])[version]
    assert [facts(name) for name in spellings] == [row] * len(spellings)


def test_a_model_of_tomorrow_is_like_the_newest_with_a_cautious_limit() -> None:
    newest = facts("claude-opus-5-5")
    for name in ("claude-opus-6", "claude-saga-1"):
        assert facts(name).max_output == CAUTIOUS_OUTPUT
        assert (facts(name).sampling, facts(name).thinking) == (newest.sampling, newest.thinking)


def test_the_oldest_and_the_foreign_get_plain_rules() -> None:
    assert [facts(name).max_output for name in ("claude-2.1", "claude-instant-1.2")] == [4096, 4096]
    assert facts("kimi-k2-turbo") is FOREIGN
