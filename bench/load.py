"""Load and its clocks: streams held open in parallel, and one connection asked over and over.

Odd here: raw sockets on asyncio, since a client library would cost more than what is measured.
Run: python -m bench.load streams|latency URL COUNT SECONDS BODY HEADERS → one JSON line
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

import uvloop


class Client(asyncio.Protocol):
    """Sends one request at a time; counts `data:` events; knows the end of a chunked or a sized answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.done: asyncio.Future[None] | None = None
        self.reset()

    def reset(self) -> None:
        self.events = 0
        self.first = 0.0
        self.tail = b""
        self.whole = b""
        self.streaming: bool | None = None
        self.ok = False

    def ask(self, request: bytes) -> asyncio.Future[None]:
        self.reset()
        self.done = asyncio.get_running_loop().create_future()
        self.sent = time.perf_counter()
        self.transport.write(request)
        return self.done

    def data_received(self, data: bytes) -> None:
        if self.streaming is None:
            self.whole += data
            head, end, rest = self.whole.partition(b"\r\n\r\n")
            if not end:
                return
            self.ok = b" 200 " in head[:15]
            self.streaming = b"event-stream" in head
            if not self.streaming:
                self.size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            data, self.whole = rest, b""
        if not self.streaming:
            self.size -= len(data)
            if self.size <= 0:
                self.finish()
            return
        if not self.first and b"data:" in data:
            self.first = time.perf_counter()
        self.events += data.count(b"data: ")
        if (self.tail + data[-16:]).endswith(b"\r\n0\r\n\r\n"):
            self.finish()
        self.tail = (self.tail + data)[-16:]

    def connection_lost(self, error: Exception | None) -> None:
        self.ok = False
        self.finish()

    def finish(self) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_result(None)


def request_for(url: str, body: str, headers: str) -> tuple[str, int, bytes]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    lines = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n{headers}"
    return parts.hostname, parts.port, f"{lines}content-length: {len(body)}\r\n\r\n{body}".encode()


async def streams(url: str, count: int, seconds: float, body: str, headers: str) -> dict[str, object]:
    host, port, request = request_for(url, body, headers)
    loop = asyncio.get_running_loop()
    events, finished, lost = 0, 0, 0
    firsts: list[float] = []
    until = time.perf_counter() + seconds

    async def one(number: int) -> None:
        nonlocal events, finished, lost
        _, client = await loop.create_connection(Client, host, port)
        await asyncio.sleep(number / count * min(1.0, seconds / 4))  # begun one after the other, as callers are
        while True:
            await client.ask(request)
            events += client.events
            finished += client.ok
            lost += not client.ok
            firsts.append(client.first - client.sent)
            if time.perf_counter() > until or not client.ok:
                break
        client.transport.close()

    await asyncio.gather(*(one(n) for n in range(count)))
    firsts.sort()
    p50, p99 = firsts[len(firsts) // 2], firsts[min(len(firsts) - 1, int(len(firsts) * 0.99))]
    return {"events": events, "finished": finished, "lost": lost, "first_p50": p50, "first_p99": p99}


async def latency(url: str, count: int, seconds: float, body: str, headers: str) -> dict[str, object]:
    host, port, request = request_for(url, body, headers)
    _, client = await asyncio.get_running_loop().create_connection(Client, host, port)
    times = []
    for _ in range(count):
        await client.ask(request)
        assert client.ok
        times.append(time.perf_counter() - client.sent)
    times.sort()
    return {"p50": times[len(times) // 2], "p99": times[int(len(times) * 0.99)]}


if __name__ == "__main__":
    kind, url, count, seconds, body, headers = sys.argv[1:7]
    work = {"streams": streams, "latency": latency}[kind]
    print(json.dumps(uvloop.run(work(url, int(count), float(seconds), body, headers))))
