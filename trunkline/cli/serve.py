"""`trunkline serve`."""

from __future__ import annotations


def run(config: str | None, host: str | None, port: int | None, data: str | None, workers: int | None) -> int:
    """Serve until told to stop: 0 after a clean stop. ConfigError with every problem of the config."""
    from ..server.assembly import Boot
    from ..server.run import serve

    boot = Boot(config, host, port, data, workers)
    boot.load()
    return serve(boot)
