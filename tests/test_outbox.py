"""What is written in one round leaves at its end, in order, and one bad connection costs the others nothing."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from trunkline.outbox import Outbox


class Transport:
    def __init__(self, sent: list[tuple[str, bytes]], name: str) -> None:
        self.sent, self.name = sent, name
        self.closing = self.broken = self.aborted = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        if self.broken:
            raise RuntimeError("the handler is closed")
        self.sent.append((self.name, data))

    def abort(self) -> None:
        self.aborted = True


def test_all_of_a_round_leaves_together_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        sent: list[tuple[str, bytes]] = []
        a, b, closed, broken = (Transport(sent, name) for name in ("a", "b", "closed", "broken"))
        closed.closing = broken.broken = True
        box = Outbox()
        for transport, data in ((a, b"1"), (closed, b"x"), (b, b"2"), (broken, b"x"), (a, b"3")):
            box.write(cast(Any, transport), data)
        assert sent == [], "the round is not over"
        await asyncio.sleep(0)
        assert sent == [("a", b"1"), ("b", b"2"), ("a", b"3")]
        assert broken.aborted
        assert "could not be written to" in caplog.text
        box.write(cast(Any, a), b"4")
        box.flush()
        box.write(cast(Any, a), b"5")
        assert sent[3:] == [("a", b"4")]
        await asyncio.sleep(0)
        assert sent[3:] == [("a", b"4"), ("a", b"5")]

    asyncio.run(story())
