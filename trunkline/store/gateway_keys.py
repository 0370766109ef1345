"""Gateway keys in the database: their hash, never the key. What a key may do is JSON beside it, since only the snapshot reads it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Any

import msgspec

from ..access import Limits
from .records import GatewayKey, Granted, is_id
from .store import Reading, Writing

if TYPE_CHECKING:
    from sqlalchemy import Row


def insert(write: Writing, key: GatewayKey) -> None:
    from .tables import gateway_keys as table

    write.connection.execute(
        table.insert().values(id=key.id, hash=key.hash.hex(), prefix=key.prefix, created_at=key.created_at, **_columns(write, key))
    )


def replace(write: Writing, key: GatewayKey) -> None:
    from .tables import gateway_keys as table

    write.connection.execute(table.update().where(table.c.id == key.id).values(**_columns(write, key)))


def delete(write: Writing, id: str) -> bool:
    """Whether it was there."""
    from .tables import gateway_keys as table

    return is_id(id) and write.connection.execute(table.delete().where(table.c.id == id)).rowcount > 0


def one(read: Reading, id: str) -> GatewayKey | None:
    from .tables import gateway_keys as table

    if not is_id(id):
        return None
    row = read.connection.execute(table.select().where(table.c.id == id)).first()
    return None if row is None else _record(row)


def every(read: Reading, workspace: str | None = None) -> list[GatewayKey]:
    """All keys, or a workspace's, oldest first."""
    from .tables import gateway_keys as table

    query = table.select().order_by(table.c.created_at, table.c.id)
    if workspace is not None:
        query = query.where(table.c.workspace == workspace)
    return [_record(row) for row in read.connection.execute(query)]


def changed(read: Reading, seen: Mapping[str, Granted], since: int) -> dict[str, Granted]:
    """What all keys give, by id, reading those changed after `since`."""
    from sqlalchemy import func, select

    from .tables import gateway_keys as table

    rows = dict(seen)
    for row in read.connection.execute(table.select().where(table.c.changed > since)):
        key = _record(row)
        rows[key.id] = Granted(key.hash, key.grant())
    if read.connection.execute(select(func.count()).select_from(table)).scalar_one() != len(rows):
        present = set(read.connection.execute(select(table.c.id)).scalars())
        rows = {id: row for id, row in rows.items() if id in present}
    return rows


def _columns(write: Writing, key: GatewayKey) -> dict[str, Any]:
    return {
        "workspace": key.workspace,
        "name": key.name,
        "models": msgspec.json.encode(key.models).decode(),
        "tags": msgspec.json.encode(key.tags).decode(),
        "limits": msgspec.json.encode(key.limits).decode(),
        "role": key.role,
        "disabled": key.disabled,
        "expires_at": key.expires_at,
        "last_updated_at": key.last_updated_at,
        "changed": write.generation,
    }


# Thousands of keys say the same of models, tags and limits, and every one of them is kept in memory: what is equal is one object.


@lru_cache(4096)
def _words(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


@lru_cache(4096)
def _limits(text: str) -> Limits:
    return msgspec.json.decode(text, type=Limits)


def _record(row: Row[Any]) -> GatewayKey:
    return GatewayKey(
        id=row.id,
        workspace=intern(row.workspace),
        name=row.name,
        hash=bytes.fromhex(row.hash),
        prefix=row.prefix,
        models=_words(row.models),
        tags=_words(row.tags),
        limits=_limits(row.limits),
        role=row.role,
        disabled=bool(row.disabled),
        expires_at=row.expires_at,
        created_at=intern(row.created_at),
        last_updated_at=intern(row.last_updated_at),
    )
