from __future__ import annotations

from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline import dialects
from trunkline.dialects.openai_chat import quirks as openai_quirks
from trunkline.local.settings import ALIAS
from trunkline.local.settings import OPTIONS as LOCAL_OPTIONS
from trunkline.providers import (
    KINDS,
    LOCAL_ALIAS,
    OPTIONS,
    QUIRKS,
    SECRET_OPTIONS,
    SPELLINGS,
    Provider,
    chat_url,
    default_base_url,
    responses_url,
    tidy_base_url,
)
from trunkline.routing.resolve import vendor
from trunkline.target import Target

from .recordings import ABSENT, PRESENT, recordings

WANTED = (
    "openai azure anthropic gemini vertex bedrock cohere mistral groq xai deepseek openrouter together fireworks cerebras perplexity "
    "huggingface ollama vllm databricks snowflake cloudflare nvidia sambanova zai moonshot openai_compatible local"
)


def target(kind: str, base_url: str, model: str = "m", **options: str) -> Target:
    return Target(provider=kind, kind=kind, model=model, dialect="openai_chat", base_url=base_url, options=options)


def test_every_promised_kind_has_a_row() -> None:
    assert list(KINDS) == WANTED.split()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_row_names_only_what_exists(kind: object) -> None:
    row = KINDS[kind.name]  # type: ignore[attr-defined]
    assert row.dialect in dialects.MODULES
    assert row.quirks <= QUIRKS.keys()
    assert row.auth in {"bearer", "x-api-key", "x-goog-api-key", "api-key", "sigv4", "google", "none"}
    assert set(row.required_options) <= OPTIONS.get(row.name, {}).keys() | {"base_url"}
    assert row.docs.startswith("https://")
    assert row.base_url or row.base_url_env or row.required_options


def test_the_tables_agree_with_each_other_and_with_those_that_use_them() -> None:
    assert OPTIONS.keys() <= KINDS.keys()
    assert {option for options in OPTIONS.values() for option in options} >= SECRET_OPTIONS
    assert set(SPELLINGS.values()) <= KINDS.keys()
    assert not SPELLINGS.keys() & KINDS.keys()
    assert openai_quirks.TABLE.keys() <= QUIRKS.keys()
    assert LOCAL_ALIAS == ALIAS
    assert OPTIONS["local"].keys() == LOCAL_OPTIONS


def test_no_two_kinds_are_turned_on_by_one_variable() -> None:
    variables = [name for kind in KINDS.values() for name in kind.env]
    assert len(variables) == len(set(variables))


@pytest.mark.parametrize(
    ("model", "owner"),
    [
        ("gpt-4o", "openai"),
        ("gpt-5.2-codex", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("o4-mini", "openai"),
        ("ft:gpt-4o:acme::1", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-flash", "gemini"),
        ("command-a-03-2025", "cohere"),
        ("magistral-medium-latest", "mistral"),
        ("open-mixtral-8x7b", "mistral"),
        ("c4ai-aya-expanse-8b", "cohere"),
        ("grok-4-fast", "xai"),
        ("deepseek-reasoner", "deepseek"),
        ("deepseek-v4-flash", "deepseek"),
        ("sonar-pro", "perplexity"),
        ("glm-4.7", "zai"),
        ("kimi-k2.6", "moonshot"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
        ("arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.x", "bedrock"),
        ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", "cloudflare"),
        ("accounts/fireworks/models/kimi-k2", "fireworks"),
    ],
)
def test_a_bare_name_has_one_owner(model: str, owner: str) -> None:
    owners = [kind.name for kind in KINDS.values() if any(fnmatchcase(model, pattern) for pattern in kind.prefixes)]
    assert owners == [owner]


@pytest.mark.parametrize("model", ["gpt-oss-120b", "llama3", "qwen3", "deepseek-r1-distill-llama-70b", "option-1"])
def test_open_weights_belong_to_nobody(model: str) -> None:
    assert vendor(model) is None


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "mistral", "xai", "deepseek", "cohere", "zai"])
def test_the_models_recorded_at_a_vendor_are_its_own_or_nobodys(name: str) -> None:
    models = {
        model for recording in recordings(provider=name) if (model := recording.model or "") and "embed" not in model and "/" not in model
    }
    owners = {model: kind.name for model in models if (kind := vendor(model)) is not None}
    assert set(owners.values()) == {name}


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize(
    "name", ["openai", "mistral", "groq", "xai", "deepseek", "openrouter", "together", "cerebras", "perplexity", "snowflake"]
)
def test_the_default_address_is_the_recorded_one(name: str) -> None:
    recorded = {recording.request["path"] for recording in recordings("chat_completions", provider=name)}
    url = chat_url(target(name, default_base_url(name, {"account": "acme"})))
    assert recorded == {urlsplit(url).path}


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"api_version": "2024-10-21"}, "https://h/openai/deployments/gpt%204o/chat/completions?api-version=2024-10-21"),
        ({"api_version": "2025-01-01-preview"}, "https://h/openai/deployments/gpt%204o/chat/completions?api-version=2025-01-01-preview"),
        ({}, "https://h/openai/v1/chat/completions"),
        ({"api_version": "v1"}, "https://h/openai/v1/chat/completions"),
        ({"api_version": "preview"}, "https://h/openai/v1/chat/completions?api-version=preview"),
    ],
)
def test_azure_is_addressed_by_its_api_version(options: dict[str, str], url: str) -> None:
    assert chat_url(target("azure", "https://h", "gpt 4o", **options)) == url


def test_the_responses_api_has_its_own_address() -> None:
    assert responses_url(target("openai", "https://api.openai.com/v1")) == "https://api.openai.com/v1/responses"
    assert responses_url(target("azure", "https://h")) == "https://h/openai/v1/responses"
    assert (
        responses_url(target("azure", "https://h", api_version="2025-04-01-preview"))
        == "https://h/openai/responses?api-version=2025-04-01-preview"
    )


@pytest.mark.parametrize(
    ("kind", "options", "url"),
    [
        ("bedrock", {"region": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock", {"region": "cn-north-1"}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("vertex", {"location": "us-east5"}, "https://us-east5-aiplatform.googleapis.com"),
        ("vertex", {"location": "global"}, "https://aiplatform.googleapis.com"),
        ("vertex", {}, "https://aiplatform.googleapis.com"),
        ("vertex", {"location": "eu"}, "https://aiplatform.eu.rep.googleapis.com"),
        ("cloudflare", {"account_id": "ab/c"}, "https://api.cloudflare.com/client/v4/accounts/ab%2Fc/ai/v1"),
    ],
)
def test_a_default_address_is_made_of_the_options(kind: str, options: dict[str, str], url: str) -> None:
    assert default_base_url(kind, options) == url


@pytest.mark.parametrize(
    ("kind", "given", "base_url"),
    [
        ("openai", "https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("openai_compatible", "http://h:1/v1/chat/completions", "http://h:1/v1"),
        ("openai_compatible", "http://h:1", "http://h:1"),
        ("anthropic", "https://h/v1", "https://h"),
        ("anthropic", "https://h/proxy/v1/messages", "https://h/proxy"),
        ("gemini", "https://h/v1beta/", "https://h"),
        ("cohere", "https://api.cohere.com/v2", "https://api.cohere.com"),
        ("azure", "https://h/openai/v1/", "https://h"),
        ("ollama", "http://localhost:11434/v1", "http://localhost:11434"),
        ("vllm", "http://h:8000", "http://h:8000/v1"),
        ("databricks", "https://w.cloud.databricks.com", "https://w.cloud.databricks.com/serving-endpoints"),
    ],
)
def test_a_base_url_is_understood_with_and_without_what_the_gateway_adds(kind: str, given: str, base_url: str) -> None:
    assert tidy_base_url(kind, given) == (base_url, ())
    assert tidy_base_url(kind, base_url) == (base_url, ())


def test_a_query_in_a_base_url_is_kept_apart() -> None:
    assert tidy_base_url("openai_compatible", "https://h/v1?api-version=1&x=") == ("https://h/v1", (("api-version", "1"), ("x", "")))


@given(
    st.sampled_from(list(KINDS)),
    st.from_regex(r"https?://[a-z.]{1,8}(:[0-9]{1,4})?(/(v1|v1beta|openai|chat|completions|x)){0,4}/?", fullmatch=True),
)
def test_tidying_only_takes_from_the_end(kind: str, url: str) -> None:
    tidy, _ = tidy_base_url(kind, url)
    assert not tidy.endswith("/")
    assert url.startswith(tidy) or (kind in ("vllm", "databricks") and tidy.startswith(url.rstrip("/")))


def test_a_provider_prints_without_its_key() -> None:
    from trunkline.secret import Secret
    from trunkline.target import Bearer

    row = Provider(name="openai", kind="openai", auth=Bearer(Secret("sk-verysecret")), base_url="https://h")
    assert "sk-verysecret" not in repr(row)
