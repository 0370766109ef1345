"""What a config file may say: one Struct a table, whose fields are the known names, types, ranges and defaults.

Odd here: these types are read by `reading.Reader`, not by msgspec alone, so that every problem is found at once and secrets are
resolved on the way. A new table is a Struct here and a line in `check.TABLES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ..secret import Secret

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]


class Server(Struct, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 5173
    """0 takes any free port."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    max_body_mb: Annotated[float, Meta(gt=0, le=4096)] = 32
    drain_seconds: Annotated[float, Meta(ge=0, le=3600)] = 30

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


class Storage(Struct, frozen=True, kw_only=True):
    url: Secret = Secret("")
    """May hold a password. "" is DATA/trunkline.db; see `Settings.storage_url`."""
    redis: Secret | None = None
    master_key: Secret | None = None
    """The reference as written (env:NAME, file:PATH or a literal): `store.master` resolves it, since it rotates what stands there."""


class Oidc(Struct, frozen=True, kw_only=True):
    """`[auth.oidc]`, for `oidc.Rules`."""

    issuer: str = ""
    audience: str = ""
    workspace_claim: str = ""
    models_claim: str = ""
    limits_claim: str = ""
    jwks_url: str = ""


class AuthTable(Struct, frozen=True, kw_only=True):
    mode: Literal["open", "keys", "oidc"] = "open"
    admin_key: Secret | None = None
    oidc: Oidc | None = None


class Egress(Struct, frozen=True, kw_only=True):
    private_addresses: Literal["auto", "allow", "deny"] = "auto"


class Telemetry(Struct, frozen=True, kw_only=True):
    metrics: bool = True


class OAuthTable(Struct, frozen=True, kw_only=True):
    """`[providers.NAME.oauth]`: client credentials in place of a key."""

    token_url: str = ""
    send_as: Literal["form", "json", "basic"] = "form"
    credentials: Mapping[str, Secret] = {}
    """`grant_type = client_credentials` is added for form and basic where it is not among them."""
    token_field: str = "access_token"
    expires_field: str = "expires_in"
    fallback_ttl_seconds: Annotated[int, Meta(ge=0, le=31_536_000)] = 300


class ProviderTable(Struct, frozen=True, kw_only=True):
    """`[providers.NAME]`. What only some kinds take (`providers.OPTIONS`) is in `options`, or in `secrets` where it is one."""

    kind: str = ""
    api_key: Secret | None = None
    base_url: str = ""
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    auth_header: str = ""
    """Send the key in this header instead of the usual one."""
    connect_timeout: Seconds = 5.0
    first_byte_timeout: Seconds = 300.0
    idle_timeout: Seconds = 60.0
    quirks: tuple[str, ...] = ()
    oauth: OAuthTable | None = None
    options: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}


class ModelTable(Struct, frozen=True, kw_only=True):
    """`[models.NAME]`: a name callers may use instead of provider/model."""

    targets: tuple[str, ...] = ()
    strategy: Literal["fallback", "weighted", "fastest", "cheapest"] = "fallback"
    weights: tuple[Annotated[float, Meta(gt=0)], ...] = ()
    """One a target, for `weighted`; equal where left out."""


Price = Annotated[float, Meta(ge=0, le=1_000_000)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class PriceTable(Struct, frozen=True, kw_only=True):
    """`[prices."provider/model"]`, or a pattern: what `registry.override` puts in the place of the data's. US dollars a million tokens."""

    input: Price | None = None
    output: Price | None = None
    cached: Price | None = None
    cache_write: Price | None = None
    context_window: Tokens | None = None
    max_output: Tokens | None = None
    tools: bool | None = None
    vision: bool | None = None
    audio: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """A whole config, checked. Printing it shows no secret."""

    server: Server = Server()
    storage: Storage = Storage()
    auth: AuthTable = AuthTable()
    egress: Egress = Egress()
    telemetry: Telemetry = Telemetry()
    providers: Mapping[str, ProviderTable] = {}
    models: Mapping[str, ModelTable] = {}
    prices: Mapping[str, PriceTable] = {}
    from_env: bool = True
    """`[providers] from_env`: also turn on the kinds not named in the file whose customary variable is set."""
    data: str = "data"
    """The data directory."""
    path: str | None = None
    """The config file."""

    @property
    def storage_url(self) -> str:
        """Opens the secret: for the engine only. A relative SQLite path is relative to the working directory, as SQLAlchemy has it."""
        return self.storage.url.reveal() or f"sqlite:///{self.data}/trunkline.db"


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1", "[::1]") or host.startswith("127.")
