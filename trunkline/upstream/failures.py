"""What can go wrong with an upstream, in words: who was called, what happened, what to look at.

Odd here: every sentence names host and port and never a path or a query, since a query may hold a key. Codes and statuses:
upstream_unreachable 502 (no connection came about), upstream_timeout 504, upstream_disconnected 502 (it broke), upstream_protocol 502
(what came is not HTTP, or more than we take).
"""

from __future__ import annotations

import errno
import socket
import ssl

from ..errors import UpstreamError

LOOPBACK_HINT = "is it running? inside a container localhost is the container itself: use the service's name or host.docker.internal"


class Stale(UpstreamError):
    """A pooled connection that the server had closed before it saw the request: worth one more try on a fresh one."""

    code = "upstream_disconnected"


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1"


def unreachable(name: str, host: str, cause: BaseException) -> UpstreamError:
    """`cause` is what resolving, connecting or the TLS handshake raised."""
    return UpstreamError(f"could not connect to {name}: {_why(host, cause)}", code="upstream_unreachable")


def _why(host: str, cause: BaseException) -> str:
    match cause:
        case socket.gaierror() | UnicodeError():
            return "the host name does not resolve; check its spelling in base_url and this machine's DNS"
        case ssl.SSLCertVerificationError():
            return f"its TLS certificate was refused ({cause.verify_message}); for a private authority set SSL_CERT_FILE to its PEM file"
        case ssl.SSLError():
            reason = (cause.reason or "handshake failed").replace("_", " ").lower()
            return f"TLS failed ({reason}); does that port speak https?"
        case ConnectionRefusedError():
            return "connection refused; " + (LOOPBACK_HINT if _is_loopback(host) else "is it running, and is the port right?")
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return "no route to it from here"
        case ConnectionError():
            return "it closed the connection during the handshake"
        case OSError():
            return cause.strerror or "the connection failed"
        case _:
            return cause.__class__.__name__


def proxy_refused(name: str, proxy: str, said: str) -> UpstreamError:
    hint = "; give its user and password in the proxy's URL" if " 407" in said else ""
    return UpstreamError(f"could not connect to {name}: the proxy {proxy} answered {said!r} to CONNECT{hint}", code="upstream_unreachable")


def connect_timeout(name: str, seconds: float) -> UpstreamError:
    return _late(f"could not connect to {name} within {seconds:g} s (connect_timeout); is a firewall in the way?")


def first_byte_timeout(name: str, seconds: float) -> UpstreamError:
    return _late(f"{name} began no answer within {seconds:g} s (first_byte_timeout)")


def idle_timeout(name: str, seconds: float) -> UpstreamError:
    return _late(f"{name} fell silent in mid-answer for {seconds:g} s (idle_timeout)")


def _late(message: str) -> UpstreamError:
    return UpstreamError(message, status=504, code="upstream_timeout")


def disconnected(name: str, when: str, cause: BaseException | None, *, stale: bool = False) -> UpstreamError:
    did = "closed the connection" if cause is None else "reset the connection"
    return (Stale if stale else UpstreamError)(f"{name} {did} {when}", code="upstream_disconnected")


def stopping(name: str) -> UpstreamError:
    return UpstreamError(f"the call to {name} ended because this gateway is stopping", code="upstream_disconnected", try_next=False)


def protocol(name: str, what: str) -> UpstreamError:
    return UpstreamError(f"{name} {what}", code="upstream_protocol")
