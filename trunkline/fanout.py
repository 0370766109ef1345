"""Several calls for one `n`, where a vendor answers once a call: choices indexed, usage added, one stream.

Odd here: the calls share their fate. If one fails the others are cancelled at once, since an answer with fewer choices than were
paid for and asked is no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from .chat import Event
from .emulate import Sum
from .errors import UpstreamError
from .flow import Batch, Translating, as_error
from .framing import Framer
from .upstream import Reply as Opened


async def gathered(count: int, one: Callable[[int], Awaitable[list[Event]]]) -> list[Event]:
    """The events of `count` whole answers as those of one."""
    async with _Together() as together:
        answers = await together.all([one(choice) for choice in range(count)])
    total = Sum()
    events = [event for choice, answer in enumerate(answers) for event in total.take(choice, answer)]
    return events + total.metered()


class _Together:
    """Tasks that end together: the first error cancels the rest and is the one raised."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[list[Event]]] = []

    async def __aenter__(self) -> _Together:
        return self

    async def all(self, jobs: list[Awaitable[list[Event]]]) -> list[list[Event]]:
        self.tasks = [asyncio.ensure_future(job) for job in jobs]
        return list(await asyncio.gather(*self.tasks))

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def all_opened(count: int, one: Callable[[], Awaitable[Opened]]) -> list[Opened]:
    """`count` streams, opened together. Where one cannot be had the others are given up, open or not."""
    tasks = [asyncio.ensure_future(one()) for _ in range(count)]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        for opened in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(opened, Opened):
                opened.close()
        raise


Source = tuple[Translating, Opened, Framer]


async def merged(sources: list[Source], provider: str, include_usage: bool) -> AsyncGenerator[Batch, None]:
    """The batches of several streams as those of one, choices interleaved as they come. The first flow's encoder writes them all."""
    total, encoder = Sum(), sources[0][0].encoder
    queue: asyncio.Queue[tuple[int, list[Event]] | Exception | None] = asyncio.Queue(maxsize=4 * len(sources))

    async def pump(number: int, flow: Translating, opened: Opened, framing: Framer) -> None:
        try:
            while data := await opened.next():
                frames = framing.feed(data)
                events = [event for frame in frames for event in flow.decoder.feed(frame)]
                await queue.put((number, flow.seen(flow.undo.apply(events))))
                if flow.failed is not None:
                    raise as_error(flow.failed)
            events = [event for frame in framing.close() for event in flow.decoder.feed(frame)] + flow.decoder.close()
            await queue.put((number, flow.seen(flow.undo.apply(events))))
            if flow.failed is not None:
                raise as_error(flow.failed)
            if not flow.whole():
                raise UpstreamError(f"{provider} ended its stream before the answer was finished", code="upstream_incomplete")
            await queue.put(None)
        except Exception as error:  # whatever it is, the reader must hear of it, or it waits for ever
            await queue.put(error)
        finally:
            opened.close()

    tasks = [asyncio.ensure_future(pump(i, *source)) for i, source in enumerate(sources)]
    running = len(tasks)
    try:
        while running:
            item = await queue.get()
            if item is None:
                running -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                payloads = encoder.encode(total.take(*item))
                if payloads:
                    yield Batch(payloads)
        encoder.encode(total.metered())
        yield Batch([encoder.usage_chunk()] if include_usage and encoder.usage is not None else [], last=True)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, opened, _ in sources:
            opened.close()
