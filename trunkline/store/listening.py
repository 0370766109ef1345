"""Hearing of a change at once: PostgreSQL's LISTEN and NOTIFY (https://www.postgresql.org/docs/15/sql-notify.html).

A writing transaction notifies inside itself, so the notice goes out when it commits, with its generation as the payload. Each process
listens on one connection of its own, in the event loop. A notice may be lost (the connection breaks, a proxy that pools by transaction
swallows LISTEN), so it only makes the next poll come sooner; nothing depends on it.

Odd here: the socket is watched by the loop itself and read through libpq, since psycopg's own `notifies()` wakes ten times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from sqlalchemy import Connection, Engine

log = logging.getLogger("trunkline.store")

CHANNEL = "trunkline_changes"
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two attempts to connect, doubled after each that fails."""
OPENING = 10.0
"""Seconds for connecting and LISTEN together."""
ALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "trunkline listener",
}
"""A peer that went without a word is found out by TCP's keep-alives."""

Told = Callable[[int | None], None]
"""Called with the generation of a change; with None when any number of them may have been missed."""


def announce(connection: Connection, generation: int) -> None:
    """Tell the listeners, when this transaction commits. SQLite has none."""
    from sqlalchemy import text

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_notify(:channel, :generation)"), {"channel": CHANNEL, "generation": str(generation)})


async def listen(engine: Engine, told: Told) -> None:
    """Call `told` for every change until cancelled, connecting again whenever the connection breaks. Returns at once for SQLite.

    Raises nothing else; an interruption is logged once, by its kind alone, since a driver's text may hold the URL.
    """
    if engine.dialect.name != "postgresql":
        return
    pause, silent = FIRST_PAUSE, False
    while True:
        try:
            async with listening(engine) as connection:
                if silent:
                    log.info("listening for changes in the store again")
                pause, silent = FIRST_PAUSE, False
                told(None)
                await _hear(connection, told)
        except Exception as error:
            if not silent:
                log.warning("listening for changes in the store was interrupted (%s); it is polled meanwhile", type(error).__name__)
            silent = True
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


@contextlib.asynccontextmanager
async def listening(engine: Engine) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection of its own that listens; closed without waiting for the server, which may be gone."""
    from psycopg import AsyncConnection

    arguments, parameters = engine.dialect.create_connect_args(engine.url)
    connection = None
    try:
        async with asyncio.timeout(OPENING):
            connection = await AsyncConnection.connect(*arguments, autocommit=True, **{**ALIVE, **parameters})
            await connection.execute(f"LISTEN {CHANNEL}")
        yield connection
    finally:
        if connection is not None:
            await connection.close()


async def _hear(connection: AsyncConnection[Any], told: Told) -> None:
    """Read notices until the connection breaks: psycopg.OperationalError."""
    loop, socket, libpq = asyncio.get_running_loop(), connection.fileno(), connection.pgconn
    readable = asyncio.Event()
    loop.add_reader(socket, readable.set)
    try:
        while True:
            while (notice := libpq.notifies()) is not None:  # also what came with the answer to LISTEN
                told(int(notice.extra) if notice.extra.isdigit() else None)
            await readable.wait()
            readable.clear()
            libpq.consume_input()
    finally:
        loop.remove_reader(socket)
