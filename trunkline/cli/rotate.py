"""`trunkline rotate`: a new master key, and every stored secret sealed again under it.

Odd here: a key file is replaced, and gateways that run follow by themselves. A key that comes from the environment cannot be changed
from here: the new one is given in TRUNKLINE_NEW_MASTER_KEY or on standard input, and running gateways keep their last snapshot
until they are started again with it. Set `NEW,OLD` before rotating, and there is no gap.
"""

from __future__ import annotations

import os
import sys

from ..store.master import parse
from ..store.sealing import MasterKey
from ..store.store import Store
from ..store.versions import rotate
from .stored import opened

VARIABLE = "TRUNKLINE_NEW_MASTER_KEY"


def run(config: str | None, data: str | None) -> int:
    with opened(config, data) as (_, store):
        return rotated(store, new_key(store))


def rotated(store: Store, new: MasterKey | None) -> int:
    done = rotate(store, new)
    print(f"{done.rows} provider keys sealed under master key {done.key_id} (version {done.version})")
    if store.source.path is None:
        print(f"now set {store.source.name} to the new master key and restart every gateway", file=sys.stderr)
    return 0


def new_key(store: Store) -> MasterKey | None:
    """The key given from outside; None where there is none and one may be made. OperatorError where it is not a key."""
    if text := os.environ.get(VARIABLE, "").strip():
        return parse(text, VARIABLE)[0]
    if store.source.path is None and not sys.stdin.isatty() and (text := sys.stdin.read().strip()):
        return parse(text, "standard input")[0]
    return None
