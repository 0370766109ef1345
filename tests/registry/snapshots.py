"""Snapshots for these tests, made as the gateway makes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from trunkline.config.check import check
from trunkline.config.snapshot import Snapshot, build
from trunkline.providers import Provider

EVERY_KIND = {
    "OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://here.openai.azure.com", "ANTHROPIC_API_KEY": "k",
    "GEMINI_API_KEY": "k", "AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "us-east-1", "CO_API_KEY": "k", "MISTRAL_API_KEY": "k",
    "GROQ_API_KEY": "k", "XAI_API_KEY": "k", "DEEPSEEK_API_KEY": "k", "OPENROUTER_API_KEY": "k", "TOGETHER_API_KEY": "k",
    "FIREWORKS_API_KEY": "k", "CEREBRAS_API_KEY": "k", "PERPLEXITY_API_KEY": "k", "HF_TOKEN": "k", "DATABRICKS_TOKEN": "k",
    "DATABRICKS_HOST": "https://dbc-1.cloud.databricks.com/serving-endpoints", "CLOUDFLARE_API_TOKEN": "k", "CLOUDFLARE_ACCOUNT_ID": "a",
    "ZAI_API_KEY": "k", "MOONSHOT_API_KEY": "k",
}  # fmt: skip
"""Variables that turn on every kind that the data knows; Vertex needs a table."""
VERTEX = {"kind": "vertex", "project": "p", "api_key": "k"}


def snapshot_of(environ: Mapping[str, str], document: Mapping[str, Any] | None = None, stored: list[Provider] | None = None) -> Snapshot:
    settings = check(document or {}, environ, Path("."))
    return replace(build(settings, environ, stored or []), local_installed=True)
