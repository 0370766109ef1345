"""Which addresses a caller's URL may lead to, by every road there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CallerError, UpstreamError
from trunkline.upstream import Egress
from trunkline.upstream.egress import judge
from trunkline.wire import HttpRequest

from .servers import OK, QUICK, answering, client, run

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "0.0.0.0",
    "0.1.2.3", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%2", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "4000::1", "64:ff9b:1::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1", "::ffff:0:10.0.0.1", "2002:0a00:0001::1", "2002:7f00:1::", "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2607:f8b0::5efe:10.0.0.1", "2607:f8b0::200:5efe:192.168.0.1",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
    "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1", "::a9fe:a9fe",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::200e",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:0808:0808::1",
]  # fmt: skip

LOOPBACK_SPELLINGS = [
    "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001", "127.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0",
    "１２７.0.0.1", "127。0。0。1",
]  # fmt: skip
METADATA_SPELLINGS = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.16689662",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_private(address: str) -> None:
    assert judge(address) == "private"


@pytest.mark.parametrize("address", METADATA)
def test_metadata_addresses_are_metadata(address: str) -> None:
    assert judge(address) == "metadata"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert judge(address) == "public"


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(address: object) -> None:
    assert judge(f"::ffff:{address}") == judge(f"64:ff9b::{address}") == judge(str(address))


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_public(address: object) -> None:
    if not getattr(address, "is_global") or getattr(address, "is_multicast"):  # noqa: B009
        assert judge(str(address)) != "public" or str(address).startswith(("64:ff9b:", "2002:", "2001:", "::ffff:"))


def names(**hosts: list[str]):  # type: ignore[no-untyped-def]
    """A resolver that knows these names only."""

    async def resolve(host: str, port: int) -> list[str]:
        return hosts[host.partition(".")[0]]

    return resolve


def refused(url: str, egress: Egress = Egress(), **more: object) -> CallerError:  # noqa: B008
    async def main() -> CallerError:
        up = client(egress=egress, **more)
        for call in (up.fetch, up.open):
            with pytest.raises(CallerError) as caught:
                await call(HttpRequest("POST", url), QUICK, trusted=False)
        assert up._live == set()
        return caught.value

    error: CallerError = run(main())
    assert (error.code, error.status, error.try_next) == ("egress_denied", 400, False)
    assert "egress.private_addresses" in error.message
    return error


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_every_spelling_of_loopback_is_refused(host: str) -> None:
    assert "private, loopback" in refused(f"http://{host}:9/v1").message


@pytest.mark.parametrize("host", METADATA_SPELLINGS)
def test_every_spelling_of_the_metadata_service_is_refused_even_where_private_is_allowed(host: str) -> None:
    assert "metadata" in refused(f"http://{host}/latest", Egress(private=True)).message


def test_a_name_that_points_inside_is_refused_and_does_not_tell_where() -> None:
    message = refused("https://evil.test/v1?key=sk-secret", resolve=names(evil=["10.1.2.3"])).message
    assert "evil.test" in message
    assert "10.1.2.3" not in message
    assert "sk-secret" not in message


def test_one_private_address_among_public_ones_is_enough() -> None:
    refused("https://evil.test/v1", resolve=names(evil=["8.8.8.8", "2606:4700::1", "127.0.0.1"]))


@pytest.mark.parametrize("host", ["metadata.google.internal", "metadata", "METADATA.google.internal.", "instance-data"])
def test_metadata_names_are_refused_whatever_they_resolve_to(host: str) -> None:
    async def anywhere(host: str, port: int) -> list[str]:
        return ["8.8.8.8"]

    refused(f"http://{host}/computeMetadata/v1/", Egress(private=True), resolve=anywhere)


def test_private_addresses_are_reached_where_they_are_allowed() -> None:
    async def main() -> None:
        async with answering(OK) as server:
            up = client(egress=Egress(private=True))
            assert (await up.fetch(server.post(), QUICK, trusted=False)).body == b"ok"
            await up.aclose()

    run(main())


def test_metadata_addresses_are_dialled_where_they_are_allowed() -> None:
    async def main() -> None:
        up = client(egress=Egress(private=True, metadata=True), resolve=names(metadata=["127.0.0.1"]))
        with pytest.raises(UpstreamError, match="connection refused"):
            await up.fetch(HttpRequest("GET", "http://metadata.google.internal:9/"), QUICK, trusted=False)

    run(main())


def test_trusted_requests_are_not_asked_and_their_connections_are_not_lent_to_untrusted_ones() -> None:
    async def main() -> None:
        async with answering(OK) as server:
            up = client()
            assert (await up.fetch(server.post(), QUICK)).body == b"ok"
            assert [len(pool.idle) for pool in up._pools.values()] == [1]
            with pytest.raises(CallerError):
                await up.fetch(server.post(), QUICK, trusted=False)
            assert (await up.fetch(server.post(), QUICK)).body == b"ok"
            assert server.connections == 1
            await up.aclose()

    run(main())


def test_a_name_that_changes_between_check_and_use_is_dialled_where_it_was_checked() -> None:
    """DNS rebinding: the resolver is asked once a connection."""

    async def main() -> None:
        asked = 0

        async def rebinding(host: str, port: int) -> list[str]:
            nonlocal asked
            asked += 1
            return ["127.0.0.1"] if asked == 1 else ["169.254.169.254"]

        async with answering(OK) as server:
            up = client(egress=Egress(private=True), resolve=rebinding)
            request = HttpRequest("GET", f"http://rebind.test:{server.port}/")
            assert (await up.fetch(request, QUICK, trusted=False)).body == b"ok"
            assert asked == 1
            assert b"host: rebind.test:%d\r\n" % server.port in server.requests[0]
            await up.aclose()

    run(main())


def test_a_redirect_inside_is_not_followed() -> None:
    async def main() -> None:
        async with answering(b"HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n") as server:
            up = client(egress=Egress(private=True))
            assert (await up.fetch(server.post(), QUICK, trusted=False)).status == 307
            await up.aclose()

    run(main())


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["10.0.0.1", "2130706434", "inside.test"])
def test_behind_a_proxy_the_final_host_is_checked_too(scheme: str, host: str) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        assert host != "proxy.test", "the proxy was asked"
        return {"inside.test": ["192.168.0.9"], "2130706434": ["127.0.0.2"]}.get(host, [host])

    proxies = {"http": "http://proxy.test:3128", "https": "http://proxy.test:3128"}
    refused(f"{scheme}://{host}/v1", proxies=proxies, resolve=resolver)


def test_an_untrusted_url_that_is_wrong_is_the_callers_to_fix() -> None:
    async def main() -> None:
        for url in ("ftp://a/", "http://user:sk-secret@a/", "http:///x", "http://a:99999/", "http://a b/", "http://a/\r\nx: y", "nonsense"):
            with pytest.raises(CallerError) as caught:
                await client().fetch(HttpRequest("GET", url), QUICK, trusted=False)
            assert caught.value.code == "invalid_url"
            assert "sk-secret" not in caught.value.message

    run(main())
