"""`trunkline check`: every problem of a config at once.

Odd here: a good config is told with what it turns on, since what is off by a variable that is not set is no problem and yet what was
looked for.
"""

from __future__ import annotations

import os


def run(config: str | None, data: str | None) -> int:
    """0 where the config is good, told with what it turns on. Raises ConfigError, which `main` prints a line a problem, with status 1."""
    from ..config.load import load
    from ..config.snapshot import build

    settings = load(config, os.environ, overrides={"data": data})
    snapshot = build(settings, os.environ)
    for provider in snapshot.providers:
        where = "here" if provider.kind == "local" else provider.base_url
        print(f"provider  {provider.name:<20} {provider.kind:<18} {where}".rstrip())
    for kind, why in snapshot.off.items():
        print(f"off       {kind:<20} {why}")
    for name, table in snapshot.aliases.items():
        print(f"model     {name:<20} {table.strategy:<18} {', '.join(table.targets)}")
    print(f"{config or 'no config file'}: good")
    return 0
