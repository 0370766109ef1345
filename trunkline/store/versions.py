"""Which master key the database is sealed under, and moving it to a new one.

A rotation must survive a crash at any instant. The order that does: the new key is put beside the old one in the key file; then,
in one transaction, every sealed text is opened and sealed again and the new key's version is written; then the old key leaves the
file. Before the transaction commits every row needs the old key, after it the new one, and in between the file holds both.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import OperatorError
from .master import MasterSource
from .records import instant
from .sealing import MasterKey, Place, Ring, fresh_master_key, seal, unseal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .store import Store

SEALED = ("api_key", "headers", "configuration", "base_url", "auth_config")
"""The sealed columns of provider_keys."""


class Version(Struct, frozen=True):
    version: int
    key_id: str


class Rotated(Struct, frozen=True):
    version: int
    key_id: str
    rows: int


def current_version(connection: Connection) -> Version | None:
    """The newest; None while nothing was ever sealed."""
    from .tables import key_versions as table

    row = connection.execute(table.select().order_by(table.c.version.desc()).limit(1)).first()
    return None if row is None else Version(row.version, row.key_id)


def writing_key(connection: Connection, ring: Ring, now: str) -> MasterKey:
    """The key new texts are sealed under: the database's current one, or the ring's newest for the first text of all."""
    version = current_version(connection)
    if version is not None:
        return ring.find(version.key_id)
    add_version(connection, 1, ring.newest.id, now)
    return ring.newest


def add_version(connection: Connection, version: int, key_id: str, now: str) -> None:
    from .tables import key_versions as table

    connection.execute(table.insert().values(version=version, key_id=key_id, created_at=now))


def rotate(store: Store, new: MasterKey | None = None) -> Rotated:
    """Seal every stored secret again under a new master key.

    `new` is needed where the key comes from the environment or the config, which cannot be written from here; where it comes from a
    file the file is replaced, and `new` is made when not given. OperatorError, with nothing changed, when a row does not open.
    """
    source: MasterSource = store.source
    if new is None:
        if source.path is None:
            raise OperatorError(
                f"The master key comes from {source.name}, which cannot be changed from here: give the new key on standard input or in"
                " TRUNKLINE_NEW_MASTER_KEY, and set it there afterwards."
            )
        new = fresh_master_key()
    held = [key for key in source.load() if key.id != new.id]
    if source.path is not None:
        source.write([new, *held])
    result = reseal(store, new)
    if source.path is not None:
        source.write([new])
    return result


def reseal(store: Store, new: MasterKey) -> Rotated:
    """One transaction: every sealed text opened and sealed again under `new`, which becomes the current version."""
    from .tables import provider_keys as table

    with store.writing(time.time()) as write:
        connection = write.connection
        rows = connection.execute(table.select()).all()
        for row in rows:
            values = {}
            for column in SEALED:
                sealed = getattr(row, column)
                if sealed is not None:
                    place = Place(row.workspace, row.provider, row.id, column)
                    values[column] = seal(unseal(sealed, place, write.ring), place, new)
            connection.execute(table.update().where(table.c.id == row.id).values(**values, changed=write.generation))
        version = current_version(connection)
        number = version.version if version is not None else 0
        if version is None or version.key_id != new.id:
            number += 1
            add_version(connection, number, new.id, instant(time.time()))
    return Rotated(number, new.id, len(rows))
