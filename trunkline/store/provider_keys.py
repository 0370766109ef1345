"""Provider keys in the database. What the customer typed is sealed column by column; the rest is plain, so that SQL can tell rows apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import CallerError, OperatorError
from ..secret import Secret
from .records import AuthConfig, Credential, ProviderKey, is_id
from .sealing import Place
from .store import Reading, Writing

if TYPE_CHECKING:
    from sqlalchemy import Row

TAKEN = "Api key for this provider already exists"


def insert(write: Writing, key: ProviderKey) -> None:
    """CallerError 409 when the workspace has one of that provider (and provider name) already."""
    from .tables import provider_keys as table

    _unless_taken(write, table.insert().values(id=key.id, created_at=key.created_at, created_by=key.created_by, **_columns(write, key)))


def replace(write: Writing, key: ProviderKey) -> None:
    """Store a changed row. CallerError 409 as `insert`."""
    from .tables import provider_keys as table

    _unless_taken(write, table.update().where(table.c.id == key.id).values(**_columns(write, key)))


def delete(write: Writing, workspace: str, ids: Iterable[str]) -> int:
    """Remove those rows of the workspace; ids that are not there are no error. How many there were."""
    from .tables import provider_keys as table

    possible = [id for id in ids if is_id(id)]
    return write.connection.execute(table.delete().where(table.c.workspace == workspace, table.c.id.in_(possible))).rowcount


def one(read: Reading, workspace: str, id: str) -> ProviderKey | None:
    from .tables import provider_keys as table

    if not is_id(id):
        return None
    row = read.connection.execute(table.select().where(table.c.workspace == workspace, table.c.id == id)).first()
    return None if row is None else _record(read, row)


def every(read: Reading, workspace: str) -> list[ProviderKey]:
    """A workspace's rows, oldest first."""
    from .tables import provider_keys as table

    rows = read.connection.execute(table.select().where(table.c.workspace == workspace).order_by(table.c.created_at, table.c.id))
    return [_record(read, row) for row in rows]


def changed(read: Reading, seen: Mapping[str, ProviderKey], since: int) -> tuple[dict[str, ProviderKey], dict[str, str]]:
    """All rows of all workspaces, reading those changed after `since`, and the reason for each that does not open.

    A row that does not open because it was changed or moved is left out; the others stay usable.
    """
    from sqlalchemy import func, select

    from .tables import provider_keys as table

    rows = dict(seen)
    broken: dict[str, str] = {}
    for row in read.connection.execute(table.select().where(table.c.changed > since)):
        try:
            rows[row.id] = _record(read, row)
        except OperatorError as error:
            if error.code == "master_key_unknown":
                raise  # every row is sealed under it: keep the last snapshot rather than empty it
            rows.pop(row.id, None)
            broken[row.id] = error.message
    total = read.connection.execute(select(func.count()).select_from(table)).scalar_one()
    if total != len(rows) + len(broken):
        present = set(read.connection.execute(select(table.c.id)).scalars())
        rows = {id: row for id, row in rows.items() if id in present}
    return rows, broken


def _unless_taken(write: Writing, statement: Any) -> None:
    from sqlalchemy.exc import IntegrityError

    try:
        write.connection.execute(statement)
    except IntegrityError:
        raise CallerError(TAKEN, status=409, code="provider_key_exists", errors=[TAKEN]) from None


def _columns(write: Writing, key: ProviderKey) -> dict[str, Any]:
    def sealed(column: str, text: str | None) -> str | None:
        return write.seal(text, Place(key.workspace, key.provider, key.id, column))

    return {
        "workspace": key.workspace,
        "provider": key.provider,
        "provider_name": key.provider_name,
        "name": key.name,
        "api_key": sealed("api_key", None if key.api_key is None else key.api_key.reveal()),
        "headers": sealed("headers", None if key.headers is None else _json({name: value.reveal() for name, value in key.headers})),
        "configuration": sealed("configuration", None if key.configuration is None else _json(dict(key.configuration))),
        "base_url": sealed("base_url", key.base_url),
        "auth_config": sealed("auth_config", None if key.auth_config is None else _auth_json(key.auth_config)),
        "last_updated_at": key.last_updated_at,
        "last_updated_by": key.last_updated_by,
        "changed": write.generation,
    }


def _record(read: Reading, row: Row[Any]) -> ProviderKey:
    def opened(column: str) -> str | None:
        return read.open(getattr(row, column), Place(row.workspace, row.provider, row.id, column))

    api_key, headers, configuration, auth_config = (opened(name) for name in ("api_key", "headers", "configuration", "auth_config"))
    return ProviderKey(
        id=row.id,
        workspace=row.workspace,
        provider=row.provider,
        provider_name=row.provider_name,
        name=row.name,
        api_key=None if api_key is None else Secret(api_key),
        headers=None if headers is None else tuple((name, Secret(value)) for name, value in _map(headers).items()),
        configuration=None if configuration is None else tuple(_map(configuration).items()),
        base_url=opened("base_url"),
        auth_config=None if auth_config is None else _auth_record(auth_config),
        created_at=row.created_at,
        created_by=row.created_by,
        last_updated_at=row.last_updated_at,
        last_updated_by=row.last_updated_by,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _map(text: str) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])


class _StoredCredential(msgspec.Struct):
    key: str
    value: str
    secret: bool


class _StoredAuth(msgspec.Struct):
    token_url: str
    send_as: str
    credentials: list[_StoredCredential]
    token_field: str | None = None
    expires_field: str | None = None
    fallback_ttl_seconds: int | None = None


def _auth_json(auth: AuthConfig) -> str:
    credentials = [_StoredCredential(item.key, item.value.reveal(), item.secret) for item in auth.credentials]
    return _json(_StoredAuth(auth.token_url, auth.send_as, credentials, auth.token_field, auth.expires_field, auth.fallback_ttl_seconds))


def _auth_record(text: str) -> AuthConfig:
    auth = msgspec.json.decode(text, type=_StoredAuth)
    return AuthConfig(
        token_url=auth.token_url,
        send_as=auth.send_as,
        credentials=tuple(Credential(item.key, Secret(item.value), item.secret) for item in auth.credentials),
        token_field=auth.token_field,
        expires_field=auth.expires_field,
        fallback_ttl_seconds=auth.fallback_ttl_seconds,
    )
