"""Promises of the store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from trunkline.access import Limits, key_hash
from trunkline.errors import CallerError, OperatorError
from trunkline.secret import Secret
from trunkline.store import gateway_keys, provider_keys
from trunkline.store.engine import HEAD, connect, into_wal, is_new, reading, writing
from trunkline.store.records import AuthConfig, Credential, GatewayKey, Granted, fresh_id, instant
from trunkline.store.store import Rows, Store

from .. import postgres
from ..stores import a_key, open_store

FULL = {
    "provider": "custom-llm",
    "provider_name": "vllm",
    "name": "n",
    "api_key": None,
    "headers": (("X-Token", Secret("header-plaintext-secret")),),
    "configuration": (("models", "custom-llm/vllm/m"), ("url_query_params", '{"key":"query-plaintext-secret"}')),
    "base_url": "https://user-plaintext-secret.example/v1",
    "auth_config": AuthConfig(
        token_url="https://auth.example/t",
        credentials=(Credential("client_id", Secret("id")), Credential("client_secret", Secret("oauth-plaintext-secret"), True)),
        token_field="data.token",
        fallback_ttl_seconds=60,
    ),
}


def test_what_is_stored_is_read_back_whole(store: Store) -> None:
    plain, full = a_key(), a_key(**FULL)
    with store.writing(time.time()) as write:
        provider_keys.insert(write, plain)
        provider_keys.insert(write, full)
    with store.reading() as read:
        assert provider_keys.every(read, "default") == [plain, full]
        assert provider_keys.one(read, "default", full.id) == full
        assert provider_keys.one(read, "other", full.id) is None


@pytest.mark.skipif(not postgres.present(), reason=postgres.ABSENT)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_what_a_postgresql_url_asks_for_is_kept(scheme: str) -> None:
    url = postgres.shared().database().replace("postgresql", scheme) + "?options=-c%20search_path%3Dmine%20-c%20lock_timeout%3D7s"
    engine = connect(url)
    with engine.connect() as connection:
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in ("search_path", "lock_timeout", "statement_timeout")]
    assert shown == ["mine", "7s", "15s"]
    engine.dispose()


def test_one_row_per_workspace_provider_and_name(store: Store) -> None:
    with store.writing(time.time()) as write:
        provider_keys.insert(write, a_key())
        provider_keys.insert(write, a_key(workspace="other"))
        provider_keys.insert(write, a_key(**FULL))
        provider_keys.insert(write, a_key(**{**FULL, "provider_name": "second"}))
    for twin in (a_key(), a_key(**FULL)):
        with pytest.raises(CallerError) as caught, store.writing(time.time()) as write:
            provider_keys.insert(write, twin)
        assert (caught.value.status, caught.value.errors) == (409, ["Api key for this provider already exists"])


def test_deleting_is_held_to_the_workspace(store: Store) -> None:
    key = a_key()
    with store.writing(time.time()) as write:
        provider_keys.insert(write, key)
    with store.writing(time.time()) as write:
        assert provider_keys.delete(write, "other", [key.id]) == 0
        assert provider_keys.delete(write, "default", [key.id, "unknown"]) == 1


def test_no_plaintext_reaches_the_database_files(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path / "data")
    with store.writing(time.time()) as write:
        provider_keys.insert(write, a_key())
        provider_keys.insert(write, a_key(**FULL))
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".key"]
    if url.startswith("postgresql"):
        with store.engine.connect() as connection:
            connection.exec_driver_sql("SELECT pg_switch_wal()")
        files += postgres.shared().files()
    everything = [path.read_bytes() for path in files]
    store.close()
    assert any(b"custom-llm" in content for content in everything), "the rows are in none of these files"
    assert not any(b"plaintext" in content for content in everything)


def test_changes_read_only_what_changed(store: Store) -> None:
    first, second = a_key(), a_key(provider="anthropic")
    with store.writing(time.time()) as write:
        provider_keys.insert(write, first)
    seen = store.changes(Rows())
    assert dict(seen.providers) == {first.id: first}
    assert store.changes(seen) is seen
    with store.writing(time.time()) as write:
        provider_keys.insert(write, second)
        provider_keys.delete(write, "default", [first.id])
    after = store.changes(seen)
    assert dict(after.providers) == {second.id: second}
    assert after.generation == seen.generation + 1


def test_a_file_that_nobody_has_touched_is_not_asked_again_and_one_that_was_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    store, other = open_store(url, tmp_path), open_store(url, tmp_path)
    asked = 0

    def count(*_: Any) -> None:
        nonlocal asked
        asked += 1

    event.listen(store.engine, "before_cursor_execute", count)
    for written in range(3):
        generation = store.generation()
        asked = 0
        store.generation()
        assert asked, "written just now: the same tick may see another write"
        for name in ("a.db", "a.db-wal"):
            os.utime(tmp_path / name, (1_000_000 + written, 1_000_000 + written))
        assert store.generation() == generation
        asked = 0
        assert store.generation() == generation
        assert not asked
        with other.writing(time.time()) as write:
            provider_keys.insert(write, a_key(workspace=f"w{written}"))
        assert store.generation() == generation + 1
    store.close()
    other.close()


def test_a_row_that_does_not_open_is_named_and_hides_no_other(store: Store) -> None:
    from trunkline.store.tables import provider_keys as table

    good, moved = a_key(), a_key(workspace="other")
    with store.writing(time.time()) as write:
        provider_keys.insert(write, good)
        provider_keys.insert(write, moved)
        sealed = write.connection.execute(table.select().where(table.c.id == good.id)).one().api_key
        write.connection.execute(table.update().where(table.c.id == moved.id).values(api_key=sealed))
    rows = store.changes(Rows())
    assert list(rows.providers) == [good.id]
    assert list(rows.broken) == [moved.id]
    assert "changed or moved" in rows.broken[moved.id]


def test_a_gateway_key_is_a_hash_and_its_grant(store: Store) -> None:
    at = instant(time.time())
    key = GatewayKey(
        id=fresh_id(),
        workspace="team",
        name="ci",
        hash=key_hash(b"tl-x"),
        prefix="tl-x",
        models=("openai/*",),
        tags=("a",),
        limits=Limits(budget=5.0),
        expires_at=2e9,
        created_at=at,
        last_updated_at=at,
    )
    with store.writing(time.time()) as write:
        gateway_keys.insert(write, key)
    assert store.changes(Rows()).keys == {key.id: Granted(key.hash, key.grant())}
    with store.reading() as read:
        assert gateway_keys.every(read) == [key]
    with store.writing(time.time()) as write:
        assert gateway_keys.delete(write, key.id)
        assert not gateway_keys.delete(write, key.id)
    with store.reading() as read:
        assert gateway_keys.every(read) == []


def test_writers_queue_and_none_is_lost(url: str, tmp_path: Path) -> None:
    stores = [open_store(url, tmp_path) for _ in range(3)]

    def write_ten(store: Store, at: int) -> None:
        for turn in range(10):
            with store.writing(time.time()) as write:
                provider_keys.insert(write, a_key(workspace=f"w{at}-{turn}"))

    threads = [threading.Thread(target=write_ten, args=(store, at)) for at, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = stores[0].changes(Rows())
    assert (len(rows.providers), rows.generation) == (30, 30)
    for each in stores:
        each.close()


def test_replicas_that_start_together_make_one_schema(url: str, tmp_path: Path) -> None:
    opened: list[Store | BaseException] = []

    def start() -> None:
        try:
            opened.append(open_store(url, tmp_path))
        except BaseException as error:
            opened.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(each) for each in opened] == [Store] * 4
    assert len({each.ring.newest.id for each in opened if isinstance(each, Store)}) == 1
    for each in opened:
        if isinstance(each, Store):
            each.close()


def test_whoever_opens_a_new_file_while_another_holds_it_waits(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    refused = threading.Event()

    class Opening(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
            try:
                return super().execute(sql, *more)
            except sqlite3.OperationalError:
                refused.set()
                raise

    def let_go() -> None:
        refused.wait(10)
        holder.execute("COMMIT")

    threading.Thread(target=let_go).start()
    opening = sqlite3.connect(path, timeout=0, isolation_level=None, factory=Opening)
    into_wal(opening)
    assert refused.is_set()
    assert opening.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opening.close()
    holder.close()


def test_migrations_make_the_same_schema_as_the_tables(url: str, tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import trunkline.store.migrations
    from trunkline.store.engine import connect, migrate, prepare_schema
    from trunkline.store.tables import metadata

    config = Config()
    config.set_main_option("script_location", next(iter(trunkline.store.migrations.__path__)))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]
    engine = connect(url)
    with writing(engine) as connection:
        migrate(connection, "base")
    prepare_schema(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    open_store(url, tmp_path).close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TABLE gateway_keys", "not whole: gateway_keys missing"),
        ("ALTER TABLE provider_keys DROP COLUMN auth_config", "not whole: provider_keys.auth_config missing"),
        ("DELETE FROM alembic_version", "made only in part"),
        ("UPDATE alembic_version SET version_num = '9999'", "a newer one wrote it"),
    ],
)
def test_a_schema_that_is_not_whole_is_refused(url: str, tmp_path: Path, damage: str, said: str) -> None:
    store = open_store(url, tmp_path)
    with writing(store.engine) as connection:
        connection.exec_driver_sql(damage)
    store.close()
    with pytest.raises(OperatorError, match=said):
        open_store(url, tmp_path)


def test_a_new_sqlite_database_need_not_be_waited_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a' / 'trunkline.db'}"
    assert is_new(url)
    store = open_store(url, tmp_path)
    assert is_new(url)
    with store.writing(time.time()) as write:
        provider_keys.insert(write, a_key())
    assert not is_new(url)
    store.close()
    assert not is_new("postgresql://localhost/x")


def test_the_master_key_is_made_once_mode_0600_with_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    url = f"sqlite:///{tmp_path / 'trunkline.db'}"
    open_store(url, tmp_path, warn=warnings.append).close()
    open_store(url, tmp_path, warn=warnings.append).close()
    path = tmp_path / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(warnings) == 1
    assert str(path) in warnings[0]
    assert path.read_text().strip() not in warnings[0]


def test_a_database_whose_master_key_is_gone_is_refused_and_no_new_key_is_made(url: str, tmp_path: Path) -> None:
    store = open_store(url, tmp_path)
    with store.writing(time.time()) as write:
        provider_keys.insert(write, a_key())
    store.close()
    (tmp_path / "master.key").unlink()
    with pytest.raises(OperatorError, match="does not hold"):
        open_store(url, tmp_path)
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("bad", ["mysql://u:hush@h/d", "nonsense", "redis://h"])
def test_other_database_urls_are_refused_without_showing_them(bad: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"storage\.url") as caught:
        open_store(bad, tmp_path)
    assert "hush" not in str(caught.value)


@pytest.mark.skipif(not postgres.present(), reason=postgres.ABSENT)
def test_an_unreachable_database_is_503_and_its_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        open_store("postgresql://u:hush@127.0.0.1:1/d", tmp_path)
    assert (caught.value.status, caught.value.code) == (503, "store_unavailable")
    assert "hush" not in str(caught.value)
