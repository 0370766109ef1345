"""The snapshot in use follows the config file and the store, and survives the failure of either."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trunkline.access import Grant, key_hash
from trunkline.config.live import Live
from trunkline.errors import ConfigError, OperatorError
from trunkline.providers import Provider
from trunkline.store import gateway_keys, provider_keys
from trunkline.store.records import GatewayKey, fresh_id, instant
from trunkline.store.store import Store

from .. import postgres
from ..stores import a_key, open_store

WITHIN = 2.0
"""Seconds in which a change must be seen elsewhere."""


class Parts:
    """A snapshot that shows what it was built from."""

    def __init__(self, settings: str, stored: Iterable[Provider], grants: Mapping[bytes, Grant], complete: bool) -> None:
        self.settings = settings
        self.ids = {key.id for key in stored}
        self.grants = grants
        self.complete = complete


def load(path: Path) -> str:
    text = path.read_text()
    if "bad" in text:
        raise ConfigError(["first problem", "second problem"])
    return text


@asynccontextmanager
async def live(url: str, folder: Path, *, wait_for_store: bool = True, opener: Callable[[], Store] | None = None) -> AsyncIterator[Any]:
    path = folder / "trunkline.toml"
    if not path.exists():
        path.write_text("one")
    one: Any = Live(
        load=partial(load, path),
        build=Parts,  # type: ignore[arg-type]
        open_store=opener or (lambda: open_store(url, folder)),
        store_is_new=lambda settings: not wait_for_store,
        files=[path],
        poll=0.1,
    )
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def until(condition: Callable[[], bool], within: float = WITHIN) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within, f"not within {within} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def a_grant(text: bytes = b"tl-x", **more: Any) -> GatewayKey:
    at = instant(time.time())
    return GatewayKey(
        id=fresh_id(), workspace="default", name="", hash=key_hash(text), prefix="", created_at=at, last_updated_at=at, **more
    )


def test_a_change_made_here_is_in_the_snapshot_at_once(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with live(url, tmp_path) as one:
            key, grant = a_key(), a_grant()
            await one.change(partial(provider_keys.insert, key=key))
            assert one.snapshot.ids == {key.id}
            await one.change(partial(gateway_keys.insert, key=grant))
            assert set(one.snapshot.grants) == {key_hash(b"tl-x")}
            await one.change(lambda write: gateway_keys.delete(write, grant.id))
            assert one.snapshot.grants == {}
            assert one.snapshot.ids == {key.id}

    asyncio.run(story())


def test_a_change_that_the_watcher_has_read_but_not_yet_published_is_in_the_snapshot_at_once(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with live(url, tmp_path) as one:
            refresh = one.refresh

            async def beaten_to_it(generation: int) -> None:
                await one._read_store()
                await refresh(generation)

            one.refresh = beaten_to_it
            await one.change(partial(gateway_keys.insert, key=a_grant()))
            assert set(one.snapshot.grants) == {key_hash(b"tl-x")}

    asyncio.run(story())


def test_a_change_made_by_another_replica_is_seen_within_two_seconds(url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with live(url, tmp_path) as one, live(url, tmp_path) as other:
            key, grant = a_key(), a_grant()
            await one.change(partial(provider_keys.insert, key=key))
            await one.change(partial(gateway_keys.insert, key=grant))
            await until(lambda: other.snapshot.ids == {key.id} and key_hash(b"tl-x") in other.snapshot.grants)
            await other.change(lambda write: gateway_keys.delete(write, grant.id))
            await other.change(lambda write: provider_keys.delete(write, "default", [key.id]))
            await until(lambda: not one.snapshot.ids and not one.snapshot.grants)

    asyncio.run(story())


def test_an_edited_config_is_taken_over_and_a_bad_one_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        path = tmp_path / "trunkline.toml"
        async with live(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as one:
            seen: list[str] = []
            one.on_change.append(lambda snapshot: seen.append(snapshot.settings))
            path.write_text("two, edited")
            await until(lambda: one.snapshot.settings == "two, edited")
            path.write_text("a bad one")
            await until(lambda: "second problem" in caplog.text)
            assert "first problem" in caplog.text
            assert one.snapshot.settings == "two, edited"
            assert one.healthy
            assert "2 problems" in one.reason
            assert await one.reload() == ["first problem", "second problem"]
            path.write_text("three")
            assert await one.reload() == []
            assert one.snapshot.settings == "three"
            assert one.reason == ""
            assert seen == ["two, edited", "three"]

    asyncio.run(story())


def test_a_config_that_cannot_be_built_is_refused_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with live(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as one:

            def refusing(*parts: Any) -> Any:
                raise ConfigError(["models.fast names no provider"])

            one._build = refusing
            assert await one.reload() == ["models.fast names no provider"]
            assert one.settings == "one"

    asyncio.run(story())


def test_a_bad_config_at_the_start_is_raised(tmp_path: Path) -> None:
    (tmp_path / "trunkline.toml").write_text("bad")

    async def story() -> None:
        async with live(f"sqlite:///{tmp_path / 'a.db'}", tmp_path):
            pass

    with pytest.raises(ConfigError):
        asyncio.run(story())


@pytest.mark.skipif(not postgres.present(), reason=postgres.ABSENT)
def test_with_the_store_down_the_last_snapshot_stays_and_is_said_to_be_old(tmp_path: Path) -> None:
    server = postgres.Server()
    url = server.database()

    async def story() -> None:
        async with live(url, tmp_path) as one:
            key = a_key()
            await one.change(partial(provider_keys.insert, key=key))
            await asyncio.to_thread(server.stop)
            await until(lambda: not one.healthy)
            assert one.snapshot.ids == {key.id}
            assert "key store cannot be used" in one.reason
            with pytest.raises(OperatorError) as caught:
                await one.change(partial(provider_keys.insert, key=a_key(workspace="w")))
            assert caught.value.status == 503
            assert await one.reload() == []
            assert one.snapshot.ids == {key.id}
            await asyncio.to_thread(server.start)
            await until(lambda: one.healthy, within=10)
            await one.change(partial(provider_keys.insert, key=a_key(workspace="w")))
            assert len(one.snapshot.ids) == 2

    try:
        asyncio.run(story())
    finally:
        server.remove()


@pytest.mark.skipif(not postgres.present(), reason=postgres.ABSENT)
def test_a_store_that_is_down_at_the_start_does_not_stop_it(tmp_path: Path) -> None:
    async def story() -> None:
        urls = ["postgresql://trunkline@127.0.0.1:1/none"]
        async with live("", tmp_path, opener=lambda: open_store(urls[0], tmp_path)) as one:
            assert not one.healthy
            assert not one.snapshot.complete
            urls[0] = f"sqlite:///{tmp_path / 'a.db'}"
            await until(lambda: one.healthy and one.snapshot.complete)

    asyncio.run(story())


def test_a_store_that_must_not_be_used_stops_the_start(tmp_path: Path) -> None:
    def refuse() -> Store:
        raise OperatorError("the schema is not whole")

    async def story() -> None:
        async with live("", tmp_path, opener=refuse):
            pass

    with pytest.raises(OperatorError, match="not whole"):
        asyncio.run(story())


def test_a_new_database_is_not_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        url = f"sqlite:///{tmp_path / 'a.db'}"
        async with live(url, tmp_path, wait_for_store=False) as one:
            assert one.snapshot.complete
            await until(lambda: (tmp_path / "a.db").exists())
            await one.change(partial(provider_keys.insert, key=a_key()))
            assert len(one.snapshot.ids) == 1

    asyncio.run(story())


def test_unchanged_keys_keep_their_grant(tmp_path: Path) -> None:
    async def story() -> None:
        async with live(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as one:
            first = a_grant(b"tl-1")
            await one.change(partial(gateway_keys.insert, key=first))
            before = one.snapshot.grants[key_hash(b"tl-1")]
            await one.change(partial(gateway_keys.insert, key=a_grant(b"tl-2")))
            assert one.snapshot.grants[key_hash(b"tl-1")] is before

    asyncio.run(story())
