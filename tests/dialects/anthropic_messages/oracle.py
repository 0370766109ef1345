"""The vendor's own request types as a judge of our bodies: the SDK's TypedDicts, closed, so that no unknown member passes.

Odd here: pydantic reads an `Iterable` lazily, so the judged value must be walked to its end; and the SDK speaks API version
2026-10-21, which has no sampling parameters, while we speak 2023-06-01, which has them.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, is_typeddict

import pydantic
import typing_extensions
from anthropic import types
from anthropic.types import beta
from anthropic.types.beta.message_create_params import MessageCreateParams as BetaParams
from anthropic.types.message_create_params import MessageCreateParams

SAMPLING = {"temperature": (0, 1), "top_p": (0, 1), "top_k": (0, 10**9)}
OPEN = {"InputSchemaTyped"}


def _close(package: Any) -> None:
    for module in [m for name, m in sys.modules.items() if name.startswith(package.__name__) and m is not None]:
        for kind in vars(module).values():
            if (is_typeddict(kind) or typing_extensions.is_typeddict(kind)) and kind.__name__ not in OPEN:
                kind.__pydantic_config__ = {**getattr(kind, "__pydantic_config__", {}), "extra": "forbid"}


@cache
def _adapter(with_beta: bool) -> pydantic.TypeAdapter[Any]:
    _close(beta if with_beta else types)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one type says itself that it is open
        return pydantic.TypeAdapter(BetaParams if with_beta else MessageCreateParams)


def judge(body: dict[str, Any], *, with_beta: bool = False) -> None:
    """AssertionError or ValidationError where the vendor would not know the body."""
    body = dict(body)
    for name, (least, most) in SAMPLING.items():
        value = body.pop(name, None)
        assert value is None or least <= value <= most, name
    walk(_adapter(with_beta).validate_python(body, strict=True))


def walk(value: Any) -> None:
    """Read what was validated to its end. AssertionError where some of it fits only what an answer may hold."""
    assert not isinstance(value, pydantic.BaseModel), f"fits only the open types of answers: {value}"
    match value:
        case dict():
            for inner in value.values():
                walk(inner)
        case list() | tuple() | Iterator():
            for inner in value:
                walk(inner)
