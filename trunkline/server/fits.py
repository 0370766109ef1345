"""Whether uvicorn's HTTP protocol is still the one that the fast lane (`protocol.py`) was written against.

Odd here: uvicorn does not promise that class, so its minor version is pinned, a test fails loudly when this says no, and a server that
meets another class all the same falls back to plain ASGI.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

USED = (
    "connection_made", "connection_lost", "data_received", "send_400_response", "on_message_begin", "on_url", "on_header",
    "on_headers_complete", "on_body", "on_message_complete", "_start_asgi_task", "on_response_complete", "pause_writing", "resume_writing",
    "shutdown", "timeout_keep_alive_handler", "_unset_keepalive_if_required",
)  # fmt: skip
ATTRIBUTES = ("self.cycle", "self.pipeline", "self.flow", "self.headers", "self.url", "self.parser", "self.app", "self.transport")


def fits(protocol: type = HttpToolsProtocol) -> bool:
    """Whether uvicorn's class still has every method and attribute that the lane stands on."""
    if not all(callable(getattr(protocol, name, None)) for name in USED):
        return False
    made: Callable[..., None] = protocol.__init__  # type: ignore[misc]
    source = inspect.getsource(made) + inspect.getsource(protocol.on_message_begin)  # type: ignore[attr-defined]
    return all(name in source for name in ATTRIBUTES)
