"""Tokens of an OpenID Connect issuer: verified here, by its published keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trunkline.access import Access, Caller, Limits, identify, may_use
from trunkline.errors import CallerError, OperatorError, UpstreamError
from trunkline.oidc import Issuer, Rules

NOW = 1_800_000_000.0
ISSUER = "https://id.example"
RULES = Rules(issuer=ISSUER, audience="trunkline", workspace_claim="workspace", models_claim="models")
FIRST = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECOND = ec.generate_private_key(ec.SECP256R1())


def published(**keys: Any) -> bytes:
    algorithms = {rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm, ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm}
    jwks = []
    for id, key in keys.items():
        algorithm = next(value for kind, value in algorithms.items() if isinstance(key, kind))
        jwks.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": id, "use": "sig"})
    return json.dumps({"keys": jwks}).encode()


class Web:
    """What the issuer publishes; `down` makes it unreachable."""

    def __init__(self, **keys: Any) -> None:
        self.down = False
        self.asked: list[str] = []
        self.pages = {
            f"{ISSUER}/.well-known/openid-configuration": json.dumps({"jwks_uri": f"{ISSUER}/keys"}).encode(),
            f"{ISSUER}/keys": published(**keys),
        }

    async def get(self, url: str) -> bytes:
        self.asked.append(url)
        if self.down:
            raise UpstreamError("down")
        return self.pages[url]


def issuer(rules: Rules = RULES) -> Issuer:
    made = Issuer(rules)
    asyncio.run(made.fetch(Web(first=FIRST, second=SECOND).get))
    return made


def token(key: Any = FIRST, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any) -> bytes:
    body = {"iss": ISSUER, "aud": "trunkline", "sub": "u1", "exp": NOW + 60, "workspace": "team", "models": ["openai/*"], **claims}
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={"kid": "first"} if headers is None else headers).encode()


def test_a_good_token_is_a_caller_with_its_claims() -> None:
    caller = issuer().verify(token(email="me@example.com"), NOW)
    assert caller == Caller(workspace="team", key_id="oidc:u1", name="me@example.com", models=("openai/*",))
    assert issuer().verify(token(SECOND, "ES256", {"kid": "second"}), NOW).workspace == "team"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "no exp"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"aud": "someone"}, "not meant for this gateway"),
        ({"aud": None}, "no aud"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": None}, "no iss"),
        ({"workspace": None}, "no workspace claim"),
        ({"workspace": ["team"]}, "no workspace claim"),
        ({"workspace": "a\nb"}, "not a name"),
        ({"models": 5}, "not a list"),
    ],
)
def test_a_token_with_wrong_claims_is_401_and_says_why(claims: dict[str, Any], said: str) -> None:
    with pytest.raises(CallerError, match=said) as caught:
        issuer().verify(token(**claims), NOW)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")


def hmac_signed_with_the_public_key() -> bytes:
    import base64
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = FIRST.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = token().split(b".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').rstrip(b"=")
    signature = hmac.new(public, head + b"." + body, hashlib.sha256).digest()
    return head + b"." + body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


@pytest.mark.parametrize(
    "forged",
    [
        token(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        token(SECOND, "ES256"),
        token()[:-8] + b"AAAAAAAA",
        token(b"x" * 32, "HS256"),  # type: ignore[arg-type]
        hmac_signed_with_the_public_key(),
        jwt.encode({"iss": ISSUER, "aud": "trunkline", "exp": NOW + 60}, None, "none", headers={"kid": "first"}).encode(),
        b"a.b.c",
        b"..",
    ],
)
def test_a_forged_token_is_401(forged: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        issuer().verify(forged, NOW)
    assert caught.value.status == 401


def test_a_token_is_remembered_no_longer_than_it_lasts() -> None:
    one = issuer()
    text = token()
    assert one.verify(text, NOW) is one.verify(text, NOW + 1)
    with pytest.raises(CallerError, match="expired"):
        one.verify(text, NOW + 91)


@pytest.mark.parametrize(
    ("claim", "limits"),
    [
        (None, Limits()),
        ({"requests_per_minute": 5, "budget": 2.5, "budget_period": "day"}, Limits(requests_per_minute=5, budget=2.5, budget_period="day")),
        ({"budget": -1}, "negative budget"),
        ({"rpm": 1}, "unknown field `rpm`"),
        (["requests_per_minute"], "not the limits of a key"),
    ],
)
def test_the_limits_claim_is_a_keys_limits_or_no_entry(claim: Any, limits: Limits | str) -> None:
    rules = msgspec.structs.replace(RULES, limits_claim="limits")
    if isinstance(limits, Limits):
        assert issuer(rules).verify(token(limits=claim), NOW).limits == limits
        assert issuer().verify(token(limits=claim), NOW).limits == Limits()
        return
    with pytest.raises(CallerError, match=limits) as caught:
        issuer(rules).verify(token(limits=claim), NOW)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("models", "allowed"),
    [(None, True), ("openai/*, fast", True), (["anthropic/*"], False), ([], False), ("", False)],
)
def test_the_models_claim_limits_what_may_be_named(models: Any, allowed: bool) -> None:
    assert may_use(issuer().verify(token(models=models), NOW), "openai/gpt-4o") is allowed


def test_before_the_keys_are_there_it_is_503_and_not_401() -> None:
    with pytest.raises(OperatorError) as caught:
        Issuer(RULES).verify(token(), NOW)
    assert caught.value.status == 503


def test_an_outage_of_the_issuer_leaves_the_keys_in_place() -> None:
    one, web = issuer(), Web()
    web.down = True
    with pytest.raises(UpstreamError):
        asyncio.run(one.fetch(web.get))
    assert one.verify(token(), NOW)


@pytest.mark.parametrize("page", [b"<html>", b"{}", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"AA"}]}'])
def test_an_issuer_that_publishes_nonsense_is_an_upstream_error(page: bytes) -> None:
    web = Web()
    web.pages[f"{ISSUER}/keys"] = page
    one = issuer()
    with pytest.raises(UpstreamError):
        asyncio.run(one.fetch(web.get))
    assert one.verify(token(), NOW)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.001)


def test_a_new_key_of_the_issuer_is_fetched_when_a_token_names_it() -> None:
    async def story() -> None:
        web = Web(first=FIRST)
        one = Issuer(RULES)
        running = asyncio.create_task(one.run(web.get, soonest=0.01, refresh=3600))
        await until(lambda: one.ready)
        web.pages[f"{ISSUER}/keys"] = published(first=FIRST, second=SECOND)
        fresh = token(SECOND, "ES256", {"kid": "second"})
        with pytest.raises(CallerError, match="not published"):
            one.verify(fresh, NOW)
        await until(lambda: len(web.asked) >= 4)
        assert one.verify(fresh, NOW).workspace == "team"
        running.cancel()

    asyncio.run(story())


def test_identify_takes_tokens_in_oidc_mode_only() -> None:
    class Snap:
        access = Access(mode="oidc", tokens=issuer())

    snapshot = Snap()
    assert identify(snapshot, b"Bearer " + token(), b"", b"", NOW).workspace == "team"
    with pytest.raises(CallerError) as caught:
        identify(snapshot, b"Bearer " + token(), b"", b"other", NOW)
    assert caught.value.status == 403
    snapshot.access = Access(mode="keys", tokens=issuer())
    with pytest.raises(CallerError):
        identify(snapshot, b"Bearer " + token(), b"", b"", NOW)
