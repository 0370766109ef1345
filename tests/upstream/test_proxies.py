"""Which proxy is used, and what is said to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from trunkline.errors import OperatorError, UpstreamError
from trunkline.target import Timeouts
from trunkline.upstream.proxies import bypassed, from_environment, parse_proxy, proxy_for
from trunkline.wire import HttpRequest

from .authority import Authority
from .servers import OK, QUICK, Server, answering, both_loops, client, run, serving

NO_PROXY = [
    # NO_PROXY, host, port, bypassed?
    ("*", "api.openai.com", 443, True),
    ("", "api.openai.com", 443, False),
    ("openai.com", "api.openai.com", 443, True),
    ("openai.com", "openai.com", 443, True),
    ("openai.com", "notopenai.com", 443, False),
    (".openai.com", "api.openai.com", 443, True),
    ("*.openai.com", "api.openai.com", 443, True),
    ("OpenAI.com.", "api.openai.com.", 443, True),
    ("a.test, openai.com ,b.test", "api.openai.com", 443, True),
    ("openai.com:8443", "api.openai.com", 443, False),
    ("openai.com:8443", "api.openai.com", 8443, True),
    ("10.0.0.0/8", "10.1.2.3", 80, True),
    ("10.0.0.0/8", "11.1.2.3", 80, False),
    ("10.1.2.3", "10.1.2.3", 80, True),
    ("10.1.2.3:81", "10.1.2.3", 80, False),
    ("fd00::/8", "fd00::1", 80, True),
    ("[fd00::1]", "fd00::1", 80, True),
    ("[fd00::1]:81", "fd00::1", 80, False),
    ("fd00::1", "fd00::1", 80, True),
    ("nonsense/99,:::,/,:", "10.1.2.3", 80, False),
    ("", "localhost", 80, True),
    ("", "127.0.0.5", 80, True),
    ("", "::1", 80, True),
]


@pytest.mark.parametrize(("no_proxy", "host", "port", "expected"), NO_PROXY)
def test_no_proxy_names_hosts_suffixes_ports_and_networks(no_proxy: str, host: str, port: int, expected: bool) -> None:
    assert bypassed(host, port, no_proxy) is expected


def test_the_environment_is_read_in_both_cases() -> None:
    assert from_environment({"HTTPS_PROXY": "a", "http_proxy": "b", "HTTP_PROXY": "c", "NO_PROXY": "d", "ALL_PROXY": "e"}) == {
        "https": "a", "http": "b", "no": "d", "all": "e",
    }  # fmt: skip
    assert from_environment({"HTTP_PROXY": "evil", "REQUEST_METHOD": "GET"}) == {}
    assert from_environment({}) == {}


def test_the_scheme_chooses_and_all_stands_in() -> None:
    settings = {"https": "http://a:1", "all": "b:2"}
    https, http = proxy_for("https", "x.test", 443, settings), proxy_for("http", "x.test", 80, settings)
    assert https is not None
    assert http is not None
    assert (https.name, http.name) == ("a:1", "b:2")
    assert proxy_for("https", "x.test", 443, {**settings, "no": "x.test"}) is None
    assert proxy_for("https", "x.test", 443, {}) is None


def test_a_proxy_with_a_password_does_not_print_it() -> None:
    proxy = parse_proxy("http://me:p%40ss@proxy.test:3128/")
    assert (proxy.host, proxy.port, proxy.authorization) == ("proxy.test", 3128, "Basic bWU6cEBzcw==")
    assert "bWU6" not in repr(proxy)


@pytest.mark.parametrize("url", ["socks5://me:sk-secret@p:1", "http://", "http://me:sk-secret@p:99999", "ftp://p"])
def test_a_proxy_that_cannot_be_used_is_the_operators_to_fix(url: str) -> None:
    with pytest.raises(OperatorError, match="proxy setting") as caught:
        parse_proxy(url)
    assert "sk-secret" not in caught.value.message


@both_loops
def test_plain_http_is_asked_for_in_absolute_form(loop: str) -> None:
    async def main() -> None:
        async with answering(OK) as proxy:
            up = client(proxies={"http": f"http://me:secret@127.0.0.1:{proxy.port}"})
            for _ in range(2):
                assert (await up.fetch(HttpRequest("GET", "http://vendor.test:81/v1?a=b"), QUICK)).body == b"ok"
            assert proxy.requests[0].startswith(b"GET http://vendor.test:81/v1?a=b HTTP/1.1\r\nhost: vendor.test:81\r\n")
            assert b"proxy-authorization: Basic bWU6c2VjcmV0\r\n" in proxy.requests[0]
            assert proxy.connections == 1
            await up.aclose()

    run(main(), loop)


@asynccontextmanager
async def tunnelling(
    to: int, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """A CONNECT proxy that leads everything to one port."""
    async with serving(tls=tls) as proxy:

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await proxy.read(reader)
            writer.write(answer)
            if b" 200 " not in answer:
                return
            there, back = await asyncio.open_connection("127.0.0.1", to)

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(65536):
                    target.write(data)
                target.close()

            await asyncio.gather(copy(reader, back), copy(there, writer))

        proxy.handler = handler
        yield proxy


@both_loops
@pytest.mark.parametrize("secure_proxy", [False, True], ids=["http proxy", "https proxy"])
def test_https_goes_through_a_tunnel_and_keeps_it(
    loop: str, secure_proxy: bool, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)

    async def main() -> None:
        async with (
            answering(OK, tls=authority.context("vendor.test")) as server,
            tunnelling(server.port, tls=authority.context("localhost") if secure_proxy else None) as proxy,
        ):
            up = client(proxies={"https": f"http{'s' if secure_proxy else ''}://me:secret@localhost:{proxy.port}"})
            big = b"x" * 300_000
            for body in (b"{}", big, b"{}"):
                answer = await up.fetch(HttpRequest("POST", "https://vendor.test/v1?key=1", (), body), QUICK)
                assert answer.body == b"ok"
            assert proxy.requests == [
                b"CONNECT vendor.test:443 HTTP/1.1\r\nhost: vendor.test:443\r\nproxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n"
            ]
            assert server.requests[0].startswith(b"POST /v1?key=1 HTTP/1.1\r\nhost: vendor.test\r\n")
            assert b"proxy-authorization" not in server.requests[0]
            assert server.requests[1].endswith(big)
            assert server.connections == 1
            await up.aclose()

    run(main(), loop)


@both_loops
def test_the_certificate_behind_the_tunnel_is_the_vendors_own(loop: str, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)

    async def main() -> None:
        async with answering(OK, tls=authority.context("other.test")) as server, tunnelling(server.port) as proxy:
            up = client(proxies={"https": f"http://127.0.0.1:{proxy.port}"})
            with pytest.raises(UpstreamError, match="certificate was refused") as caught:
                await up.fetch(HttpRequest("GET", "https://vendor.test/"), QUICK)
            assert caught.value.code == "upstream_unreachable"
            await asyncio.wait_for(proxy.closed.wait(), 1)

    run(main(), loop)


REFUSALS = [
    (
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 4\r\n\r\nhtml",
        "407 Proxy Authentication Required.*user and password",
    ),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"),
    (b"", "closed the connection during the handshake"),
    (b"nonsense\r\n\r\n", "nonsense"),
    (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK", "handshake"),
]


@both_loops
@pytest.mark.parametrize(("answer", "words"), REFUSALS)
def test_a_proxy_that_refuses_is_named(loop: str, answer: bytes, words: str) -> None:
    async def main() -> None:
        async with serving() as proxy:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await proxy.read(reader)
                writer.write(answer)

            proxy.handler = handler
            up = client(proxies={"https": f"http://127.0.0.1:{proxy.port}"})
            with pytest.raises(UpstreamError, match=words) as caught:
                await up.fetch(HttpRequest("GET", "https://vendor.test/"), QUICK)
            assert "vendor.test:443" in caught.value.message
            assert (caught.value.code, caught.value.status) == ("upstream_unreachable", 502)

    run(main(), loop)


def test_a_proxy_that_is_not_there_or_says_nothing_is_an_upstream_error() -> None:
    async def main() -> None:
        up = client(proxies={"https": "http://127.0.0.1:9"})
        with pytest.raises(UpstreamError, match=r"vendor.test:443 through the proxy 127.0.0.1:9: connection refused"):
            await up.fetch(HttpRequest("GET", "https://vendor.test/"), QUICK)
        async with serving() as proxy:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read()
                await reader.read()

            proxy.handler = handler
            up = client(proxies={"https": f"http://127.0.0.1:{proxy.port}"})
            with pytest.raises(UpstreamError, match="connect_timeout"):
                await up.fetch(HttpRequest("GET", "https://vendor.test/"), Timeouts(connect=0.2))
            await asyncio.wait_for(proxy.closed.wait(), 1)

    run(main())
