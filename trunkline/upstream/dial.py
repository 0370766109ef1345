"""How a connection comes to be: resolve, check, connect, tunnel, TLS.

Odd here: an untrusted host is resolved once, every address is checked, and only those very addresses are dialled, so a name that changes
its mind between check and use changes nothing. Behind a proxy the proxy resolves by itself: we still refuse what resolves to the inside
from here, and the proxy is the operator's own gate for the rest. The store of certificate authorities takes ~20 ms to load, so it waits
for the first https URL.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from . import failures
from .connection import CLOSED, Connection
from .egress import Egress
from .pool import Pool
from .proxies import Proxy

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) → addresses as text, in the order to try them. Raises OSError."""

HEAD_START = 0.25
"""Seconds before the next address is tried beside one that has not answered (RFC 8305 §5)."""


async def resolve(host: str, port: int) -> list[str]:
    """The system's resolver. An address in any spelling it knows (2130706433, 0x7f.1) comes back as the plain one."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def authorities() -> ssl.SSLContext:
    """Verifies against SSL_CERT_FILE / SSL_CERT_DIR, the system's store, or certifi's where the system has none."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    chosen = os.environ.get(paths.openssl_cafile_env) or os.environ.get(paths.openssl_capath_env)
    if not chosen and not context.cert_store_stats()["x509_ca"] and not (paths.capath and any(os.scandir(paths.capath))):
        import certifi  # only images without a store of their own need it

        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class Dialler:
    """Makes connections; keeps nothing but the TLS context."""

    def __init__(self, egress: Egress, resolve: Resolve = resolve) -> None:
        self.egress = egress
        self.resolve = resolve
        self._tls: ssl.SSLContext | None = None

    @property
    def tls(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = authorities()
        return self._tls

    async def dial(self, pool: Pool, seconds: float) -> Connection:
        """A fresh connection, ready to be sent on. UpstreamError after `seconds` or where it fails, CallerError `egress_denied`."""
        try:
            async with asyncio.timeout(seconds):
                return await self._dial(pool)
        except TimeoutError as error:
            raise failures.connect_timeout(pool.name, seconds) from error
        except (OSError, UnicodeError) as error:
            raise failures.unreachable(pool.name, pool.url.host, error) from error

    async def _dial(self, pool: Pool) -> Connection:
        url, proxy = pool.url, pool.proxy
        loop = asyncio.get_running_loop()
        connection = Connection(pool, loop)
        addresses: list[str] = []
        if not pool.trusted:
            addresses = await self.resolve(url.host, url.port)
            self.egress.check(url.host, addresses)
        if proxy is not None:
            await self._through(proxy, connection, loop)
        else:
            found = await connect(loop, addresses or await self.resolve(url.host, url.port), url.port)
            await self._attach(loop, lambda: connection, found, url.host if url.scheme == "https" else None)
        if connection.phase == CLOSED:
            raise ConnectionResetError
        return connection

    async def _attach(
        self, loop: asyncio.AbstractEventLoop, factory: Callable[[], asyncio.Protocol], found: socket.socket, tls_host: str | None
    ) -> asyncio.Transport:
        try:
            if tls_host is None:
                transport, _ = await loop.create_connection(factory, sock=found)
            else:
                # a trailing dot belongs to DNS, not to certificates (RFC 6066 §3)
                transport, _ = await loop.create_connection(factory, sock=found, ssl=self.tls, server_hostname=tls_host.rstrip("."))
        except BaseException:
            with suppress(RuntimeError):  # uvloop: the transport has it and closes it itself
                found.close()
            raise
        return transport

    # ── through a proxy ──────────────────────────────────────────────────────────────────────────────────

    async def _through(self, proxy: Proxy, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        url = connection.pool.url
        try:
            found = await connect(loop, await self.resolve(proxy.host, proxy.port), proxy.port)
            if url.scheme == "http":
                await self._attach(loop, lambda: connection, found, proxy.host if proxy.secure else None)
                return
            tunnel = Tunnel(loop)
            transport = await self._attach(loop, lambda: tunnel, found, proxy.host if proxy.secure else None)
        except (OSError, UnicodeError) as error:
            raise failures.unreachable(f"{connection.pool.name} through the proxy {proxy.name}", proxy.host, error) from error
        try:
            authorization = f"proxy-authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
            said = await tunnel.ask(f"CONNECT {url.name} HTTP/1.1\r\nhost: {url.name}\r\n{authorization}\r\n".encode())
            if not said[9:12].startswith("2"):
                raise failures.proxy_refused(url.name, proxy.name, said)
            secured = await loop.start_tls(transport, connection, self.tls, server_hostname=url.host.rstrip("."))
        except BaseException:
            transport.abort()
            raise
        if secured is None or connection.phase == CLOSED:
            raise ConnectionResetError
        connection.connection_made(secured)


class Tunnel(asyncio.Protocol):
    """Asks a proxy for a tunnel (RFC 9110 §9.3.6) and reads its answer's head."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.head = b""
        self.answered: asyncio.Future[str] = loop.create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    async def ask(self, request: bytes) -> str:
        """The status line that came back."""
        self.transport.write(request)
        return await self.answered

    def data_received(self, data: bytes) -> None:
        self.head += data
        if self.answered.done():
            return
        end = self.head.find(b"\r\n\r\n")
        status = self.head.partition(b"\r\n")[0].decode("latin-1")[:80]
        refused = end > 0 and not status[9:12].startswith("2")  # may carry a page of HTML, which is not read
        if (0 < end == len(self.head) - 4 and status.startswith("HTTP/1.")) or refused:
            self.answered.set_result(status)
        elif end > 0 or len(self.head) > 16 * 1024:
            self.answered.set_exception(ConnectionAbortedError("the proxy's answer to CONNECT is not HTTP"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError())


# ── sockets ──────────────────────────────────────────────────────────────────────────────────────────────


async def connect(loop: asyncio.AbstractEventLoop, addresses: list[str], port: int) -> socket.socket:
    """A socket connected to the first address that answers. Raises the first failure where none does, OSError for an empty list."""
    if len(addresses) == 1:
        return await _knock(loop, addresses[0], port)
    waiting = _alternate(addresses)
    tasks: set[asyncio.Task[socket.socket]] = set()
    won: socket.socket | None = None
    failed: BaseException = OSError("the name has no address")
    try:
        while won is None and (waiting or tasks):
            if waiting:
                tasks.add(loop.create_task(_knock(loop, waiting.pop(0), port)))
            done, tasks = await asyncio.wait(tasks, timeout=HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is not None:
                    failed = failed if failed.__traceback__ else error
                elif won is None:
                    won = task.result()
                else:
                    task.result().close()
    finally:
        for task in tasks:
            task.cancel()
            task.add_done_callback(_close_late)
    if won is None:
        raise failed
    return won


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _alternate(addresses: list[str]) -> list[str]:
    """The two families in turn, the resolver's first choice first (RFC 8305 §4)."""
    first = [a for a in addresses if (":" in a) == (":" in addresses[0])] if addresses else []
    other = [a for a in addresses if a not in first]
    longest = max(len(first), len(other))
    return [family[i] for i in range(longest) for family in (first, other) if i < len(family)]


async def _knock(loop: asyncio.AbstractEventLoop, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # answers may take minutes, and NATs forget the silent
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        await loop.sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock
