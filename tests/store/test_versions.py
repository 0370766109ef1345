"""Rotation: a new master key, every secret sealed again, and nothing lost wherever it stops."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest

from trunkline.errors import OperatorError
from trunkline.secret import Secret
from trunkline.store import provider_keys, versions
from trunkline.store.sealing import fresh_master_key
from trunkline.store.store import Rows, Store
from trunkline.store.versions import rotate

from ..stores import a_key, open_store
from .test_store import FULL


def filled(store: Store) -> list[Any]:
    keys = [a_key(workspace=f"w{n}") for n in range(5)] + [a_key(**FULL)]
    with store.writing(time.time()) as write:
        for key in keys:
            provider_keys.insert(write, key)
    return keys


def held(store: Store) -> list[Any]:
    return sorted(store.changes(Rows()).providers.values(), key=lambda key: key.id)


def sealed_texts(store: Store) -> list[str]:
    from trunkline.store.tables import provider_keys as table

    with store.reading() as read:
        rows = read.connection.execute(table.select()).all()
    return [text for row in rows for name in versions.SEALED if (text := getattr(row, name)) is not None]


def test_every_secret_is_sealed_again_and_reads_the_same(store: Store, tmp_path: Path) -> None:
    keys = filled(store)
    before = (tmp_path / "master.key").read_text()
    old_id = store.ring.newest.id
    assert all(old_id in text for text in sealed_texts(store))
    done = rotate(store)
    assert (done.version, done.rows) == (2, 6)
    assert all(done.key_id in text and old_id not in text for text in sealed_texts(store))
    assert held(store) == sorted(keys, key=lambda key: key.id)
    path = tmp_path / "master.key"
    assert path.read_text() != before
    assert len(path.read_text().split()) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.glob("*master.key*")] == ["master.key"]


def test_a_running_gateway_follows_a_rotation_done_beside_it(store: Store, url: str, tmp_path: Path) -> None:
    filled(store)
    seen = store.changes(Rows())
    other = open_store(url, tmp_path)
    rotate(other)
    other.close()
    after = store.changes(seen)
    assert after.generation > seen.generation
    assert not after.broken
    with store.writing(time.time()) as write:
        provider_keys.insert(write, a_key(workspace="new"))
    assert len(held(store)) == 7


@pytest.mark.parametrize("step", ["key file written", "in the transaction", "committed"])
def test_a_crash_in_the_middle_loses_nothing(store: Store, url: str, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Crash(BaseException):
        pass

    keys = filled(store)
    if step == "key file written":
        monkeypatch.setattr(versions, "reseal", lambda *_: (_ for _ in ()).throw(Crash))
    elif step == "in the transaction":
        calls = iter(range(100))
        real = versions.seal

        def crashing(*arguments: Any) -> str:
            if next(calls) == 4:
                raise Crash
            return real(*arguments)

        monkeypatch.setattr(versions, "seal", crashing)
    else:
        real_write = store.source.write
        writes = iter(range(2))

        def second_fails(keys: Any) -> None:
            if next(writes) == 1:
                raise Crash
            real_write(keys)

        monkeypatch.setattr(store.source, "write", second_fails)
    with pytest.raises(Crash):
        rotate(store)
    monkeypatch.undo()
    again = open_store(url, tmp_path)
    assert held(again) == sorted(keys, key=lambda key: key.id)
    rotate(again)
    assert held(again) == sorted(keys, key=lambda key: key.id)
    assert len((tmp_path / "master.key").read_text().split()) == 1
    again.close()


def test_a_key_from_the_environment_is_rotated_with_a_new_one_given(url: str, tmp_path: Path) -> None:
    old, new = fresh_master_key(), fresh_master_key()
    environ = {"MASTER": old.key.reveal()}
    store = open_store(url, tmp_path, master_key="env:MASTER", environ=environ)
    keys = filled(store)
    with pytest.raises(OperatorError, match="TRUNKLINE_NEW_MASTER_KEY"):
        rotate(store)
    rotate(store, new)
    store.close()
    assert not (tmp_path / "master.key").exists()
    with pytest.raises(OperatorError, match="does not hold"):
        open_store(url, tmp_path, master_key="env:MASTER", environ=environ)
    again = open_store(url, tmp_path, master_key="env:MASTER", environ={"MASTER": f"{new.key.reveal()},{old.key.reveal()}"})
    assert held(again) == sorted(keys, key=lambda key: key.id)
    again.close()


def test_a_replica_with_the_old_key_keeps_what_it_has_and_says_so(url: str, tmp_path: Path) -> None:
    old, new = fresh_master_key(), fresh_master_key()
    replica = open_store(url, tmp_path, master_key=Secret(old.key.reveal()))
    filled(replica)
    seen = replica.changes(Rows())
    other = open_store(url, tmp_path, master_key=Secret(old.key.reveal()))
    rotate(other, new)
    other.close()
    for act in (lambda: replica.changes(seen), lambda: replica.writing(time.time()).__enter__()):
        with pytest.raises(OperatorError) as caught:
            act()
        assert caught.value.code == "master_key_unknown"
    replica.close()


def test_a_row_that_does_not_open_stops_the_rotation_before_anything_changed(store: Store, tmp_path: Path) -> None:
    from trunkline.store.tables import provider_keys as table

    keys = filled(store)
    with store.writing(time.time()) as write:
        write.connection.execute(table.update().where(table.c.id == keys[0].id).values(api_key=sealed_texts_first(write)))
    before = sealed_texts(store)
    with pytest.raises(OperatorError, match="changed or moved"):
        rotate(store)
    assert sealed_texts(store) == before
    assert len(store.changes(Rows()).providers) == 5


def sealed_texts_first(write: Any) -> str:
    from trunkline.store.tables import provider_keys as table

    found = write.connection.execute(table.select().where(table.c.workspace == "w1")).one().api_key
    assert isinstance(found, str)
    return found
