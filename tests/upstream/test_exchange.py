"""Calls over real sockets: what is sent, what comes back, which connection carries it, how it fails."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest

from trunkline import __version__
from trunkline.errors import UpstreamError
from trunkline.upstream.connection import Connection
from trunkline.wire import HttpRequest, HttpResponse

from .servers import OK, QUICK, answering, both_loops, client, run, serving, until


@both_loops
def test_a_whole_answer_comes_with_status_headers_and_body(loop: str) -> None:
    async def main() -> None:
        answer = b"HTTP/1.1 429 Slow\r\nx-two: a\r\nx-two: b\r\nEmpty:\r\nPad: x  \r\nContent-Length: 3\r\n\r\nabc"
        async with answering(answer) as server:
            up = client()
            got = await up.fetch(server.post(b'{"a":1}'), QUICK)
            assert (got.status, got.body) == (429, b"abc")
            assert got.headers == {"x-two": "b", "empty": "", "pad": "x", "content-length": "3"}
            head, _, body = server.requests[0].partition(b"\r\n\r\n")
            assert head.split(b"\r\n") == [
                b"POST /v1/chat HTTP/1.1",
                b"host: 127.0.0.1:%d" % server.port,
                b"user-agent: trunkline/" + __version__.encode(),
                b"accept-encoding: identity",
                b"authorization: Bearer sk-secret",
                b"content-length: 7",
            ]
            assert body == b'{"a":1}'
            await up.aclose()

    run(main(), loop)


@both_loops
def test_two_hundred_at_once_then_again_use_the_same_connections(loop: str) -> None:
    async def main() -> None:
        async with answering(OK) as server:
            up = client()
            for _ in range(3):
                answers = await asyncio.gather(*(up.fetch(server.post(), QUICK) for _ in range(200)))
                assert [a.body for a in answers] == [b"ok"] * 200
            assert server.connections <= 200
            assert len(server.requests) == 600
            await up.aclose()

    run(main(), loop)


def test_one_call_after_another_uses_one_connection_for_whole_answers_and_streams() -> None:
    async def main() -> None:
        chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        async with answering(OK, chunked, b"HTTP/1.1 204 No Content\r\n\r\n", OK) as server:
            up = client()
            assert (await up.fetch(server.post(), QUICK)).body == b"ok"
            reply = await up.open(server.post(), QUICK)
            assert await reply.read() == b"ok"
            assert (await up.fetch(server.get(), QUICK)).status == 204
            assert (await up.fetch(server.get(), QUICK)).body == b"ok"
            assert server.connections == 1
            await up.aclose()

    run(main())


def test_no_more_than_max_idle_connections_are_kept_and_none_for_longer_than_idle_seconds() -> None:
    async def main() -> None:
        async with answering(OK) as server:
            up = client(max_idle_per_origin=2, idle_seconds=0.2)
            await asyncio.gather(*(up.fetch(server.post(), QUICK) for _ in range(5)))
            (pool,) = up._pools.values()
            assert len(pool.idle) == 2
            await until(lambda: not up._live)
            assert pool.idle == []
            assert up._timer is None or up._live == set()
            await up.aclose()

    run(main())


@both_loops
@pytest.mark.parametrize("reset", [False, True])
def test_a_stale_connection_costs_a_fresh_one_and_nothing_else(loop: str, reset: bool) -> None:
    """The server closes when the second request comes, as one does whose keep-alive time ran out while the request was on its way."""

    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(OK)
                if server.connections == 1:
                    await reader.readexactly(1)
                    if reset:
                        linger = struct.pack("ii", 1, 0)
                        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                else:
                    await server.read(reader)

            server.handler = handler
            up = client()
            await up.fetch(server.post(), QUICK)
            assert (await up.fetch(server.post(), QUICK)).body == b"ok"
            assert server.connections == 2
            await up.aclose()

    run(main(), loop)


@both_loops
def test_a_connection_closed_while_idle_is_not_used_again(loop: str) -> None:
    async def main() -> None:
        async with answering(OK, close_after=True) as server:
            up = client()
            await up.fetch(server.post(), QUICK)
            await until(lambda: not up._live)
            (pool,) = up._pools.values()
            assert pool.idle == []
            await up.fetch(server.post(), QUICK)
            await up.aclose()

    run(main(), loop)


def test_a_fresh_connection_that_closes_without_a_word_is_not_tried_again() -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)

            server.handler = handler
            up = client()
            with pytest.raises(UpstreamError, match="closed the connection before it answered") as caught:
                await up.fetch(server.post(), QUICK)
            assert (caught.value.code, caught.value.status, caught.value.try_next) == ("upstream_disconnected", 502, True)
            assert len(server.requests) == 1
            await up.aclose()

    run(main())


def test_an_answer_out_of_turn_closes_the_idle_connection() -> None:
    """Bytes nobody asked for must never become the answer to the next request."""

    async def main() -> None:
        async with serving() as server:
            again = asyncio.Event()

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(OK)
                if server.connections == 1:
                    await again.wait()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
                await server.read(reader)

            server.handler = handler
            up = client()
            await up.fetch(server.post(), QUICK)
            again.set()
            await until(lambda: not up._live)
            assert (await up.fetch(server.post(), QUICK)).body == b"ok"
            await up.aclose()

    run(main())


@both_loops
@pytest.mark.parametrize("way", ["fetch", "open", "next"])
def test_cancelling_closes_the_connection_at_once(loop: str, way: str) -> None:
    async def main() -> None:
        async with serving() as server:
            asked = asyncio.Event()

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                if way == "next":
                    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                asked.set()
                await reader.read()  # until the client is gone

            server.handler = handler
            up = client()

            async def call() -> None:
                if way == "fetch":
                    await up.fetch(server.post(), QUICK)
                else:
                    reply = await up.open(server.post(), QUICK)
                    await reply.next()

            task = asyncio.create_task(call())
            await asked.wait()
            await asyncio.sleep(0.02)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.closed.wait(), 1)
            assert up._live == set()
            await up.aclose()

    run(main(), loop)


def on_arrival(monkeypatch: pytest.MonkeyPatch, before: list[Callable[[], object]], after: list[Callable[[], object]]) -> None:
    """Do something once, right before or after a read is taken from the socket: before any task that it wakes can run."""
    received = Connection.data_received

    def data_received(self: Connection, data: bytes) -> None:
        while before:
            before.pop()()
        received(self, data)
        while after:
            after.pop()()

    monkeypatch.setattr(Connection, "data_received", data_received)


@both_loops
def test_a_cancellation_that_comes_late_does_not_harm_the_next_user_of_the_connection(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with answering(OK) as server:
            up = client()
            others: list[asyncio.Task[HttpResponse]] = []
            first = asyncio.create_task(up.fetch(server.post(), QUICK))
            # the other call runs first and has the connection by the time the first learns that it was cancelled
            on_arrival(monkeypatch, [lambda: others.append(asyncio.create_task(up.fetch(server.post(), QUICK)))], [first.cancel])
            with pytest.raises(asyncio.CancelledError):
                await first
            assert (await others[0]).body == b"ok"
            assert server.connections == 1
            await up.aclose()

    run(main(), loop)


@both_loops
def test_a_reply_that_comes_in_the_moment_of_its_cancellation_is_closed(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n") as server:
            up = client()
            task = asyncio.create_task(up.open(server.post(), QUICK))
            on_arrival(monkeypatch, [], [task.cancel])
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.closed.wait(), 1)
            assert up._live == set()
            await up.aclose()

    run(main(), loop)


def test_an_early_refusal_of_a_large_upload_is_the_answer() -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
                await writer.drain()
                await reader.read()

            server.handler = handler
            up = client()
            got = await up.fetch(server.post(b"x" * 20_000_000), QUICK)
            assert (got.status, got.body) == (413, b"no")
            assert next(iter(up._pools.values())).idle == []
            await up.aclose()

    run(main())


@both_loops
def test_large_bodies_arrive_whole_both_ways(loop: str) -> None:
    async def main() -> None:
        big = bytes(range(256)) * 20_000
        async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(big), big)) as server:
            up = client()
            assert (await up.fetch(server.post(big), QUICK)).body == big
            assert server.requests[0].endswith(b"\r\n\r\n" + big)
            reply = await up.open(server.post(big), QUICK)
            assert await reply.read() == big
            assert server.connections == 1
            await up.aclose()

    run(main(), loop)


def test_a_redirect_is_an_answer() -> None:
    async def main() -> None:
        async with answering(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n") as server:
            up = client()
            assert (await up.fetch(server.post(), QUICK)).status == 302
            assert len(server.requests) == 1
            await up.aclose()

    run(main())


def test_head_has_no_body_whatever_its_length_says() -> None:
    async def main() -> None:
        async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", OK) as server:
            up = client()
            got = await up.fetch(HttpRequest("HEAD", server.url), QUICK)
            assert (got.status, got.body, got.headers["content-length"]) == (200, b"", "5000")
            assert (await up.fetch(server.get(), QUICK)).body == b"ok"
            await up.aclose()

    run(main())


def test_after_aclose_every_connection_is_gone_and_calls_under_way_have_failed() -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                await reader.read()

            server.handler = handler
            up = client()
            task = asyncio.create_task(up.fetch(server.post(), QUICK))
            await until(lambda: server.requests)
            await up.aclose()
            with pytest.raises(UpstreamError, match="stopping"):
                await task
            await asyncio.wait_for(server.closed.wait(), 1)
            assert up._live == set()

    run(main())
