"""A driven coroutine goes on in the call that brings what it waits for, and ends as a task would."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from trunkline.drive import Awaited, Driven, awaited


class Told(Driven):
    """Says how it ended."""

    def __init__(self) -> None:
        self.end: bool | None = None

    def ended(self, cancelled: bool) -> None:
        assert self.end is None, "it ends once"
        self.end = cancelled


def test_it_begins_at_once_and_goes_on_in_the_call_that_gives() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        first: Awaited[int] = awaited(loop)
        second: Awaited[int] = awaited(loop)
        seen: list[Any] = []

        async def work() -> None:
            seen.append("begun")
            seen.append(await first)
            try:
                await second
            except ValueError as error:
                seen.append(str(error))

        told = Told()
        told.drive(loop, work())
        assert seen == ["begun"]
        assert told.driving
        first.give(1)
        assert seen == ["begun", 1]
        second.fail(ValueError("no"))
        assert seen == ["begun", 1, "no"]
        assert told.end is False
        assert not told.driving

    asyncio.run(story())


def test_whatever_else_can_be_awaited_works_too() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        told = Told()
        done: asyncio.Future[list[Any]] = loop.create_future()

        async def three() -> int:
            await asyncio.sleep(0)
            return 3

        async def work() -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            lock = asyncio.Lock()
            async with lock:
                got = await asyncio.gather(three(), asyncio.to_thread(lambda: 4))
            done.set_result([await asyncio.ensure_future(three()), *got])

        told.drive(loop, work())
        assert await done == [3, 3, 4]

    asyncio.run(story())


def test_a_task_hears_of_an_awaited_as_of_any_future() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        one: Awaited[int] = awaited(loop)
        loop.call_soon(one.give, 5)
        assert await one == 5

    asyncio.run(story())


@pytest.mark.parametrize("waits", ["awaited", "future", "task", "sleep"])
def test_cancelled_it_hears_of_it_where_it_waits(waits: str) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        seen: list[str] = []
        one = {
            "awaited": lambda: awaited(loop),
            "future": loop.create_future,
            "task": lambda: loop.create_task(asyncio.sleep(60)),
            "sleep": lambda: asyncio.sleep(0),
        }[waits]()

        async def work() -> None:
            try:
                await one
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        told = Told()
        told.drive(loop, work())
        told.cancel()
        told.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == ["cancelled"]
        assert told.end is True
        if waits == "task":
            assert one.cancelled()
        told.cancel()

    asyncio.run(story())


def test_cancelled_while_it_runs_it_hears_of_it_where_it_waits_next() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        told = Told()
        one: Awaited[None] = awaited(loop)

        async def work() -> None:
            told.cancel()
            await one

        told.drive(loop, work())
        for _ in range(3):
            await asyncio.sleep(0)
        assert told.end is True
        assert one.cancelled()

    asyncio.run(story())


def test_cancelled_when_it_has_just_been_given_what_it_waited_for_it_is_cancelled_all_the_same() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        told = Told()
        one: asyncio.Future[int] = loop.create_future()

        async def work() -> None:
            await one

        told.drive(loop, work())
        one.set_result(1)
        told.cancel()
        await asyncio.sleep(0)
        assert told.end is True

    asyncio.run(story())


def test_a_cancellation_it_does_not_let_pass_is_no_end() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        told = Told()
        first: Awaited[int] = awaited(loop)
        second: Awaited[int] = awaited(loop)
        seen: list[int] = []

        async def work() -> None:
            try:
                await first
            except asyncio.CancelledError:
                seen.append(await second)

        told.drive(loop, work())
        told.cancel()
        await asyncio.sleep(0)
        second.give(2)
        assert seen == [2]
        assert told.end is False

    asyncio.run(story())


def test_what_fails_is_told_to_the_loop() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        said: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: said.append(context))

        async def work() -> None:
            raise ValueError("a mistake of ours")

        told = Told()
        told.drive(loop, work())
        assert told.end is False
        assert str(said[0]["exception"]) == "a mistake of ours"

    asyncio.run(story())
