"""Every kind as a provider of one config, pointed at the replay upstream, and what each must be asked.

Odd here: a kind may stand twice, where it is reached in two ways (Azure's two addresses, Bedrock's two signatures, Vertex's two vendors).
"""

from __future__ import annotations

import json
import re
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

from tests.recordings import Recording, recordings

from .said import said
from .upstream import TOKEN

KEY = "sk-replayed-key"
OPENAI = ("chat_completions",)


class Way(Struct, frozen=True, kw_only=True):
    """One way to one kind."""

    name: str
    """The provider's name in the config, and the first step of its path at the upstream."""
    kind: str
    model: str
    table: str = f'api_key = "{KEY}"\n'
    base: str = ""
    """The rest of its base URL."""
    path: str = "/v1/chat/completions"
    """Where it must be asked, after the provider's own step."""
    stream_path: str = ""
    """The same for a stream where that differs."""
    auth: tuple[str, str] = ("authorization", f"Bearer {KEY}")
    """A header and a pattern for its value."""
    apis: tuple[str, ...] = OPENAI
    recorded: str = ""
    """Whose recordings it answers with; "" is the kind's own."""


def openai_style(kind: str, model: str, base: str = "/v1", recorded: str = "") -> Way:
    return Way(name=kind, kind=kind, model=model, base=base, path=f"{base}/chat/completions", recorded=recorded)


GEMINI = ("generate_content", "stream_generate_content")
CONVERSE = ("converse", "converse_stream")
SIGNED = (
    r"AWS4-HMAC-SHA256 Credential=AKIAREPLAYED/\d{8}/us-east-1/bedrock/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, "
    r"Signature=[0-9a-f]{64}"
)
VERTEX = "/v1/projects/replayed/locations/us-central1/publishers"
BY_TOKEN = ("authorization", f"Bearer {TOKEN}")

WAYS = (
    openai_style("openai", "gpt-4o-mini"),
    Way(name="openai_pro", kind="openai", model="o3-pro", base="/v1", path="/v1/responses", apis=("responses",), recorded="openai"),
    Way(name="azure", kind="azure", model="gpt-4o", path="/openai/v1/chat/completions", auth=("api-key", KEY)),
    Way(
        name="azure_dated", kind="azure", model="gpt-4o", table=f'api_key = "{KEY}"\napi_version = "2024-10-21"\n',
        path="/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", auth=("api-key", KEY),
    ),
    Way(name="anthropic", kind="anthropic", model="claude-haiku-4-5", path="/v1/messages", auth=("x-api-key", KEY), apis=("messages",)),
    Way(
        name="gemini", kind="gemini", model="gemini-2.5-flash", path="/v1beta/models/gemini-2.5-flash:generateContent",
        stream_path="/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", auth=("x-goog-api-key", KEY), apis=GEMINI,
    ),
    Way(
        name="vertex", kind="vertex", model="gemini-2.5-flash", table="VERTEX",
        path=f"{VERTEX}/google/models/gemini-2.5-flash:generateContent",
        stream_path=f"{VERTEX}/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse", auth=BY_TOKEN, apis=GEMINI,
    ),
    Way(
        name="vertex_claude", kind="vertex", model="claude-haiku-4-5", table="VERTEX",
        path=f"{VERTEX}/anthropic/models/claude-haiku-4-5:rawPredict",
        stream_path=f"{VERTEX}/anthropic/models/claude-haiku-4-5:streamRawPredict", auth=BY_TOKEN, apis=("messages",),
    ),
    Way(
        name="bedrock", kind="bedrock", model="us.anthropic.claude-haiku-4-5-20251001-v1:0",
        table='region = "us-east-1"\naccess_key_id = "AKIAREPLAYED"\nsecret_access_key = "replayed"\n',
        path="/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/converse",
        stream_path="/model/us.anthropic.claude-haiku-4-5-20251001-v1:0/converse-stream", auth=("authorization", SIGNED), apis=CONVERSE,
    ),
    Way(
        name="bedrock_key", kind="bedrock", model="amazon.nova-lite-v1:0", table=f'region = "us-east-1"\napi_key = "{KEY}"\n',
        path="/model/amazon.nova-lite-v1:0/converse", stream_path="/model/amazon.nova-lite-v1:0/converse-stream", apis=CONVERSE,
    ),
    Way(name="cohere", kind="cohere", model="command-a-03-2025", path="/v2/chat", apis=("cohere_chat_v2",)),
    Way(name="ollama", kind="ollama", model="llama3.2", table="", path="/api/chat", auth=("authorization", ""), apis=("ollama_chat",)),
    openai_style("mistral", "mistral-small-latest"),
    openai_style("groq", "llama-3.3-70b-versatile", "/openai/v1"),
    openai_style("xai", "grok-4"),
    openai_style("deepseek", "deepseek-chat", ""),
    openai_style("openrouter", "anthropic/claude-haiku-4.5", "/api/v1"),
    openai_style("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    openai_style("fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", "/inference/v1", recorded="openai"),
    openai_style("cerebras", "llama-3.3-70b"),
    openai_style("perplexity", "sonar", ""),
    openai_style("huggingface", "Qwen/Qwen3-32B"),
    openai_style("vllm", "Qwen/Qwen3-8B", recorded="crusoe"),
    openai_style("databricks", "databricks-claude-sonnet-4", "/serving-endpoints"),
    Way(
        name="snowflake", kind="snowflake", model="claude-4-sonnet", base="/api/v2/cortex/v1", path="/api/v2/cortex/v1/chat/completions",
        table=f'account = "acct"\napi_key = "{KEY}"\n',
    ),
    Way(
        name="cloudflare", kind="cloudflare", model="@cf/meta/llama-3.1-8b-instruct", base="/client/v4/accounts/acct/ai/v1",
        path="/client/v4/accounts/acct/ai/v1/chat/completions", table=f'account_id = "acct"\napi_key = "{KEY}"\n',
    ),
    openai_style("nvidia", "meta/llama-3.3-70b-instruct", recorded="openai"),
    openai_style("sambanova", "Meta-Llama-3.3-70B-Instruct", recorded="openai"),
    openai_style("zai", "glm-4.6", "/api/paas/v4"),
    openai_style("moonshot", "kimi-k2-0905-preview", recorded="openai"),
    openai_style("openai_compatible", "some-model", recorded="gpustack"),
)  # fmt: skip


def config(url: str) -> str:
    """All of them as one config file's text."""
    tables = []
    for way in WAYS:
        table = vertex_table(url) if way.table == "VERTEX" else way.table
        tables.append(f'[providers.{way.name}]\nkind = "{way.kind}"\nbase_url = "{url}/{way.name}{way.base}"\n{table}')
    return "\n".join(tables)


@cache
def service_account() -> str:
    """The JSON of a service account nobody has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return json.dumps({"type": "service_account", "client_email": "robot@replayed.iam", "private_key": pem, "token_uri": "https://unused/"})


def vertex_table(url: str) -> str:
    return f'project = "replayed"\nlocation = "us-central1"\ncredentials = """{escaped(service_account())}"""\ntoken_url = "{url}/token"\n'


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


@cache
def recording(way: Way, case: str) -> Recording:
    """The smallest recording for a case: whole, stream, tools, tools streamed, error. Another host's of the same API where it has none."""
    streamed = case.startswith("stream") or case.endswith("streamed")
    for provider in (way.recorded or way.kind, "openai" if way.apis == OPENAI else ""):
        found = [r for r in recordings(*way.apis, provider=provider) if fits(r, case, streamed)]
        if found:
            return min(found, key=lambda recording: len(recording.body))
    raise LookupError(f"nothing recorded for {way.name} {case}")


def fits(recording: Recording, case: str, streamed: bool) -> bool:
    if case == "error":
        return recording.status >= 400
    if recording.status >= 300 or recording.stream != streamed:
        return False
    meant = said(recording)
    if meant.failed or list(meant.choices) != [0]:
        return False
    return bool(meant.choices[0].calls) if case.startswith("tools") else bool(meant.choices[0].text) and not meant.choices[0].calls


def same_path(got: str, way: Way, stream: bool) -> bool:
    """Paths carry a model's colon bare or as %3A; both name the same."""
    expected = (way.stream_path if stream else "") or way.path
    return re.sub("%3A", ":", got, flags=re.I) == f"/{way.name}{expected}"
