"""A real gateway in a process of its own, and scripted upstreams in this one, over real sockets.

Odd here: an upstream is a list of byte strings to send and things to do between them, since what is tested is what a vendor does to
a connection, not what a framework would let it do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httptools

READY = "trunkline ready on "
VARIABLES = ("_API_KEY", "_TOKEN", "_BASE_URL", "_PAT", "PROXY", "proxy", "TRUNKLINE", "AWS_", "GOOGLE_", "AZURE_", "OPIK_")


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would configure a provider, and with Python's usual buffering."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONUNBUFFERED" and (not any(mark in name for mark in VARIABLES) or name.startswith("TRUNKLINE_TEST"))
    }


class Gateway:
    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder
        self.port = int(url.rpartition(":")[2])

    @property
    def log(self) -> str:
        return (self.folder / "stderr.log").read_text()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)


@contextlib.contextmanager
def gateway(
    folder: Path, config: str = "", *arguments: str, environment: dict[str, str] | None = None, module: str = "trunkline"
) -> Iterator[Gateway]:
    """`trunkline serve` on a free port with this config; stopped at the end, and it must stop cleanly. `module` runs in its place."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "trunkline.toml"
    path.write_text(config)
    command = [sys.executable, "-m", module, "serve", "--config", str(path), "--data", str(folder / "data"), "--port", "0", *arguments]
    with (folder / "stderr.log").open("w") as errors:
        variables = {**clean_environment(), **(environment or {})}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables, cwd=Path(__file__).parents[1])
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith(READY)), None)
            assert line is not None, f"the gateway did not start:\n{(folder / 'stderr.log').read_text()}"
            yield Gateway(process, line.removeprefix(READY).strip(), folder)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    raise


class Asked:
    """A request as an upstream got it."""

    def __init__(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.method, self.target, self.headers, self.body = method, target, dict(headers), body
        self.header_list = headers

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Connection:
    """One caller of an upstream, as a script sees it."""

    def __init__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.upstream, self.reader, self.writer = upstream, reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: bytes, content_type: str = "application/json", headers: dict[str, str] | None = None) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
        await self.send(head.encode() + body)

    async def begin(self, content_type: str = "text/event-stream", status: int = 200, headers: dict[str, str] | None = None) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        await self.send(f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n{lines}\r\n".encode())

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def gone(self) -> None:
        """Wait until the gateway hangs up."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.upstream.hung_up.set()

    def reset(self) -> None:
        transport = self.writer.transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        transport.abort()


Script = Callable[[Connection, Asked], Awaitable[None]]


class Upstream:
    """An HTTP/1.1 server in a thread that does with each request what its script says. `asked` has every request."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.hung_up = threading.Event()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            connection = Connection(self, reader, writer)
            while True:
                asked = await read_request(reader)
                if asked is None:
                    break
                self.asked.append(asked)
                await self.script(connection, asked)
                if writer.transport.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def __enter__(self) -> Upstream:
        async def begin() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 26)
            self.port = self._server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}"

        self._loop.run_until_complete(begin())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        async def finish() -> None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class _Request:
    def __init__(self) -> None:
        self.target = self.body = b""
        self.headers: list[tuple[str, str]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode().lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request of a connection, None at its end."""
    request = _Request()
    parser = httptools.HttpRequestParser(request)
    while not request.complete:
        data = await reader.read(1 << 20)
        if not data:
            return None
        parser.feed_data(data)
    return Asked(parser.get_method().decode(), request.target.decode(), request.headers, request.body)
