"""One upstream stream on its way to the caller: a network read in, a batch of payloads out.

Odd here: what costs in a stream is the hop, so a read becomes one list of frames, one list of events and one write. And the
end is a promise: `last` is said only of a stream whose every choice said why it stopped; anything else is raised as an error.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol

from msgspec import Struct

from .chat import Event, Failed, Finished, Metered, Started, TextDelta, Usage
from .dialects import Decoder, openai_chat
from .emulate import Undo
from .errors import UpstreamError
from .framing import Framer
from .framing.sse import Sse
from .known import Known, Out
from .prepare import Prepared
from .stamp import Stamp
from .upstream import Reply as Opened
from .vault import Watcher
from .wire import Frame, readable


class Batch(Struct):
    """What one network read gave: `data:` payloads for the caller, and whether they are the last."""

    payloads: list[bytes]
    last: bool = False


class Sink(Protocol):
    """Where payloads may be written at once, unless `out` is full (the caller is slow: what comes then must wait)."""

    @property
    def out(self) -> Out: ...

    @property
    def opik(self) -> bool: ...

    def send(self, payloads: list[bytes]) -> None: ...


class Flow(Protocol):
    """One way of passing a stream on; owned by that stream."""

    sink: Sink | None
    """Set once the caller's answer has begun: what comes from then on is written as it comes."""

    @property
    def model(self) -> str:
        """The model that answers, as the vendor names it; empty until it said so."""
        ...

    @property
    def failed(self) -> Failed | None:
        """What the vendor reported in place of an answer."""
        ...

    @property
    def done(self) -> bool:
        """The vendor said that this is all."""
        ...

    @property
    def known(self) -> Known:
        """Its text chunks, once they are known by their bytes."""
        ...

    def feed(self, frames: list[Frame]) -> list[bytes]: ...

    def learn(self, data: bytes) -> None:
        """What was just fed was this one read, which began and ended between two events."""

    def close(self) -> list[bytes]: ...

    def whole(self) -> bool:
        """Whether every choice that began has finished, and one has."""
        ...

    def usage(self) -> bytes:
        """The usage chunk, empty where the vendor sent none."""
        ...


class Relaying:
    """OpenAI's format on both sides: the vendor's bytes, mended where they must be."""

    def __init__(self, prepared: Prepared, stamp: Stamp) -> None:
        self.relay = openai_chat.Relay(prepared.target, stamp)
        self.watcher: Watcher | None = None
        self.sink: Sink | None = None
        self.failed: Failed | None = None
        self.model = ""
        self.known = Known()
        self.metered: Usage | None = None
        """The usage, as far as it has come."""
        self.text = ""
        """Of what was fed last, where it was one chunk of text alone and nobody watches."""
        self.payload = b""
        """What the caller got of it."""

    @property
    def done(self) -> bool:
        return self.relay.done

    def feed(self, frames: list[Frame]) -> list[bytes]:
        relay, watched = self.relay, self.watcher is not None
        self.text = ""
        for frame in frames:
            text = None if watched else relay.passes(frame)
            if text is None:
                self.known.forget()
                self._look(relay.feed(frame))
            elif len(frames) == 1:
                self.text, self.payload = text, relay.out[-1]
        return self._taken()

    def learn(self, data: bytes) -> None:
        if self.known.wants(self.text):
            self.known.learn(data, self.text, b"data: %b\n\n" % self.payload)

    def close(self) -> list[bytes]:
        self._look(self.relay.close())
        return self._taken()

    def _look(self, events: list[Event]) -> None:
        if self.watcher is not None:
            self.watcher.see(events)
        for event in events:
            kind = event.__class__
            if kind is Failed:
                self.failed = self.failed or event  # type: ignore[assignment]
            elif kind is Started:
                self.model = event.model  # type: ignore[union-attr]
            elif kind is Metered:
                self.metered = event.usage  # type: ignore[union-attr]

    def _taken(self) -> list[bytes]:
        out, self.relay.out = self.relay.out, []
        return out

    def whole(self) -> bool:
        return bool(self.relay.finished) and self.relay.finished >= self.relay.roles

    def usage(self) -> bytes:
        return self.relay.usage_chunk


class Translating:
    """Another dialect upstream: events, undone of what encoding disguised, encoded as chunks."""

    done = False

    def __init__(self, prepared: Prepared, stamp: Stamp, legacy: bool, choice: int = 0) -> None:
        self.decoder: Decoder = prepared.dialect.decode_stream(prepared.target)
        self.undo = Undo(prepared.encoded, choice)
        self.watcher: Watcher | None = None
        self.sink: Sink | None = None
        self.encoder = openai_chat.ChunkEncoder(stamp, prepared.target.model, legacy=legacy)
        self.failed: Failed | None = None
        self.model = ""
        self.begun: set[int] = set()
        self.finished: set[int] = set()
        self.skipped: Any = getattr(self.decoder, "skipped", None)
        """Tells the decoder of the texts of events that it was not fed; a decoder that has no such method is fed them all."""
        self.known = Known(keeps=True)
        self.text: TextDelta | None = None
        """What was fed last, where it was that and nothing else."""

    def _catch_up(self, said: list[str]) -> None:
        """What has passed without being fed is heard of before anything else is."""
        text = "".join(said)
        said.clear()
        self.skipped(text)
        if self.watcher is not None:
            self.watcher.texts.setdefault(self.known.choice, []).append(text)

    def learn(self, data: bytes) -> None:
        event = self.text
        if event is not None and self.skipped is not None and self.known.wants(event.text):
            payload = self.encoder.text(event.text, event.choice)  # once more: the first chunk of a choice has its role, too
            self.known.learn(data, event.text, b"data: %b\n\n" % payload, event.choice)

    def feed(self, frames: list[Frame]) -> list[bytes]:
        self.text = None
        if self.known.said:
            self._catch_up(self.known.said)
        if len(frames) == 1 and self.undo.idle:
            events = self._events(frames[0])
            if len(events) == 1:
                event = events[0]
                if event.__class__ is TextDelta:  # nearly every read of nearly every stream: each call saved here is one a token
                    index = event.choice
                    self.text = event
                    self.begun.add(index)
                    if self.watcher is not None:
                        self.watcher.texts.setdefault(index, []).append(event.text)
                    return [self.encoder.text(event.text, index)]
            return self.encoder.encode(self.seen(events)) if events else []
        events = []
        for frame in frames:
            events += self._events(frame)
        return self.encoder.encode(self.seen(self.undo.apply(events))) if events else []

    def _events(self, frame: Frame) -> list[Event]:
        data = frame.data
        if not data.isascii() and (text := readable(data)) != data:
            frame = Frame(text, frame.event, frame.error)
        return self.decoder.feed(frame)

    def close(self) -> list[bytes]:
        if self.known.said:
            self._catch_up(self.known.said)
        return self.encoder.encode(self.seen(self.undo.apply(self.decoder.close())))

    def seen(self, events: list[Event]) -> list[Event]:
        if self.watcher is not None:
            self.watcher.see(events)
        for event in events:
            if event.__class__ is TextDelta:
                self.begun.add(event.choice)
                continue
            self.known.forget()
            match event:
                case Finished():
                    self.finished.add(event.choice)
                case Failed():
                    self.failed = self.failed or event
                case Started():
                    self.model = event.model or self.model
                case _:
                    index = getattr(event, "choice", None)
                    if index is not None:
                        self.begun.add(index)
        return events

    @property
    def metered(self) -> Usage | None:
        """The usage, as far as it has come."""
        return self.encoder.usage

    def whole(self) -> bool:
        return bool(self.finished) and self.finished >= self.begun

    def usage(self) -> bytes:
        return self.encoder.usage_chunk()


async def batches(
    flow: Flow, opened: Opened, framing: Framer, provider: str, include_usage: bool, whole: Callable[[], None] | None = None
) -> AsyncGenerator[Batch, None]:
    """The batches of one stream, the last marked. UpstreamError where the vendor fails, or stops before it has finished.

    `whole` is called once the answer is whole, before the caller can have read the last of it.
    """
    written = False
    sse = framing if isinstance(framing, Sse) else None

    def write(data: bytes) -> bool:
        """A read in mid-stream goes on in the socket's callback; False where it is the reader's, or where the reader must look up."""
        nonlocal written
        sink = flow.sink
        if sink is None or sink.out.full:
            return False
        between = sse is not None and not sse.busy
        payloads = flow.feed(framing.feed(data))
        if payloads:
            sink.send(payloads)
        if sse is not None:
            flow.known.busy = sse.busy
            if between and not sse.busy:
                flow.learn(data)
        written = flow.failed is not None or flow.done
        return not written

    try:
        while True:
            try:
                if flow.sink is None:
                    data = await opened.next()
                else:
                    flow.known.begin(flow.sink.out, flow.sink.opik, sse is None or sse.busy)
                    data = await opened.each(write, flow.known.chunk)
            except UpstreamError:
                if not flow.whole():
                    raise
                data = b""  # a connection that breaks after the answer is whole is an end like any other
            if written:
                payloads = []
            elif data:
                payloads = flow.feed(framing.feed(data))
                if flow.failed is None and not flow.done:
                    if payloads:
                        yield Batch(payloads)
                    continue
            else:
                payloads = flow.feed(framing.close())
                payloads += flow.close()
            if flow.failed is not None or not flow.whole():
                if payloads:
                    yield Batch(payloads)
                if flow.failed is not None:
                    raise as_error(flow.failed)
                raise UpstreamError(f"{provider} ended its stream before the answer was finished", code="upstream_incomplete")
            usage = flow.usage() if include_usage else b""
            opened.release()
            if whole is not None:
                whole()
            yield Batch([*payloads, usage] if usage else payloads, last=True)
            return
    finally:
        opened.close()


def as_error(failed: Failed) -> UpstreamError:
    """The error that a vendor reported in mid-answer."""
    return UpstreamError(
        failed.message, status=failed.status, code=failed.code, type=failed.type, retry_after=failed.retry_after,
        try_next=failed.status not in (400, 422),
    )  # fmt: skip
