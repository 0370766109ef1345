"""Nothing a caller may ask is lost in silence, at any kind of provider; and what the page of providers says is what the program does."""

from __future__ import annotations

import pytest

from trunkline.losses import PROBES, fates, models
from trunkline.provider_page import fate_lines
from trunkline.providers import KINDS

EVERY = [(kind, model) for kind in KINDS for model in models(kind)]


@pytest.mark.parametrize(("kind", "model"), EVERY)
def test_whatever_is_asked_changes_the_request_or_is_told(kind: str, model: str) -> None:
    found = fates(kind, model)
    assert found.keys() == PROBES.keys()
    assert [name for name, fate in found.items() if fate.silent] == []
    assert [name for name, fate in found.items() if fate.how != "passed" and not fate.why] == []


@pytest.mark.parametrize(("kind", "model"), EVERY)
def test_each_thing_has_one_fate_on_the_page(kind: str, model: str) -> None:
    lines = fate_lines(fates(kind, model), model)
    for name in PROBES:
        assert name in lines


def test_the_fates_are_those_of_the_vendors_apis() -> None:
    """A few that anyone can look up."""
    claude, gemini, host = fates("anthropic", "claude-haiku-4-5"), fates("gemini", "gemini-2.5-flash"), fates("groq", "openai/gpt-oss-20b")
    assert (claude["seed"].how, gemini["seed"].how) == ("dropped", "passed")
    assert (claude["n"].how, host["n"].how) == ("otherwise", "otherwise")
    assert claude["audio"].how == "refused"
    assert gemini["images by https URL"].how == "otherwise"
    assert fates("openai", "gpt-4.1")["functions"].how == "passed"
