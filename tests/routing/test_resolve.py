from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.config.check import check
from trunkline.config.snapshot import Snapshot, build
from trunkline.errors import CallerError
from trunkline.providers import KINDS, Provider
from trunkline.routing.resolve import REMEMBERED, resolve
from trunkline.routing.unresolved import Unresolved
from trunkline.secret import Secret
from trunkline.target import Bearer, GoogleAuth, NoAuth

EVERYTHING = "\n".join(
    f"[providers.{kind.name}]\napi_key = 'k'\nbase_url = 'https://{kind.name.replace('_', '-')}.example/v1'"
    + ("\nregion = 'r'" if kind.name == "bedrock" else "")
    + ("\naccount = 'a'" if kind.name == "snowflake" else "")
    + ("\naccount_id = 'a'" if kind.name == "cloudflare" else "")
    for kind in KINDS.values()
    if kind.name != "local"
)


def snapshot(text: str = "", environ: Mapping[str, str] = {}, *stored: Provider) -> Snapshot:
    return build(check(tomllib.loads(text), environ, Path()), environ, stored)


def names(made: Snapshot, model: str, workspace: str = "default", opik: bool = False) -> list[str]:
    return [f"{target.provider}|{target.model}" for target in resolve(made, model, workspace, opik)]


def refusal(made: Snapshot, model: str, workspace: str = "default", opik: bool = False) -> Unresolved:
    with pytest.raises(CallerError) as caught:
        resolve(made, model, workspace, opik)
    assert isinstance(caught.value, Unresolved)
    assert caught.value.param == "model"
    assert caught.value.type == "invalid_request_error"
    return caught.value


def custom(name: str, *models: str, workspace: str = "w", kind: str = "openai_compatible", base_url: str = "https://u/v1") -> Provider:
    return Provider(
        name=name, kind=kind, auth=NoAuth(), base_url=base_url, workspace=workspace, models=models, trusted=False, id=f"id-{name}"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("gpt-4o", "openai|gpt-4o"),
        ("openai/gpt-4o", "openai|gpt-4o"),
        ("claude-haiku-4-5", "anthropic|claude-haiku-4-5"),
        ("gemini-2.5-flash", "gemini|gemini-2.5-flash"),
        ("vertex_ai/gemini-2.5-flash", "vertex|gemini-2.5-flash"),
        ("vertex-ai/gemini-2.5-flash", "vertex|gemini-2.5-flash"),
        ("vertex/claude-sonnet-4-5@20250929", "vertex|claude-sonnet-4-5@20250929"),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock|us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("us.amazon.nova-2-lite-v1:0", "bedrock|us.amazon.nova-2-lite-v1:0"),
        ("azure/my-deployment", "azure|my-deployment"),
        ("openrouter/anthropic/claude-haiku-4.5", "openrouter|anthropic/claude-haiku-4.5"),
        ("openrouter/auto", "openrouter|openrouter/auto"),
        ("openrouter/meta-llama/llama-3:free", "openrouter|meta-llama/llama-3:free"),
        ("meta-llama/llama-3:free", "openrouter|meta-llama/llama-3:free"),
        ("x-ai/grok-4", "openrouter|x-ai/grok-4"),
        ("groq/openai/gpt-oss-120b", "groq|openai/gpt-oss-120b"),
        ("groq/compound", "groq|groq/compound"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "together|meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("fireworks/accounts/fireworks/models/kimi-k2", "fireworks|accounts/fireworks/models/kimi-k2"),
        ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", "cloudflare|@cf/meta/llama-3.3-70b-instruct-fp8-fast"),
        ("local", "local|smollm2-135m-instruct"),
        ("local/smollm2-135m-instruct", "local|smollm2-135m-instruct"),
        ("smollm2", "local|smollm2-135m-instruct"),
        ("smollm2-135m-instruct", "local|smollm2-135m-instruct"),
    ],
)
def test_a_name_means_one_provider_and_the_vendors_own_id(model: str, meant: str) -> None:
    assert names(snapshot(EVERYTHING), model) == [meant]


@pytest.mark.parametrize(
    ("model", "dialect"),
    [
        ("gpt-4o", "openai_chat"),
        ("o1-pro", "openai_responses"),
        ("gpt-5-pro-2025-10-06", "openai_responses"),
        ("gpt-5.1-codex-max", "openai_responses"),
        ("gpt-5.2", "openai_chat"),
        ("o3-deep-research", "openai_responses"),
        ("computer-use-preview", "openai_responses"),
        ("azure/gpt-5-codex", "openai_responses"),
        ("openrouter/openai/o1-pro", "openai_chat"),
        ("claude-haiku-4-5", "anthropic_messages"),
        ("vertex/gemini-2.5-flash", "gemini_generate"),
        ("vertex/claude-haiku-4-5", "anthropic_messages"),
        ("vertex/anthropic/claude-haiku-4-5", "anthropic_messages"),
        ("bedrock/x", "bedrock_converse"),
        ("cohere/command-a", "cohere_chat"),
        ("ollama/qwen3", "ollama_chat"),
        ("groq/x", "openai_chat"),
    ],
)
def test_a_target_speaks_its_vendors_dialect(model: str, dialect: str) -> None:
    (target,) = resolve(snapshot(EVERYTHING), model)
    assert target.dialect == dialect
    assert "/" not in target.model or target.kind == "openrouter"


def test_a_target_has_all_that_the_request_path_needs() -> None:
    text = """
    [providers.mine]
    kind = "mistral"
    api_key = "k"
    base_url = "https://h/v1?v=1"
    headers = { a = "b" }
    connect_timeout = 1
    quirks = ["no_n"]
    """
    (target,) = resolve(snapshot(text), "mine/mistral-small-latest")
    assert (target.name, target.kind, target.base_url) == ("mine/mistral-small-latest", "mistral", "https://h/v1")
    assert target.auth == Bearer(Secret("k"))
    assert target.headers == (("a", "b"),), "the key is not among them"
    assert target.query == (("v", "1"),)
    assert target.quirks == KINDS["mistral"].quirks | {"no_n"}
    assert target.timeouts.connect == 1
    assert target.trusted


# ── names of [models] ────────────────────────────────────────────────────────────────────────────────────

ALIAS = "[models.fast]\ntargets = ['openai/gpt-4o-mini', 'claude-haiku-4-5']\n[models.'gpt-4o']\ntargets = ['anthropic/claude-haiku-4-5']"


def test_a_name_of_models_is_its_targets_in_order_and_comes_first() -> None:
    made = snapshot(ALIAS, {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"})
    assert names(made, "fast") == ["openai|gpt-4o-mini", "anthropic|claude-haiku-4-5"]
    assert names(made, "gpt-4o") == ["anthropic|claude-haiku-4-5"]


def test_targets_without_a_key_are_left_out_while_another_has_one() -> None:
    assert names(snapshot(ALIAS, {"ANTHROPIC_API_KEY": "a"}), "fast") == ["anthropic|claude-haiku-4-5"]
    assert refusal(snapshot(ALIAS), "fast").code == "provider_key_missing"


# ── Opik's rows ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_exact_name_of_a_row_means_it_and_loses_both_prefixes() -> None:
    made = snapshot(
        "", {}, custom("vllm", "custom-llm/vllm/meta/llama-3", "plain"), custom("custom-llm", "custom-llm/legacy", workspace="x")
    )
    assert names(made, "custom-llm/vllm/meta/llama-3", "w") == ["vllm|meta/llama-3"]
    assert names(made, "plain", "w") == ["vllm|plain"]
    assert names(made, "custom-llm/legacy", "x") == ["custom-llm|legacy"]


def test_a_custom_name_that_no_row_lists_goes_by_the_rows_name() -> None:
    made = snapshot("", {}, custom("vllm"), custom("custom-llm"))
    assert names(made, "custom-llm/vllm/meta/llama-4", "w") == ["vllm|meta/llama-4"]
    assert names(made, "custom-llm/llama-4", "w") == ["custom-llm|llama-4"]
    assert names(made, "vllm/llama-4", "w") == ["vllm|llama-4"]


def test_a_custom_row_named_like_a_vendor_is_reached_by_its_custom_name() -> None:
    made = snapshot(
        "", {"OPENAI_API_KEY": "k"}, custom("openai"), Provider(name="openai", kind="openai", auth=NoAuth(), base_url="x", workspace="w")
    )
    (through_custom,) = resolve(made, "custom-llm/openai/m", "w")
    (through_vendor,) = resolve(made, "openai/m", "w")
    assert (through_custom.kind, through_vendor.kind) == ("openai_compatible", "openai")


def test_a_workspaces_row_beats_everyones_and_anothers_is_invisible() -> None:
    mine = Provider(name="openai", kind="openai", auth=NoAuth(), base_url="https://mine", workspace="w", trusted=False)
    made = snapshot("[providers.eu]\nkind = 'openai'\napi_key = 'k'", {}, mine)
    (target,) = resolve(made, "gpt-4o", "w")
    assert (target.base_url, target.trusted) == ("https://mine", False)
    assert names(made, "gpt-4o", "other") == ["eu|gpt-4o"]
    assert names(made, "eu/gpt-4o", "w") == ["eu|gpt-4o"]
    made = snapshot("", {}, custom("vllm", "custom-llm/vllm/m", workspace="elsewhere"))
    assert refusal(made, "custom-llm/vllm/m", "w").code == "provider_key_missing"


def test_a_model_in_the_base_url_is_filled_in() -> None:
    made = snapshot("", {}, custom("azure-like", "custom-llm/azure-like/gpt-4o", base_url="https://h/deployments/{model}"))
    assert resolve(made, "custom-llm/azure-like/gpt-4o", "w")[0].base_url == "https://h/deployments/gpt-4o"


@pytest.mark.parametrize(
    ("base_url", "model", "filled"),
    [
        ("https://h/{model}/v1", "a b/c?d#e%2f", "https://h/a%20b/c%3Fd%23e%252f/v1"),
        ("https://h/{model}/v1", "org/m:1", "https://h/org/m:1/v1"),
        ("https://{model}.h.example/v1", "gpt-4o", "https://gpt-4o.h.example/v1"),
        ("https://{model}.h.example/{model}", "gpt-4o", "https://gpt-4o.h.example/gpt-4o"),
        ("https://h/{model}/v1", "../admin", None),
        ("https://h/{model}/v1", "a/./b", None),
        ("https://{model}.h.example/v1", "evil.example/x", None),
        ("https://{model}.h.example/v1", "evil.example:80#", None),
        ("https://{model}.h.example/v1", "u@evil.example\\", None),
    ],
)
def test_a_models_name_in_the_base_url_never_leads_elsewhere(base_url: str, model: str, filled: str | None) -> None:
    made = snapshot("", {}, custom("row", base_url=base_url))
    if filled is not None:
        assert resolve(made, f"custom-llm/row/{model}", "w")[0].base_url == filled
        return
    with pytest.raises(CallerError, match="cannot stand there"):
        resolve(made, f"custom-llm/row/{model}", "w")


def test_a_vertex_row_of_a_workspace_is_reached_by_opiks_spelling() -> None:
    stored = Provider(
        name="vertex-ai", kind="vertex", auth=GoogleAuth(Secret("{}")), base_url="https://v", workspace="w", options={"project": "p"}
    )
    assert names(snapshot("", {}, stored), "vertex_ai/gemini-2.5-flash", "w") == ["vertex-ai|gemini-2.5-flash"]


# ── OpenRouter's spelling ────────────────────────────────────────────────────────────────────────────────


def test_vendor_slash_model_is_the_vendor_if_configured_else_openrouter() -> None:
    both = snapshot("", {"OPENAI_API_KEY": "o", "OPENROUTER_API_KEY": "r"})
    only = snapshot("", {"OPENROUTER_API_KEY": "r"})
    assert names(both, "openai/gpt-4o", opik=True) == ["openai|gpt-4o"]
    assert names(only, "openai/gpt-4o", opik=True) == ["openrouter|openai/gpt-4o"]
    assert names(only, "google/gemini-2.5-flash") == ["openrouter|google/gemini-2.5-flash"]


def test_a_prefix_that_is_no_vendor_of_openrouter_is_not_sent_there() -> None:
    assert refusal(snapshot("", {"OPENROUTER_API_KEY": "r"}), "groq/llama-3.1-8b-instant").code == "provider_key_missing"


def test_a_bare_name_never_goes_to_openrouter() -> None:
    assert refusal(snapshot("", {"OPENROUTER_API_KEY": "r"}), "gpt-4o").provider == "openai"


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────


def test_two_providers_of_one_vendor_make_a_bare_name_ambiguous_and_both_spellings_are_named() -> None:
    made = snapshot("[providers.eu]\nkind = 'openai'\napi_key = 'k'\n[providers.us]\nkind = 'openai'\napi_key = 'k'")
    error = refusal(made, "gpt-4o")
    assert (error.status, error.code) == (400, "model_ambiguous")
    assert "'eu/gpt-4o' or 'us/gpt-4o'" in error.message
    assert names(made, "us/gpt-4o") == ["us|gpt-4o"]


def test_a_kinds_name_reaches_its_only_provider_and_is_ambiguous_with_two() -> None:
    one = "[providers.eu]\nkind = 'azure'\napi_key = 'k'\nbase_url = 'https://h'"
    assert names(snapshot(one), "azure/d") == ["eu|d"]
    assert refusal(snapshot(one + one.replace("eu", "us").replace("[", "\n[", 1)), "azure/d").code == "model_ambiguous"


def test_two_rows_that_list_one_name_are_ambiguous() -> None:
    error = refusal(snapshot("", {}, custom("a", "m"), custom("b", "m")), "m", "w")
    assert "'a/m' or 'b/m'" in error.message


def test_a_vendor_without_a_key_says_which_variable_to_set_and_has_opiks_words() -> None:
    error = refusal(snapshot(), "gpt-4o")
    assert (error.status, error.code, error.model, error.provider) == (401, "provider_key_missing", "gpt-4o", "openai")
    assert "OPENAI_API_KEY" in error.message
    assert "[providers.openai]" in error.message
    assert error.opik == "API key not configured for LLM. provider='openai', model='gpt-4o'"


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("vertex_ai/gemini-2.5-flash", "vertex-ai"),
        ("custom-llm/vllm/m", "custom-llm"),
        ("openrouter/x/y", "openrouter"),
        ("openai/gpt-4o", "openrouter"),
        ("claude-haiku-4-5", "anthropic"),
    ],
)
def test_opik_is_told_the_provider_by_its_own_name(model: str, provider: str) -> None:
    assert refusal(snapshot(), model, opik=True).opik == f"API key not configured for LLM. provider='{provider}', model='{model}'"


def test_another_provider_that_has_the_vendors_models_is_named() -> None:
    made = snapshot("[providers.vertex]\nproject = 'p'")
    assert "'vertex/gemini-2.5-flash'" in refusal(made, "gemini-2.5-flash").message


def test_what_the_environment_lacks_is_said_where_a_kind_is_half_set_up() -> None:
    assert "AZURE_OPENAI_ENDPOINT" in refusal(snapshot("", {"AZURE_OPENAI_API_KEY": "k"}), "azure/d").message


@pytest.mark.parametrize(
    ("model", "near"),
    [
        ("opnai/gpt-4o", "openai/gpt-4o"),
        ("gtp-4o", "gpt-4o"),
        ("cluade-haiku-4-5", "claude-haiku-4-5"),
        ("fsat", "fast"),
        ("local/llama", "local/smollm2-135m-instruct"),
    ],
)
def test_an_unknown_name_is_404_with_the_nearest_names(model: str, near: str) -> None:
    error = refusal(snapshot(ALIAS), model)
    assert (error.status, error.code) == (404, "model_not_found")
    assert f"'{near}'" in error.message
    assert "provider/model" in error.message
    assert error.opik == f"model not supported {model}"


def test_an_empty_name_is_opiks_null() -> None:
    assert refusal(snapshot(), "").opik == "model not supported null"


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_resolved_is_remembered_within_bounds_and_cannot_be_spoilt() -> None:
    made = snapshot("", {"OPENAI_API_KEY": "k"})
    assert isinstance(resolve(made, "gpt-4o"), tuple)
    assert resolve(made, "gpt-4o")[0] is resolve(made, "gpt-4o", "any workspace at all")[0]
    for number in range(REMEMBERED + 10):
        resolve(made, f"gpt-{number}")
    assert len(made.resolved) <= REMEMBERED


MADE = snapshot(ALIAS + "\n" + EVERYTHING, {}, custom("vllm", "custom-llm/vllm/m", workspace="default"))


@given(
    st.text(max_size=30)
    | st.lists(
        st.sampled_from(
            ["openai", "/", "custom-llm", "vllm", "gpt-4o", "vertex_ai", "local", "@cf", "x-ai", "groq", "*", "[", "]", ":", "."]
        ),
        max_size=6,
    ).map("".join)
)
def test_any_name_is_a_target_or_a_refusal_of_ours(model: str) -> None:
    try:
        targets = resolve(MADE, model)
    except Unresolved as refused:
        targets, said = [], refused.opik
    else:
        said = ""
    assert targets or said
    assert all(target.model and target.base_url for target in targets)
