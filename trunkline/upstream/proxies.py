"""Which proxy, if any, stands between us and a host: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY in either case.

Odd here: nobody ever wrote down what NO_PROXY means. We take what curl and Go agree on
(https://pkg.go.dev/golang.org/x/net/http/httpproxy): `*`, names with their subdomains, `.suffix`, `host:port`, addresses, CIDR blocks;
and localhost never goes through a proxy.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from ..errors import OperatorError


class Proxy(Struct, frozen=True):
    secure: bool
    """Whether the proxy itself is spoken to over TLS."""
    host: str
    port: int
    authorization: str = ""
    """The `proxy-authorization` value, empty where the proxy's URL has no user."""

    @property
    def name(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({self.name})"


def from_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The keys `http`, `https`, `all` and `no`, where set. Lower case wins, as in curl."""
    names = ("http", "https", "all", "no")
    found = {name: environ.get(f"{name}_proxy") or environ.get(f"{name.upper()}_PROXY", "") for name in names}
    if "REQUEST_METHOD" in environ:  # under CGI, HTTP_PROXY is a request header (https://httpoxy.org)
        found["http"] = environ.get("http_proxy", "")
    return {name: value for name, value in found.items() if value}


def parse_proxy(url: str) -> Proxy:
    """Raises OperatorError for what is no http(s) proxy; the message never holds the URL, which may hold a password."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host:
        raise OperatorError(
            f"the proxy setting with scheme {parts.scheme!r} cannot be used; give HTTPS_PROXY and HTTP_PROXY an http:// or https:// URL "
            "with a host (SOCKS is not supported)"
        )
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + b64encode(pair.encode()).decode("ascii")
    secure = parts.scheme == "https"
    return Proxy(secure, host, port or (443 if secure else 80), authorization)


def proxy_for(scheme: str, host: str, port: int, settings: Mapping[str, str]) -> Proxy | None:
    url = settings.get(scheme) or settings.get("all", "")
    return parse_proxy(url) if url and not bypassed(host, port, settings.get("no", "")) else None


def bypassed(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY, a comma-separated list, names this host."""
    host = host.rstrip(".").lower()
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in no_proxy.replace(" ", ",").split(","):
        name = entry.strip().lower()
        if not name:
            continue
        if name == "*":
            return True
        if address is not None and _names_address(name, str(address), port):
            return True
        name, wanted = _split_port(name)
        name = name.removeprefix("*").lstrip(".").rstrip(".")
        if name and wanted in ("", str(port)) and (host == name or host.endswith("." + name)):
            return True
    return False


def _split_port(entry: str) -> tuple[str, str]:
    name, _, port = entry.rpartition(":")
    if not name or not port.isdigit() or (":" in name and not name.endswith("]")):  # no port, or a bare IPv6 address
        return entry.strip("[]"), ""
    return name.strip("[]"), port


def _names_address(entry: str, address: str, port: int) -> bool:
    try:
        if "/" in entry:
            return ip_address(address) in ip_network(entry, strict=False)
        name, wanted = _split_port(entry)
        return ip_address(name) == ip_address(address) and wanted in ("", str(port))
    except ValueError:
        return False
