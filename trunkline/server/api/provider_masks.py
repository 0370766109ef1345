"""What a provider key shows when it is read back, and how what was read is recognised when it comes back. Pure.

Odd here: Opik's pages send a whole row back after an edit. So every mask must be told from a new value: it is the mask of the value
that stands at the same name now, and has a star in it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...secret import Secret
from ...store.records import AuthConfig, ProviderKey

SENTINEL = "__SECRET__"
SECRET_WORDS = ("auth", "key", "token", "secret", "password", "passwd", "cookie", "credential", "signature", "sig")

Scalar = str | bool | int | float


def shown(key: ProviderKey) -> dict[str, Any]:
    """A row as it is read back: nothing in it opens anything."""
    return {
        "id": key.id,
        "provider": key.provider,
        "api_key": None if key.api_key is None else key.api_key.masked(),
        "name": key.name,
        "provider_name": key.provider_name or None,
        "headers": None if key.headers is None else {name: masked(name, value) for name, value in key.headers},
        "configuration": None if key.configuration is None else {name: setting(name, value) for name, value in key.configuration},
        "base_url": shown_url(key.base_url),
        "auth_config": None if key.auth_config is None else shown_recipe(key.auth_config),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "last_updated_at": key.last_updated_at,
        "last_updated_by": key.last_updated_by,
        "read_only": False,
    }


def shown_recipe(auth: AuthConfig) -> dict[str, Any]:
    return {
        "token_url": auth.token_url,
        "send_as": auth.send_as,
        "credentials": [
            {"key": item.key, "value": SENTINEL if item.secret else item.value.reveal(), "secret": item.secret} for item in auth.credentials
        ],
        "token_field": auth.token_field,
        "expires_field": auth.expires_field,
        "fallback_ttl_seconds": auth.fallback_ttl_seconds,
    }


def secretive(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in SECRET_WORDS)


def masked(name: str, value: Secret) -> str:
    return value.masked() if secretive(name) else value.reveal()


def setting(name: str, value: str) -> str:
    """A configuration value; of `url_query_params` those that look like secrets are masked."""
    if name != "url_query_params" or not (query := params(value)) or not any(secretive(param) for param in query):
        return value
    return msgspec.json.encode({param: masked(param, Secret(text(sent))) for param, sent in query.items()}).decode()


def shown_url(url: str | None) -> str | None:
    """A base URL; what looks like a secret in its query is masked."""
    if url is None or "?" not in url:
        return url
    base, _, query = url.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    return base + "?" + "&".join(name + equals + masked(name, Secret(value)) for name, equals, value in pairs)


def unmasked(sent: dict[str, Scalar], stored: dict[str, Secret]) -> dict[str, Scalar]:
    """What was sent, with each mask that was read from us replaced by the value behind it."""
    return {name: stored[name].reveal() if name in stored and "*" in text(value) and text(value) == masked(name, stored[name]) else value
            for name, value in sent.items()}  # fmt: skip


def configured(sent: dict[str, Scalar], stored: dict[str, str]) -> dict[str, str]:
    values = texts(sent)
    query = params(values.get("url_query_params", ""))
    old = params(stored.get("url_query_params", ""))
    if query and old:
        behind = unmasked(query, {name: Secret(text(value)) for name, value in old.items()})
        if behind != query:
            values["url_query_params"] = msgspec.json.encode(behind).decode()
    return values


def text(value: Scalar) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def params(query: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(query, type=dict[str, Scalar])
    except (msgspec.DecodeError, RecursionError):
        return None


def texts(values: dict[str, Scalar]) -> dict[str, str]:
    return {name: text(value) for name, value in values.items()}
