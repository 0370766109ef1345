"""`trunkline serve`: uvicorn with our protocol in it, a ready line, and a stop that keeps its promise.

Odd here: two of uvicorn's habits are changed. It raises the signal it was stopped by again when it is done, so that a clean stop would
exit with -15; here it is 0. And with several workers its supervisor says nothing when they accept requests; here the parent asks
them, and prints the ready line then.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Generator
from types import FrameType
from typing import Any

import uvicorn

from ..errors import OperatorError
from .app import App
from .assembly import Assembly, Boot
from .lane import fits, protocol_for

log = logging.getLogger("trunkline")


class Server(uvicorn.Server):
    """One worker."""

    def __init__(self, config: uvicorn.Config, ready: str = "") -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.ready and self.started:
            print(self.ready, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGINT and SIGTERM; a second one stops at once. Not raised again, since a clean stop exits with 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def configure_logging() -> None:
    """Warnings and what operators need, on standard error; standard output is for the ready line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("trunkline")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addHandler(handler)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def listening(host: str, port: int) -> socket.socket:
    """The socket all workers accept on. OperatorError naming the address where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(4096)
        listener.set_inheritable(True)
    except OSError as error:
        raise OperatorError(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with --port", code="cannot_listen") from None
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def worker_config(boot: Boot) -> uvicorn.Config:
    assembly = Assembly(boot)
    if fits():
        http: Any = protocol_for(assembly.state)
    else:
        log.warning("this uvicorn is not the one the fast lane was written for; completions go over plain ASGI, which is slower")
        http = "httptools"
    server = boot.settings.server
    return uvicorn.Config(
        App(assembly), http=http, loop="uvloop" if uvloop_there() else "asyncio", ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, backlog=4096, timeout_keep_alive=75, timeout_graceful_shutdown=max(1, round(server.drain_seconds)),
        h11_max_incomplete_event_size=65536,
    )  # fmt: skip


def uvloop_there() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None


def serve(boot: Boot) -> int:
    """Run until told to stop. 0 after a clean stop."""
    configure_logging()
    server = boot.settings.server
    listener = listening(server.host, server.port)
    url = url_of(listener)
    warn(boot, url)
    if server.workers > 1:
        from .workers import supervise

        return supervise(boot, listener, url)
    worker = Server(worker_config(boot), f"trunkline ready on {url}")
    with contextlib.suppress(KeyboardInterrupt):
        worker.run(sockets=[listener])
    return 0 if worker.started else 1


def warn(boot: Boot, url: str) -> None:
    settings = boot.settings
    if settings.auth.mode == "open" and not settings.server.local:
        log.warning(
            "listening on %s in open mode: whoever reaches this port can spend your provider keys. Set [auth] mode = \"keys\", "
            "or listen on 127.0.0.1.", url,
        )  # fmt: skip
