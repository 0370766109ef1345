"""`trunkline keys create|list|revoke`: keys of ours, written straight to the store.

Odd here: no running gateway is needed: each looks at the store every half second, and is told at once where that is PostgreSQL. What is
printed on standard output by `create` is the key alone, so that it can be piped; everything else goes to standard error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
import time

from ..errors import CallerError
from ..store.records import fresh_id, instant
from ..store.store import Store
from .stored import opened, table

SPANS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def run(arguments: argparse.Namespace) -> int:
    with opened(arguments.config, arguments.data) as (_, store):
        match arguments.action:
            case "create":
                return create(
                    store,
                    name=arguments.name,
                    workspace=arguments.workspace,
                    models=words(arguments.models),
                    tags=words(arguments.tags),
                    expires=arguments.expires,
                    admin=arguments.admin,
                )
            case "list":
                return list_keys(store, arguments.workspace)
            case _:
                return revoke(store, arguments.id)


def create(store: Store, *, name: str, workspace: str, models: list[str], tags: list[str], expires: str = "", admin: bool = False) -> int:
    """Make a key and print it, once. 0. CallerError for a value that is not allowed."""
    from ..server.api.gateway_keys import NewKey, fresh_key, made
    from ..store import gateway_keys as rows

    now = time.time()
    key = fresh_key()
    form = NewKey(name=name, workspace=workspace, models=models, tags=tags, expires_at=moment(expires, now), role="admin" if admin else "")
    row = made(form, key, id=fresh_id(), at=instant(now))
    with store.writing(now) as write:
        rows.insert(write, row)
    print(f"key {row.id} for workspace {row.workspace}; it is shown this once:", file=sys.stderr)
    print(key.reveal())
    return 0


def list_keys(store: Store, workspace: str) -> int:
    from ..store import gateway_keys as rows

    with store.reading() as read:
        keys = rows.every(read, workspace)
    now = time.time()
    table(
        ("id", "key", "name", "models", "expires", "state"),
        [
            (
                key.id,
                f"{key.prefix}…",
                key.name,
                ", ".join(key.models) or "every model",
                "never" if key.expires_at is None else instant(key.expires_at)[:19] + "Z",
                state(key.disabled, key.expires_at, now) + (", admin" if key.role == "admin" else ""),
            )
            for key in keys
        ],
    )
    return 0


def state(disabled: bool, expires_at: float | None, now: float) -> str:
    if disabled:
        return "disabled"
    return "expired" if expires_at is not None and expires_at <= now else "active"


def revoke(store: Store, id: str) -> int:
    """Delete a key: 0, or 1 where there is none of that id."""
    from ..store import gateway_keys as rows

    with store.writing(time.time()) as write:
        found = rows.delete(write, id)
    print(f"key {id} is revoked" if found else f"there is no key {id}", file=sys.stderr)
    return 0 if found else 1


def moment(text: str, now: float) -> float | None:
    """An ISO time, or a span from now like 30d, 12h, 90m, 2w. None for "". CallerError for anything else."""
    text = text.strip()
    if not text:
        return None
    if span := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        return now + int(span[1]) * SPANS[span[2]]
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CallerError(f"--expires {text!r} is neither an ISO time nor a span such as 30d or 12h") from None
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp()


def words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]
