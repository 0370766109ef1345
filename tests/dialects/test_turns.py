"""What breaks the shape of a conversation is refused by name, before any vendor's own rules."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.dialects.turns import split
from trunkline.errors import CallerError
from trunkline.target import Notes

from .replaying import ask

HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("detail", [None, 1, "thought", ["thought"], True])
def test_reasoning_that_is_handed_back_in_another_shape_is_refused_by_name(detail: Any) -> None:
    said = {"role": "assistant", "content": "So", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}, detail]}
    with pytest.raises(CallerError) as caught:
        split(ask(messages=[HI, said, HI]), Notes())
    assert (caught.value.status, caught.value.param) == (400, "messages[1].reasoning_details[1]")
