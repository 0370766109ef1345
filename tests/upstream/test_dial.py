"""Connecting: what cannot be reached, which address is taken, how long it may last."""

from __future__ import annotations

import asyncio
import socket

import pytest

from trunkline.errors import UpstreamError
from trunkline.target import Timeouts
from trunkline.wire import HttpRequest

from .servers import OK, QUICK, answering, both_loops, client, run, serving, until


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@both_loops
def test_a_refused_connection_names_host_and_port_and_says_what_localhost_is(loop: str) -> None:
    async def main() -> None:
        port, up = closed_port(), client()
        with pytest.raises(UpstreamError) as caught:
            await up.fetch(HttpRequest("POST", f"http://localhost:{port}/v1?key=sk-secret", (("x-api-key", "sk-secret"),)), QUICK)
        error = caught.value
        assert f"localhost:{port}" in error.message
        assert "connection refused" in error.message
        assert "inside a container localhost is the container itself" in error.message
        assert "sk-secret" not in error.message
        assert (error.status, error.code, error.try_next) == (502, "upstream_unreachable", True)

    run(main(), loop)


@both_loops
def test_a_name_that_does_not_resolve_is_unreachable(loop: str) -> None:
    async def main() -> None:
        with pytest.raises(UpstreamError, match=r"no-such-host.invalid:443.*does not resolve") as caught:
            await client().fetch(HttpRequest("GET", "https://no-such-host.invalid/"), QUICK)
        assert caught.value.code == "upstream_unreachable"

    run(main(), loop)


@both_loops
def test_the_second_address_is_tried_when_the_first_refuses(loop: str) -> None:
    async def main() -> None:
        async def two(host: str, port: int) -> list[str]:
            return ["127.0.0.99", "127.0.0.1"]  # the server listens on the second alone

        async with answering(OK) as server:
            up = client(resolve=two)
            assert (await up.fetch(HttpRequest("GET", f"http://two.test:{server.port}/"), QUICK)).body == b"ok"
            await up.aclose()

    run(main(), loop)


def test_the_next_address_is_tried_beside_one_that_is_silent() -> None:
    async def main() -> None:
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        address = full.getsockname()
        port = address[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # a full backlog does not answer
            filler.setblocking(False)
            filler.connect_ex(address)

        async def two(host: str, port: int) -> list[str]:
            return ["127.0.0.1", "127.0.0.2"]

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            writer.close()

        listener = await asyncio.start_server(handler, "127.0.0.2", port)
        up = client(resolve=two)
        began = asyncio.get_running_loop().time()
        assert (await up.fetch(HttpRequest("GET", f"http://two.test:{port}/"), QUICK)).body == b"ok"
        assert asyncio.get_running_loop().time() - began < 1
        with pytest.raises(UpstreamError, match="connect_timeout") as caught:
            await client().fetch(HttpRequest("GET", f"http://127.0.0.1:{port}/"), Timeouts(connect=0.2))
        assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
        await up.aclose()
        listener.close()
        for sock in (full, *fillers):
            sock.close()

    run(main())


@both_loops
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cancelling_while_connecting_leaves_nothing_open(loop: str, scheme: str) -> None:
    async def main() -> None:
        async def two(host: str, port: int) -> list[str]:
            return ["127.0.0.1", "127.0.0.1"]

        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read()  # no handshake, no answer
                await reader.read()

            server.handler = handler
            up = client(resolve=two)
            task = asyncio.create_task(up.fetch(HttpRequest("GET", f"{scheme}://two.test:{server.port}/"), QUICK))
            await until(lambda: server.connections)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.closed.wait(), 1)
            await until(lambda: not up._live)

    run(main(), loop)
