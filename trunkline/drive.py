"""A coroutine stepped in the very callback that brings what it waits for.

Odd here: asyncio's task hears of a result one round of the event loop after the future has it, and is itself begun a round late. For a
gateway, whose every request waits once or twice for a socket, these rounds cost as much as its own work. So `Driven` begins its
coroutine at once, and an `Awaited` steps it at once. Everything else that can be awaited (futures, tasks, sleeps) works as in a task, but
there is no current task: what needs one (`asyncio.timeout`, task groups) must be put into a task of its own and that be awaited.
Whoever calls `give`, `fail` or `drive` must have finished its own work first: the coroutine runs before they return.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Awaited(asyncio.Future[T]):
    """A future that tells a `Driven` at once; a task hears of it as of any other."""

    __slots__ = ("driven",)

    driven: Driven | None

    def give(self, result: T) -> None:
        self.set_result(result)
        if self.driven is not None:
            self.driven.step()

    def fail(self, error: BaseException) -> None:
        self.set_exception(error)
        if self.driven is not None:
            self.driven.step()


def awaited(loop: asyncio.AbstractEventLoop) -> Awaited[Any]:
    made: Awaited[Any] = Awaited(loop=loop)
    made.driven = None
    return made


class Driven:
    """Has one coroutine, from `drive` until it ends."""

    __slots__ = ("_awaits", "_cancelled", "_coroutine", "_loop")

    def drive(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it as far as it goes without waiting."""
        self._loop = loop
        self._coroutine: Coroutine[Any, Any, None] | None = coroutine
        self._awaits: Any = None
        self._cancelled = False
        self.step()

    @property
    def driving(self) -> bool:
        return getattr(self, "_coroutine", None) is not None

    def step(self, _: object = None) -> None:
        """Go on: what was awaited is there."""
        coroutine = self._coroutine
        if coroutine is None:
            return
        self._awaits = None
        try:
            if self._cancelled:
                self._cancelled = False
                awaits = coroutine.throw(asyncio.CancelledError())
            else:
                awaits = coroutine.send(None)
        except StopIteration:
            self._coroutine = None
            self.ended(False)
        except asyncio.CancelledError:
            self._coroutine = None
            self.ended(True)
        except Exception as error:
            self._coroutine = None
            self._loop.call_exception_handler({"message": "a driven coroutine failed", "exception": error})
            self.ended(False)
        else:
            self._awaits = awaits
            if awaits.__class__ is Awaited:
                awaits._asyncio_future_blocking = False
                awaits.driven = self
            elif awaits is None:  # `asyncio.sleep(0)`
                self._loop.call_soon(self.step)
            else:
                awaits._asyncio_future_blocking = False
                awaits.add_done_callback(self.step)
            if self._cancelled:
                self._cancelled = False
                self.cancel()

    def ended(self, cancelled: bool) -> None:
        """Called once, when the coroutine has ended."""

    def cancel(self) -> None:
        """Raise CancelledError in the coroutine where it waits, in the loop's next round. Nothing where it has ended."""
        if not self.driving:
            return
        awaits = self._awaits
        if awaits is None or not awaits.cancel():  # it is running, or has just been given what it waited for
            self._cancelled = True
        elif awaits.__class__ is Awaited:
            awaits.driven = None
            self._loop.call_soon(self.step)
