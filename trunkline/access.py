"""Who is calling, and what they may name. Pure values and dictionary look-ups; nothing here waits.

Odd here: a gateway key is 32 random bytes, so one SHA-256 is its whole hash (a slow hash protects guessable passwords;
nobody guesses 256 bits), and finding it is one hash and one look-up. The credential comes in three spellings: `Bearer
tl-…` (OpenAI clients), bare (Opik's clients) and `x-api-key` (Anthropic's). In open mode a credential that does not look
like a key of ours is left unread, since Opik's clients send whatever they were configured with; one that does is honoured
or refused, so that a revoked key never quietly becomes an anonymous caller.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import inf
from typing import Literal, Protocol

from msgspec import Struct

from .errors import CallerError, OperatorError

Mode = Literal["open", "keys", "oidc"]
Role = Literal["", "admin"]

DEFAULT_WORKSPACE = "default"
KEY_PREFIX = "tl-"
LONGEST_WORKSPACE = 150


class Limits(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a key may spend; None is no limit. `budget` is US dollars per `budget_period`."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    budget: float | None = None
    budget_period: Literal["day", "month", "total"] = "month"


def negative(limits: Limits) -> str:
    """The name of a limit below nought, "" where there is none."""
    values = ((name, getattr(limits, name)) for name in limits.__struct_fields__)
    return next((name for name, value in values if isinstance(value, int | float) and value < 0), "")


class Caller(Struct, frozen=True, kw_only=True, gc=False):
    """Who asks. `key_id` is "" for an anonymous or admin caller; `models` are patterns, () for every model."""

    workspace: str = DEFAULT_WORKSPACE
    key_id: str = ""
    name: str = ""
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    limits: Limits = Limits()
    role: Role = ""
    """"admin": may also write this workspace's provider keys."""
    admin: bool = False
    """Holds the gateway's admin key: every workspace, every route."""

    @property
    def may_write_keys(self) -> bool:
        return self.admin or self.role == "admin"


class Grant(Struct, frozen=True, gc=False):
    """What a gateway key gives, as long as it lasts. `expires_at` is a Unix time in seconds."""

    caller: Caller
    expires_at: float = inf
    disabled: bool = False


class TokenVerifier(Protocol):
    def verify(self, token: bytes, now: float) -> Caller:
        """The caller a JWT names. Raises CallerError 401, or OperatorError 503 while no signing keys are known."""
        ...


class Access(Struct, frozen=True):
    """Everything needed to say who is calling: part of the snapshot."""

    mode: Mode = "open"
    grants: Mapping[bytes, Grant] = {}
    """By `key_hash`."""
    complete: bool = True
    """False until the store was read once: a key we do not know may then be a good one, so it is 503 and not 401."""
    admin_hash: bytes = b""
    """`key_hash` of the admin key; empty where none is configured."""
    local: bool = True
    """Bound to a loopback address only."""
    tokens: TokenVerifier | None = None


class HasAccess(Protocol):
    @property
    def access(self) -> Access: ...


def key_hash(key: bytes) -> bytes:
    """What the store and the snapshot know a key by."""
    return hashlib.sha256(key).digest()


def credential(authorization: bytes, x_api_key: bytes) -> bytes:
    """The key in these two header values, b"" where there is none. `Authorization` wins; its scheme may be left out."""
    if authorization:
        if authorization[:7].lower() == b"bearer ":
            return authorization[7:].strip()
        return authorization.strip()
    return x_api_key.strip()


def identify(snapshot: HasAccess, authorization: bytes, x_api_key: bytes, workspace: bytes, now: float) -> Caller:
    """The caller of a request, from the values of `Authorization`, `x-api-key` and `Comet-Workspace` (b"" where absent).

    `now` is Unix time in seconds. Raises CallerError 401 `invalid_api_key` for a key that is missing, wrong, disabled,
    revoked or expired, and 403 for another workspace than the key's.
    """
    access = snapshot.access
    if access.mode == "open" and not (authorization and b"tl-" in authorization) and not (x_api_key and b"tl-" in x_api_key):
        return anonymous(workspace)
    key = credential(authorization, x_api_key)
    if not key:
        if access.mode == "open":
            return anonymous(workspace)
        raise refused("No API key was given. Send a gateway key as `Authorization: Bearer tl-…` or `x-api-key`.")
    hashed = key_hash(key)
    grant = access.grants.get(hashed)
    if grant is not None:
        if grant.disabled or grant.expires_at <= now:
            _refuse_ended(grant, now)
        return _in_workspace(grant.caller, workspace) if workspace else grant.caller
    if access.admin_hash and hmac.compare_digest(hashed, access.admin_hash):
        return _admin(workspace_name(workspace))
    if access.mode == "oidc" and access.tokens is not None and key.count(b".") == 2:
        return _in_workspace(access.tokens.verify(key, now), workspace)
    if access.mode == "open" and not key.startswith(b"tl-"):
        return anonymous(workspace)
    if not access.complete:
        raise OperatorError(
            "The key store has not been reachable since this gateway started, so this key cannot be checked yet.",
            status=503,
            code="store_unavailable",
            retry_after=2.0,
        )
    raise refused("Incorrect API key provided.")


def identify_admin(snapshot: HasAccess, authorization: bytes, x_api_key: bytes, now: float) -> Caller:
    """The caller of an admin route. Raises CallerError 401 for a missing or wrong admin key, 403 for a gateway key or
    where no admin key is configured; without one the routes are open to anyone only in open mode on loopback."""
    access = snapshot.access
    if not access.admin_hash:
        if access.mode == "open" and access.local:
            return _admin(DEFAULT_WORKSPACE)
        raise CallerError(
            "The admin API is off: no admin key is configured. Set auth.admin_key, for instance to env:TRUNKLINE_ADMIN_KEY.",
            status=403,
            type="permission_error",
            code="admin_key_not_configured",
        )
    key = credential(authorization, x_api_key)
    if not key:
        raise refused("The admin API needs the admin key, as `Authorization: Bearer …`.")
    hashed = key_hash(key)
    if hmac.compare_digest(hashed, access.admin_hash):
        return _admin(DEFAULT_WORKSPACE)
    grant = access.grants.get(hashed)
    if grant is not None:
        _refuse_ended(grant, now)
        raise CallerError(
            "A gateway key may not use the admin API; it needs the admin key.",
            status=403,
            type="permission_error",
            code="admin_key_required",
        )
    raise refused("Incorrect admin key provided.")


def may_use(caller: Caller, *names: str) -> bool:
    """Whether a caller may name a model, by any of its names (the one asked for, `provider/model`).

    Patterns are shell-like and match case: `openai/*`, `gpt-4o*`, `fast`.
    """
    return not caller.models or any(covers(caller.models, name) for name in names)


@lru_cache(maxsize=8192)
def covers(models: tuple[str, ...], name: str) -> bool:
    """Whether one of the patterns matches the name. Remembered: keys ask for the same few models over and over."""
    return bool(_matcher(models)(name))


def refused(message: str) -> CallerError:
    return CallerError(message, status=401, type="authentication_error", code="invalid_api_key", headers=(("www-authenticate", "Bearer"),))


@lru_cache(maxsize=4096)
def anonymous(workspace: bytes) -> Caller:
    """Anyone, in that workspace (b"" is the default one)."""
    return Caller(workspace=workspace_name(workspace))


@lru_cache(maxsize=256)
def _admin(workspace: str) -> Caller:
    return Caller(workspace=workspace, name="admin", role="admin", admin=True)


def _refuse_ended(grant: Grant, now: float) -> None:
    if grant.disabled:
        raise refused("This API key is disabled.")
    if grant.expires_at <= now:
        raise refused("This API key has expired.")


def _in_workspace(caller: Caller, workspace: bytes) -> Caller:
    if workspace and workspace.strip() != caller.workspace.encode():
        raise CallerError("User is not allowed to access workspace", status=403, type="permission_error", code="workspace_not_allowed")
    return caller


def workspace_name(workspace: bytes) -> str:
    try:
        name = workspace.decode().strip()
    except UnicodeDecodeError:
        name = "\n"
    if len(name) > LONGEST_WORKSPACE or not name.isprintable():
        raise CallerError(f"Comet-Workspace must be printable UTF-8 of at most {LONGEST_WORKSPACE} characters", param="Comet-Workspace")
    return name or DEFAULT_WORKSPACE


@lru_cache(maxsize=1024)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match
