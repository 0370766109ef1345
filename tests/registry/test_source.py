"""What genai-prices knows, by our kinds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.providers import KINDS
from trunkline.registry import source
from trunkline.registry.source import SOURCES, find, listed, vendor_of_url, vendors

UNCOVERED = {"ollama", "vllm", "snowflake", "nvidia", "sambanova", "openai_compatible", "local"}
"""Kinds of which the data says nothing: hosts of one's own, and three vendors it has not."""


@pytest.fixture
def forgotten() -> Iterator[None]:
    for memory in (vendors, find, vendor_of_url, listed):
        memory.cache_clear()
    yield
    for memory in (vendors, find, vendor_of_url, listed):
        memory.cache_clear()


def test_every_kind_is_covered_or_known_not_to_be() -> None:
    assert set(SOURCES) | {"huggingface"} | UNCOVERED == set(KINDS)


@pytest.mark.parametrize("kind", [*SOURCES, "huggingface"])
def test_every_covered_kind_has_models_and_each_is_found_by_its_own_name(kind: str) -> None:
    found = listed(kind, region="us-east-1")
    assert found
    assert len({name for name, _ in found}) == len(found)
    for name, model in found:
        assert find(kind, name) == model, name
        assert not model.deprecated


def test_models_of_other_apis_are_not_listed() -> None:
    names = {name.rpartition("/")[2] for kind in [*SOURCES, "huggingface"] for name, _ in listed(kind)}
    for word in ("embed", "whisper", "tts-", "-tts", "transcribe", "realtime", "rerank", "gpt-image", "moderation", "dall-e"):
        assert not [name for name in names if word in name], word
    assert {"gpt-4o", "claude-haiku-4-5", "gemini-2.5-flash"} <= names


@pytest.mark.parametrize(
    ("kind", "model", "id"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("azure", "gpt-4o-mini", "gpt-4o-mini"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("vertex", "publishers/anthropic/models/claude-opus-4-5@20251101", "claude-opus-4-5"),
        ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "regional.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("bedrock", "apac.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("fireworks", "accounts/fireworks/models/gpt-oss-120b", "gpt-oss-120b"),
        ("huggingface", "openai/gpt-oss-120b:novita", "openai/gpt-oss-120b"),
        ("zai", "glm-4.6", "GLM-4.6"),
    ],
)
def test_a_model_is_found_in_the_spelling_its_api_takes(kind: str, model: str, id: str) -> None:
    found = find(kind, model)
    assert found is not None
    assert found.id == id


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "nothing-like-it"),
        ("huggingface", "openai/gpt-oss-120b"),
        ("vllm", "gpt-4o"),
        ("openai_compatible", "gpt-4o"),
        ("no-kind", "gpt-4o"),
    ],
)
def test_what_the_data_does_not_know_is_not_guessed(kind: str, model: str) -> None:
    assert find(kind, model) is None


def test_a_compatible_host_is_known_by_its_address() -> None:
    novita = "https://api.novita.ai/openai"
    found = listed("openai_compatible", "", novita)
    assert found
    assert all(find("openai_compatible", name, novita) == model for name, model in found)
    assert listed("openai_compatible", "", "https://vllm.internal/v1") == ()


def test_a_regional_model_has_the_name_of_the_region() -> None:
    def haiku(region: str) -> set[str]:
        return {name for name, _ in listed("bedrock", region) if "haiku-4-5" in name}

    tail = "anthropic.claude-haiku-4-5-20251001-v1:0"
    assert haiku("us-west-2") == {f"us.{tail}", f"global.{tail}"}
    assert haiku("eu-central-1") == {f"eu.{tail}", f"global.{tail}"}
    assert haiku("ap-northeast-1") == {f"jp.{tail}", f"global.{tail}"}


def test_without_the_package_everything_goes_on_without_prices(
    forgotten: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(source, "PACKAGE", "no_such_package_here")
    assert vendors() == {}
    assert find("openai", "gpt-4o") is None
    assert listed("openai") == ()
    assert "is not installed" in caplog.text


def test_data_of_a_shape_we_cannot_read_is_said_and_survived(
    forgotten: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    package = tmp_path / "future_prices"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "data.py").write_text("from .types import *\nproviders = [Vendor3000(id='openai')]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(source, "PACKAGE", "future_prices")
    assert vendors() == {}
    assert "Vendor3000" in caplog.text


def test_members_of_a_newer_version_are_passed_over(forgotten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "newer_prices"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('the package itself must not be imported')")
    (package / "data.py").write_text(
        "from decimal import Decimal\nfrom .types import *\n"
        "providers = [Provider(id='openai', name='O', api_pattern='x', moon=1, models=[ModelInfo(id='gpt-9', phase='full',\n"
        "  match=ClauseEquals(equals='gpt-9'),\n"
        "  prices=ModelPrice(input_mtok=Decimal('1'), output_mtok=Decimal('2'), cheese_kg=Decimal('9')))])]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(source, "PACKAGE", "newer_prices")
    found = find("openai", "gpt-9")
    assert found is not None
    assert found.prices[0].prices["output_mtok"] == 2


def test_nothing_is_loaded_before_it_is_asked_for_and_the_package_never() -> None:
    program = """
import sys
import trunkline.server.api.models, trunkline.registry.cost
from trunkline.registry import source
assert not source.vendors.cache_info().currsize
assert source.find("openai", "gpt-4o") is not None
heavy = [name for name in ("genai_prices", "pydantic", "httpx2", "httpx") if name in sys.modules]
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
