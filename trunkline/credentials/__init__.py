"""Tokens and keys that must be fetched before a request can be signed: Google, Entra, OAuth 2, and AWS's credential chain.

Odd here: the request path hardly ever waits. A token is refreshed in the background well before it ends, by one fetch however many
requests want it; only the first request ever, or one after a refused token, waits. Ways to sign that name no credentials of their own
(Google's defaults, AWS's chain) mean this machine's, so a row that a workspace wrote may not use them.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import assert_never

from ..errors import CallerError
from ..secret import Secret
from ..target import Auth, Bearer, EntraAuth, GoogleAuth, HeaderKey, NoAuth, OAuthClient, QueryKey, SigV4
from .source import Cached, Fetch, Token, TokenSource

__all__ = ["Cached", "Credentials", "Fetch", "Token", "TokenSource"]

MOST_SOURCES = 4096


class Credentials:
    """One per process. `fetch` is `Upstream.fetch`; `clock` gives Unix time in seconds."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time) -> None:
        self._fetch = fetch
        self._clock = clock
        self._sources: dict[tuple[Auth, bool], Cached] = {}

    async def token(self, auth: Auth, trusted: bool = True) -> Secret | None:
        """What `signing.sign` needs beside `auth`; None where it needs nothing. At once where a good token is at hand.

        Raises UpstreamError (502 `upstream_auth`) where the issuer refuses or cannot be reached, OperatorError where a package or
        the machine's own credentials are missing, CallerError where a workspace's row would use the machine's.
        """
        source = self._source(auth, trusted)
        if source is None:
            return None
        found = source.current(self._clock())
        return found if found is not None else await source.refresh()

    async def lifetime(self, auth: Auth, trusted: bool = True) -> float:
        """Fetch a token now, whatever is cached, and say how many seconds it is good for (Opik's `auth-config/test`). 0: it needs none."""
        source = self._made(auth, trusted)
        if source is None:
            return 0.0
        return (await source.fetch()).expires_at - self._clock()

    def invalidate(self, auth: Auth) -> None:
        """The vendor refused the token (401): the next request fetches another."""
        for trusted in (True, False):
            source = self._sources.get((auth, trusted))
            if source is not None:
                source.invalidate()

    async def close(self) -> None:
        """Stop refreshing."""
        for source in self._sources.values():
            await source.close()
        self._sources.clear()

    def _source(self, auth: Auth, trusted: bool) -> Cached | None:
        found = self._sources.get((auth, trusted))
        if found is None:
            found = self._made(auth, trusted)
            if found is None:
                return None
            while len(self._sources) >= MOST_SOURCES:
                self._sources.pop(next(iter(self._sources)))
            self._sources[auth, trusted] = found
        return found

    def _made(self, auth: Auth, trusted: bool) -> Cached | None:
        match auth:
            case NoAuth() | Bearer() | HeaderKey() | QueryKey():
                return None
            case SigV4():
                if auth.secret_access_key is not None:
                    return None
                _refuse_ambient(trusted, "AWS keys (access_key_id and secret_access_key, or an API key)")
                from .aws import AwsChain

                return AwsChain(self._clock)
            case GoogleAuth():
                if auth.credentials is None:
                    _refuse_ambient(trusted, "service account")
                from .google import Google

                return Google(auth, self._fetch, trusted, self._clock)
            case EntraAuth():
                from .oauth import Entra

                return Entra(auth, self._fetch, trusted, self._clock)
            case OAuthClient():
                from .oauth import OAuth

                return OAuth(auth, self._fetch, trusted, self._clock)
            case _:
                assert_never(auth)


def _refuse_ambient(trusted: bool, what: str) -> None:
    if not trusted:
        raise CallerError(
            f"this provider needs its own {what}: a workspace may not use those of the machine the gateway runs on",
            code="provider_key_missing",
        )
