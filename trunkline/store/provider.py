"""From a stored provider key to the `Provider` that routing and signing know.

Odd here: Opik has its own names for the kinds (`custom-llm`, `vertex-ai`), keeps everything else in a map of strings, and joins base
URLs as text. A row is untrusted: whoever wrote it chose the URLs, so the egress rules apply to them, and a row without a key of its own
never falls back on the machine's (AWS's credential chain, Google's default credentials), which belong to whoever runs the gateway.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import msgspec

from ..providers import KINDS, OPTIONS, Provider, default_base_url, tidy_base_url
from ..secret import Secret
from ..target import Auth, Bearer, GoogleAuth, HeaderKey, NoAuth, OAuthClient, SigV4
from .records import AuthConfig, ProviderKey

log = logging.getLogger("trunkline.store")

OPIK_KINDS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "openrouter": "openrouter",
    "vertex-ai": "vertex",
    "bedrock": "bedrock",
    "ollama": "ollama",
    "custom-llm": "openai_compatible",
}
"""Opik's provider values, and our kinds."""
KNOWN_PROVIDERS = frozenset(OPIK_KINDS) | (frozenset(KINDS) - {"local"})
"""What a row's `provider` may be: Opik's values and every kind of ours."""
NAMING = frozenset({"custom-llm", "bedrock", "ollama"}) | {
    kind.name for kind in KINDS.values() if kind.name != "local" and (kind.auth == "none" or "base_url" in kind.required_options)
}
"""Providers a workspace may have several of, told apart by `provider_name`; their key is optional."""


PLAIN_OPTIONS = frozenset({"location", "region", "project", "api_version", "account", "account_id"})


class ServiceAccount(msgspec.Struct):
    project_id: str = ""


def oauth_client(auth: AuthConfig) -> OAuthClient:
    """A stored recipe as signing knows it; what it leaves out has Opik's defaults."""
    given: dict[str, object] = {
        "token_field": auth.token_field,
        "expires_field": auth.expires_field,
        "fallback_ttl_seconds": auth.fallback_ttl_seconds,
    }
    return OAuthClient(
        token_url=auth.token_url,
        send_as=auth.send_as,
        credentials=tuple((item.key, item.value) for item in auth.credentials),
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def provider_of(key: ProviderKey) -> Provider | None:
    """A row as a provider of its workspace; None where it says too little to be called.

    Raises nothing: one workspace's row, however odd, must not keep the others' changes out of the snapshot.
    """
    try:
        return _provider_of(key)
    except Exception as error:  # its text is not logged: the row is full of secrets
        log.error("stored provider key %s (%s) is not used: it cannot be read (%s)", key.id, key.provider, type(error).__name__)
        return None


def _provider_of(key: ProviderKey) -> Provider | None:
    kind = kind_of(key)
    options = options_of(key, kind)
    base_url, query = tidy_base_url(kind, (key.base_url or default_base_url(kind, options)).strip())
    auth = auth_of(key, kind)
    lacks = "no base_url" if not base_url or "{" in base_url.replace("{model}", "") else "no key" if auth is None else ""
    if lacks or auth is None:
        log.warning("stored provider key %s (%s) has %s and is not used", key.id, key.provider, lacks)
        return None
    return Provider(
        name=key.provider_name or kind,
        kind=kind,
        auth=auth,
        base_url=base_url,
        headers=tuple((name.lower(), value.reveal()) for name, value in key.headers or ()),
        query=query + extra_query(key),
        options={"opik_provider": key.provider, **options},
        trusted=is_ours(key, auth, base_url),
        workspace=key.workspace,
        models=tuple(name for model in key.settings.get("models", "").split(",") if (name := model.strip())),
        id=key.id,
    )


def kind_of(key: ProviderKey) -> str:
    """Our kind. A Bedrock whose base URL ends in /v1 is its OpenAI door, the only one the original knows."""
    kind = OPIK_KINDS.get(key.provider, key.provider)
    if kind == "bedrock" and key.base_url is not None and key.base_url.partition("?")[0].rstrip("/").endswith("/v1"):
        return "openai_compatible"
    return kind


def auth_of(key: ProviderKey, kind: str) -> Auth | None:
    """How requests are signed; None where this kind cannot be called without a key of the row's own."""
    if key.auth_config is not None:
        return oauth_client(key.auth_config)
    secret = key.api_key
    if secret is None:
        return None if kind in ("vertex", "bedrock") else NoAuth()
    settings = key.settings
    suppress = settings.get("suppress_default_auth", "").strip().lower() == "true"
    if header := settings.get("auth_header_name", "").strip():
        return HeaderKey(header, secret, also_bearer=not suppress)
    if suppress:
        return NoAuth()
    if kind == "vertex" and secret.reveal().lstrip().startswith("{"):
        return GoogleAuth(credentials=secret)
    if kind == "bedrock" and (pair := access_keys(secret)) is not None:
        return SigV4(region=region_of(key), access_key_id=pair[0], secret_access_key=pair[1])
    own_header = KINDS[kind].auth
    return (
        Bearer(secret)
        if own_header in ("bearer", "none", "sigv4")
        else HeaderKey("x-goog-api-key" if own_header == "google" else own_header, secret)
    )


def access_keys(secret: Secret) -> tuple[str, Secret] | None:
    """`ACCESS_KEY_ID:SECRET_ACCESS_KEY`, for Bedrock signed with an AWS key instead of a Bedrock API key."""
    id, colon, key = secret.reveal().strip().partition(":")
    return (id, Secret(key)) if colon and id.startswith(("AKIA", "ASIA")) and id.isalnum() else None


def region_of(key: ProviderKey) -> str:
    named = key.settings.get("region") or key.settings.get("location") or ""
    host = urlsplit(key.base_url or "").hostname or ""
    labels = host.split(".")
    return named or (labels[1] if host.startswith("bedrock-runtime.") and len(labels) > 2 else "us-east-1")


def options_of(key: ProviderKey, kind: str) -> dict[str, str]:
    """The kind's own options (`providers.OPTIONS`) that `configuration` names; none that is a secret, or that says how to sign."""
    settings = key.settings
    options = {name: settings[name] for name in OPTIONS.get(kind, {}) if name in PLAIN_OPTIONS and settings.get(name)}
    if kind == "vertex":
        options.setdefault("location", "global")
        if key.api_key is not None and (project := project_of(key.api_key)):
            options["project"] = project
    elif kind == "bedrock":
        options["region"] = region_of(key)
    return options


def project_of(secret: Secret) -> str:
    """The project a service account belongs to; "" where the secret is none."""
    try:
        return msgspec.json.decode(secret.reveal(), type=ServiceAccount).project_id
    except (msgspec.DecodeError, RecursionError):
        return ""


def is_ours(key: ProviderKey, auth: Auth, base_url: str) -> bool:
    """Whether every address that will be called is one this program knows, and none the workspace's choice. A default on this machine
    (an Ollama's) is not: it is the operator's, and the workspace chose to call it."""
    chosen = key.base_url is not None or isinstance(auth, OAuthClient | GoogleAuth) or any(name in key.settings for name in PLAIN_OPTIONS)
    return not chosen and base_url.startswith("https://")


def extra_query(key: ProviderKey) -> tuple[tuple[str, str], ...]:
    """`url_query_params`: a JSON object, as text."""
    text = key.settings.get("url_query_params", "")
    if not text.strip():
        return ()
    try:
        params = msgspec.json.decode(text, type=dict[str, str | bool | int | float])
    except (msgspec.DecodeError, RecursionError):
        return ()
    return tuple((name, value if isinstance(value, str) else msgspec.json.encode(value).decode()) for name, value in params.items())
