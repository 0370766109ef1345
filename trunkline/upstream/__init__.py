"""Outgoing HTTP/1.1, and nothing else: a keep-alive client on `asyncio.Protocol` and llhttp.

Odd here: the client decides what a gateway costs (httpx and aiohttp spend more than all the rest of a request), so this one does only
what a gateway needs. It follows no redirect, keeps no cookie, speaks no HTTP/2. One read of the socket is one wake-up of the task
that waits for it, and a call on a pooled connection awaits one future.

`client` is the way in, `connection` the protocol, `reply` an answer on its way, `lines` what is written, `dial` how a connection
comes to be (resolve, check, connect, tunnel, TLS), `egress` which addresses a caller's URL may reach, `proxies` the way round,
`coding` gzip from servers that were told not to, `failures` the words for what went wrong.
"""

from .client import Upstream
from .egress import Egress
from .reply import Reply

__all__ = ["Egress", "Reply", "Upstream"]
