"""The ASGI application: everything beside the fast lane, and the lane's paths too where the lane cannot serve them.

Odd here: Starlette and the API's modules are imported when the first request for them comes, not before: a gateway is asked for
completions and probes, and those need none of it. Probes are answered here by hand.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import msgspec

from .. import __version__
from ..errors import CallerError
from . import refusals
from .asgi import Message, Receive, Scope, Send, serve_completion
from .head import PATHS, SANE_ID
from .state import State

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from .assembly import Assembly


class App:
    """Made once a worker. `assembly` starts and stops what the gateway needs; its `state` is there once it started."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self._rest: Starlette | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path, method = scope["path"].rstrip("/") or "/", scope["method"]
        scope = {**scope, "path": path}  # a slash at the end changes nothing, as in Opik
        if path in PATHS and method == "POST":
            await serve_completion(scope, receive, send, self.state)
            return
        send = stamped(scope, send)
        if path in PATHS:
            if method == "OPTIONS":
                await answer(send, 204, b"", [(b"allow", b"POST"), *CORS])
            else:
                error = CallerError(f"{method} is not for {path}; POST a chat completion there", status=405, code="method_not_allowed")
                await answer(send, 405, refusals.to_bytes(error, "/private/" in path), [(b"allow", b"POST")])
            return
        probe = PROBES.get(path.removeprefix("/api") if path.startswith("/api/") else path)
        if probe is not None:
            if method in ("GET", "HEAD"):
                status, body = probe(self.assembly)
                await answer(send, status, msgspec.json.encode(body) + b"\n")
            elif method == "OPTIONS":
                await answer(send, 204, b"", [(b"allow", b"GET, HEAD, OPTIONS")])
            else:
                error = CallerError(f"{method} is not for {path}; GET it", status=405, code="method_not_allowed")
                await answer(send, 405, refusals.to_bytes(error, False), [(b"allow", b"GET, HEAD, OPTIONS")])
            return
        if self._rest is None:
            self._rest = await asyncio.to_thread(self._built)
        await self._rest(scope, receive, send)

    @property
    def state(self) -> State:
        return self.assembly.state

    def _built(self) -> Starlette:
        from .routes import build

        return build(self.assembly)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.assembly.start()
        except Exception as error:
            message = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
            await send({"type": "lifespan.startup.failed", "message": message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.assembly.stop()
        await send({"type": "lifespan.shutdown.complete"})


CORS = [
    (b"access-control-allow-methods", b"POST, GET, PATCH, DELETE, OPTIONS"),
]


def stamped(scope: Scope, send: Send) -> Send:
    """A `send` that puts `x-request-id` on the answer: the caller's own if it is a sane one, else a fresh one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    id = given if SANE_ID.fullmatch(given) else f"req_{os.urandom(10).hex()}".encode()

    async def stamping(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", id)]}
        await send(message)

    return stamping


async def answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    length = (b"content-length", str(len(body)).encode())
    pairs = [(b"content-type", b"application/json"), length, *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


# ── probes ───────────────────────────────────────────────────────────────────────────────────────────────


def live(assembly: Assembly) -> tuple[int, dict[str, Any]]:
    return 200, {"status": "ok"}


def ready(assembly: Assembly) -> tuple[int, dict[str, Any]]:
    """Ready while completions can be served. A store that is down does not stop them, so it is told and the status stays 200."""
    if assembly.stopping:
        return 503, {"status": "stopping"}
    healthy, reason = assembly.live.healthy, assembly.live.reason
    return 200, {"status": "ok" if healthy else "degraded", "store": "ok" if healthy else "down", "reason": reason or None}


def ping(assembly: Assembly) -> tuple[int, dict[str, Any]]:
    """As Opik answers `opik configure` and its clients' own health checks."""
    return 200, {"message": "Healthy Server", "healthy": True}


def version(assembly: Assembly) -> tuple[int, dict[str, Any]]:
    return 200, {"version": __version__}


PROBES = {"/health/live": live, "/health/ready": ready, "/is-alive/ping": ping, "/is-alive/ver": version}
