from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.config.check import check
from trunkline.config.load import load
from trunkline.config.schema import Settings
from trunkline.errors import ConfigError
from trunkline.secret import Secret

SAMPLE = """
[server]
host = "127.0.0.1"
port = 5173
workers = 1
max_body_mb = 32
drain_seconds = 30

[storage]
url = "sqlite:///data/trunkline.db"

[auth]
mode = "open"
admin_key = "env:TRUNKLINE_ADMIN_KEY"

[egress]
private_addresses = "auto"

[providers.anthropic]
kind = "anthropic"
api_key = "env:ANTHROPIC_API_KEY"
base_url = "https://api.anthropic.com"
headers = { }
connect_timeout = 5
first_byte_timeout = 300
idle_timeout = 60

[models.fast]
targets = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
strategy = "fallback"
"""
"""The example of the contract."""


def checked(text: str, environ: Mapping[str, str] = {}, base: Path = Path()) -> Settings:
    return check(tomllib.loads(text), environ, base)


def problems(text: str, environ: Mapping[str, str] = {}, base: Path = Path()) -> list[str]:
    try:
        checked(text, environ, base)
    except ConfigError as error:
        return error.problems
    return []


def test_the_contracts_example_is_a_good_config() -> None:
    settings = checked(SAMPLE, {"ANTHROPIC_API_KEY": "a-key", "TRUNKLINE_ADMIN_KEY": "admin"})
    assert settings.server.port == 5173
    assert settings.auth.admin_key == Secret("admin")
    assert settings.providers["anthropic"].api_key == Secret("a-key")
    assert settings.models["fast"].targets == ("openai/gpt-4o-mini", "anthropic/claude-haiku-4-5")
    assert "a-key" not in repr(settings)
    assert "admin'" not in repr(settings)


def test_no_config_is_a_good_config() -> None:
    settings = checked("")
    assert settings == Settings()
    assert settings.storage_url == "sqlite:///data/trunkline.db"


def test_every_problem_is_found_at_once_each_with_its_path() -> None:
    found = problems(
        """
        [server]
        prot = 3
        port = 70000
        host = 5
        workers = "x"
        [storage]
        url = "mysql://x"
        master_key = "env:NOPE"
        [auth]
        mode = "opne"
        [egres]
        [providers.a]
        kind = "opneai"
        [providers.openai]
        api_key = "env:NOTSET"
        base_url = "ftp://x"
        hedaers = {}
        connect_timeout = -1
        [providers.bedrock]
        [providers.x]
        kind = "openai_compatible"
        base_url = "http://user:pass@h/v1"
        headers = { a = 1, "b c" = "d" }
        quirks = ["no_nn"]
        [models.fast]
        targets = ["nowhere/x", "gpt-4o", 4, "zzz"]
        strategy = "fallbak"
        """
    )
    assert found == [
        "server.prot is not a setting; did you mean 'port'?",
        "server.port is 70000; it must be a whole number of at most 65535",
        "server.host is 5; it must be a text in quotes",
        "server.workers is 'x'; it must be a whole number",
        "storage.url must begin with sqlite:/// or postgresql://",
        "storage.master_key takes the variable NOPE, which is not set; set it, or remove storage.master_key",
        "auth.mode is 'opne'; it must be one of open, keys, oidc",
        "egres is not a setting; did you mean 'egress'?",
        "providers.a.kind is 'opneai', which is no kind; did you mean 'openai'?",
        "providers.openai.api_key takes the variable NOTSET, which is not set; set it, or remove providers.openai.api_key",
        "providers.openai.hedaers is not a setting; did you mean 'headers'?",
        "providers.openai.connect_timeout is -1; it must be a number above 0.0",
        "providers.x.headers.a is 1; it must be a text in quotes",
        "providers.x.headers: 'b c' is not a header's name",
        "providers.x.quirks has 'no_nn', which is no quirk; did you mean 'no_n'?",
        "providers.openai.base_url is 'ftp://x': it must begin with https:// or http://",
        "providers.bedrock.region is missing; Amazon Bedrock needs it: set it, or the variable AWS_REGION",
        "providers.x.base_url is 'http://…@h/v1': it must not hold a name and password; use api_key or headers",
        "models.fast.targets[2] is 4; it must be a text in quotes",
        "models.fast.strategy is 'fallbak'; it must be one of fallback, weighted, fastest, cheapest",
        "models.fast.targets[0] is 'nowhere/x', and there is no provider 'nowhere'; did you mean 'cohere'?",
        "models.fast.targets[3] is 'zzz', which names no provider; write provider/model",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server = 3", "server is 3; it must be a table: [server]"),
        ("providers = []", "providers is []; write one table a provider"),
        ("models = 1", "models is 1; write one table a name"),
        ("[server]\nport = true", "server.port is true; it must be a whole number"),
        ("[server]\nport = -1", "server.port is -1; it must be a whole number of at least 0"),
        ("[storage]\nredis = 'http://x'", "storage.redis must begin with redis://"),
        ("[auth]\nmode = 'oidc'", "needs a table [auth.oidc]"),
        ("[auth]\nmode = 'oidc'\n[auth.oidc]\nissuer = 'x'", "auth.oidc.audience is missing"),
        ("[auth]\nmode = 'oidc'\n[auth.oidc]\nissuer = 'x'\naudience = 'a'", "auth.oidc.issuer is 'x'"),
        ("[providers.x]\napi_key = 'k'", "providers.x.kind is missing; kinds: openai, azure"),
        ("[providers.'a/b']\nkind = 'openai'\napi_key = 'k'", "a provider's name is the prefix"),
        ("[providers.openai]", "providers.openai.api_key is missing; OpenAI needs it: set it, or the variable OPENAI_API_KEY"),
        ("[providers.openai]\napi_key = 3", "providers.openai.api_key is a number; it must be a text"),
        ("[providers.azure]\napi_key = 'k'", "providers.azure.base_url is missing"),
        ("[providers.azure]\nbase_url = 'https://h'\ntenant_id = 't'", "providers.azure.client_id is missing"),
        ("[providers.vertex]", "providers.vertex.project is missing"),
        ("[providers.vertex]\nproject = 'p'\ncredentials = '{}'", "providers.vertex.credentials lacks client_email and private_key"),
        ("[providers.vertex]\nproject = 'p'\ncredentials = 'sa.json'", "use file:PATH"),
        ("[providers.bedrock]\nregion = 'r'\naccess_key_id = 'a'", "providers.bedrock.secret_access_key is missing"),
        ("[providers.openai]\napi_key = 'k'\nregion = 'r'", "providers.openai.region is not a setting"),
        ("[providers.openai]\napi_key = 'k'\nbase_url = 'https://h:99999/v1'", "no valid host and port"),
        ("[providers.openai]\napi_key = 'k'\nbase_url = 'https:///v1'", "has no host"),
        ("[providers.openai]\napi_key = 'k'\nbase_url = 'http://localhost:5173/v1'", "this gateway's own address"),
        (
            "[providers.x]\nkind = 'openai_compatible'\nbase_url = 'https://h'\n[providers.x.oauth]\ntoken_url = 'https://t'",
            "oauth.credentials is missing",
        ),
        ("[providers.openai]\napi_key = 'k'\noauth = {token_url = 'x', credentials = {a = 'b'}}", "has both api_key and oauth"),
        ("[providers.openai]\napi_key = 'k'\nheaders = {a = \"b\\nc\"}", "providers.openai.headers.a has a line break"),
        ("[providers.local]\ncontext = 'many'", "providers.local.context is 'many'"),
        ("[models.a]", "models.a.targets is missing"),
        ("[models.a]\ntargets = 'openai/x'", "models.a.targets is 'openai/x'; it must be a list"),
        ("[models.a]\ntargets = ['b']\n[models.b]\ntargets = ['openai/x']", "which is a name of [models] itself"),
        ("[models.a]\ntargets = ['openai/']", "which has no model after the slash"),
        ("[models.a]\ntargets = ['openai/x']\nweights = [1, 2]\nstrategy = 'weighted'", "models.a.weights has 2 entries for 1 targets"),
        ("[models.a]\ntargets = ['openai/x']\nweights = [1]", "means something with strategy"),
    ],
)
def test_a_problem_says_where_it_is_and_what_to_do(text: str, says: str) -> None:
    found = problems(text)
    assert any(says in problem for problem in found), found


def test_what_cannot_be_read_is_not_reported_missing_too() -> None:
    assert problems("[providers.azure]\napi_key = 'env:A'\nbase_url = 'env:B'") == [
        "providers.azure.api_key takes the variable A, which is not set; set it, or remove providers.azure.api_key",
        "providers.azure.base_url takes the variable B, which is not set; set it, or remove providers.azure.base_url",
    ]


def test_no_problem_shows_a_secret() -> None:
    found = problems(
        """
        [storage]
        url = "mysql://me:hunter2@h/db"
        redis = "http://:hunter2@h"
        [providers.openai]
        api_key = ["hunter2"]
        base_url = "https://me:hunter2@h/v1?key=hunter2"
        [providers.vertex]
        project = "p"
        credentials = "hunter2"
        """
    )
    assert len(found) == 5
    assert "hunter2" not in "".join(found)


def test_a_secret_comes_from_a_variable_a_file_beside_the_config_or_stands_there(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "groq").write_text("from-file\n")
    (tmp_path / "c.toml").write_text(
        """
        [providers.openai]
        api_key = "literal"
        [providers.groq]
        api_key = "file:keys/groq"
        headers = { x-tenant = "env:TENANT" }
        [providers.mistral]
        api_key = "env:KEY"
        [server]
        port = "env:PORT"
        """
    )
    settings = load(tmp_path / "c.toml", {"KEY": "from-env", "TENANT": "t", "PORT": "8080"})
    assert {name: table.api_key for name, table in settings.providers.items()} == {
        "openai": Secret("literal"),
        "groq": Secret("from-file"),
        "mistral": Secret("from-env"),
    }
    assert settings.providers["groq"].headers == {"x-tenant": "t"}
    assert settings.server.port == 8080


def test_a_missing_or_huge_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"x" * (2 << 20))
    text = "[providers.openai]\napi_key = 'file:none'\n[providers.groq]\napi_key = 'file:huge'"
    one, two = problems(text, base=tmp_path)
    assert "providers.openai.api_key names the file" in one
    assert "No such file" in one
    assert "too large" in two


def test_the_master_key_stays_the_reference_that_a_rotation_rewrites(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("key")
    assert checked("[storage]\nmaster_key = 'env:M'", {"M": "k"}).storage.master_key == Secret("env:M")
    assert checked("[storage]\nmaster_key = 'file:m'", base=tmp_path).storage.master_key == Secret(f"file:{tmp_path / 'm'}")


def test_the_admin_key_has_a_customary_variable() -> None:
    assert checked("", {"TRUNKLINE_ADMIN_KEY": "a"}).auth.admin_key == Secret("a")
    assert checked("[auth]\nadmin_key = 'b'", {"TRUNKLINE_ADMIN_KEY": "a"}).auth.admin_key == Secret("b")


def test_the_command_line_wins_under_the_same_rules() -> None:
    document = tomllib.loads("[server]\nport = 1000\nhost = '0.0.0.0'")
    settings = check(document, {}, Path(), overrides={"port": 2000, "host": None, "workers": 3, "data": "/d"})
    assert (settings.server.port, settings.server.host, settings.server.workers, settings.data) == (2000, "0.0.0.0", 3, "/d")
    assert settings.storage_url == "sqlite:////d/trunkline.db"
    with pytest.raises(ConfigError, match=r"server\.port is 99999"):
        check(document, {}, Path(), overrides={"port": 99999})


def test_a_models_price_may_be_said_and_only_a_price() -> None:
    settings = checked("[prices.'openai/gpt-4o']\ninput = 2\noutput = 8.0\n[prices.'vllm/*']\ncontext_window = 32768")
    assert settings.prices["openai/gpt-4o"].input == 2.0
    assert settings.prices["openai/gpt-4o"].cached is None
    assert settings.prices["vllm/*"].context_window == 32768
    assert problems("[prices.'a/b']\ninput = -1\ncontext_window = 0\nouput = 1") == [
        "prices.a/b.input is -1; it must be a number of at least 0.0",
        "prices.a/b.context_window is 0; it must be a whole number of at least 1",
        "prices.a/b.ouput is not a setting; did you mean 'output'?",
    ]


def test_the_price_table_has_what_the_registry_reads() -> None:
    from trunkline.config.schema import PriceTable
    from trunkline.registry.override import Override

    assert PriceTable.__struct_fields__ == Override.__struct_fields__


def test_a_local_models_file_is_relative_to_the_config(tmp_path: Path) -> None:
    settings = checked("[providers.local]\nmodel = 'm.gguf'\ncontext = 4096", base=tmp_path)
    assert settings.providers["local"].options == {"model": str(tmp_path / "m.gguf"), "context": "4096"}


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"[server\n", "is not valid TOML"), (b"\xff\xfe", "is not UTF-8"), (None, "cannot be read: No such file")],
)
def test_a_file_that_is_no_config_is_one_problem(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    (problem,) = caught.value.problems
    assert says in problem
    assert str(path) in problem


NAMES = st.sampled_from(
    [
        "server",
        "storage",
        "auth",
        "egress",
        "providers",
        "models",
        "openai",
        "kind",
        "api_key",
        "base_url",
        "headers",
        "oauth",
        "local",
        "bedrock",
        "region",
        "targets",
        "weights",
        "oidc",
        "port",
        "url",
        "master_key",
        "redis",
        "from_env",
        "query",
        "quirks",
        "vertex",
        "credentials",
        "model",
        "x",
    ]
)
VALUES: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["env:X", "file:x", "openai", "https://h"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_any_document_is_settings_or_problems(document: dict[str, Any]) -> None:
    try:
        found = check(document, {}, Path("/nonexistent"))
    except ConfigError as refused:
        said = refused.problems
    else:
        said = [f"good: {found.server.port}"]
    assert said
    assert all(problem.strip() for problem in said)
