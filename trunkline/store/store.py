"""The store: one object per process that owns the database's engine and the master keys.

Everything here blocks, so the server calls it in threads; nothing here is called while a completion is answered. A writing
transaction first adds one to the generation, which queues the writers and numbers their changes in the order they commit;
a reader that saw generation N asks only for the rows changed since.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import OperatorError
from ..secret import Secret
from .engine import connect, prepare_schema, reading, writing
from .master import MasterSource, to_stderr
from .records import Granted, ProviderKey, instant
from .sealing import MasterKey, Place, Ring, seal, unseal

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Rows(Struct, frozen=True):
    """What the store held at one generation. `broken` names rows whose secrets did not open, with the reason."""

    generation: int = -1
    providers: Mapping[str, ProviderKey] = {}
    keys: Mapping[str, Granted] = {}
    broken: Mapping[str, str] = {}


class Reading(Struct, frozen=True):
    """One consistent view, with what is needed to open what it finds."""

    connection: Connection
    ring: Ring

    def open(self, sealed: str | None, place: Place) -> str | None:
        return None if sealed is None else unseal(sealed, place, self.ring)


class Writing(Reading, frozen=True):
    """One transaction. `generation` numbers its changes; what it seals is sealed under `key`."""

    generation: int
    key: MasterKey

    def seal(self, text: str | None, place: Place) -> str | None:
        return None if text is None else seal(text, place, self.key)


Touched = tuple[tuple[int, int, int], ...]
"""Of each file: its time in nanoseconds, its length, its inode."""
SETTLED_NS = 2_000_000_000
"""Older than this a file's time says that nothing was written since."""


class Store:
    """Open with `Store.open`. Any method may raise OperatorError: 503 `store_unavailable` when the database cannot be reached."""

    def __init__(self, url: str, source: MasterSource, warn: Callable[[str], None] = to_stderr) -> None:
        self.source = source
        self.engine = connect(url)
        self.warn = warn
        self._ring: Ring | None = None
        self._seen: tuple[Touched, int] = ((), 0)
        """What the database's files looked like, and the generation read then."""

    @classmethod
    def open(
        cls,
        url: str,
        data: Path,
        *,
        master_key: Secret | str | None = None,
        environ: Mapping[str, str],
        base: Path = Path(),
        warn: Callable[[str], None] = to_stderr,
    ) -> Store:
        """Connect, bring the schema up to date and find the master key. OperatorError names what is wrong and the fix.

        `master_key` is as the config has it (env:NAME, file:PATH relative to `base`, or a literal); None is DATA/master.key.
        """
        configured = master_key.reveal() if isinstance(master_key, Secret) else master_key
        store = cls(url, MasterSource(configured, data, environ, base), warn)
        try:
            store.prepare()
        except BaseException:
            store.close()
            raise
        return store

    def prepare(self) -> None:
        from .versions import current_version

        with unavailable():
            prepare_schema(self.engine)
            with reading(self.engine) as connection:
                version = current_version(connection)
        self._ring = Ring(self.source.load)
        if version is not None:
            self._ring.find(version.key_id)
        elif not self._ring.keys:
            self.source.load_or_make(self.warn)
            self._ring = Ring(self.source.load)

    def close(self) -> None:
        self.engine.dispose()

    @property
    def ring(self) -> Ring:
        assert self._ring is not None, "the store was not prepared"
        return self._ring

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reading]:
        with unavailable(), reading(self.engine) as connection:
            yield Reading(connection, self.ring)

    @contextlib.contextmanager
    def writing(self, now: float) -> Iterator[Writing]:
        """One transaction; `now` is Unix time. Committed and on disk when the block ends."""
        from .listening import announce
        from .tables import store_state
        from .versions import writing_key

        with unavailable(), writing(self.engine) as connection:
            bump = store_state.update().values(generation=store_state.c.generation + 1).returning(store_state.c.generation)
            generation = connection.execute(bump).scalar_one()
            announce(connection, generation)
            key = writing_key(connection, self.ring, instant(now))
            yield Writing(connection, self.ring, generation, key)

    def generation(self) -> int:
        """How often the store was written to. Of an SQLite file that nobody has touched it is known without asking."""
        from .tables import store_state

        touched = self._touched()
        if touched and touched == self._seen[0]:
            return self._seen[1]
        with self.reading() as read:
            generation = int(read.connection.execute(store_state.select().with_only_columns(store_state.c.generation)).scalar_one())
        # a file's time is coarse: what was written just now may be written again within the same tick
        settled = all(time.time_ns() - file[0] > SETTLED_NS for file in touched)
        self._seen = (touched if settled else (), generation)
        return generation

    def _touched(self) -> Touched:
        """When the files of an SQLite database were written, how long and which they are; () for another database."""
        path = self.engine.url.database
        if self.engine.dialect.name != "sqlite" or not path:
            return ()
        files = []
        for name in (path, f"{path}-wal"):
            with contextlib.suppress(OSError):
                stat = os.stat(name)
                files.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(files)

    def changes(self, seen: Rows) -> Rows:
        """What the store holds now, reading only the rows changed since `seen`."""
        from . import gateway_keys, provider_keys
        from .tables import store_state

        with self.reading() as read:
            generation = int(read.connection.execute(store_state.select().with_only_columns(store_state.c.generation)).scalar_one())
            if generation == seen.generation and not seen.broken:
                return seen
            if generation < seen.generation:  # another database under the same URL: a restored backup
                seen = Rows()
            since = -1 if seen.broken else seen.generation
            providers, broken = provider_keys.changed(read, seen.providers, since)
            keys = gateway_keys.changed(read, seen.keys, since)
        return Rows(generation, providers, keys, broken)


@contextlib.contextmanager
def unavailable() -> Iterator[None]:
    """Turn the driver's failures into ours. Their text may hold the URL with its password, so it is not passed on."""
    from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        cause = error.orig.__class__.__name__ if isinstance(error, DBAPIError) and error.orig is not None else error.__class__.__name__
        raise OperatorError(
            f"The key store cannot be used at the moment ({cause}).", status=503, code="store_unavailable", retry_after=2.0
        ) from error
