"""`trunkline serve`: uvicorn with our protocol in it, a ready line, and a stop that keeps its promise.

Odd here: uvicorn's way to start and to stop is replaced. It ends a failed start with a status and a trace of its own, raises the signal
it was stopped by once more (so that a clean stop would be -15), and knows nothing of the answers in the lane when the time to finish
them is over. Here a failed start raises what is wrong, and a stop lets answers finish, tells the callers of those that did not, and
ends with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import uvicorn

from ..drive import Driven
from ..errors import OperatorError
from .app import App
from .assembly import Assembly, Boot
from .fits import fits
from .protocol import protocol_for

log = logging.getLogger("trunkline")

BACKLOG = 4096
POLL_SECONDS = 0.02
CUT_SECONDS = 1.0
"""For what is cut short to be written to its callers."""
FORCED_SECONDS = 0.1
"""The same, where a second signal said to stop at once."""
CLOSE_SECONDS = 15.0
"""For the store, the local model and the connections upstream to be closed."""


class Server(uvicorn.Server):
    """One worker. SIGTERM and SIGINT let answers finish; a second one stops at once, with the status that shells give for the signal.

    A `supervised` worker leaves SIGINT to its parent (a terminal sends it to both) and takes any number of SIGTERM as one, since an
    init system may send its own beside the parent's; SIGQUIT is how the parent says at once.
    """

    def __init__(self, boot: Boot, announce: Callable[[], None], *, supervised: bool = False) -> None:
        self.assembly = Assembly(boot, os.getppid() if supervised else None)
        super().__init__(worker_config(self.assembly))
        self.drain_seconds = boot.settings.server.drain_seconds
        self.announce = announce
        self.supervised = supervised
        self.signal = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """GatewayError where it must not start."""
        try:
            await self.assembly.start()
        except BaseException:
            await self.assembly.stop()
            raise
        await super().startup(sockets)
        if not self.should_exit:
            self.announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.assembly.stopping = True
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not await self._idle(self.drain_seconds):
            await self._cut_short()
        if self.force_exit:
            leave(128 + self.signal)
        closing = asyncio.ensure_future(self.assembly.stop())
        until = time.monotonic() + CLOSE_SECONDS
        while not closing.done() and time.monotonic() < until:
            await asyncio.wait({closing}, timeout=POLL_SECONDS * 5)
            if self.force_exit:
                leave(128 + self.signal)

    async def _idle(self, seconds: float, *, hurried: bool = True) -> bool:
        """Wait until no caller is connected and nothing is being answered; False where that takes longer, or a second signal hurries."""
        until = time.monotonic() + seconds
        while self.server_state.connections or self.server_state.tasks:
            if (hurried and self.force_exit) or time.monotonic() >= until:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def _cut_short(self) -> None:
        """Tell every caller who still waits, and hang up."""
        running = [lane for lane in self.assembly.state.running.values() if lane.driving]
        tasks: list[Driven | asyncio.Task[None]] = [*running, *self.server_state.tasks]
        if tasks:
            log.warning("%d answers did not finish in time and are cut short", len(tasks))
        for task in tasks:
            task.cancel()
        await self._idle(FORCED_SECONDS if self.force_exit else CUT_SECONDS, hurried=False)
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Not raised again at the end, as uvicorn would: a clean stop exits with 0."""
        handlers: dict[int, Any] = {signal.SIGTERM: self.handle_exit, signal.SIGINT: self.handle_exit}
        if self.supervised:
            handlers = {signal.SIGTERM: self.handle_exit, signal.SIGINT: signal.SIG_IGN, signal.SIGQUIT: self.handle_exit}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.signal = sig
        self.force_exit = self.force_exit or (sig == signal.SIGQUIT if self.supervised else self.should_exit)
        self.should_exit = True


def leave(status: int) -> None:
    """End this process now, whatever its threads are waiting for."""
    logging.shutdown()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(status)


def worker_config(assembly: Assembly) -> uvicorn.Config:
    if fits():
        http: Any = protocol_for(assembly.state)
    else:
        log.warning("this uvicorn is not the one the fast lane was written for; completions go over plain ASGI, which is slower")
        http = "httptools"
    return uvicorn.Config(
        App(assembly), http=http, loop="uvloop" if uvloop_there() else "asyncio", ws="none", lifespan="off",
        log_config=None, access_log=False, server_header=False, backlog=BACKLOG, timeout_keep_alive=75, h11_max_incomplete_event_size=65536,
    )  # fmt: skip


def uvloop_there() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None


# ── before and around ────────────────────────────────────────────────────────────────────────────────────


def serve(boot: Boot) -> int:
    """Run until told to stop. 0 after a clean stop; GatewayError where it cannot start."""
    configure_logging()
    server = boot.settings.server
    listener = listening(server.host, server.port)
    url = url_of(listener)
    warn(boot, url)
    if server.workers > 1:
        from .workers import supervise

        return supervise(boot, listener, url)
    Server(boot, lambda: announce(url)).run(sockets=[listener])
    return 0


def announce(url: str) -> None:
    """The ready line. That nobody reads our standard output any more is no reason not to serve."""
    try:
        print(f"trunkline ready on {url}", flush=True)
    except OSError:  # the line is still in its buffer, and would fail again at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ValueError:  # closed
        pass


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
    listener = None
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        fix = "choose another host" if isinstance(error, socket.gaierror) else "choose another port with --port, or stop what has it"
        raise OperatorError(f"cannot listen on {host}:{port}: {error.strerror or error}; {fix}", code="cannot_listen") from None
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def warn(boot: Boot, url: str) -> None:
    settings = boot.settings
    if settings.auth.mode == "open" and not settings.server.local:
        log.warning(
            "listening on %s in open mode: whoever reaches this port can spend your provider keys. Set [auth] mode = \"keys\", "
            "or listen on 127.0.0.1.", url,
        )  # fmt: skip
