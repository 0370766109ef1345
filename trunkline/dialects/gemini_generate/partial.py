"""The arguments of a call that come in pieces, put together again.

Odd here: a piece is not text to append but a value at a JSON path, of which only strings grow; the first frame of a call has its name and
nothing else, and the last may have nothing at all. OpenAI's pieces are text, so the arguments are told when they are whole.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
(`streamFunctionCallArguments`), the paths being those of RFC 9535.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec

from .shapes import PartialArg, present

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""")
_LONGEST_LIST = 10_000
"""An index beyond is no argument but a fault."""


class Assembled:
    """The arguments of one call so far."""

    def __init__(self, tool: int) -> None:
        self.tool = tool
        self.value: dict[str, Any] = {}

    def add(self, pieces: Iterable[PartialArg]) -> None:
        for piece in pieces:
            steps = steps_of(piece.json_path)
            if steps:
                self._put(steps, _value(piece))

    def json(self) -> str:
        return msgspec.json.encode(self.value).decode()

    def _put(self, steps: list[str | int], value: Any) -> None:
        at: Any = self.value
        for step, following in pairwise(steps):
            inner = _get(at, step)
            if not isinstance(inner, list if isinstance(following, int) else dict):
                inner = [] if isinstance(following, int) else {}
                _set(at, step, inner)
            at = inner
        held = _get(at, steps[-1])
        _set(at, steps[-1], held + value if isinstance(held, str) and isinstance(value, str) else value)


def steps_of(path: str) -> list[str | int]:
    """`$.a[0]['b c']` → ["a", 0, "b c"]; [] for what is no such path, or does not begin with a name."""
    steps: list[str | int] = []
    rest = path.removeprefix("$")
    while rest:
        found = _STEP.match(rest)
        if found is None or (found[2] is not None and int(found[2]) >= _LONGEST_LIST):
            return []
        quoted = found[3] if found[3] is not None else found[4]
        steps.append(int(found[2]) if found[2] is not None else found[1] or re.sub(r"\\(.)", r"\1", quoted))
        rest = rest[found.end() :]
    return steps if steps and isinstance(steps[0], str) else []


def _value(piece: PartialArg) -> Any:
    if piece.string_value is not None:
        return piece.string_value
    if piece.bool_value is not None:
        return piece.bool_value
    return msgspec.json.decode(piece.number_value) if present(piece.number_value) else None


def _get(at: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return at[step] if step < len(at) else None
    return at.get(step)


def _set(at: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int):
        at.extend([None] * (step + 1 - len(at)))
    at[step] = value
