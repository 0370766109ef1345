"""Where a request goes: one provider, one model, one way to prove who we are. Values only.

Odd here: a `Target` is built once when the snapshot is, not once a request, so everything that can be known
beforehand (URL, headers, timeouts) is in it and the request path only reads.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw, Struct

from .secret import Secret
from .wire import Headers, HttpRequest

# ── how a request is signed ──────────────────────────────────────────────────────────────────────────────


class NoAuth(Struct, frozen=True):
    pass


class Bearer(Struct, frozen=True):
    """`Authorization: Bearer KEY`."""

    key: Secret


class HeaderKey(Struct, frozen=True):
    """A key in a header of its own; `also_bearer` sends it in `Authorization` too (Opik's `auth_header_name`)."""

    name: str
    key: Secret
    also_bearer: bool = False


class QueryKey(Struct, frozen=True):
    """A key in the query string (`?key=…`). Such a URL never reaches a log."""

    name: str
    key: Secret


class SigV4(Struct, frozen=True):
    """AWS signature version 4. Without keys botocore's standard credential chain is asked."""

    region: str
    service: str = "bedrock"
    access_key_id: str = ""
    secret_access_key: Secret | None = None
    session_token: Secret | None = None


class GoogleAuth(Struct, frozen=True):
    """A Google service account (`credentials` is its JSON) or, where that is None, application default credentials."""

    credentials: Secret | None = None
    token_url: str = ""


class EntraAuth(Struct, frozen=True):
    """Azure Entra ID client credentials."""

    tenant_id: str
    client_id: str
    client_secret: Secret
    token_url: str = ""


class OAuthClient(Struct, frozen=True):
    """OAuth 2 client credentials as Opik's `auth_config` has them."""

    token_url: str
    send_as: str = "form"
    """form, json or basic"""
    credentials: tuple[tuple[str, Secret], ...] = ()
    token_field: str = "access_token"
    expires_field: str = "expires_in"
    fallback_ttl_seconds: int = 300


Auth = NoAuth | Bearer | HeaderKey | QueryKey | SigV4 | GoogleAuth | EntraAuth | OAuthClient

# ── the target ───────────────────────────────────────────────────────────────────────────────────────────


class Timeouts(Struct, frozen=True):
    """Seconds: to connect, to the first byte of the answer, and between two reads of it."""

    connect: float = 5.0
    first_byte: float = 300.0
    idle: float = 60.0


class Target(Struct, frozen=True, kw_only=True):
    provider: str
    """The provider's name in this gateway's config: the prefix callers write."""
    kind: str
    """Its row in `providers.KINDS`."""
    model: str
    """The model id as the vendor spells it."""
    dialect: str
    """A key of `dialects.DIALECTS`."""
    base_url: str
    """What that vendor's own SDK means by it; no slash at the end."""
    auth: Auth = NoAuth()
    headers: Headers = ()
    """Added to every request: the config's `headers`."""
    query: Headers = ()
    """Added to every URL (Opik's `url_query_params`, Azure's `api-version`)."""
    quirks: frozenset[str] = frozenset()
    """Named deviations of this host; each is documented in `providers.QUIRKS`."""
    options: Mapping[str, str] = {}
    """Kind-specific settings: region, project, location, api_version…"""
    timeouts: Timeouts = Timeouts()
    max_output: int = 0
    """The model's own output limit in tokens, 0 where unknown."""
    trusted: bool = True
    """False where a caller or workspace chose the URL: the egress rules then apply."""

    @property
    def name(self) -> str:
        """provider/model, as `x-trunkline-target` has it."""
        return f"{self.provider}/{self.model}"


# ── what encoding a request gives ────────────────────────────────────────────────────────────────────────


class Note(Struct, frozen=True):
    """One thing that could not be passed on exactly as asked.

    `kind`: "dropped" (not sent at all), "clamped" (sent with another value), "emulated" (done by other means),
    "approximated" (sent as the nearest thing the vendor has), "added" (something the vendor insists on).
    `param` is the caller's own field path, e.g. "seed" or "messages[2].content[1]".
    """

    kind: str
    param: str
    why: str


class Notes:
    """Collects the notes of one request while a dialect encodes it."""

    def __init__(self) -> None:
        self.list: list[Note] = []

    def dropped(self, param: str, why: str) -> None:
        self.list.append(Note("dropped", param, why))

    def clamped(self, param: str, why: str) -> None:
        self.list.append(Note("clamped", param, why))

    def emulated(self, param: str, why: str) -> None:
        self.list.append(Note("emulated", param, why))

    def approximated(self, param: str, why: str) -> None:
        self.list.append(Note("approximated", param, why))

    def added(self, param: str, why: str) -> None:
        self.list.append(Note("added", param, why))

    def done(self) -> tuple[Note, ...]:
        return tuple(self.list)


class Encoded(Struct, frozen=True, kw_only=True):
    """A request in the target's dialect, unsigned, and what has to be undone in its answer."""

    http: HttpRequest
    notes: tuple[Note, ...] = ()
    names: Mapping[str, str] = {}
    """Tool names on the wire → the caller's own, where they differ."""
    properties: Mapping[str, Mapping[str, str]] = {}
    """Tool's name on the wire → names of its parameters on the wire → the caller's own, where they differ."""
    customs: frozenset[str] = frozenset()
    """The caller's names of custom tools that are functions on the wire: their calls' arguments are `{"input": "…"}`."""
    json_tool: str = ""
    """The tool (wire name) that stands in for `response_format`: its arguments are the answer's content."""
    check: str = ""
    """"json" or "schema": the finished content must be checked (and repaired once) since the vendor does not enforce it."""
    schema: Raw = Raw(b"")
    """The JSON schema for `check == "schema"`."""
    fan_out: int = 1
    """How many parallel calls stand for the caller's `n`, where the vendor has no n. The body asks for one."""
