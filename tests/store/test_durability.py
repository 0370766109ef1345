"""kill -9 at random moments during key writes: no acknowledged write is lost, and nothing is corrupted.

A child process writes keys and names each one on its standard output once the store has acknowledged it; it is killed after a random
number of them, in the middle of whatever it does then. 200 writes here; `TRUNKLINE_KILL_WRITES=1000` for more.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from pathlib import Path

from trunkline.store.store import Rows

from ..stores import open_store

WRITES = int(os.environ.get("TRUNKLINE_KILL_WRITES", "200"))

CHILD = """
import sys, time
from pathlib import Path
from tests.stores import a_key, open_store
from trunkline.access import key_hash
from trunkline.store import gateway_keys, provider_keys
from trunkline.store.records import GatewayKey, fresh_id, instant

store = open_store(sys.argv[1], Path(sys.argv[2]))
while True:
    at, id = instant(time.time()), fresh_id()
    with store.writing(time.time()) as write:
        provider_keys.insert(write, a_key(id=id, workspace=id, created_at=at))
        gateway_keys.insert(write, GatewayKey(id=id, workspace=id, name="", hash=key_hash(id.encode()), prefix="", created_at=at,
                                              last_updated_at=at))
    print(id, flush=True)
"""


def test_no_acknowledged_write_is_lost(url: str, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    chance = random.Random(20261124)
    while len(acknowledged) < WRITES:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, url, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        assert child.stdout is not None
        for _ in range(chance.randrange(1, max(2, WRITES // 2))):
            line = child.stdout.readline()
            assert line, "the child died by itself"
            acknowledged.append(line.strip())
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(chance.random() / 100)  # it runs on for a moment, so that it dies at any point of a write
        child.kill()
        acknowledged += [line.strip() for line in child.stdout.read().splitlines() if len(line) == 36]
        child.wait()
        store = open_store(url, tmp_path)
        rows = store.changes(Rows())
        assert set(acknowledged) <= set(rows.providers)
        assert set(rows.providers) == set(rows.keys), "half a transaction was kept"
        assert not rows.broken
        if url.startswith("sqlite"):
            with store.engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        store.close()
