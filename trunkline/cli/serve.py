"""`trunkline serve`.

Odd here: the config is read before the server is imported, so that what is wrong with it is told at once.
"""

from __future__ import annotations


def run(config: str | None, host: str | None, port: int | None, data: str | None, workers: int | None) -> int:
    """Serve until told to stop: 0 after a clean stop. ConfigError with every problem of the config, OperatorError where it cannot start."""
    from ..server.assembly import Boot

    boot = Boot(config, host, port, data, workers)
    _ = boot.settings

    from ..server.run import serve

    return serve(boot)
