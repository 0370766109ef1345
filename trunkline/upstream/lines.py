"""What is written to a connection: the URL taken apart, the head of a request as bytes.

Odd here: a head is the same for every call to a target but for its content-length, so it is kept as bytes up to that number. This is
also the only line between a header value and the wire: CR, LF and NUL end here.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import quote, urlsplit

from msgspec import Struct

from .. import __version__
from ..errors import CallerError, GatewayError, OperatorError
from ..wire import HttpRequest
from .proxies import Proxy

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
HOST = re.compile(r"[a-z0-9._-]+", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
SAFE = "".join(map(chr, range(0x21, 0x7F))).translate({ord(c): None for c in '"<>\\^`{|}'})
"""What stays as it is in a path and query: all of printable ASCII that is not plainly outside RFC 3986, `%` included."""

OURS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"})
"""Headers that say how the message is framed: the client's own business."""


def fault(trusted: bool, message: str) -> GatewayError:
    """A request that cannot be written: the operator's to fix where it is their config, the caller's where they chose it."""
    return OperatorError(message) if trusted else CallerError(message, code="invalid_url")


NAMES: dict[bytes, str] = {}
"""Header names as servers spell them → lower case, as they came by."""


def lower_name(name: bytes) -> str:
    low = name.decode("latin-1").lower()
    if len(NAMES) < 2048:
        NAMES[name] = low
    return low


class Url(Struct, frozen=True):
    scheme: str
    host: str
    """Lower case, IDNA where it was not ASCII, without brackets."""
    port: int
    target: str
    """Path and query, percent-encoded."""

    @property
    def authority(self) -> str:
        """The `host` header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @property
    def name(self) -> str:
        """host:port, as errors call it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_url(url: str, trusted: bool = True) -> Url:
    """An absolute http(s) URL taken apart. OperatorError, or CallerError where it is not trusted, for any other."""
    if CONTROL.search(url):
        raise fault(trusted, "a base URL has a control character (a line break?) in it; remove it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise fault(trusted, "a base URL has a host or port that cannot be read; write https://host:port/path") from error
    if parts.scheme not in ("http", "https"):
        raise fault(
            trusted, f"a base URL has to begin with https:// or http://, not with {parts.scheme[:20] + ':' if parts.scheme else 'that'}"
        )
    if "@" in parts.netloc:
        raise fault(trusted, f"the base URL of {host!r} has a user or password in it; put the credential in api_key or headers")
    if port == 0:
        raise fault(trusted, f"the base URL of {host!r} has port 0; give the port the server listens on")
    path = quote(parts.path or "/", safe=SAFE)
    query = "?" + quote(parts.query, safe=SAFE) if parts.query else ""
    return Url(parts.scheme, _host(host, parts.netloc, trusted), port or (443 if parts.scheme == "https" else 80), path + query)


def _host(host: str, netloc: str, trusted: bool) -> str:
    try:
        if netloc.startswith("["):
            return str(IPv6Address(host))
        if not host.isascii():
            host = host.encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError) as error:
        raise fault(trusted, f"the host {host!r} of a base URL is no host name") from error
    if not HOST.fullmatch(host) or len(host) > 253:
        raise fault(trusted, f"the host {host[:80]!r} of a base URL is no host name")
    return host


def render(request: HttpRequest, url: Url, proxy: Proxy | None, trusted: bool) -> bytes:
    """The head without content-length and the empty line. `proxy` is one that takes plain http in absolute form.

    Raises OperatorError or CallerError for a header that could break out of its line or that is not the caller's to set.
    """
    if not TOKEN.fullmatch(request.method):
        raise fault(trusted, "the request method has a character that HTTP does not allow")
    headers = {"host": url.authority, "user-agent": f"trunkline/{__version__}", "accept-encoding": "identity"}
    lines: list[tuple[str, str]] = []
    for name, value in request.headers:
        low = name.lower()
        if not TOKEN.fullmatch(name):
            raise fault(trusted, f"the header name {name[:80]!r} has a character that HTTP does not allow; correct it in `headers`")
        if BAD_VALUE.search(value):
            raise fault(trusted, f"the value of header {name!r} has a line break or control character in it; correct the key or `headers`")
        if low in OURS:
            raise fault(trusted, f"the header {name!r} is set by the gateway itself; remove it from `headers`")
        headers.pop(low, None)
        lines.append((name, value.strip()))
    absolute = f"{url.scheme}://{url.authority}" if proxy is not None else ""
    if proxy is not None and proxy.authorization:
        headers["proxy-authorization"] = proxy.authorization
    head = f"{request.method} {absolute}{url.target} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in [*headers.items(), *lines])
    return head.encode()
