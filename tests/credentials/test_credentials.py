from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Coroutine
from typing import Any, TypeVar
from urllib.parse import parse_qs

import pytest

from trunkline.credentials import Credentials
from trunkline.errors import CallerError, OperatorError, UpstreamError
from trunkline.secret import Secret
from trunkline.signing import sign
from trunkline.target import Auth, Bearer, EntraAuth, GoogleAuth, OAuthClient, SigV4, Timeouts
from trunkline.wire import HttpRequest, HttpResponse

T = TypeVar("T")


def run(job: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(job)


class Issuer:
    """A token endpoint in the place of `Upstream.fetch`: answers what it is told, the last answer again and again."""

    def __init__(self, *answers: tuple[int, Any] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []
        self.trusted: list[bool] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, request: HttpRequest, timeouts: Timeouts, *, trusted: bool) -> HttpResponse:
        self.requests.append(request)
        self.trusted.append(trusted)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return HttpResponse(status, {"content-type": "application/json"}, body if isinstance(body, bytes) else json.dumps(body).encode())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def token(name: str, seconds: Any = 3600) -> tuple[int, Any]:
    return 200, {"access_token": name, "expires_in": seconds}


RECIPE = OAuthClient("https://issuer/token", credentials=(("client_id", Secret("me")), ("client_secret", Secret("s3cret&x"))))


def test_a_constant_key_needs_no_token() -> None:
    issuer = Issuer(token("a"))
    credentials = Credentials(issuer)
    assert run(credentials.token(Bearer(Secret("k")), True)) is None
    assert run(credentials.token(SigV4("r", "bedrock", "AK", Secret("s")), False)) is None
    assert issuer.requests == []


def test_a_token_is_fetched_once_for_all_who_wait_and_then_kept() -> None:
    async def story() -> None:
        issuer, clock = Issuer(token("a")), Clock()
        credentials = Credentials(issuer, clock)
        tokens = await asyncio.gather(*(credentials.token(RECIPE, True) for _ in range(50)))
        assert {found.reveal() for found in tokens if found} == {"a"}
        clock.now += 2000
        assert await credentials.token(RECIPE, True) == Secret("a")
        assert len(issuer.requests) == 1

    run(story())


def test_a_token_is_renewed_in_the_background_ahead_of_its_end() -> None:
    async def story() -> None:
        issuer, clock = Issuer(token("a"), token("b")), Clock()
        credentials = Credentials(issuer, clock)
        await credentials.token(RECIPE, True)
        clock.now += 3600 - 290
        issuer.gate = asyncio.Event()
        assert [await credentials.token(RECIPE, True) for _ in range(3)] == [Secret("a")] * 3, "nobody waits"
        await asyncio.sleep(0)
        assert len(issuer.requests) == 2, "one renewal"
        issuer.gate.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert await credentials.token(RECIPE, True) == Secret("b")

    run(story())


def test_a_renewal_that_fails_leaves_the_token_in_use_and_is_not_hammered() -> None:
    async def story() -> None:
        issuer, clock = Issuer(token("a"), (500, {}), token("b")), Clock()
        credentials = Credentials(issuer, clock)
        await credentials.token(RECIPE, True)
        clock.now += 3600 - 100
        for _ in range(20):
            assert await credentials.token(RECIPE, True) == Secret("a")
            await asyncio.sleep(0)
        assert len(issuer.requests) == 2
        clock.now += 6
        for _ in range(5):
            await credentials.token(RECIPE, True)
            await asyncio.sleep(0)
        assert await credentials.token(RECIPE, True) == Secret("b")

    run(story())


def test_an_ended_token_is_never_used() -> None:
    async def story() -> None:
        issuer, clock = Issuer(token("a", 60), token("b", 60)), Clock()
        credentials = Credentials(issuer, clock)
        await credentials.token(RECIPE, True)
        clock.now += 58
        assert await credentials.token(RECIPE, True) == Secret("b")

    run(story())


def test_a_refused_token_is_replaced_once_for_all_that_were_in_flight_with_it() -> None:
    async def story() -> None:
        issuer, clock = Issuer(token("a"), token("b"), token("c")), Clock()
        credentials = Credentials(issuer, clock)
        await credentials.token(RECIPE, True)
        credentials.invalidate(RECIPE)
        assert await credentials.token(RECIPE, True) == Secret("b"), "at once, even for a token just fetched"
        credentials.invalidate(RECIPE)
        assert await credentials.token(RECIPE, True) == Secret("b"), "a late refusal of the old one"
        clock.now += 30
        credentials.invalidate(RECIPE)
        assert await credentials.token(RECIPE, True) == Secret("c")

    run(story())


def test_a_caller_who_hangs_up_does_not_stop_the_fetch_others_wait_for() -> None:
    async def story() -> None:
        issuer = Issuer(token("a"))
        issuer.gate = asyncio.Event()
        credentials = Credentials(issuer, Clock())
        first = asyncio.ensure_future(credentials.token(RECIPE, True))
        second = asyncio.ensure_future(credentials.token(RECIPE, True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        issuer.gate.set()
        assert await second == Secret("a")
        assert len(issuer.requests) == 1

    run(story())


def test_form_json_and_basic_send_the_recipe_and_nothing_more() -> None:
    async def sent(send_as: str) -> HttpRequest:
        issuer = Issuer(token("a"))
        more = (*RECIPE.credentials, ("scope", Secret("a b")))
        await Credentials(issuer).token(OAuthClient("https://issuer/token", send_as, more), True)
        return issuer.requests[0]

    form, as_json, basic = run(sent("form")), run(sent("json")), run(sent("basic"))
    assert parse_qs(form.body.decode()) == {"client_id": ["me"], "client_secret": ["s3cret&x"], "scope": ["a b"]}
    assert dict(form.headers)["content-type"] == "application/x-www-form-urlencoded"
    assert json.loads(as_json.body) == {"client_id": "me", "client_secret": "s3cret&x", "scope": "a b"}
    assert dict(as_json.headers)["content-type"] == "application/json"
    assert base64.b64decode(dict(basic.headers)["authorization"].removeprefix("Basic ")) == b"me:s3cret&x"
    assert parse_qs(basic.body.decode()) == {"scope": ["a b"]}


def test_token_and_lifetime_are_found_at_dot_paths() -> None:
    recipe = OAuthClient("https://issuer/token", token_field="data.jwt.token", expires_field="data.ttl")
    issuer = Issuer((200, {"data": {"jwt": {"token": "deep"}, "ttl": "120"}}))
    assert run(Credentials(issuer).token(recipe, True)) == Secret("deep")
    assert run(Credentials(issuer, Clock()).lifetime(recipe)) == 120


@pytest.mark.parametrize(("stated", "fallback", "seconds"), [(None, 77, 77), ("soon", 77, 77), (True, 77, 77), (90.5, 77, 90.5)])
def test_a_lifetime_that_is_not_stated_falls_back(stated: Any, fallback: int, seconds: float) -> None:
    recipe = OAuthClient("https://issuer/token", fallback_ttl_seconds=fallback)
    assert run(Credentials(Issuer(token("a", stated)), Clock()).lifetime(recipe)) == seconds


def test_a_fallback_of_nought_means_a_token_for_each_request() -> None:
    async def story() -> None:
        issuer = Issuer((200, {"access_token": "a"}))
        credentials = Credentials(issuer, Clock())
        recipe = OAuthClient("https://issuer/token", fallback_ttl_seconds=0)
        await credentials.token(recipe, True)
        await credentials.token(recipe, True)
        assert len(issuer.requests) == 2

    run(story())


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, {"error": "invalid_client", "error_description": "bad secret s3cret&x"}), "invalid_client: bad secret ***"),
        ((502, b"<html>proxy</html>"), "answered 502"),
        ((200, b"not json"), "JSON object"),
        ((200, b'{"access_token":"\xff"}'), "JSON object"),
        ((200, [1]), "JSON object"),
        ((200, {"id_token": "x"}), "no text at 'access_token'; it has id_token"),
        (token("a", -5), "lifetime of -5"),
        (token("a", 1e12), "lifetime of 1e+12"),
    ],
)
def test_a_failed_fetch_names_the_issuer_and_no_secret(answer: tuple[int, Any], says: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        run(Credentials(Issuer(answer)).token(RECIPE, True))
    assert caught.value.code == "upstream_auth"
    assert caught.value.status == 502
    assert "issuer" in caught.value.message
    assert says in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "html" not in caught.value.message


def test_an_unreachable_issuer_is_the_senders_own_error() -> None:
    with pytest.raises(UpstreamError, match="no route"):
        run(Credentials(Issuer(UpstreamError("no route"))).token(RECIPE, True))


def test_the_token_url_of_an_untrusted_row_is_fetched_untrusted() -> None:
    async def story() -> None:
        issuer = Issuer(token("a"))
        credentials = Credentials(issuer)
        await credentials.token(RECIPE, False)
        await credentials.token(RECIPE, True)
        assert issuer.trusted == [False, True], "and its token is not shared with a trusted one"

    run(story())


@pytest.mark.parametrize("auth", [GoogleAuth(), SigV4("us-east-1")])
def test_a_workspaces_row_may_not_use_the_machines_credentials(auth: Auth) -> None:
    with pytest.raises(CallerError, match="its own"):
        run(Credentials(Issuer(token("a"))).token(auth, False))


def test_entra_asks_its_tenant_for_the_scope_of_azure_openai() -> None:
    issuer = Issuer(token("e"))
    assert run(Credentials(issuer).token(EntraAuth("te/nant", "me", Secret("s")), True)) == Secret("e")
    assert issuer.requests[0].url == "https://login.microsoftonline.com/te%2Fnant/oauth2/v2.0/token"
    assert parse_qs(issuer.requests[0].body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "client_secret": ["s"],
        "scope": ["https://cognitiveservices.azure.com/.default"],
    }


# ── Google ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "me@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def test_a_service_accounts_jwt_is_exchanged_at_its_token_url(account: dict[str, str]) -> None:
    issuer = Issuer((200, {"access_token": "ya29", "expires_in": 3600}))
    auth = GoogleAuth(Secret(json.dumps(account)), "http://127.0.0.1:9/mine")
    found = run(Credentials(issuer).token(auth, True))
    assert found == Secret("ya29")
    (request,) = issuer.requests
    assert request.url == "http://127.0.0.1:9/mine"
    form = parse_qs(request.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    claims = json.loads(base64.urlsafe_b64decode(form["assertion"][0].split(".")[1] + "=="))
    assert claims["iss"] == account["client_email"]
    assert claims["aud"] == "https://oauth2.googleapis.com/token", "who the assertion is for does not change with the way to it"
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    signed = sign(HttpRequest("POST", "https://h/x"), auth, 0.0, found)
    assert dict(signed.headers)["authorization"] == "Bearer ya29"


def test_googles_token_is_kept_for_as_long_as_it_says(account: dict[str, str]) -> None:
    issuer = Issuer((200, {"access_token": "ya29", "expires_in": 3600}))
    assert 3500 < run(Credentials(issuer).lifetime(GoogleAuth(Secret(json.dumps(account))))) <= 3600


def test_googles_refusal_is_the_upstreams_and_shows_no_key(account: dict[str, str]) -> None:
    issuer = Issuer((400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}))
    with pytest.raises(UpstreamError, match="Invalid JWT Signature") as caught:
        run(Credentials(issuer).token(GoogleAuth(Secret(json.dumps(account))), True))
    assert caught.value.code == "upstream_auth"
    assert "PRIVATE KEY" not in caught.value.message


def test_google_unreachable_is_the_senders_own_error(account: dict[str, str]) -> None:
    with pytest.raises(UpstreamError, match="no route"):
        run(Credentials(Issuer(UpstreamError("no route"))).token(GoogleAuth(Secret(json.dumps(account))), True))


@pytest.mark.parametrize("change", [{"private_key": "garbage"}, {"private_key": ""}, {"client_email": ""}, {"type": "external_account"}])
def test_a_bad_service_account_says_what_is_wrong_without_quoting_it(account: dict[str, str], change: dict[str, str]) -> None:
    with pytest.raises(OperatorError) as caught:
        run(Credentials(Issuer(token("a"))).token(GoogleAuth(Secret(json.dumps({**account, **change}))), True))
    assert "garbage" not in caught.value.message
    with pytest.raises(OperatorError):
        run(Credentials(Issuer(token("a"))).token(GoogleAuth(Secret("not json")), True))


def test_default_credentials_are_found_and_exchanged_through_us(
    account: dict[str, str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "adc.json"
    file.write_text(json.dumps({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    issuer = Issuer((200, {"access_token": "adc", "expires_in": 3600}))
    assert run(Credentials(issuer).token(GoogleAuth(), True)) == Secret("adc")
    assert issuer.requests[0].url == "https://oauth2.googleapis.com/token"


# ── AWS ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_awss_chain_is_asked_where_no_keys_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ST")
    found = run(Credentials(Issuer(token("a"))).token(SigV4("us-east-1"), True))
    assert found is not None
    assert json.loads(found.reveal()) == ["AK", "SK", "ST"]
    sent = dict(sign(HttpRequest("POST", "https://h/x"), SigV4("us-east-1"), 0.0, found).headers)
    assert sent["x-amz-security-token"] == "ST"


def test_a_machine_without_aws_credentials_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(OperatorError, match="access_key_id"):
        run(Credentials(Issuer(token("a"))).token(SigV4("us-east-1"), True))
