"""The routes beside completions: provider keys and what Opik's clients ask for, and the admin API for keys of ours.

Each module has a table `ENDPOINTS`; `routes(api, prefix)` makes Starlette routes of them. Who may call what stands in the tables.
"""

from __future__ import annotations

from starlette.routing import Route

from . import gateway_keys, opik_misc, provider_keys
from .endpoint import Api, Endpoint, made

OPIK: tuple[Endpoint, ...] = (*provider_keys.ENDPOINTS, *opik_misc.ENDPOINTS)
"""Under both `/` and `/api`."""
ADMIN: tuple[Endpoint, ...] = gateway_keys.ENDPOINTS


def routes(api: Api) -> list[Route]:
    """Every route of this package: Opik's at both of their places, and the admin API."""
    return [made(api, endpoint, prefix) for prefix in ("", "/api") for endpoint in OPIK] + [made(api, endpoint) for endpoint in ADMIN]


__all__ = ["ADMIN", "OPIK", "Api", "Endpoint", "routes"]
