"""Callers who come with a token of an OpenID Connect issuer, checked here against the issuer's public keys.

Odd here: nothing on the request path waits. The keys (JWKS) are fetched in the background, kept through an outage of the issuer, and
fetched again soon after a token names a key that is not among them (an issuer that changed its keys). Only public-key algorithms are
taken: with HS256 a public key, used as the shared secret, would sign anything. A verified token is remembered until it expires.

Sources: RFC 7519 (JWT), RFC 7517 (JWK), OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from .access import DEFAULT_WORKSPACE, Caller, Limits, negative, refused, workspace_name
from .errors import CallerError, GatewayError, OperatorError, UpstreamError

log = logging.getLogger("trunkline.auth")

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""What each type of key may sign with."""
LEEWAY = 30.0
"""Seconds by which an issuer's clock may differ from ours."""
REFRESH = 900.0
"""Seconds between fetches of the keys."""
SOONEST = 10.0
"""Seconds at least between two fetches, however many tokens name unknown keys."""
REMEMBERED = 10_000
NO_MODEL = ("",)
"""Patterns that match no model: a token whose models claim is there and empty."""

Get = Callable[[str], Awaitable[bytes]]
"""Fetches a URL's body. UpstreamError where that fails."""


class Rules(Struct, frozen=True):
    """`[auth.oidc]`. An empty `workspace_claim` puts every token in the default workspace; a token without the models claim may name
    any model, and one without the limits claim has no limits."""

    issuer: str
    audience: str
    workspace_claim: str = ""
    models_claim: str = ""
    limits_claim: str = ""
    jwks_url: str = ""
    """Found by discovery (`issuer/.well-known/openid-configuration`) where empty."""


class Issuer:
    """One issuer's keys and the tokens already verified. Owned by the server; `run` keeps it up to date."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._keys: dict[str, Any] | None = None
        self._verified: dict[bytes, tuple[float, Caller]] = {}
        self._wanted = asyncio.Event()

    @property
    def ready(self) -> bool:
        return self._keys is not None

    def verify(self, token: bytes, now: float) -> Caller:
        """The caller the token names. CallerError 401 saying what is wrong with it; OperatorError 503 while no keys were fetched yet."""
        digest = hashlib.sha256(token).digest()
        known = self._verified.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        claims = self._claims(token)
        expires = claims.get("exp")
        if not isinstance(expires, int | float):
            raise refused("The token has no exp claim; only tokens that expire are accepted.")
        if now >= expires + LEEWAY:
            raise refused("The token has expired.")
        for claim in ("nbf", "iat"):
            if isinstance(begins := claims.get(claim), int | float) and now < begins - LEEWAY:
                raise refused(f"The token is not valid yet ({claim}).")
        caller = caller_of(claims, self.rules)
        if len(self._verified) >= REMEMBERED:
            self._verified.clear()
        self._verified[digest] = (expires + LEEWAY, caller)
        return caller

    def _claims(self, token: bytes) -> dict[str, Any]:
        import jwt

        if self._keys is None:
            raise OperatorError(
                "The identity provider's keys have not been fetched yet, so tokens cannot be checked.",
                status=503, code="issuer_unavailable", retry_after=5.0,
            )  # fmt: skip
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(header)
            return jwt.decode(
                token,
                key.key,
                algorithms=[header["alg"]],
                audience=self.rules.audience,
                issuer=self.rules.issuer,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp"]},
            )
        except jwt.InvalidAudienceError:
            raise refused("The token is not meant for this gateway (aud).") from None
        except jwt.InvalidIssuerError:
            raise refused("The token is of another issuer (iss).") from None
        except jwt.MissingRequiredClaimError as error:
            raise refused(f"The token has no {error.claim} claim.") from None
        except (jwt.PyJWTError, ValueError):
            raise refused("The token's signature or form is not valid.") from None

    def _key(self, header: dict[str, Any]) -> Any:
        assert self._keys is not None
        id = header.get("kid", "")
        key = self._keys.get(id)
        if key is None and not id and len(self._keys) == 1:
            key = next(iter(self._keys.values()))
        if key is None:
            self._wanted.set()
            raise refused("The token is signed with a key the issuer has not published.")
        if header.get("alg") not in ALGORITHMS[key.key_type]:
            raise refused(f"The token is signed with {header.get('alg')!r}, which its key does not do.")
        return key

    # ── keeping the keys ─────────────────────────────────────────────────────────────────────────────────

    async def run(self, get: Get, *, soonest: float = SOONEST, refresh: float = REFRESH) -> None:
        """Fetch the keys now, then again and again, sooner when a token names an unknown one. Runs until cancelled."""
        while True:
            try:
                await self.fetch(get)
            except GatewayError as error:
                log.error(
                    "the keys of %s could not be fetched (%s); %s",
                    self.rules.issuer,
                    error.message,
                    "the old ones stay" if self.ready else "no token can be checked",
                )
            await asyncio.sleep(soonest)
            waiting = 0.0 if not self.ready else refresh - soonest
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), max(0.0, waiting))
            self._wanted.clear()

    async def fetch(self, get: Get) -> None:
        """Take over the issuer's keys. UpstreamError where there are none that can be used; the old ones stay."""
        import jwt

        url = self.rules.jwks_url
        if not url:
            found = _object(await get(f"{self.rules.issuer.rstrip('/')}/.well-known/openid-configuration"))
            url = found.get("jwks_uri", "")
            if not isinstance(url, str) or not url:
                raise UpstreamError("its openid-configuration names no jwks_uri")
        try:
            keys = jwt.PyJWKSet.from_dict(_object(await get(url))).keys
        except jwt.PyJWTError as error:
            raise UpstreamError(f"{url} holds no usable keys: {error}") from None
        usable = {key.key_id or "": key for key in keys if key.public_key_use in (None, "sig") and key.key_type in ALGORITHMS}
        if not usable:
            raise UpstreamError(f"{url} holds no public keys for signatures")
        self._keys = usable
        self._verified.clear()


def caller_of(claims: dict[str, Any], rules: Rules) -> Caller:
    """The claims as a caller. CallerError 401 for a token without the workspace claim."""
    workspace: object = DEFAULT_WORKSPACE
    if rules.workspace_claim:
        workspace = claims.get(rules.workspace_claim)
        if not isinstance(workspace, str) or not workspace:
            raise refused(f"The token has no {rules.workspace_claim} claim, which names the workspace.")
    models = claims.get(rules.models_claim) if rules.models_claim else None
    if isinstance(models, str):
        models = models.replace(",", " ").split()
    if models is not None and not (isinstance(models, list) and all(isinstance(model, str) for model in models)):
        raise refused(f"The token's {rules.models_claim} claim is not a list of names.")
    limits = limits_of(claims.get(rules.limits_claim), rules.limits_claim) if rules.limits_claim else Limits()
    subject = str(claims.get("sub", ""))
    name = claims.get("email") or claims.get("name") or subject
    try:
        return Caller(
            workspace=workspace_name(str(workspace).encode()),
            key_id=f"oidc:{subject}",
            name=str(name)[:150],
            models=() if models is None else tuple(models) or NO_MODEL,
            limits=limits,
        )
    except CallerError:
        raise refused("The token's workspace is not a name we can use.") from None


def limits_of(claim: object, name: str) -> Limits:
    """The claim as a gateway key's limits; none where the token has none. CallerError 401 for anything else: a limit that cannot be read
    is no limit kept."""
    try:
        limits = Limits() if claim is None else msgspec.convert(claim, Limits)
    except msgspec.ValidationError as error:
        raise refused(f"The token's {name} claim is not the limits of a key: {error}") from None
    if field := negative(limits):
        raise refused(f"The token's {name} claim has a negative {field}.")
    return limits


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UpstreamError("it answered with something else than a JSON object") from None
