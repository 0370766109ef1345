"""What a request needs from this process: the snapshot, the way out, the tokens, the local models, the vault.

Odd here: it holds no locks and no logic. Each part has one owner elsewhere; this is the one place where they stand together, so that a
stage takes a request and a gateway and nothing global.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import random
from typing import TYPE_CHECKING

from .dialects.doors import beside, needs_responses
from .errors import OperatorError
from .meter import Meter
from .plan import Speeds, plan
from .routing.resolve import resolve
from .signing import sign
from .slowdown import Slowdown
from .target import Bearer, HeaderKey, NoAuth, Target
from .wire import Headers, HttpRequest, header_text

if TYPE_CHECKING:
    from .chat import ChatRequest
    from .config.live import Live
    from .config.snapshot import Snapshot
    from .credentials import Credentials
    from .local import LocalModel
    from .upstream import Upstream
    from .vault import Vault

REMEMBERED = 4096


class Known:
    """Constants of one target."""

    __slots__ = ("added", "beside", "constant", "headers", "name", "straight", "target")

    def __init__(self, target: Target, watched: bool) -> None:
        self.target = target
        self.name = header_text(target.name)
        """As `x-trunkline-target` has it."""
        self.beside = beside(target)
        """The same at the Responses API, for requests that chat completions refuses."""
        self.constant = isinstance(target.auth, NoAuth | Bearer | HeaderKey) and not target.query
        """Its key never changes and goes into a header."""
        self.added: Headers = ()
        """What it then puts behind the headers of each request. Holds a secret."""
        self.headers: Headers = ()
        """All headers of a JSON request. Holds a secret."""
        if self.constant:
            self.added = sign(HttpRequest("POST", "", target.headers), target.auth, 0.0).headers
            self.headers = (("content-type", "application/json"), *self.added)
        self.straight = self.constant and target.dialect == "openai_chat" and target.kind != "local" and not watched
        """Nothing has to be waited for before a request may leave, nor kept of its answer."""


class Gateway:
    def __init__(self, live: Live, upstream: Upstream, credentials: Credentials, vault: Vault | None = None) -> None:
        self.live = live
        self.upstream = upstream
        self.credentials = credentials
        self.vault = vault
        self.locals: dict[str, LocalModel] = {}
        self.slowdown = Slowdown()
        self.speeds = Speeds()
        self.meter: Meter | None = Meter()
        """None where nobody wants to know."""
        self.costs: dict[str, float] = {}
        """Target → dollars for a thousand tokens in and out, for aliases that go by price; read off the request path."""
        self._known: dict[int, Known] = {}

    def known(self, target: Target) -> Known:
        """What never changes about a target, worked out once. Remembered by the target itself: targets live as long as their snapshot."""
        known = self._known.get(id(target))
        if known is None or known.target is not target:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[id(target)] = Known(target, self.vault is not None and self.vault.watches(target))
        return known

    def door(self, request: ChatRequest, target: Target) -> Target:
        """The target itself, or the same model at the API that takes this request."""
        other = self.known(target).beside
        return target if other is None or not needs_responses(request, target) else other

    def planned(self, model: str, workspace: str, opik: bool) -> Sequence[Target]:
        """The targets of a name, in the order in which to try them."""
        snapshot = self.live.snapshot
        known = snapshot.resolved.get((model, workspace if workspace in snapshot.visible else "", opik))
        if known is not None and len(known) == 1:
            return known
        if model not in snapshot.aliases:
            return resolve(snapshot, model, workspace, opik)
        return plan(snapshot, model, workspace, opik, speeds=self.speeds.seconds, costs=self.costs, random=random)

    @property
    def snapshot(self) -> Snapshot:
        return self.live.snapshot

    def local(self, provider: str) -> LocalModel:
        """The running (or startable) model of a provider of kind local."""
        found = self.locals.get(provider)
        if found is None:
            raise OperatorError(f"the provider {provider!r} has no local model; install one: pip install 'trunkline[local]'")
        return found
