"""Notices of a change: heard at once, survivable, and never needed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trunkline.config.live import Live
from trunkline.store import gateway_keys, provider_keys
from trunkline.store.engine import connect
from trunkline.store.listening import listen, listening
from trunkline.store.records import GatewayKey, fresh_id, instant

from .. import postgres
from ..stores import a_key, open_store

NEVER = 600.0
"""A poll that does not come while a test runs."""
on_postgres = pytest.mark.skipif(not postgres.present(), reason=postgres.ABSENT)


def a_live(url: str, folder: Path, poll: float = NEVER) -> Any:
    def build(settings: Any, stored: Any, grants: Any, complete: bool) -> Any:
        return {key.id for key in stored}

    return Live(load=lambda: None, build=build, open_store=lambda: open_store(url, folder), poll=poll)  # type: ignore[arg-type, return-value]


@contextlib.asynccontextmanager
async def two(url: str, folder: Path) -> Any:
    one, other = a_live(url, folder), a_live(url, folder)
    await one.start()
    await other.start()
    await until(lambda: len(listeners(one._store.engine)) == 2, 10)
    try:
        yield one, other
    finally:
        await one.stop()
        await other.stop()


async def until(condition: Any, within: float) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within, f"not within {within} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def listeners(engine: Any) -> list[int]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'trunkline listener'"
            " AND state = 'idle' AND query LIKE 'LISTEN%%'"
        )
        return list(found.scalars())


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    own = postgres.Server()
    yield own
    own.remove()


@on_postgres
def test_a_change_elsewhere_is_seen_at_once_without_a_poll(tmp_path: Path) -> None:
    async def story() -> None:
        async with two(postgres.shared().database(), tmp_path) as (one, other):
            key = a_key()
            await one.change(partial(provider_keys.insert, key=key))
            await until(lambda: other.snapshot == {key.id}, 1)
            await other.change(lambda write: provider_keys.delete(write, "default", [key.id]))
            await until(lambda: one.snapshot == set(), 1)

    asyncio.run(story())


@on_postgres
def test_a_restart_of_the_database_is_survived(tmp_path: Path, server: postgres.Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def story() -> None:
        async with two(server.database(), tmp_path) as (one, other):
            await asyncio.to_thread(server.stop)
            await until(lambda: "interrupted (" in caplog.text, 5)
            await asyncio.to_thread(server.start)
            await until(lambda: len(listeners(one._store.engine)) == 2, 20)
            key = a_key()
            await one.change(partial(provider_keys.insert, key=key))
            await until(lambda: other.snapshot == {key.id}, 1)
            assert other.healthy

    asyncio.run(story())
    assert caplog.text.count("interrupted (") == 2  # once each, however often it was tried
    assert caplog.text.count("listening for changes in the store again") == 2


@on_postgres
def test_what_was_written_while_nobody_listened_is_asked_for_when_listening_begins_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with two(postgres.shared().database(), tmp_path) as (one, other):
            store = one._store
            with store.engine.connect() as connection, connection.begin():
                for pid in listeners(store.engine):
                    connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
            key = a_key()
            with store.writing(time.time()) as write:
                provider_keys.insert(write, key)
            await until(lambda: other.snapshot == {key.id} == one.snapshot, 5)

    asyncio.run(story())


@on_postgres
def test_a_write_that_is_undone_tells_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        store = open_store(postgres.shared().database(), tmp_path)
        heard: list[int | None] = []
        task = asyncio.create_task(listen(store.engine, heard.append))
        await until(lambda: heard == [None], 10)
        with contextlib.suppress(ZeroDivisionError), store.writing(time.time()):
            raise ZeroDivisionError
        with store.writing(time.time()) as write:
            pass
        await until(lambda: len(heard) > 1, 5)
        assert heard == [None, write.generation]
        task.cancel()
        await asyncio.wait([task])
        store.close()

    asyncio.run(story())


@on_postgres
def test_stopping_closes_the_connection(tmp_path: Path) -> None:
    async def story() -> None:
        url = postgres.shared().database()
        watcher = open_store(url, tmp_path)
        live = a_live(url, tmp_path)
        await live.start()
        await until(lambda: len(listeners(watcher.engine)) == 1, 10)
        await live.stop()
        await until(lambda: not listeners(watcher.engine), 5)
        watcher.close()

    asyncio.run(story())


@on_postgres
def test_stopping_does_not_wait_for_a_database_that_hangs(tmp_path: Path, server: postgres.Server) -> None:
    async def story() -> float:
        live = a_live(server.database(), tmp_path)
        await live.start()
        await until(lambda: len(listeners(live._store.engine)) == 1, 10)
        frozen = listeners(live._store.engine)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            await live.stop()
            return time.monotonic() - began
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

    assert asyncio.run(story()) < 3


@on_postgres
def test_a_database_that_accepts_and_says_nothing_does_not_hold_the_listener_back_from_stopping() -> None:
    async def story() -> float:
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            task = asyncio.create_task(listen(connect(f"postgresql://u:p@127.0.0.1:{mute.getsockname()[1]}/d"), print))
            await asyncio.sleep(0)
            await asyncio.to_thread(mute.accept)
            began = time.monotonic()
            task.cancel()
            await asyncio.wait([task], timeout=10)
            assert task.cancelled()
            return time.monotonic() - began

    assert asyncio.run(story()) < 1


def test_sqlite_has_no_listener(tmp_path: Path) -> None:
    def told(generation: int | None) -> None:
        raise AssertionError

    asyncio.run(asyncio.wait_for(listen(connect(f"sqlite:///{tmp_path / 'a.db'}"), told), 5))


def test_a_failure_shows_nothing_of_the_url(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level("DEBUG")

    async def story() -> None:
        task = asyncio.create_task(listen(connect("postgresql://me:plaintext-password@127.0.0.1:1/plaintext-db"), print))
        await until(lambda: "interrupted (" in caplog.text, 10)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(story())
    written = capfd.readouterr()
    assert "plaintext" not in caplog.text + written.out + written.err


@on_postgres
def test_a_storm_of_changes_elsewhere_is_taken_in_a_few_readings(tmp_path: Path) -> None:
    async def story() -> None:
        async with two(postgres.shared().database(), tmp_path) as (one, other):
            asked: list[float] = []
            changes = other._store.changes
            other._store.changes = lambda seen: (asked.append(time.monotonic()), changes(seen))[1]
            at = instant(time.time())
            began = time.monotonic()

            def write() -> None:
                for number in range(200):
                    key = GatewayKey(
                        id=fresh_id(), workspace="w", name="", hash=number.to_bytes(32), prefix="", created_at=at, last_updated_at=at
                    )
                    with one._store.writing(time.time()) as writing:
                        gateway_keys.insert(writing, key)

            await asyncio.to_thread(write)
            await until(lambda: len(other._rows.keys) == 200, 2)
            assert len(asked) <= (time.monotonic() - began) / 0.05 + 2

    asyncio.run(story())


@on_postgres
def test_the_urls_own_options_reach_the_listener(tmp_path: Path) -> None:
    async def story() -> None:
        engine = connect(postgres.shared().database() + "?application_name=mine&connect_timeout=3")
        async with listening(engine) as connection:
            name = await (await connection.execute("SHOW application_name")).fetchone()
        assert name == ("mine",)

    asyncio.run(story())
