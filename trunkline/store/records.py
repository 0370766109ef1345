"""The store's rows as values, unsealed: a provider key as the Opik REST API has it, a gateway key as its hash and what it gives.

Odd here: None is "never set", which is not the same as empty, since Opik's updates keep the one and clear to the other.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from math import inf

from msgspec import Struct

from ..access import Caller, Grant, Limits, Role
from ..secret import Secret


class Credential(Struct, frozen=True):
    """One field sent to a token URL."""

    key: str
    value: Secret
    secret: bool = False


class AuthConfig(Struct, frozen=True, kw_only=True):
    """OAuth 2 client credentials, as Opik's `auth_config` has them."""

    token_url: str
    send_as: str = "form"
    credentials: tuple[Credential, ...] = ()
    token_field: str | None = None
    expires_field: str | None = None
    fallback_ttl_seconds: int | None = None


class ProviderKey(Struct, frozen=True, kw_only=True):
    """One stored provider. None is "never set"; times are ISO 8601 instants in UTC."""

    id: str
    workspace: str
    provider: str
    provider_name: str = ""
    name: str | None = None
    api_key: Secret | None = None
    headers: tuple[tuple[str, Secret], ...] | None = None
    configuration: tuple[tuple[str, str], ...] | None = None
    base_url: str | None = None
    auth_config: AuthConfig | None = None
    created_at: str
    created_by: str
    last_updated_at: str
    last_updated_by: str

    @property
    def settings(self) -> dict[str, str]:
        return dict(self.configuration or ())


class GatewayKey(Struct, frozen=True, kw_only=True, gc=False):
    """One key of ours. `hash` is its `access.key_hash`; `expires_at` is Unix time in seconds."""

    id: str
    workspace: str
    name: str
    hash: bytes
    prefix: str
    """The first characters of the key, to tell keys apart in a list."""
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    limits: Limits = Limits()
    role: Role = ""
    disabled: bool = False
    expires_at: float | None = None
    created_at: str
    last_updated_at: str

    def grant(self) -> Grant:
        caller = Caller(
            workspace=self.workspace,
            key_id=self.id,
            name=self.name,
            models=self.models,
            tags=self.tags,
            limits=self.limits,
            role=self.role,
        )
        return Grant(caller, inf if self.expires_at is None else self.expires_at, self.disabled)


class Granted(Struct, frozen=True, gc=False):
    """What every process keeps in memory of a key of ours: of ten thousand keys, all that is not needed to let callers in is megabytes."""

    hash: bytes
    grant: Grant


def instant(now: float) -> str:
    """A Unix time as Opik writes instants."""
    return dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def fresh_id() -> str:
    """A UUID of version 7 (RFC 9562): sorts by the time it was made, as Opik's ids do."""
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Whether a text may be asked of the database as an id: PostgreSQL takes one with a NUL in it for a failure, not for an unknown one."""
    return "\0" not in text
