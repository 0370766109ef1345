"""https: who is believed, what is offered, what is told when it fails."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.errors import UpstreamError
from trunkline.wire import HttpRequest

from .authority import Authority
from .servers import OK, QUICK, answering, both_loops, client, run, serving


@both_loops
def test_https_with_the_authority_that_ssl_cert_file_names(loop: str, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)

    async def main() -> None:
        told: list[object] = []
        context = authority.context("localhost")
        context.sni_callback = lambda sock, name, ctx: told.append(name)
        async with serving(tls=context) as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                told.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
                while True:
                    await server.read(reader)
                    writer.write(OK)

            server.handler = handler
            up = client()
            for body in (b"{}", b"x" * 1_000_000, b"{}"):
                answer = await up.fetch(HttpRequest("POST", f"https://localhost:{server.port}/", (), body), QUICK)
                assert answer.body == b"ok"
            assert told == ["localhost", "http/1.1"]
            assert server.connections == 1
            await up.aclose()

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("way", ["unknown authority", "wrong name"])
def test_a_certificate_that_proves_nothing_is_refused(loop: str, way: str, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    if way == "wrong name":
        monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    host = "localhost" if way == "unknown authority" else "vendor.test"

    async def main() -> None:
        async with answering(OK, tls=authority.context(host)) as server:
            with pytest.raises(UpstreamError, match=r"TLS certificate was refused.*SSL_CERT_FILE") as caught:
                await client().fetch(HttpRequest("POST", f"https://localhost:{server.port}/"), QUICK)
            assert (caught.value.code, caught.value.status) == ("upstream_unreachable", 502)
            assert server.requests == []

    run(main(), loop)


@both_loops
def test_https_to_a_port_that_speaks_http_says_so(loop: str) -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(1)
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            server.handler = handler
            with pytest.raises(UpstreamError, match="does that port speak https"):
                await client().fetch(HttpRequest("POST", f"https://localhost:{server.port}/"), QUICK)

    run(main(), loop)


@both_loops
def test_a_server_that_hangs_up_during_the_handshake(loop: str) -> None:
    async def main() -> None:
        async with serving() as server:

            async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(1)

            server.handler = handler
            with pytest.raises(UpstreamError) as caught:
                await client().fetch(HttpRequest("POST", f"https://localhost:{server.port}/"), QUICK)
            assert caught.value.code == "upstream_unreachable"

    run(main(), loop)


def test_without_a_store_certifis_authorities_are_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from trunkline.upstream.dial import authorities

    empty = ssl.get_default_verify_paths()._replace(cafile=None, capath=str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: empty)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    assert authorities().cert_store_stats()["x509_ca"] > 50


def test_the_store_is_not_loaded_before_the_first_https_url() -> None:
    code = (
        "import ssl, asyncio; ssl.create_default_context = None\n"
        "import sys\nfrom trunkline.upstream import Upstream, Egress\n"
        "Upstream(egress=Egress()); assert 'certifi' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
