"""Opening the database: SQLite by default, PostgreSQL by URL, with a schema that is whole or not used.

SQLite runs in WAL with `synchronous=FULL`: an acknowledged write has been synced to disk, so neither kill -9 nor a power cut
loses it (https://sqlite.org/pragma.html#pragma_synchronous). Transactions are begun by us (`BEGIN IMMEDIATE` to write), since the
sqlite3 module's own habit of beginning late makes two writers fail instead of wait. A new database gets its tables from `tables.py`
and the number of the newest migration, so that Alembic (0.2 s to import) is only loaded to migrate an old one.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OperatorError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

HEAD = "0001"
"""The newest migration's revision; a test keeps it so."""
BUSY_MS = 10_000
POSTGRES_OPTIONS = "-c statement_timeout=15000 -c lock_timeout=10000"
MIGRATION_LOCK = 0x7472756E6B  # "trunk", for pg_advisory_xact_lock


def connect(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…`; nothing is opened yet. OperatorError for any other URL."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except ArgumentError:
        raise OperatorError("storage.url is not a database URL; use sqlite:///path or postgresql://user:pass@host/db") from None
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        own = parsed.query.get("options", ())
        options = [POSTGRES_OPTIONS, *([own] if isinstance(own, str) else own)]  # what is said last wins
        return create_engine(
            parsed.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
            pool_size=3,
            max_overflow=5,
            pool_timeout=10,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="REPEATABLE READ",
            connect_args={"options": " ".join(options), **({} if "connect_timeout" in parsed.query else {"connect_timeout": 5})},
        )
    if backend != "sqlite":
        raise OperatorError(f"storage.url names {backend}; only sqlite:///path and postgresql://user:pass@host/db are supported")
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_MS}", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        into_wal(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


def into_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, which a new file is switched to once. Several who open it at the same moment want its lock for that, and SQLite
    refuses all but one of them at once, without the busy timeout, since they might wait for each other."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view of the database."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed and synced when the block ends, undone when it raises. READ COMMITTED on PostgreSQL:
    writers queue on the generation row, and the one that waited must see what the other wrote."""
    options: dict[str, Any] = {"writes": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "READ COMMITTED"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def prepare_schema(engine: Engine) -> None:
    """Make the tables, or bring older ones up to date, under a lock that several replicas share.

    All of it is one transaction, on SQLite too. OperatorError for a schema that is half made or newer than this program.
    """
    from sqlalchemy import inspect, text

    from .tables import metadata, store_state

    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        present = set(inspect(connection).get_table_names())
        ours = present & set(metadata.tables)
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if "alembic_version" in present else None
        if revision is None:
            if ours:
                raise OperatorError(
                    f"The database has tables of ours ({', '.join(sorted(ours))}) but no schema version: it was made only in part."
                    " Restore a backup, or point storage.url at an empty database."
                )
            metadata.create_all(connection)
            connection.execute(store_state.insert().values(id=1, generation=0))
            connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
            return
        if revision != HEAD:
            migrate(connection, revision)
        check_whole(connection)


def migrate(connection: Connection, revision: str) -> None:
    """Run the migrations that come after `revision`, in the transaction that is open."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        ScriptDirectory.from_config(config).get_revision(revision)
        command.upgrade(config, "head")
    except CommandError:
        raise OperatorError(
            f"The database's schema is at revision {revision}, which this version of trunkline does not know: a newer one wrote it."
            " Upgrade trunkline, or restore the backup made before."
        ) from None


def check_whole(connection: Connection) -> None:
    from sqlalchemy import inspect

    from .tables import metadata

    inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    missing = [
        name if name not in tables else f"{name}.{column}"
        for name, table in metadata.tables.items()
        for column in sorted(set(table.columns.keys()) - ({c["name"] for c in inspector.get_columns(name)} if name in tables else set()))
    ]
    if missing:
        raise OperatorError(
            f"The database's schema is not whole: {', '.join(dict.fromkeys(missing))} missing. Restore a backup, or point storage.url at an"
            " empty database."
        )


def is_new(url: str) -> bool:
    """Whether a SQLite database is not there yet, or is there, up to date, and holds no keys: then the start need not wait for it.

    Uses only the sqlite3 module: SQLAlchemy takes 0.3 s to import. False whenever in doubt, and for PostgreSQL.
    """
    if not url.startswith("sqlite:///"):
        return False
    path = Path(url.removeprefix("sqlite:///").partition("?")[0])
    if not path.exists():
        return True
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)) as connection:
            head = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            used = connection.execute("SELECT EXISTS (SELECT 1 FROM provider_keys) OR EXISTS (SELECT 1 FROM gateway_keys)").fetchone()
    except sqlite3.Error:
        return False
    return bool(head and head[0] == HEAD and not used[0])
