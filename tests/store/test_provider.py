"""From a stored row to the provider that is called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trunkline.secret import Secret
from trunkline.store.provider import NAMING, OPIK_KINDS, provider_of
from trunkline.store.records import AuthConfig, Credential
from trunkline.target import Bearer, GoogleAuth, HeaderKey, NoAuth, OAuthClient, SigV4

from ..stores import a_key

KEY = Secret("sk-1")
SERVICE_ACCOUNT = Secret(json.dumps({"type": "service_account", "project_id": "p-1", "client_email": "e", "private_key": "k"}))


def made(**fields: Any) -> Any:
    if "configuration" in fields:
        fields["configuration"] = tuple(fields["configuration"].items())
    return provider_of(a_key(**{"api_key": KEY, **fields}))


def custom(**fields: Any) -> Any:
    return made(**{"provider": "custom-llm", "provider_name": "vllm", "base_url": "http://u/v1", **fields})


@pytest.mark.parametrize(
    ("provider", "kind", "auth"),
    [
        ("openai", "openai", Bearer(KEY)),
        ("anthropic", "anthropic", HeaderKey("x-api-key", KEY)),
        ("gemini", "gemini", HeaderKey("x-goog-api-key", KEY)),
        ("openrouter", "openrouter", Bearer(KEY)),
        ("mistral", "mistral", Bearer(KEY)),
        ("groq", "groq", Bearer(KEY)),
    ],
)
def test_a_vendors_key_is_its_kind_at_the_vendors_own_address(provider: str, kind: str, auth: Any) -> None:
    row = made(provider=provider, workspace="team")
    assert (row.name, row.kind, row.auth, row.workspace) == (kind, kind, auth, "team")
    assert row.base_url.startswith("https://")
    assert row.trusted, "the URL is ours, not the workspace's"


def test_a_row_that_cannot_be_read_is_left_out_and_the_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    assert custom(base_url="http://[::1/v1") is None
    assert "is not used: it cannot be read (ValueError)" in caplog.text
    assert "::1" not in caplog.text
    nested = Secret('{"a":' * 5000)
    assert made(provider="vertex-ai", api_key=nested).options["location"] == "global"
    assert custom(configuration={"url_query_params": nested.reveal()}).query == ()


def test_every_opik_provider_has_a_kind_of_ours() -> None:
    from trunkline.providers import KINDS

    assert set(OPIK_KINDS.values()) <= set(KINDS)
    assert {"custom-llm", "bedrock", "ollama"} <= NAMING


def test_a_custom_provider_is_openai_style_and_not_trusted() -> None:
    row = custom(configuration={"models": "custom-llm/vllm/a/b, custom-llm/vllm/c,"}, headers=(("X-A", Secret("1")),))
    assert (row.name, row.kind, row.base_url, row.trusted) == ("vllm", "openai_compatible", "http://u/v1", False)
    assert row.models == ("custom-llm/vllm/a/b", "custom-llm/vllm/c")
    assert row.headers == (("x-a", "1"),)
    assert row.options["opik_provider"] == "custom-llm"


def test_the_query_of_a_base_url_is_kept_and_url_query_params_join_it() -> None:
    row = custom(base_url="https://h/{model}/v1?a=1", configuration={"url_query_params": '{"api-version":"2024","flag":true,"n":1}'})
    assert row.base_url == "https://h/{model}/v1"
    assert row.query == (("a", "1"), ("api-version", "2024"), ("flag", "true"), ("n", "1"))


@pytest.mark.parametrize(
    ("configuration", "auth"),
    [
        ({}, Bearer(KEY)),
        ({"auth_header_name": "api-key"}, HeaderKey("api-key", KEY, also_bearer=True)),
        ({"auth_header_name": "api-key", "suppress_default_auth": "true"}, HeaderKey("api-key", KEY)),
        ({"auth_header_name": "api-key", "suppress_default_auth": "false"}, HeaderKey("api-key", KEY, also_bearer=True)),
        ({"suppress_default_auth": "true"}, NoAuth()),
    ],
)
def test_the_header_of_a_key(configuration: dict[str, str], auth: Any) -> None:
    assert custom(configuration=configuration).auth == auth


def test_an_auth_config_is_an_oauth_client_with_opiks_defaults() -> None:
    auth = AuthConfig(
        token_url="https://a/t", credentials=(Credential("client_id", Secret("i")), Credential("client_secret", Secret("s"), True))
    )
    row = custom(api_key=None, auth_config=auth)
    assert row.auth == OAuthClient("https://a/t", "form", (("client_id", Secret("i")), ("client_secret", Secret("s"))))
    assert not made(provider="openai", api_key=None, auth_config=auth).trusted, "the token URL is the workspace's"


def test_vertex_takes_a_service_account_and_a_location() -> None:
    row = made(provider="vertex-ai", api_key=SERVICE_ACCOUNT, configuration={"location": "us-central1"})
    assert (row.kind, row.auth) == ("vertex", GoogleAuth(SERVICE_ACCOUNT))
    assert (row.options["project"], row.options["location"]) == ("p-1", "us-central1")
    assert "us-central1" in row.base_url
    assert not row.trusted


@pytest.mark.parametrize(
    ("fields", "kind", "auth", "region"),
    [
        ({"base_url": "https://bedrock-runtime.eu-west-1.amazonaws.com"}, "bedrock", Bearer(KEY), "eu-west-1"),
        ({"configuration": {"region": "us-west-2"}}, "bedrock", Bearer(KEY), "us-west-2"),
        ({"api_key": Secret("AKIA123:secret/+")}, "bedrock", SigV4("us-east-1", "bedrock", "AKIA123", Secret("secret/+")), "us-east-1"),
        ({"base_url": "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"}, "openai_compatible", Bearer(KEY), None),
    ],
)
def test_bedrock_by_its_own_door_and_by_its_openai_door(fields: dict[str, Any], kind: str, auth: Any, region: str | None) -> None:
    row = made(provider="bedrock", provider_name="aws", **fields)
    assert (row.name, row.kind, row.auth, row.options.get("region")) == ("aws", kind, auth, region)
    assert row.base_url.startswith("https://bedrock-runtime.")


@pytest.mark.parametrize("url", ["http://o:11434", "http://o:11434/", "http://o:11434/v1", "http://o:11434/v1/"])
def test_an_ollama_is_its_host(url: str) -> None:
    row = made(provider="ollama", provider_name="o", api_key=None, base_url=url)
    assert (row.kind, row.base_url, row.auth, row.trusted) == ("ollama", "http://o:11434", NoAuth(), False)


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": "custom-llm", "provider_name": "x", "base_url": None},
        {"provider": "snowflake"},
        {"provider": "bedrock", "provider_name": "x", "api_key": None},
        {"provider": "vertex-ai", "api_key": None},
    ],
)
def test_a_row_that_says_too_little_is_left_out_and_never_uses_the_machines_own_keys(
    fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert made(**fields) is None
    assert "is not used" in caplog.text


@pytest.mark.parametrize("provider", ["ollama", "vllm"])
def test_a_default_on_this_machine_is_under_the_egress_rules(provider: str) -> None:
    row = made(provider=provider, provider_name="x")
    assert "localhost" in row.base_url
    assert not row.trusted


def test_the_options_of_a_kind_are_taken_from_the_configuration() -> None:
    row = made(provider="cloudflare", configuration={"account_id": "a1", "token_url": "http://thief", "load": "start"})
    assert row.base_url.endswith("/accounts/a1/ai/v1")
    assert row.options == {"opik_provider": "cloudflare", "account_id": "a1"}


def test_a_provider_prints_no_secret() -> None:
    assert "sk-1" not in repr(custom())
