"""`trunkline check`: every problem of a config at once."""

from __future__ import annotations

import os


def run(config: str | None, data: str | None) -> int:
    """0 where the config is good, told with what it turns on. Raises ConfigError, which `main` prints a line a problem, with status 1."""
    from ..config.load import load
    from ..config.snapshot import build

    settings = load(config, os.environ, overrides={"data": data})
    snapshot = build(settings, os.environ)
    for provider in snapshot.providers:
        print(f"{provider.name:20} {provider.kind:20} {provider.base_url}")
    for kind, why in snapshot.off.items():
        print(f"{kind:20} off: {why}")
    for name, table in snapshot.aliases.items():
        print(f"{name:20} -> {', '.join(table.targets)} ({table.strategy})")
    print(f"{config or 'no config file'}: good")
    return 0
