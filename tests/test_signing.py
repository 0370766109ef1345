from __future__ import annotations

import datetime as dt
import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import OperatorError, UpstreamError
from trunkline.secret import Secret
from trunkline.signing import auth_headers, conceal, pack_keys, sign
from trunkline.target import Auth, Bearer, EntraAuth, GoogleAuth, HeaderKey, NoAuth, OAuthClient, QueryKey, SigV4
from trunkline.wire import HttpRequest

NOW = 1_790_000_000.0
REQUEST = HttpRequest("POST", "https://h/v1/x", (("content-type", "application/json"),), b"{}")
KEY = Secret("sk-1")
KEYS = SigV4("us-east-1", "bedrock", "AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))


def headers(request: HttpRequest) -> dict[str, str]:
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names)), "a header is sent twice"
    return {name.lower(): value for name, value in request.headers}


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        (Bearer(KEY), {"authorization": "Bearer sk-1"}),
        (HeaderKey("x-api-key", KEY), {"x-api-key": "sk-1"}),
        (HeaderKey("api-key", KEY, also_bearer=True), {"api-key": "sk-1", "authorization": "Bearer sk-1"}),
        (HeaderKey("Authorization", KEY, also_bearer=True), {"authorization": "sk-1"}),
        (NoAuth(), {}),
    ],
)
def test_a_constant_key_is_in_its_headers_and_can_be_computed_beforehand(auth: Auth, sent: dict[str, str]) -> None:
    signed = sign(REQUEST, auth, NOW)
    assert headers(signed) == {"content-type": "application/json", **sent}
    assert (signed.url, signed.body) == (REQUEST.url, REQUEST.body)
    assert signed.headers == REQUEST.headers + auth_headers(auth)


def test_a_header_that_the_config_sets_is_not_sent_twice() -> None:
    request = REQUEST.with_headers(("Authorization", "Basic abc"))
    assert headers(sign(request, Bearer(KEY), NOW))["authorization"] == "Basic abc"


@pytest.mark.parametrize(
    ("url", "signed"), [("https://h/x", "https://h/x?key=a%26b"), ("https://h/x?alt=sse", "https://h/x?alt=sse&key=a%26b")]
)
def test_a_key_in_the_query_is_escaped_and_hidden(url: str, signed: str) -> None:
    request = sign(HttpRequest("POST", url), QueryKey("key", Secret("a&b")), NOW)
    assert request.url == signed
    assert "a%26b" not in repr(request)


@pytest.mark.parametrize("auth", [GoogleAuth(), EntraAuth("t", "c", KEY), OAuthClient("https://t")])
def test_a_fetched_token_is_a_bearer_and_its_absence_is_said(auth: Auth) -> None:
    assert headers(sign(REQUEST, auth, NOW, Secret("tok")))["authorization"] == "Bearer tok"
    assert auth_headers(auth) == ()
    with pytest.raises(OperatorError):
        sign(REQUEST, auth, NOW)


def by_botocore(request: HttpRequest, auth: SigV4, session: str | None = None) -> dict[str, str]:
    """What botocore's own signer, clock included, makes of the request."""
    from botocore import auth as botocore_auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    assert auth.secret_access_key is not None
    aws = AWSRequest(request.method, request.url, data=request.body, headers=dict(request.headers))
    with mock.patch.object(botocore_auth, "get_current_datetime", return_value=dt.datetime.fromtimestamp(NOW, dt.UTC)):
        botocore_auth.SigV4Auth(
            Credentials(auth.access_key_id, auth.secret_access_key.reveal(), session), auth.service, auth.region
        ).add_auth(aws)  # type: ignore[no-untyped-call,unused-ignore]
    return {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in aws.headers.items()}


@pytest.mark.parametrize(
    "path",
    [
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
        "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Ainference-profile%2Fus.x/converse-stream",
        "/model/a/converse?b=2&a=1",
    ],
)
@pytest.mark.parametrize("session", [None, "the/session=token"])
def test_aws_signatures_are_botocores(path: str, session: str | None) -> None:
    request = HttpRequest(
        "POST", f"https://bedrock-runtime.us-east-1.amazonaws.com{path}", (("content-type", "application/json"),), b'{"a":1}'
    )
    auth = KEYS if session is None else SigV4(KEYS.region, KEYS.service, KEYS.access_key_id, KEYS.secret_access_key, Secret(session))
    assert headers(sign(request, auth, NOW)) == by_botocore(request, KEYS, session)


def test_what_botocores_client_sends_for_a_model_with_a_colon_is_what_we_sign() -> None:
    """The whole of botocore, from the operation to the bytes, stopped before the socket."""
    import botocore.session
    from botocore.awsrequest import AWSResponse

    assert KEYS.secret_access_key is not None
    sent: list[Any] = []
    client = botocore.session.Session().create_client(
        "bedrock-runtime", "us-east-1", aws_access_key_id=KEYS.access_key_id, aws_secret_access_key=KEYS.secret_access_key.reveal()
    )

    def stop(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {}, mock.Mock(stream=lambda *_, **__: [b"{}"]))

    client.meta.events.register("before-send.bedrock-runtime.Converse", stop)
    client.converse(modelId="us.amazon.nova-2-lite-v1:0", messages=[{"role": "user", "content": [{"text": "hi"}]}])
    theirs = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in sent[0].headers.items()}
    signed_names = theirs["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    ours = tuple((name, theirs[name]) for name in signed_names if name in theirs and name not in ("host", "x-amz-date"))
    then = dt.datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
    signed = sign(HttpRequest("POST", sent[0].url, ours, sent[0].body), KEYS, then)
    assert headers(signed)["authorization"] == theirs["authorization"]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=40), st.text("abc-._~:%/ é", max_size=20))
def test_any_request_is_signed_as_botocore_would(body: bytes, path: str) -> None:
    from urllib.parse import quote

    request = HttpRequest("POST", f"https://h.example:8443/model/{quote(path, safe='/:%')}", (("x-a", " b  c "),), body)
    assert headers(sign(request, KEYS, NOW))["authorization"] == by_botocore(request, KEYS)["authorization"]


def test_aws_keys_from_the_chain_come_as_the_token() -> None:
    auth = SigV4("us-east-1")
    assert KEYS.secret_access_key is not None
    token = pack_keys(KEYS.access_key_id, KEYS.secret_access_key.reveal(), None)
    assert sign(REQUEST, auth, NOW, token) == sign(REQUEST, KEYS, NOW)
    assert json.loads(token.reveal())[2] is None
    with pytest.raises(OperatorError):
        sign(REQUEST, auth, NOW)


def test_signing_again_replaces_the_older_signature() -> None:
    once = sign(REQUEST, KEYS, NOW)
    assert headers(sign(once, KEYS, NOW + 60)) == headers(sign(REQUEST, KEYS, NOW + 60))


def test_a_signed_request_prints_without_its_secrets() -> None:
    shown = repr(sign(REQUEST, Bearer(KEY), NOW))
    assert "sk-1" not in shown


@pytest.mark.parametrize(
    "sent",
    [
        HttpRequest("POST", "https://h/v1", (("authorization", "Bearer sk-0123456789"), ("content-type", "application/json"))),
        HttpRequest("POST", "https://h/v1", (("X-Own-Key", "sk-0123456789"),)),
        HttpRequest("POST", "https://h/v1?alt=sse&key=sk-0123456789"),
    ],
)
def test_a_key_that_the_vendor_repeats_is_starred_wherever_it_stands(sent: HttpRequest) -> None:
    error = UpstreamError("wrong key sk-0123456789!", details="application/json, sk-0123456789", headers=(("x-id", "1 sk-0123456789"),))
    concealed = conceal(error, sent)
    assert (concealed.message, concealed.details, concealed.headers) == ("wrong key ***!", "application/json, ***", (("x-id", "1 ***"),))
    assert "sk-" not in str(concealed)
    assert "sk-" not in repr(concealed)
