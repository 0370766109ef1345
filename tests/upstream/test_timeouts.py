"""The three time-outs: each names its setting, is on time, and runs only while it should."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from trunkline.errors import UpstreamError
from trunkline.target import Timeouts
from trunkline.upstream import Upstream

from .harness import Played
from .servers import QUICK, both_loops, client, run, serving, until

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@both_loops
@pytest.mark.parametrize("early", [b"", b"HTTP/1.1 102 Processing\r\n\r\n"], ids=["silence", "1xx only"])
def test_no_first_byte_of_the_final_answer_in_time(loop: str, early: bytes) -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(early)
                await reader.read()

            server.handler = handler
            up = client()
            began = monotonic()
            with pytest.raises(UpstreamError, match=r"within 0.2 s \(first_byte_timeout\)") as caught:
                await up.fetch(server.post(), Timeouts(first_byte=0.2, idle=5))
            assert 0.19 < monotonic() - began < 0.6
            error = caught.value
            assert (error.status, error.code, error.try_next) == (504, "upstream_timeout", True)
            assert f"127.0.0.1:{server.port}" in error.message
            await asyncio.wait_for(server.closed.wait(), 1)
            await up.aclose()

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nser", HEAD, HEAD + b"1\r\na\r\n"], ids=["head", "body", "later"])
@pytest.mark.parametrize("way", ["fetch", "open"])
def test_silence_in_mid_answer(loop: str, sent: bytes, way: str) -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(sent)
                await reader.read()

            server.handler = handler
            up, timeouts = client(), Timeouts(first_byte=5, idle=0.2)

            async def call(up: Upstream) -> None:
                if way == "fetch":
                    await up.fetch(server.post(), timeouts)
                else:
                    await (await up.open(server.post(), timeouts)).read()

            began = monotonic()
            with pytest.raises(UpstreamError, match=r"fell silent in mid-answer for 0.2 s \(idle_timeout\)") as caught:
                await call(up)
            assert 0.19 < monotonic() - began < 0.8
            assert caught.value.code == "upstream_timeout"
            await asyncio.wait_for(server.closed.wait(), 1)
            await up.aclose()

    run(main(), loop)


@both_loops
def test_a_slow_answer_that_keeps_coming_is_not_cut(loop: str) -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                for byte in HEAD + b"1\r\na\r\n0\r\n\r\n":
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.01)  # 0.6 s in all

            server.handler = handler
            up = client()
            assert (await up.fetch(server.post(), Timeouts(first_byte=0.3, idle=0.3))).body == b"a"
            await up.aclose()

    run(main(), loop)


@both_loops
def test_a_stream_whose_reads_are_known_is_kept_while_it_talks_and_given_up_when_it_falls_silent(loop: str) -> None:
    async def main() -> None:
        async with serving() as server:
            sent: list[float] = []

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(HEAD)
                for _ in range(20):
                    sent.append(monotonic())
                    writer.write(b"1\r\na\r\n")
                    await asyncio.sleep(0.05)  # a second in all
                await reader.read()

            server.handler = handler
            up, passed = client(), list[bytes]()
            opened = await up.open(server.post(), Timeouts(first_byte=5, idle=0.4))

            def known(data: bytes) -> bool:
                passed.append(data)
                return True

            async def listen() -> None:
                while await opened.each(lambda _: True, known):
                    pass

            with pytest.raises(UpstreamError, match="idle_timeout"):
                await listen()
            assert len(sent) == 20, "it was not cut while it talked"
            assert len(passed) > 10
            assert 0.35 < monotonic() - sent[-1] < 1.5
            await up.aclose()

    run(main(), loop)


def test_a_request_the_server_never_reads_ends_with_the_first_byte_timeout() -> None:
    async def main() -> None:
        async with serving() as server:
            stop = asyncio.Event()

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                await stop.wait()

            server.handler = handler
            up = client()
            began = monotonic()
            with pytest.raises(UpstreamError, match="first_byte_timeout"):
                await up.fetch(server.post(b"x" * 30_000_000), Timeouts(first_byte=0.3))
            assert monotonic() - began < 3
            stop.set()
            await up.aclose()

    run(main())


def test_a_request_on_its_way_is_not_a_silent_upstream() -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                left = 40_000_000
                while left > 0:  # well over a second
                    left -= len(await reader.read(300_000))
                    await asyncio.sleep(0.01)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

            server.handler = handler
            up = client()
            assert (await up.fetch(server.post(b"x" * 40_000_000), Timeouts(first_byte=0.7))).status == 200
            await up.aclose()

    run(main())


def test_nothing_ticks_when_no_connection_is_open() -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await server.read(reader)
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

            server.handler = handler
            up = client()
            assert up._timer is None
            await up.fetch(server.post(), QUICK)
            await until(lambda: up._timer is None)
            assert up._live == set()
            await up.fetch(server.post(), QUICK)
            assert up._timer is not None
            await up.aclose()
            assert up._timer is None

    run(main())


def test_a_deadline_nearer_than_the_next_look_is_looked_at_when_it_is_due() -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while True:
                    await server.read(reader)
                    if len(server.requests) == 1:
                        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

            server.handler = handler
            up = client()
            await up.fetch(server.post(), QUICK)
            task = asyncio.create_task(up.fetch(server.post(), Timeouts(first_byte=0.05)))
            await until(lambda: len(server.requests) == 2)
            (connection,) = up._live
            assert up._due <= connection.deadline
            with pytest.raises(UpstreamError, match="first_byte_timeout"):
                await task
            await up.aclose()

    run(main())


def test_1xx_does_not_end_the_wait_for_the_first_byte() -> None:
    loop = asyncio.new_event_loop()
    played = Played(loop)  # 300 s to the first byte, 60 s between reads
    connection, begin = played.connection, loop.time()
    played.feed(b"HTTP/1.1 103 Early Hi")
    assert connection.deadline - begin < 70
    played.feed(b"nts\r\n\r\n")
    assert connection.deadline - begin > 290
    played.feed(b"HTTP/1.1 200")
    assert connection.deadline - begin < 70
    loop.close()
