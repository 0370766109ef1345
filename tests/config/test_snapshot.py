from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from trunkline.access import Caller, Grant, identify, key_hash
from trunkline.config.check import check
from trunkline.config.snapshot import Snapshot, build
from trunkline.errors import ConfigError
from trunkline.providers import KINDS, Provider
from trunkline.secret import Secret
from trunkline.target import Bearer, EntraAuth, GoogleAuth, HeaderKey, NoAuth, OAuthClient, SigV4, Timeouts


def snapshot(text: str = "", environ: Mapping[str, str] = {}, *stored: Provider) -> Snapshot:
    return build(check(tomllib.loads(text), environ, Path()), environ, stored)


def row(text: str, environ: Mapping[str, str] = {}, name: str = "") -> Provider:
    rows = [provider for provider in snapshot(text, environ).providers if provider.name != "local" or name == "local"]
    return next(provider for provider in rows if not name or provider.name == name)


def test_each_customary_variable_turns_its_kind_on() -> None:
    for kind in KINDS.values():
        if not kind.env or kind.required_options or kind.name == "vertex":
            continue
        for variable in kind.env:
            names = [provider.name for provider in snapshot("", {variable: "k"}).providers]
            assert names == [kind.name, "local"], variable


def test_the_first_variable_set_wins_and_an_empty_one_is_not_set() -> None:
    assert row("", {"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}).auth == HeaderKey("x-goog-api-key", Secret("a"))
    assert row("", {"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "b"}).auth == HeaderKey("x-goog-api-key", Secret("b"))
    assert [provider.name for provider in snapshot("", {"OPENAI_API_KEY": ""}).providers] == ["local"]


def test_the_environment_turns_on_the_kinds_that_the_file_does_not_name() -> None:
    environ = {"OPENAI_API_KEY": "o", "GROQ_API_KEY": "g"}
    text = "[providers.mine]\nkind = 'openai'\napi_key = 'k'"
    assert [provider.name for provider in snapshot(text, environ).providers] == ["mine", "groq", "local"]
    assert [provider.name for provider in snapshot(f"[providers]\nfrom_env = false\n{text}", environ).providers] == ["mine", "local"]


def test_a_kind_the_environment_half_sets_up_is_off_and_says_why() -> None:
    made = snapshot("", {"AZURE_OPENAI_API_KEY": "k", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"})
    assert [provider.name for provider in made.providers] == ["local"]
    assert "AZURE_OPENAI_ENDPOINT" in made.off["azure"]
    assert "AWS_REGION" in made.off["bedrock"]


def test_the_embedded_model_always_has_a_row() -> None:
    assert [provider.kind for provider in snapshot("[providers]\nfrom_env = false").providers] == ["local"]
    assert row("[providers.local]\nslots = 2", name="local").options == {"slots": "2"}


@pytest.mark.parametrize(
    ("text", "environ", "auth"),
    [
        ("[providers.openai]\napi_key = 'k'", {}, Bearer(Secret("k"))),
        ("[providers.openai]", {"OPENAI_API_KEY": "k"}, Bearer(Secret("k"))),
        ("[providers.anthropic]\napi_key = 'k'", {}, HeaderKey("x-api-key", Secret("k"))),
        ("[providers.gemini]\napi_key = 'k'", {}, HeaderKey("x-goog-api-key", Secret("k"))),
        ("[providers.azure]\napi_key = 'k'\nbase_url = 'https://h'", {}, HeaderKey("api-key", Secret("k"))),
        (
            "[providers.azure]\nbase_url = 'https://h'\ntenant_id = 't'\nclient_id = 'c'\nclient_secret = 's'\ntoken_url = 'https://t'",
            {"AZURE_OPENAI_API_KEY": "k"},
            EntraAuth("t", "c", Secret("s"), "https://t"),
        ),
        ("[providers.bedrock]\nregion = 'r'", {}, SigV4("r")),
        ("[providers.bedrock]\nregion = 'r'\napi_key = 'k'", {}, Bearer(Secret("k"))),
        ("[providers.bedrock]\nregion = 'r'", {"AWS_BEARER_TOKEN_BEDROCK": "k"}, Bearer(Secret("k"))),
        (
            "[providers.bedrock]\nregion = 'r'\naccess_key_id = 'a'\nsecret_access_key = 's'",
            {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_SESSION_TOKEN": "of another key"},
            SigV4("r", "bedrock", "a", Secret("s")),
        ),
        (
            "[providers.bedrock]",
            {"AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"},
            SigV4("r", "bedrock", "a", Secret("s"), Secret("t")),
        ),
        ("[providers.vertex]\nproject = 'p'", {}, GoogleAuth()),
        ("[providers.vertex]\napi_key = 'k'", {}, HeaderKey("x-goog-api-key", Secret("k"))),
        ("[providers.ollama]", {}, NoAuth()),
        ("[providers.vllm]\napi_key = 'k'", {}, Bearer(Secret("k"))),
        (
            "[providers.x]\nkind = 'openai_compatible'\nbase_url = 'https://h/v1'\napi_key = 'k'\nauth_header = 'X-Key'",
            {},
            HeaderKey("X-Key", Secret("k")),
        ),
        (
            "[providers.x]\nkind = 'openai_compatible'\nbase_url = 'https://h/v1'\n"
            "oauth = { token_url = 'https://t', credentials = { client_id = 'c', client_secret = 'env:S' } }",
            {"S": "s"},
            OAuthClient(
                "https://t",
                credentials=(("grant_type", Secret("client_credentials")), ("client_id", Secret("c")), ("client_secret", Secret("s"))),
            ),
        ),
    ],
)
def test_how_a_provider_signs_follows_from_what_it_is_given(text: str, environ: dict[str, str], auth: object) -> None:
    assert row(text, environ).auth == auth


def test_a_service_account_is_read_from_the_customary_file_and_knows_its_project(tmp_path: Path) -> None:
    account = {"type": "service_account", "client_email": "e", "private_key": "k", "project_id": "from-file"}
    file = tmp_path / "sa.json"
    file.write_text(json.dumps(account))
    found = row("", {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "GOOGLE_CLOUD_LOCATION": "us-east5"})
    assert found.auth == GoogleAuth(Secret(json.dumps(account)))
    assert found.options == {"project": "from-file", "location": "us-east5"}
    assert found.base_url == "https://us-east5-aiplatform.googleapis.com"
    file.write_text("no json")
    assert "not a readable JSON file" in snapshot("", {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}).off["vertex"]


def test_no_secret_is_among_the_options_a_target_shows() -> None:
    text = "[providers.bedrock]\nregion = 'r'\naccess_key_id = 'a'\nsecret_access_key = 's3'\nsession_token = 't3'"
    assert row(text).options == {"region": "r"}
    assert "s3" not in repr(snapshot(text))


@pytest.mark.parametrize(
    ("text", "environ", "base_url"),
    [
        ("[providers.openai]\napi_key = 'k'", {}, "https://api.openai.com/v1"),
        ("[providers.openai]\napi_key = 'k'", {"OPENAI_BASE_URL": "https://proxy/v1/"}, "https://proxy/v1"),
        ("[providers.openai]\napi_key = 'k'\nbase_url = 'https://file/v1'", {"OPENAI_BASE_URL": "https://proxy/v1"}, "https://file/v1"),
        ("[providers.ollama]", {}, "http://localhost:11434"),
        ("[providers.ollama]", {"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434"),
        ("[providers.ollama]", {"OLLAMA_HOST": "gpu:8000"}, "http://gpu:8000"),
        ("[providers.databricks]\napi_key = 'k'", {"DATABRICKS_HOST": "w.databricks.com"}, "https://w.databricks.com/serving-endpoints"),
        ("[providers.snowflake]\napi_key = 'k'\naccount = 'a-b'", {}, "https://a-b.snowflakecomputing.com/api/v2/cortex/v1"),
        ("[providers.bedrock]\nregion = 'us-west-2'", {}, "https://bedrock-runtime.us-west-2.amazonaws.com"),
    ],
)
def test_the_files_address_beats_the_variables_and_that_the_vendors(text: str, environ: dict[str, str], base_url: str) -> None:
    assert row(text, environ).base_url == base_url


def test_a_provider_keeps_its_headers_query_timeouts_and_quirks() -> None:
    text = """
    [providers.x]
    kind = "openai_compatible"
    base_url = "https://h/v1?api-version=1"
    headers = { a = "b" }
    query = { c = "d" }
    idle_timeout = 7
    quirks = ["no_n"]
    """
    found = row(text)
    assert (found.headers, found.query) == ((("a", "b"),), (("api-version", "1"), ("c", "d")))
    assert found.timeouts == Timeouts(idle=7.0)
    assert found.quirks == {"no_n"}
    assert found.trusted


def test_a_workspace_sees_its_own_rows_and_everyones_but_not_anothers() -> None:
    mine = Provider(name="openai", kind="openai", auth=NoAuth(), base_url="https://mine", workspace="a")
    other = Provider(name="groq", kind="groq", auth=NoAuth(), base_url="https://other", workspace="b")
    made = snapshot("", {"OPENAI_API_KEY": "k"}, mine, other)
    assert [(p.name, p.workspace) for p in made.seen_by("a")] == [("openai", "a"), ("local", "")]
    assert [(p.name, p.workspace) for p in made.seen_by("b")] == [("groq", "b"), ("openai", ""), ("local", "")]
    assert [(p.name, p.workspace) for p in made.seen_by("default")] == [("openai", ""), ("local", "")]


def test_a_snapshot_knows_who_may_call() -> None:
    settings = check({"auth": {"mode": "keys", "admin_key": "adm"}, "server": {"host": "0.0.0.0"}}, {}, Path())
    grant = Grant(Caller(workspace="w", key_id="1"))
    made = build(settings, {}, gateway_keys={key_hash(b"tl-1"): grant}, complete=False)
    assert identify(made, b"Bearer tl-1", b"", b"", 0.0).key_id == "1"
    assert made.access.admin_hash == key_hash(b"adm")
    assert (made.access.local, made.access.complete) == (False, False)
    assert build(settings, {}).version > made.version


def test_an_environment_that_changed_since_the_check_is_noticed() -> None:
    settings = check(tomllib.loads("[providers.openai]"), {"OPENAI_API_KEY": "k"}, Path())
    with pytest.raises(ConfigError, match="api_key is missing"):
        build(settings, {})
