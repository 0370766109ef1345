"""Which addresses a URL that a caller or workspace chose may lead to (SSRF).

Odd here: what is judged is the address that will be dialled, never the spelling in the URL. `2130706433`, `0x7f.1`, a DNS name that
points inside and an IPv6 address that carries an IPv4 one are all the same to the socket, so they are the same here. Metadata services
hand out credentials (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html) and need their own leave.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from ..errors import CallerError

Address = IPv4Address | IPv6Address

METADATA_NAMES = frozenset({
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal", "metadata.azure.internal",
    "metadata.tencentyun.com", "metadata.oraclecloud.com",
})  # fmt: skip

METADATA = tuple(map(ip_network, (
    "169.254.0.0/16",        # AWS, Google, Azure, Oracle, DigitalOcean, ECS (169.254.170.2): link-local as a whole
    "100.100.100.200/32",    # Alibaba
    "168.63.129.16/32",      # Azure's wire server, in public space
    "192.0.0.192/32",        # Oracle classic
    "fd00:ec2::/32",         # AWS: ::254 instance, ::23 EKS pod identity
    "fd20:ce::254/128",      # Google
    "fe80::a9fe:a9fe/128",   # OpenStack
)))  # fmt: skip

PRIVATE = tuple(map(ip_network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/127", "64:ff9b:1::/48", "100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
)))  # fmt: skip

GLOBAL_V6 = IPv6Network("2000::/3")
"""All that IANA has given out for the internet; what is not inside and carries no IPv4 address is no public host."""


def _within(address: Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)  # an address of the other version is in no network


def carried(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that packets to this one can end at: mapped, compatible, SIIT, NAT64, 6to4, Teredo, ISATAP."""
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    head = number >> 32
    if head in (0, 0xFFFF, 0xFFFF0000, 0x0064FF9B << 64) and number > 1:
        return [low]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if head & 0xFFFFFFFF in (0x00005EFE, 0x02005EFE):
        return [low]
    return []


@lru_cache(4096)
def judge(text: str) -> str:
    """ "public", "private" (loopback, link-local, multicast, reserved… too) or "metadata", for the text of an address."""
    address = ip_address(text.partition("%")[0])
    verdicts = {judge(str(inner)) for inner in carried(address)} if address.version == 6 else set()
    if "metadata" in verdicts or _within(address, METADATA):
        return "metadata"
    if "private" in verdicts or _within(address, PRIVATE):
        return "private"
    if address.version == 6 and not verdicts and address not in GLOBAL_V6:
        return "private"
    return "public"


class Egress(Struct, frozen=True):
    """What untrusted requests may reach beside the public internet. Trusted ones (the operator's own config) are not asked."""

    private: bool = False
    metadata: bool = False

    def check(self, host: str, addresses: list[str]) -> None:
        """Raises CallerError `egress_denied` if the name, or any one of its addresses, is out of bounds."""
        verdicts = {judge(address) for address in addresses}
        if not self.metadata and ("metadata" in verdicts or host.rstrip(".") in METADATA_NAMES):
            raise _denied(host, "a cloud metadata service")
        if not self.private and "private" in verdicts:
            raise _denied(host, "a private, loopback or reserved address")


def _denied(host: str, what: str) -> CallerError:
    # the address itself is not told: a caller must not learn this network's DNS
    return CallerError(
        f"the host {host!r} leads to {what}, where a base URL set by a caller or workspace may not go. Whoever runs this gateway can "
        'allow it with egress.private_addresses = "allow"',
        code="egress_denied",
    )
