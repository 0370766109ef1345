"""The options of `[providers.NAME] kind = "local"`, checked and typed.

Odd here: all options arrive as strings, since a `Target` carries the options of every kind in one mapping.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from ..errors import ConfigError

ALIAS = "smollm2-135m-instruct"
MOST_THREADS = 8
LOADS = ("first_use", "start")
_NUMBERS = {"context": (256, 1_048_576), "slots": (1, 64), "threads": (1, 512), "start_timeout": (1, 3600)}
OPTIONS = frozenset({"model", "alias", "load", *_NUMBERS})


class Settings(Struct, frozen=True, kw_only=True):
    model: str = ""
    """A GGUF file; "" looks for one (see `models.find`)."""
    alias: str = ALIAS
    """The name callers write after the provider's: local/ALIAS."""
    context: int = 2048
    """Tokens one request may use, prompt and answer together. Memory grows with context x slots (SmolLM2: 23 KB a token)."""
    slots: int = 4
    """Requests answered at the same time; more wait. Also the largest `n`."""
    threads: int = 0
    """0: one less than the processors this process may use, 8 at most. llama.cpp's threads wait for each other by spinning: with one
    processor busy elsewhere (the gateway's own work, say) as many threads as processors are ten times slower than one thread less."""
    load: str = "first_use"
    """first_use or start"""
    start_timeout: int = 120
    """Seconds until the model must be ready."""

    @classmethod
    def read(cls, options: Mapping[str, str]) -> Settings:
        """Raises ConfigError with every problem."""
        found = problems(options)
        if found:
            raise ConfigError(found)
        numbers = {name: int(options[name]) for name in _NUMBERS if name in options}
        words = {name: options[name] for name in ("model", "alias", "load") if options.get(name)}
        return cls(**words, **numbers)  # type: ignore[arg-type]  # each name is a field of its own type

    @property
    def cores(self) -> int:
        return self.threads or max(1, min(MOST_THREADS, usable_cores() - 1))


def problems(options: Mapping[str, str], path: str = "providers.local") -> list[str]:
    """What is wrong with these options, each with its path; [] where nothing is. Unknown names are for the config's own check."""
    found = []
    for name, (least, most) in _NUMBERS.items():
        text = options.get(name)
        if text is not None and not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            found.append(f"{path}.{name} is {text!r}; it must be a whole number from {least} to {most}")
    if options.get("load", LOADS[0]) not in LOADS:
        found.append(f"{path}.load is {options['load']!r}; it must be {' or '.join(LOADS)}")
    return found


def usable_cores() -> int:
    """The processors this process may run on (a container's limit on which ones is respected)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
