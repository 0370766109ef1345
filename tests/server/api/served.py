"""The routes of `trunkline.server.api`, served by uvicorn in a thread, for real clients to talk to."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from msgspec import Struct
from starlette.applications import Starlette

from trunkline.access import Access, Caller, Grant, Mode, TokenVerifier, key_hash
from trunkline.config.live import Live
from trunkline.errors import UpstreamError
from trunkline.providers import Provider
from trunkline.server.api import Api, routes
from trunkline.target import Timeouts
from trunkline.wire import HttpRequest, HttpResponse

from ...stores import open_store

ADMIN = "the-admin-key-of-the-tests"


class Settings(Struct, frozen=True):
    mode: Mode = "open"
    admin_key: str = ADMIN
    local: bool = True
    tokens: TokenVerifier | None = None


class Snap(Struct, frozen=True):
    access: Access
    providers: list[Provider]


def build(settings: Settings, stored: Iterable[Provider], grants: Mapping[bytes, Grant], complete: bool) -> Snap:
    admin = key_hash(settings.admin_key.encode()) if settings.admin_key else b""
    access = Access(settings.mode, grants, complete, admin, settings.local, settings.tokens)
    return Snap(access, list(stored))


class Upstream:
    """What the outside answers, by URL; what was asked of it."""

    def __init__(self) -> None:
        self.answers: dict[str, HttpResponse] = {}
        self.asked: list[tuple[HttpRequest, bool]] = []

    async def fetch(self, request: HttpRequest, timeouts: Timeouts, *, trusted: bool) -> HttpResponse:
        self.asked.append((request, trusted))
        if request.url not in self.answers:
            raise UpstreamError(f"could not connect to {request.url.split('/')[2]}")
        return self.answers[request.url]


def models(snapshot: Any, caller: Caller) -> dict[str, list[dict[str, Any]]]:
    return {
        provider.name: [{"id": model} for model in provider.models]
        for provider in snapshot.providers
        if provider.workspace == caller.workspace
    }


class Served(httpx.Client):
    """A client of one served gateway, with what stands behind it."""

    def __init__(self, base_url: str, live: Any, upstream: Upstream, run: Callable[[Any], Any]) -> None:
        super().__init__(base_url=base_url, timeout=20)
        self.live = live
        self.upstream = upstream
        self.run = run

    @property
    def url(self) -> str:
        return str(self.base_url).rstrip("/")


@contextmanager
def serving(url: str, data: Path, settings: Settings | None = None) -> Iterator[Served]:
    import asyncio

    given = settings or Settings()
    live: Any = Live(load=lambda: given, build=build, open_store=lambda: open_store(url, data), poll=0.2)  # type: ignore[arg-type]
    upstream = Upstream()
    api = Api(live, upstream.fetch, models=models, version="1.2.3")
    loops: list[asyncio.AbstractEventLoop] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loops.append(asyncio.get_running_loop())
        await live.start()
        yield
        await live.stop()

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=list(routes(api)), lifespan=lifespan), log_level="error"))
    started = threading.Event()

    async def serve() -> None:
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started and not serving.done():  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        started.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(20)
    assert server.started, "the server did not start"
    with Served(
        f"http://127.0.0.1:{listening.getsockname()[1]}",
        live,
        upstream,
        lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loops[0]).result(20),
    ) as client:
        yield client
    server.should_exit = True
    thread.join(20)
