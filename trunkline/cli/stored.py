"""What the commands that work on the store share: opening it as the config says, and a table in the terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from ..config.schema import Settings
from ..store.store import Store


@contextlib.contextmanager
def opened(config: str | None, data: str | None) -> Iterator[tuple[Settings, Store]]:
    """The settings and the store of a gateway with this config. ConfigError, or OperatorError where it cannot be used."""
    from ..config.live import open_store
    from ..config.load import load

    settings = load(config, os.environ, overrides={"data": data})
    store = open_store(settings, os.environ)
    try:
        yield settings, store
    finally:
        store.close()


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns on standard output; the last one is not padded."""
    widths = [max(len(row[at]) for row in [titles, *rows]) for at in range(len(titles))]
    for row in [titles, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
