"""What a request needs from this process: the snapshot, the way out, the tokens, the local models, the vault.

Odd here: it holds no locks and no logic. Each part has one owner elsewhere; this is the one place where they stand together, so that a
stage takes a request and a gateway and nothing global.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import OperatorError
from .signing import sign
from .target import Bearer, HeaderKey, NoAuth, Target
from .wire import Headers, HttpRequest

if TYPE_CHECKING:
    from .config.live import Live
    from .config.snapshot import Snapshot
    from .credentials import Credentials
    from .local import LocalModel
    from .upstream import Upstream
    from .vault import Vault

REMEMBERED = 4096


class Gateway:
    def __init__(self, live: Live, upstream: Upstream, credentials: Credentials, vault: Vault | None = None) -> None:
        self.live = live
        self.upstream = upstream
        self.credentials = credentials
        self.vault = vault
        self.locals: dict[str, LocalModel] = {}
        self._constant: dict[int, tuple[Target, Headers | None]] = {}

    def constant_headers(self, target: Target) -> Headers | None:
        """All headers of a request to an OpenAI-style target whose key never changes; None where signing needs more than that.

        Remembered by the target itself: targets live as long as their snapshot.
        """
        known = self._constant.get(id(target))
        if known is not None and known[0] is target:
            return known[1]
        if len(self._constant) >= REMEMBERED:
            self._constant.clear()
        headers: Headers | None = None
        if isinstance(target.auth, NoAuth | Bearer | HeaderKey):
            headers = sign(HttpRequest("POST", "", (("content-type", "application/json"), *target.headers)), target.auth, 0.0).headers
        self._constant[id(target)] = (target, headers)
        return headers

    @property
    def snapshot(self) -> Snapshot:
        return self.live.snapshot

    def local(self, provider: str) -> LocalModel:
        """The running (or startable) model of a provider of kind local."""
        found = self.locals.get(provider)
        if found is None:
            raise OperatorError(f"the provider {provider!r} has no local model; install one: pip install 'trunkline[local]'")
        return found
