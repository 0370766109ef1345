"""Keys of ours, for callers: `/v1/admin/keys`, behind the admin key.

Odd here: a key is shown once, in the answer that made it; the store has only its hash and first characters. A member nobody knows is
refused by name, since a limit misspelt would be a limit not kept.
"""

from __future__ import annotations

import datetime as dt
import secrets
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from ...access import DEFAULT_WORKSPACE, KEY_PREFIX, Caller, Limits, Role, key_hash, negative, workspace_name
from ...errors import CallerError
from ...secret import Secret
from ...store import gateway_keys as rows
from ...store.records import GatewayKey, fresh_id, instant
from ...store.store import Writing
from .endpoint import Api, Endpoint, answer, nothing, read_json
from .provider_forms import controls

SHOWN_CHARACTERS = 8
LONGEST = 150
MOST = 1000
END_OF_TIME = 253_402_300_800

T = TypeVar("T")


class NewKey(Struct, forbid_unknown_fields=True):
    name: str = ""
    workspace: str = DEFAULT_WORKSPACE
    models: list[str] | None = None
    expires_at: dt.datetime | float | None = None
    tags: list[str] | None = None
    limits: Limits | None = None
    role: Role = ""
    disabled: bool = False


class KeyChange(Struct, forbid_unknown_fields=True):
    """What may change: absent keeps, null clears."""

    name: str | UnsetType = UNSET
    models: list[str] | UnsetType | None = UNSET
    expires_at: dt.datetime | float | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET
    limits: Limits | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


def fresh_key() -> Secret:
    """`tl-` and 32 random bytes, URL-safe."""
    return Secret(KEY_PREFIX + secrets.token_urlsafe(32))


def made(form: NewKey, key: Secret, *, id: str, at: str) -> GatewayKey:
    """The row of a new key. CallerError 400 naming the field."""
    checked(form)
    text = key.reveal()
    return GatewayKey(
        id=id,
        workspace=workspace_name(form.workspace.encode()),
        name=form.name,
        hash=key_hash(text.encode()),
        prefix=text[:SHOWN_CHARACTERS],
        models=tuple(form.models or ()),
        tags=tuple(form.tags or ()),
        limits=form.limits or Limits(),
        role=form.role,
        disabled=form.disabled,
        expires_at=moment(form.expires_at),
        created_at=at,
        last_updated_at=at,
    )


def changed(stored: GatewayKey, form: KeyChange, *, at: str) -> GatewayKey:
    checked(form)
    changes: dict[str, Any] = {name: value for name in form.__struct_fields__ if (value := getattr(form, name)) is not UNSET}
    for name in ("models", "tags"):
        if name in changes:
            changes[name] = tuple(changes[name] or ())
    if "limits" in changes:
        changes["limits"] = changes["limits"] or Limits()
    if "expires_at" in changes:
        changes["expires_at"] = moment(changes["expires_at"])
    return msgspec.structs.replace(stored, **changes, last_updated_at=at)


def checked(form: NewKey | KeyChange) -> None:
    if isinstance(form.name, str) and len(form.name) > LONGEST:
        raise CallerError(f"name may have at most {LONGEST} characters", param="name")
    if isinstance(form.name, str) and controls(form.name):
        raise CallerError("name must not hold control characters", param="name")
    for field in ("models", "tags"):
        values = getattr(form, field)
        if isinstance(values, list) and (len(values) > MOST or any(not value.strip() or len(value) > 300 for value in values)):
            raise CallerError(f"{field} may have at most {MOST} entries, none blank or above 300 characters", param=field)
    if isinstance(form.limits, Limits) and (field := negative(form.limits)):
        raise CallerError(f"limits.{field} must not be negative", param=f"limits.{field}")


def moment(given: dt.datetime | float | None) -> float | None:
    """Unix time in seconds. A time without a zone is UTC."""
    if isinstance(given, dt.datetime):
        given = (given if given.tzinfo else given.replace(tzinfo=dt.UTC)).timestamp()
    if given is not None and not 0 <= given < END_OF_TIME:
        raise CallerError("expires_at must be an ISO 8601 time or Unix seconds, from 1970 to 9999", param="expires_at")
    return None if given is None else float(given)


def shown(key: GatewayKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "workspace": key.workspace,
        "prefix": key.prefix,
        "models": key.models,
        "tags": key.tags,
        "limits": {field: getattr(key.limits, field) for field in key.limits.__struct_fields__},
        "role": key.role,
        "disabled": key.disabled,
        "expires_at": None if key.expires_at is None else instant(key.expires_at),
        "created_at": key.created_at,
        "last_updated_at": key.last_updated_at,
    }


async def read_form(request: Request, type: type[T]) -> T:
    """The body as that form; 400 naming every member that is not one of its fields."""
    raw = await read_json(request, msgspec.Raw)
    known = type.__struct_fields__  # type: ignore[attr-defined]
    try:
        sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        unknown = [name for name in sent if name not in known]
        if unknown:
            hint = "; a key's workspace cannot be changed" if "workspace" in unknown else ""
            raise CallerError(
                f"unknown fields: {', '.join(unknown)}; known are {', '.join(known)}{hint}", param=unknown[0], code="unknown_field"
            )
        return msgspec.json.decode(raw, type=type)
    except msgspec.DecodeError as error:
        raise CallerError(f"Unable to process JSON. {error}") from None
    except RecursionError:
        raise CallerError("Unable to process JSON. It is nested too deeply") from None


async def find(request: Request, api: Api, caller: Caller) -> Response:
    wanted = request.query_params.get("workspace")
    workspace = None if wanted is None else workspace_name(wanted.encode())
    keys = await api.live.view(lambda read: rows.every(read, workspace))
    return answer({"object": "list", "data": [shown(key) for key in keys]})


async def create(request: Request, api: Api, caller: Caller) -> Response:
    key = fresh_key()
    row = made(await read_form(request, NewKey), key, id=fresh_id(), at=instant(api.clock()))
    await api.live.change(partial(rows.insert, key=row))
    return answer(
        {"id": row.id, "key": key.reveal(), **shown(row)}, 201, {"location": f"/v1/admin/keys/{row.id}", "cache-control": "no-store"}
    )


async def get(request: Request, api: Api, caller: Caller) -> Response:
    id = request.path_params["id"]
    found = await api.live.view(lambda read: rows.one(read, id))
    if found is None:
        raise not_found()
    return answer(shown(found))


async def update(request: Request, api: Api, caller: Caller) -> Response:
    form = await read_form(request, KeyChange)
    id, at = request.path_params["id"], instant(api.clock())

    def write(write: Writing) -> GatewayKey:
        stored = rows.one(write, id)
        if stored is None:
            raise not_found()
        row = changed(stored, form, at=at)
        rows.replace(write, row)
        return row

    return answer(shown(await api.live.change(write)))


async def delete(request: Request, api: Api, caller: Caller) -> Response:
    id = request.path_params["id"]

    def write(write: Writing) -> None:
        if not rows.delete(write, id):
            raise not_found()

    await api.live.change(write)
    return nothing()


def not_found() -> CallerError:
    return CallerError("There is no gateway key with this id", status=404, code="not_found", param="id")


ENDPOINTS = (
    Endpoint("GET", "/v1/admin/keys", "admin", find),
    Endpoint("POST", "/v1/admin/keys", "admin", create),
    Endpoint("GET", "/v1/admin/keys/{id}", "admin", get),
    Endpoint("PATCH", "/v1/admin/keys/{id}", "admin", update),
    Endpoint("DELETE", "/v1/admin/keys/{id}", "admin", delete),
)
