"""OAuth 2 client credentials (RFC 6749, 4.4): Opik's `auth_config`, and Azure's Entra ID, which is one case of it.

Odd here: what is sent is the recipe and nothing more, so `grant_type` is one of the credentials if the issuer wants it. Identity and
secret in a Basic header go as they are, not form-encoded first as RFC 6749 2.3.1 has it, since issuers commonly do not decode them.

Sources: https://www.comet.com/docs/opik (custom providers), https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ..errors import OperatorError, UpstreamError
from ..secret import Secret
from ..target import EntraAuth, OAuthClient
from ..wire import Headers, HttpRequest, HttpResponse
from .source import TIMEOUTS, Cached, Fetch, Token

MOST_SECONDS = 31_536_000
"""A year: beyond it a lifetime is a mistake."""
ENTRA_SCOPE = "https://cognitiveservices.azure.com/.default"
ENTRA_HOST = "https://login.microsoftonline.com"


class OAuth(Cached):
    def __init__(self, auth: OAuthClient, fetch: Fetch, trusted: bool, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._auth, self._via, self._trusted = auth, fetch, trusted

    async def fetch(self) -> Token:
        response = await self._via(token_request(self._auth), TIMEOUTS, trusted=self._trusted)
        return read_token(response, self._auth, self._clock())


class Entra(OAuth):
    def __init__(self, auth: EntraAuth, fetch: Fetch, trusted: bool, clock: Callable[[], float]) -> None:
        url = auth.token_url or f"{ENTRA_HOST}/{quote(auth.tenant_id, safe='')}/oauth2/v2.0/token"
        fields = {"grant_type": "client_credentials", "client_id": auth.client_id, "scope": ENTRA_SCOPE}
        credentials = (*((name, Secret(value)) for name, value in fields.items()), ("client_secret", auth.client_secret))
        super().__init__(OAuthClient(url, credentials=credentials), fetch, trusted, clock)


def token_request(auth: OAuthClient) -> HttpRequest:
    """The recipe as a request. OperatorError where `basic` lacks client_id or client_secret."""
    fields = [(name, secret.reveal()) for name, secret in auth.credentials]
    if auth.send_as == "json":
        return _post(auth.token_url, "application/json", msgspec.json.encode(dict(fields)))
    headers: Headers = ()
    if auth.send_as == "basic":
        known = dict(fields)
        if not known.get("client_id") or not known.get("client_secret"):
            raise OperatorError('send_as = "basic" needs the credentials client_id and client_secret', code="token_recipe")
        pair = f"{known['client_id']}:{known['client_secret']}".encode()
        headers = (("authorization", "Basic " + base64.b64encode(pair).decode()),)
        fields = [(name, value) for name, value in fields if name not in ("client_id", "client_secret")]
    return _post(auth.token_url, "application/x-www-form-urlencoded", urlencode(fields).encode(), headers)


def _post(url: str, content_type: str, body: bytes, more: Headers = ()) -> HttpRequest:
    return HttpRequest("POST", url, (("content-type", content_type), ("accept", "application/json"), *more), body)


def read_token(response: HttpResponse, auth: OAuthClient, now: float) -> Token:
    """The token and its end. UpstreamError 502 `upstream_auth`, with OAuth's own words and never a credential or a body."""
    host = urlsplit(auth.token_url).hostname or auth.token_url
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if response.status >= 300 or response.status < 200:
        raise _refused(f"the token endpoint {host} answered {response.status}{_said(body, auth)}", response.status)
    if not isinstance(body, dict):
        raise _refused(f"the token endpoint {host} did not answer with a JSON object", 502)
    token = at_path(body, auth.token_field)
    if not isinstance(token, str) or not token.strip():
        raise _refused(
            f"the answer of the token endpoint {host} has no text at {auth.token_field!r}; it has {', '.join(body) or 'nothing'}", 502
        )
    return Token(Secret(token), now + lifetime(at_path(body, auth.expires_field), auth, host), now)


def lifetime(value: Any, auth: OAuthClient, host: str) -> float:
    """Seconds, from a number or a numeric text; the recipe's fallback where there is neither (0: use the token once)."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float(auth.fallback_ttl_seconds)
    if not 0 < value <= MOST_SECONDS:
        raise _refused(f"the token endpoint {host} gave a lifetime of {value:g} s; 1 to {MOST_SECONDS} make sense", 502)
    return float(value)


def at_path(body: Any, path: str) -> Any:
    """What stands at a dot path (`data.token`); None where nothing does."""
    for step in path.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body


def _said(body: Any, auth: OAuthClient) -> str:
    """RFC 6749 5.2's error and error_description, with every credential cut out, since some issuers repeat what they were sent."""
    if not isinstance(body, dict):
        return ""
    words = [word for name in ("error", "error_description", "message") if isinstance(word := body.get(name), str) and word]
    text = ": ".join(words)[:300]
    for _, secret in auth.credentials:
        if len(secret.reveal()) >= 4 and secret.reveal() in text:
            text = text.replace(secret.reveal(), "***")
    return f" ({text})" if text else ""


def _refused(message: str, status: int) -> UpstreamError:
    return UpstreamError(message, status=504 if status in (408, 504) else 502, code="upstream_auth")
