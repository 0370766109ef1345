"""The vendors this gateway knows, as a table, and what one configured provider is.

Odd here: most rows speak OpenAI's format and differ only in habits. A habit is a named quirk (`QUIRKS`), not code here: the
dialect has the code, the row has the name. A row says what a vendor's own SDK would do by default (variables, base URL, header).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from msgspec import Struct

from ..target import Auth, Target, Timeouts
from ..wire import Headers
from .kind import Capabilities, Kind
from .kinds import KINDS
from .quirks import QUIRKS

__all__ = [
    "CLAUDE_ON_VERTEX", "KINDS", "LOCAL_ALIAS", "OPTIONS", "QUIRKS", "RESPONSES_ONLY", "SECRET_OPTIONS", "SPELLINGS", "Capabilities",
    "Kind", "Provider", "chat_url", "default_base_url", "responses_url", "tidy_base_url",
]  # fmt: skip

LOCAL_ALIAS = "smollm2-135m-instruct"
"""What the embedded model is called unless `providers.local.alias` says otherwise."""

OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "azure": {
        "api_version": ("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"),
        "tenant_id": ("AZURE_TENANT_ID",),
        "client_id": ("AZURE_CLIENT_ID",),
        "client_secret": ("AZURE_CLIENT_SECRET",),
        "token_url": (),
    },
    "vertex": {
        "project": ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
        "location": ("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION"),
        "credentials": (),
        "token_url": (),
    },
    "bedrock": {
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "access_key_id": ("AWS_ACCESS_KEY_ID",),
        "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
    },
    "cloudflare": {"account_id": ("CLOUDFLARE_ACCOUNT_ID",)},
    "snowflake": {"account": ("SNOWFLAKE_ACCOUNT",)},
    "local": {"model": (), "alias": (), "context": (), "slots": (), "threads": (), "load": (), "start_timeout": ()},
}
"""What a provider's table may say beside what every provider's may, by kind: option → customary variables."""

SECRET_OPTIONS = frozenset({"secret_access_key", "session_token", "client_secret", "credentials"})

SPELLINGS: dict[str, str] = {
    "vertex_ai": "vertex", "vertex-ai": "vertex", "together_ai": "together", "fireworks_ai": "fireworks", "nvidia_nim": "nvidia",
    "hosted_vllm": "vllm", "z-ai": "zai", "x-ai": "xai",
}  # fmt: skip
"""Other prefixes callers write for a kind: Opik's (`vertex_ai/`), LiteLLM's and OpenRouter's."""

RESPONSES_ONLY = ("o1-pro*", "o3-pro*", "*-deep-research*", "gpt-5*-pro*", "gpt-5*-codex*", "codex-*", "computer-use-*")
"""OpenAI's models that answer on /v1/responses and are a 404 on chat completions (https://platform.openai.com/docs/models)."""

CLAUDE_ON_VERTEX = ("claude-*", "anthropic/claude-*", "publishers/anthropic/models/*")


class Provider(Struct, frozen=True, kw_only=True):
    """One configured provider: a row of the config, of the environment, or of the store."""

    name: str
    """What callers write before the slash."""
    kind: str
    auth: Auth
    base_url: str
    """May hold `{model}`, which Opik replaces by the model's name."""
    headers: Headers = ()
    query: Headers = ()
    options: Mapping[str, str] = {}
    timeouts: Timeouts = Timeouts()
    quirks: frozenset[str] = frozenset()
    """Beside those of its kind."""
    trusted: bool = True
    """False where a caller or a workspace chose the URL."""
    workspace: str = ""
    """"" is every workspace, else only that one."""
    models: tuple[str, ...] = ()
    """Full names that mean this provider, exactly (Opik's `configuration.models`)."""
    id: str = ""


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────


def chat_url(target: Target) -> str:
    """Where a target of an OpenAI-style kind takes chat completions.

    Azure: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
    """
    if target.kind == "azure":
        return _azure_url(target, f"deployments/{quote(target.model, safe='')}/chat/completions", "chat/completions")
    return f"{target.base_url}/chat/completions"


def responses_url(target: Target) -> str:
    """Where a target takes OpenAI's responses API."""
    if target.kind == "azure":
        return _azure_url(target, "responses", "responses")
    return f"{target.base_url}/responses"


def _azure_url(target: Target, dated: str, undated: str) -> str:
    """A dated `api_version` goes with the older addresses; without one (or with v1, preview) it is the v1 API."""
    version = target.options.get("api_version", "")
    if version[:1].isdigit():
        return f"{target.base_url}/openai/{dated}?api-version={quote(version)}"
    preview = "?api-version=preview" if version == "preview" else ""
    return f"{target.base_url}/openai/v1/{undated}{preview}"


def default_base_url(kind: str, options: Mapping[str, str]) -> str:
    """The vendor's own address with the options filled in; "" where the kind has none."""
    url = KINDS[kind].base_url
    if kind == "vertex":
        return _vertex_host(options.get("location", "") or "global")
    if kind == "bedrock" and options.get("region", "").startswith("cn-"):
        url += ".cn"
    for name, value in options.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return url


def _vertex_host(location: str) -> str:
    """https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations: regional, multi-regional (us, eu) and global endpoints."""
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in ("us", "eu"):
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{quote(location, safe='')}-aiplatform.googleapis.com"


_ADDED = {
    "anthropic": ("/v1/messages", "/v1"),
    "gemini": ("/v1beta/openai", "/v1beta", "/v1"),
    "vertex": ("/v1beta1", "/v1"),
    "cohere": ("/v2/chat", "/compatibility/v1", "/v2", "/v1"),
    "azure": ("/openai/v1/chat/completions", "/openai/v1", "/openai"),
    "ollama": ("/api/chat", "/api", "/v1"),
}
"""Ends of a base URL that the gateway adds itself, for the kinds whose base URL is a host."""


_ROOTS = {"vllm": "/v1", "databricks": "/serving-endpoints"}
"""Where the API stands on a host named without a path, for kinds that have it nowhere else."""


def tidy_base_url(kind: str, url: str) -> tuple[str, Headers]:
    """(the base URL without a final slash, its query, and the ends this gateway adds itself; its query). `/v1` may be there or not."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    for end in _ADDED.get(kind, ("/chat/completions", "/responses")):
        if path.endswith(end):
            path = path.removesuffix(end)
            break
    path = path or _ROOTS.get(kind, "")
    return urlunsplit((parts.scheme, parts.netloc, path.rstrip("/"), "", "")), tuple(parse_qsl(parts.query, keep_blank_values=True))
