"""What a provider key looks like on the wire, and the rules for creating and changing one. Pure.

`None` and absent mean the same everywhere here: on create "not set", on update "keep". Clearing is done with an empty object or string.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ...errors import CallerError
from ...secret import Secret
from ...store.provider import KNOWN_PROVIDERS, NAMING, PLAIN_OPTIONS
from ...store.records import AuthConfig, Credential, ProviderKey
from .endpoint import invalid
from .provider_masks import SENTINEL, Scalar, configured, params, secretive, shown_url, text, texts, unmasked

LONGEST_NAME = 150
ONE_YEAR = 365 * 86_400
FRAMING_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "trailer", "expect", "proxy-connection"}
)
BOTH = "api_key and auth_config cannot both be set; send auth_config as an empty object to switch back to a static api_key"


class CredentialForm(Struct):
    key: str
    value: str | None = None
    secret: bool | None = None


class AuthForm(Struct):
    token_url: str | None = None
    send_as: Literal["form", "json", "basic"] | None = None
    credentials: list[CredentialForm] | None = None
    token_field: str | None = None
    expires_field: str | None = None
    fallback_ttl_seconds: int | None = None

    @property
    def empty(self) -> bool:
        return all(getattr(self, name) is None for name in self.__struct_fields__)


class KeyForm(Struct):
    """A create or an update; members it does not know are ignored, as the original does."""

    provider: str | None = None
    api_key: str | None = None
    name: str | None = None
    provider_name: str | None = None
    headers: dict[str, Scalar] | None = None
    configuration: dict[str, Scalar] | None = None
    base_url: str | None = None
    auth_config: AuthForm | None = None


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────


def created(form: KeyForm, *, id: str, workspace: str, by: str, at: str) -> ProviderKey:
    """A new row. CallerError 422 with every fault, 400 for a provider nobody knows and for a key beside a recipe."""
    if form.provider is None:
        raise invalid("provider must not be null")
    if form.provider not in KNOWN_PROVIDERS:
        raise CallerError(
            f"Unable to process JSON. unknown provider '{form.provider}'; it is one of {', '.join(sorted(KNOWN_PROVIDERS))}",
            param="provider",
        )
    naming = form.provider in NAMING
    faults = common_faults(form)
    if naming and not (form.provider_name or "").strip():
        faults.append(f"provider_name must not be blank for provider {form.provider}")
    auth = form.auth_config if form.auth_config is not None and not form.auth_config.empty else None
    if not naming and auth is None and not sent_key(form):
        faults.append("api_key must not be blank")
    if faults:
        raise invalid(*faults)
    if auth is not None and sent_key(form):
        raise CallerError(BOTH, param="api_key")
    return ProviderKey(
        id=id,
        workspace=workspace,
        provider=form.provider,
        provider_name=(form.provider_name or "").strip() if naming else "",
        name=form.name,
        api_key=Secret(sent_key(form)) if sent_key(form) else None,
        headers=None if form.headers is None else secrets(form.headers),
        configuration=None if form.configuration is None else tuple(texts(form.configuration).items()),
        base_url=form.base_url,
        auth_config=None if auth is None else recipe(auth, None),
        created_at=at,
        created_by=by,
        last_updated_at=at,
        last_updated_by=by,
    )


def updated(stored: ProviderKey, form: KeyForm, *, by: str, at: str) -> ProviderKey:
    """The row after an update. Null keeps; `headers`, `configuration` and `auth_config` are replaced whole, `{}` clears them."""
    naming = stored.provider in NAMING
    faults = common_faults(form)
    if form.api_key is not None and not sent_key(form) and not naming:
        faults.append("api_key must not be blank")
    if faults:
        raise invalid(*faults)
    api_key, auth = stored.api_key, stored.auth_config
    kept = api_key is not None and sent_key(form) == api_key.masked() and "*" in sent_key(form)
    new_key = "" if kept else sent_key(form)
    new_auth = form.auth_config is not None and not form.auth_config.empty
    if new_key and (new_auth or (auth is not None and form.auth_config is None)):
        raise CallerError(BOTH, param="api_key")
    if form.auth_config is not None:
        auth = recipe(form.auth_config, stored.auth_config) if new_auth else None
        api_key = None if new_auth else api_key
    if new_key:
        api_key = Secret(new_key)
    elif form.api_key is not None and not sent_key(form):
        api_key = None
    naming_now = (form.provider_name or "").strip() if naming and not stored.provider_name else ""
    return msgspec.structs.replace(
        stored,
        api_key=api_key,
        auth_config=auth,
        name=stored.name if form.name is None else form.name,
        provider_name=naming_now or stored.provider_name,
        headers=stored.headers if form.headers is None else secrets(unmasked(form.headers, dict(stored.headers or ()))),
        configuration=stored.configuration
        if form.configuration is None
        else tuple(configured(form.configuration, stored.settings).items()),
        base_url=stored.base_url if form.base_url is None or form.base_url == shown_url(stored.base_url) else form.base_url,
        last_updated_at=at,
        last_updated_by=by,
    )


def recipe(form: AuthForm, stored: AuthConfig | None) -> AuthConfig:
    """An auth_config as it will be stored, with `__SECRET__` replaced by the stored value of the same key and token URL.
    CallerError 422 with every fault."""
    faults = []
    token_url = (form.token_url or "").strip()
    if problem := url_problem(token_url):
        faults.append(f"auth_config.token_url {problem}")
    if not form.credentials:
        faults.append("auth_config.credentials must not be empty")
    if form.fallback_ttl_seconds is not None and form.fallback_ttl_seconds < 0:
        faults.append("auth_config.fallback_ttl_seconds must not be negative")
    known = {item.key: item for item in stored.credentials} if stored is not None and stored.token_url == token_url else {}
    credentials = []
    for at, item in enumerate(form.credentials or ()):
        old = known.get(item.key)
        where = f"auth_config.credentials[{at}]"
        if not item.key.strip():
            faults.append(f"{where}.key must not be blank")
        if item.value == SENTINEL or (item.value is None and old is not None):
            if old is None or not old.secret:
                faults.append(f"{where}.value: no secret is stored for {item.key!r} at this token_url; send the value itself")
                continue
            credentials.append(old)
        elif item.value is None:
            faults.append(f"{where}.value must not be null")
        else:
            credentials.append(Credential(item.key, Secret(item.value), hidden(item, old)))
    if form.send_as == "basic" and not {"client_id", "client_secret"} <= {item.key for item in form.credentials or ()}:
        faults.append('auth_config.credentials needs client_id and client_secret, since send_as is "basic"')
    if faults:
        raise invalid(*faults)
    ttl = form.fallback_ttl_seconds
    return AuthConfig(
        token_url=token_url,
        send_as=form.send_as or "form",
        credentials=tuple(credentials),
        token_field=form.token_field or None,
        expires_field=form.expires_field or None,
        fallback_ttl_seconds=None if ttl is None else min(ttl, ONE_YEAR),
    )


def hidden(item: CredentialForm, old: Credential | None) -> bool:
    """Once secret, always secret; where nothing is said, the field's name decides (`client_secret`, `password`)."""
    return (old is not None and old.secret) or (secretive(item.key) if item.secret is None else item.secret)


def sent_key(form: KeyForm) -> str:
    """The key without what a copy from elsewhere brings along: no key has white space at its ends."""
    return (form.api_key or "").strip()


def common_faults(form: KeyForm) -> list[str]:
    faults = [
        f"{field} size must be between 0 and {LONGEST_NAME}"
        for field in ("name", "provider_name")
        if len(getattr(form, field) or "") > LONGEST_NAME
    ]
    faults += [f"{field} must not hold control characters" for field in ("name", "provider_name") if controls(getattr(form, field) or "")]
    if form.base_url is not None and (problem := url_problem(form.base_url)):
        faults.append(f"base_url {problem}")
    for name, value in (form.headers or {}).items():
        if not header_name(name) or controls(text(value).replace("\t", "")):
            faults.append(f"headers: {name!r} is not a header that can be sent")
        elif name.lower() in FRAMING_HEADERS:
            faults.append(f"headers: {name!r} is set by the gateway itself")
    if controls(sent_key(form)) and not sent_key(form).startswith("{"):
        faults.append("api_key must be one line (or a service account's JSON)")
    for option in PLAIN_OPTIONS:
        named = (form.configuration or {}).get(option)
        if named is not None and not re.fullmatch(r"[A-Za-z0-9:._-]{0,100}", text(named)):
            faults.append(f"configuration.{option} may hold letters, digits, '.', ':', '_' and '-' only")
    extra = (form.configuration or {}).get("auth_header_name")
    if extra is not None and text(extra) and (not header_name(text(extra)) or text(extra).lower() in FRAMING_HEADERS):
        faults.append("configuration.auth_header_name is not a header that can be sent")
    query = (form.configuration or {}).get("url_query_params")
    if query is not None and text(query).strip() and params(text(query)) is None:
        faults.append('configuration.url_query_params must be a JSON object of strings, as text: "{\\"api-version\\": \\"…\\"}"')
    return faults


def url_problem(url: str) -> str:
    """What is wrong with a base or token URL, "" for nothing. `{model}` may stand in it."""
    if not url.strip():
        return "must not be blank"
    if controls(url.strip()):
        return "must not hold control characters"
    try:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return "must be an http or https URL with a host"
        if parts.hostname.endswith("{model}"):
            return "must not leave the end of the host to {model}: whoever names a model would choose where the key is sent"
    except ValueError:
        return "is not a URL"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user and password; use api_key or headers"
    return ""


def controls(value: str) -> bool:
    """Whether a text has a control character in it. PostgreSQL refuses NUL, and no header or URL may hold any of them."""
    return any(letter < " " or letter == "\x7f" for letter in value)


def header_name(name: str) -> bool:
    return bool(name) and all(letter.isascii() and (letter.isalnum() or letter in "!#$%&'*+-.^_`|~") for letter in name)


def secrets(values: dict[str, Scalar]) -> tuple[tuple[str, Secret], ...]:
    return tuple((name, Secret(text(value))) for name, value in values.items())
