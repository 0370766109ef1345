"""Google access tokens: of a service account's key, or of the machine (application default credentials).

Odd here: google-auth does the signing and speaks HTTP through us. It is synchronous, so it runs in a thread, and each of its requests
is handed to the event loop and goes out as all of ours do (proxy, TLS, egress rules). A service account given by a workspace names its
own token URL, which is why that request is trusted no more than the row it came from.

Sources: https://google-auth.readthedocs.io/en/latest/user-guide.html,
https://developers.google.com/identity/protocols/oauth2/service-account
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from ..errors import GatewayError, OperatorError, UpstreamError
from ..secret import Secret
from ..target import GoogleAuth, Timeouts
from ..wire import HttpRequest, HttpResponse
from .source import TIMEOUTS, Cached, Fetch, Token

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
FALLBACK_SECONDS = 3600.0


class Google(Cached):
    def __init__(self, auth: GoogleAuth, fetch: Fetch, trusted: bool, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._auth, self._via, self._trusted = auth, fetch, trusted
        self._credentials: Any = None

    async def fetch(self) -> Token:
        bridge = _Bridge(self._via, self._trusted, asyncio.get_running_loop())
        return await asyncio.to_thread(self._refreshed, bridge)

    def _refreshed(self, bridge: _Bridge) -> Token:
        from google.auth import exceptions

        try:
            if self._credentials is None:
                self._credentials = _credentials(self._auth, bridge)
            self._credentials.refresh(bridge)
        except exceptions.DefaultCredentialsError:
            raise OperatorError(
                "no Google credentials on this machine: set GOOGLE_APPLICATION_CREDENTIALS, or the provider's `credentials`",
                code="token_missing",
            ) from None
        except exceptions.GoogleAuthError as error:
            raise bridge.failure or UpstreamError(f"Google's token endpoint refused: {_words(error)}", code="upstream_auth") from None
        now = self._clock()
        expiry = self._credentials.expiry
        ends = expiry.replace(tzinfo=UTC).timestamp() if expiry is not None else now + FALLBACK_SECONDS
        return Token(Secret(self._credentials.token), ends, now)


def _credentials(auth: GoogleAuth, bridge: _Bridge) -> Any:
    try:
        import google.auth
        from google.oauth2 import service_account
    except ImportError:
        raise OperatorError("Google credentials need google-auth: pip install 'trunkline[google]'", code="missing_dependency") from None
    if auth.credentials is None:
        found, _ = google.auth.default(scopes=SCOPES, request=cast(Any, bridge))
        return found
    info = service_account_info(auth.credentials)
    if auth.token_url:
        info["token_uri"] = auth.token_url
    try:
        return service_account.Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call,unused-ignore]
    except ValueError:  # also what google-auth raises for a key it cannot read; its text may quote the key
        raise OperatorError(
            "the service account's private_key cannot be read; use the JSON as Google made it", code="token_recipe"
        ) from None


def service_account_info(credentials: Secret) -> dict[str, Any]:
    """A service account's JSON as a dict. OperatorError saying what is wrong with it, without quoting it."""
    try:
        info = msgspec.json.decode(credentials.reveal(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise OperatorError("the Google credentials are not a JSON object", code="token_recipe") from None
    if info.get("type", "service_account") != "service_account":
        raise OperatorError("the Google credentials are of another type than service_account; leave them out to use the machine's own")
    for name in ("client_email", "private_key"):
        if not isinstance(info.get(name), str) or not info[name]:
            raise OperatorError(f"the Google credentials lack {name}", code="token_recipe")
    info.setdefault("token_uri", "https://oauth2.googleapis.com/token")
    return info


def _words(error: Exception) -> str:
    """google-auth's message; it may go on with the raw answer as a second argument, which is left out."""
    first = error.args[0] if error.args else type(error).__name__
    return str(first)[:300]


class _Answer:
    """Shaped like `google.auth.transport.Response`."""

    def __init__(self, response: HttpResponse) -> None:
        self.status, self.headers, self.data = response.status, response.headers, response.body


class _Bridge:
    """Shaped like `google.auth.transport.Request`: called in a thread, sends in the loop."""

    def __init__(self, fetch: Fetch, trusted: bool, loop: asyncio.AbstractEventLoop) -> None:
        self._via, self._trusted, self._loop = fetch, trusted, loop
        self.failure: GatewayError | None = None
        """Why a request did not get through, in our words."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        from google.auth import exceptions

        content = body.encode() if isinstance(body, str) else body or b""
        request = HttpRequest(method, url, tuple((headers or {}).items()), content)
        timeouts = TIMEOUTS if timeout is None else Timeouts(min(timeout, 5.0), timeout, timeout)
        waiting = asyncio.run_coroutine_threadsafe(self._send(request, timeouts), self._loop)
        try:
            return _Answer(waiting.result())
        except GatewayError as error:
            self.failure = error
            host = urlsplit(url).hostname
            raise exceptions.TransportError(f"{host} could not be reached") from None  # type: ignore[no-untyped-call,unused-ignore]

    async def _send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        return await self._via(request, timeouts, trusted=self._trusted)
