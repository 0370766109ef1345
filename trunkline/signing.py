"""A request and a way to sign it give the request as it leaves. Pure: the clock and fetched tokens are arguments.

Odd here: this is where a secret opens. AWS is signed by botocore's own signer with our clock, so that what it signs as the canonical
path of a model id with a colon is what AWS expects; botocore is imported when the first such request is signed.
A header the config sets itself (`headers = {Authorization = …}`) is left as it is and not sent twice.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, assert_never
from urllib.parse import parse_qsl, urlencode

from .errors import OperatorError, UpstreamError
from .secret import Secret
from .target import Auth, Bearer, EntraAuth, GoogleAuth, HeaderKey, NoAuth, OAuthClient, QueryKey, SigV4
from .wire import Headers, HttpRequest

_UNSIGNED = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "date"})
"""Headers of the request that the AWS signature replaces."""


def sign(request: HttpRequest, auth: Auth, now: float, token: Secret | None = None) -> HttpRequest:
    """The request, signed. `now` is Unix time in seconds; `token` is what `Credentials.token` gave for this auth.

    OperatorError where a token is needed and none was given, or botocore is missing.
    """
    match auth:
        case Bearer() | HeaderKey():
            return _with(request, auth_headers(auth))
        case NoAuth():
            return request
        case QueryKey():
            sep = "&" if "?" in request.url else "?"
            return HttpRequest(
                request.method, request.url + sep + urlencode({auth.name: auth.key.reveal()}), request.headers, request.body
            )  # fmt: skip
        case SigV4():
            return _aws(request, auth, now, token)
        case GoogleAuth() | EntraAuth() | OAuthClient():
            if token is None:
                raise OperatorError("no access token was fetched for this provider", code="token_missing")
            return _with(request, (("authorization", f"Bearer {token.reveal()}"),))
        case _:
            assert_never(auth)


def auth_headers(auth: Auth) -> Headers:
    """The headers of a constant key; () where signing needs more than that (a token, the body, the URL)."""
    match auth:
        case Bearer():
            return (("authorization", f"Bearer {auth.key.reveal()}"),)
        case HeaderKey():
            own = (auth.name, auth.key.reveal())
            if auth.also_bearer and auth.name.lower() != "authorization":
                return (own, ("authorization", f"Bearer {auth.key.reveal()}"))
            return (own,)
        case _:
            return ()


def _with(request: HttpRequest, headers: Headers) -> HttpRequest:
    have = {name.lower() for name, _ in request.headers}
    return request.with_headers(*(pair for pair in headers if pair[0].lower() not in have))


# ── a vendor that repeats it ─────────────────────────────────────────────────────────────────────────────

_HARMLESS = frozenset({"content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta", "x-amz-date", "api-version"})
_SHORTEST = 8
"""Characters; what is shorter is no key, and might be any word."""


def conceal(error: UpstreamError, sent: HttpRequest) -> UpstreamError:
    """The error, with stars for every key of the request that the vendor repeats in its message ("your key … is wrong") or headers."""
    values = [value.rpartition(" ")[2] for name, value in sent.headers if name.lower() not in _HARMLESS]
    values += [value for name, value in parse_qsl(sent.url.partition("?")[2]) if name.lower() not in _HARMLESS]
    for key in values:
        if len(key) >= _SHORTEST:
            error.message = error.message.replace(key, "***")
            error.details = error.details and error.details.replace(key, "***")
            error.headers = tuple((name, value.replace(key, "***")) for name, value in error.headers)
    error.args = (error.message,)
    return error


# ── AWS ──────────────────────────────────────────────────────────────────────────────────────────────────


def pack_keys(access_key_id: str, secret_access_key: str, session_token: str | None) -> Secret:
    """Three keys as the one `token` that `sign` takes for SigV4."""
    return Secret(json.dumps([access_key_id, secret_access_key, session_token]))


def _aws(request: HttpRequest, auth: SigV4, now: float, token: Secret | None) -> HttpRequest:
    if token is not None:
        access, secret, session = json.loads(token.reveal())
    elif auth.secret_access_key is not None:
        access, secret = auth.access_key_id, auth.secret_access_key.reveal()
        session = auth.session_token.reveal() if auth.session_token is not None else None
    else:
        raise OperatorError("no AWS keys are configured, and none were found by botocore's chain", code="token_missing")
    signer, aws_request = _botocore()
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = tuple(pair for pair in request.headers if pair[0].lower() not in _UNSIGNED)
    added: Headers = (("x-amz-date", stamp),) + ((("x-amz-security-token", session),) if session else ())
    unsigned = aws_request(method=request.method, url=request.url, data=request.body, headers=dict(sent + added))
    unsigned.context["timestamp"] = stamp
    by = signer(_Keys(access, secret, session), auth.service, auth.region)
    signature = by.signature(by.string_to_sign(unsigned, by.canonical_request(unsigned)), unsigned)
    names = by.signed_headers(by.headers_to_sign(unsigned))
    line = f"AWS4-HMAC-SHA256 Credential={by.scope(unsigned)}, SignedHeaders={names}, Signature={signature}"
    return HttpRequest(request.method, request.url, (*sent, *added, ("authorization", line)), request.body)


class _Keys:
    """Shaped like botocore's Credentials."""

    def __init__(self, access_key: str, secret_key: str, token: str | None) -> None:
        self.access_key, self.secret_key, self.token = access_key, secret_key, token


@lru_cache(maxsize=1)
def _botocore() -> tuple[Any, Any]:
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
    except ImportError:
        raise OperatorError(
            "signing for AWS needs botocore: pip install 'trunkline[bedrock]', or use a Bedrock API key (api_key)",
            code="missing_dependency",
        ) from None
    return SigV4Auth, AWSRequest
