"""Reading an answer while it comes: reads, back-pressure, the end, and the ways to leave early."""

from __future__ import annotations

import asyncio

import pytest

from trunkline.errors import UpstreamError
from trunkline.upstream.reply import DRAIN, HIGH_WATER, Reply

from .harness import Played
from .servers import OK, QUICK, both_loops, client, run, serving, until

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def opened(*reads: bytes) -> tuple[Played, Reply]:
    played = Played(asyncio.get_running_loop(), streaming=True).feed(*reads)
    return played, await played.future


def test_one_network_read_is_one_next_and_reads_that_waited_come_together() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream")
        first = asyncio.create_task(reply.next())
        await asyncio.sleep(0)
        played.feed(chunk(b"a") + chunk(b"b"))
        assert await first == b"ab"
        played.feed(chunk(b"c"), chunk(b"d"))
        assert await reply.next() == b"cd"
        played.feed(chunk(b"e") + END)
        assert played.pool.idle == [played.connection], "the connection is free before the last bytes are taken"
        assert [await reply.next() for _ in range(3)] == [b"e", b"", b""]

    run(main())


def test_a_read_that_brings_no_body_does_not_wake_the_reader() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD)
        task = asyncio.create_task(reply.next())
        await asyncio.sleep(0)
        played.feed(b"5\r\n")
        await asyncio.sleep(0)
        assert not task.done()
        played.feed(b"hello")
        assert await task == b"hello"

    run(main())


def test_a_waiting_reader_is_woken_by_the_end_alone() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"a"))
        assert await reply.next() == b"a"
        task = asyncio.create_task(reply.next())
        await asyncio.sleep(0)
        played.feed(END)
        assert await task == b""

    run(main())


def test_what_had_come_before_a_break_is_read_and_then_the_error_every_time() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"a"))
        played.end(ConnectionResetError())
        assert await reply.next() == b"a"
        for _ in range(2):
            with pytest.raises(UpstreamError, match="in the middle of its answer"):
                await reply.next()
        played, reply = await opened(HEAD)
        task = asyncio.create_task(reply.next())
        await asyncio.sleep(0)
        played.feed(chunk(b"a") + b"zz\r\n")
        assert await task == b"a"
        with pytest.raises(UpstreamError, match=r"not HTTP/1\.1"):
            await reply.next()

    run(main())


def test_a_slow_reader_stops_the_reading_and_taking_starts_it_again() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD)
        part = chunk(b"x" * (HIGH_WATER // 2 - 100))
        played.feed(part, part)
        assert played.transport.reading
        played.feed(part)
        assert not played.transport.reading
        assert played.connection.deadline == float("inf"), "a slow reader is not a silent upstream"
        assert len(await reply.next()) == 3 * (HIGH_WATER // 2 - 100)
        assert played.transport.reading
        assert played.connection.deadline < float("inf")

    run(main())


def test_a_connection_that_goes_back_to_its_pool_reads() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD)
        played.feed(chunk(b"x" * (HIGH_WATER + 1)))
        assert not played.transport.reading
        played.feed(END)  # was in the kernel's hands already
        assert played.transport.reading
        assert len(await reply.read()) == HIGH_WATER + 1

    run(main())


@both_loops
def test_a_slow_reader_holds_the_server_back_over_a_real_socket(loop: str) -> None:
    async def main() -> None:
        async with serving() as server:
            sent = 0

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal sent
                await server.read(reader)
                writer.write(HEAD)
                for _ in range(600):
                    writer.write(chunk(b"x" * 65536))
                    await writer.drain()
                    sent += 65536
                writer.write(END)

            server.handler = handler
            up = client()
            reply = await up.open(server.post(), QUICK)
            before = -1
            while before != sent:  # until the server is stuck
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 600 * 65536
            assert sum(map(len, next(iter(up._live)).pieces)) < 2 * HIGH_WATER
            assert len(await reply.read()) == 600 * 65536
            assert len(next(iter(up._pools.values())).idle) == 1
            await up.aclose()

    run(main(), loop)


def test_close_cancels_what_is_under_way_and_may_be_said_twice() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"a"))
        reply.close()
        reply.close()
        assert played.transport.aborted
        assert played.pool.idle == []
        assert await reply.next() == b""

    run(main())


def test_close_after_the_end_leaves_the_connection_in_its_pool() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"a") + END)
        assert await reply.read() == b"a"
        reply.close()
        assert played.pool.idle == [played.connection]
        assert not played.transport.aborted

    run(main())


def test_closing_a_finished_reply_does_not_touch_the_next_user_of_its_connection() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"a") + END)
        played.pool.idle.pop()
        again = played.send()
        reply.close()
        reply.release()
        played.feed(HEAD + chunk(b"b") + END)
        assert await (await again).read() == b"b"

    run(main())


def test_a_released_reply_keeps_the_connection_once_the_end_has_come() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"data: [DONE]\n\n"))
        assert await reply.next() == b"data: [DONE]\n\n"
        reply.release()
        reply.close()
        assert not played.transport.aborted
        assert played.connection.deadline < played.loop.time() + 2
        played.feed(END)
        assert played.pool.idle == [played.connection]
        again = played.send()
        played.feed(HEAD + chunk(b"b") + END)
        assert await (await again).read() == b"b"

    run(main())


def test_a_released_reply_that_goes_on_is_closed_after_all() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD + chunk(b"a"))
        reply.release()
        for _ in range(2):
            assert not played.transport.aborted
            played.feed(chunk(b"x" * (DRAIN // 2)))
        assert played.transport.aborted
        assert await reply.next() == b""
        played, reply = await opened(HEAD + chunk(b"a"))
        reply.release()
        played.connection.expire(played.loop.time() + 2)
        assert played.transport.aborted

    run(main())


@both_loops
def test_a_released_stream_and_the_next_call_share_a_connection_over_a_real_socket(loop: str) -> None:
    async def main() -> None:
        async with serving() as server:
            done = asyncio.Event()

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(HEAD + chunk(b"data: [DONE]\n\n"))
                await done.wait()
                writer.write(END)
                await server.read(reader)
                writer.write(OK)

            server.handler = handler
            up = client()
            reply = await up.open(server.post(), QUICK)
            assert await reply.next() == b"data: [DONE]\n\n"
            reply.release()
            done.set()
            (pool,) = up._pools.values()
            await until(lambda: pool.idle)
            assert (await up.fetch(server.post(), QUICK)).body == b"ok"
            assert server.connections == 1
            await up.aclose()

    run(main(), loop)


def test_a_second_reader_is_told_so() -> None:
    async def main() -> None:
        played, reply = await opened(HEAD)
        task = asyncio.create_task(reply.next())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="one reader"):
            await reply.next()
        played.feed(chunk(b"a"))
        assert await task == b"a"

    run(main())
