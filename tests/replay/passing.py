"""A recording on its way to a caller, in this process: dialect, undoing, folding and chunks as the pipeline has them, no socket.

Odd here: `flow.batches` is the real thing and only its source of bytes is not. Nothing in it waits, so a coroutine is run by one `send`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar, cast

from tests.recordings import Recording
from trunkline.chat import ChatRequest, Failed, User
from trunkline.dialects import dialect, openai_chat
from trunkline.emulate import Undo
from trunkline.errors import UpstreamError
from trunkline.flow import Relaying, Translating, as_error, batches
from trunkline.fold import fold, to_json
from trunkline.framing import framer
from trunkline.prepare import Prepared
from trunkline.providers import KINDS
from trunkline.stamp import Stamp
from trunkline.target import Encoded, Target
from trunkline.upstream import Reply as Opened
from trunkline.wire import HttpRequest, HttpResponse

STAMP = Stamp("chatcmpl-law", 1_700_000_000)
DIALECTS = {
    "chat_completions": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic_messages",
    "generate_content": "gemini_generate",
    "stream_generate_content": "gemini_generate",
    "converse": "bedrock_converse",
    "converse_stream": "bedrock_converse",
    "cohere_chat_v2": "cohere_chat",
    "ollama_chat": "ollama_chat",
}
"""Recorded API → the dialect that speaks it. What is not here is explained in `coverage`."""

T = TypeVar("T")


@cache
def target(provider: str, api: str, model: str) -> Target:
    """The target that a call to this vendor would have: its row's quirks where the row speaks this API."""
    spoken = DIALECTS[api]
    row = KINDS.get(provider)
    if row is None or (
        row.dialect != spoken and (provider, api) not in (("vertex", "messages"), ("openai", "responses"), ("azure", "responses"))
    ):
        row = KINDS["openai_compatible"]
    return Target(provider=provider, kind=row.name, model=model or "m", dialect=spoken, base_url="http://h", quirks=row.quirks)


def prepared(recording: Recording) -> Prepared:
    """As `prepare` would have it for a plain request: nothing disguised."""
    aimed = target(recording.provider, recording.api, recording.model)
    http = HttpRequest("POST", "http://h")
    request = ChatRequest(model=aimed.model, messages=[User("Hi")])
    return Prepared(aimed, dialect(aimed.dialect), Encoded(http=http), http, aimed.dialect == "openai_chat", request)


def response(recording: Recording) -> HttpResponse:
    return HttpResponse(recording.status, recording.headers, recording.body)


def whole(recording: Recording) -> dict[str, Any]:
    """The body a caller gets of a whole answer. Raises the UpstreamError it would get instead."""
    ready = prepared(recording)
    if ready.relays:
        _, body = openai_chat.relay_response(response(recording), ready.target, STAMP)
        return cast(dict[str, Any], json.loads(body))
    return cast(dict[str, Any], json.loads(translated(recording)))


def translated(recording: Recording) -> bytes:
    ready = prepared(recording)
    events = ready.dialect.decode_response(response(recording), ready.target)
    for event in events:
        if isinstance(event, Failed):
            raise as_error(event)
    folded = fold(Undo(ready.encoded).apply(events))
    folded.model = folded.model or ready.target.model
    return to_json(folded, STAMP)


class Streamed:
    """What a caller got of a stream: the payloads of its events, whether `[DONE]` followed, and the error that came in its place."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.done = False
        self.error: UpstreamError | None = None
        self.known = 0
        """Events that went on without being decoded."""

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads]

    def same(self) -> tuple[list[bytes], bool, str]:
        return self.payloads, self.done, self.error.message if self.error else ""


class _Pieces:
    """A recorded body as an opened upstream answer gives it, read by read; at its end the connection may break."""

    def __init__(self, reads: list[bytes], breaks: bool) -> None:
        self.reads, self.breaks = iter(reads), breaks

    async def next(self) -> bytes:
        data = next(self.reads, b"")
        if self.breaks and not data:
            raise UpstreamError("the connection broke")
        return data

    async def each(self, sink: Callable[[bytes], bool], known: Callable[[bytes], bool]) -> bytes:
        while data := await self.next():
            if not known(b"%x\r\n%b\r\n" % (len(data), data)) and not sink(data):
                break
        return data

    def release(self) -> None: ...

    def close(self) -> None: ...


def streamed(recording: Recording, size: int, body: bytes | None = None, *, relay: bool = True, breaks: bool = False) -> Streamed:
    """The stream as it reaches the caller when it comes in reads of `size` bytes. `relay=False`: translated even from OpenAI's format."""
    body = recording.body if body is None else body
    return _streamed(recording, [body[at : at + size] for at in range(0, len(body), size)], relay, breaks)


def event_by_event(recording: Recording, *, relay: bool = True) -> Streamed:
    """The same where each event is a read of its own and, from the second on, written in the socket's callback: how most streams come."""
    return _streamed(recording, re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", recording.body), relay, False, direct=True)


class _Direct:
    """A caller who is never slow, as the flow's sink."""

    full = opik = False

    def __init__(self, got: Streamed) -> None:
        self.out, self.got = self, got

    def send(self, payloads: list[bytes]) -> None:
        self.got.payloads += payloads

    def chunk(self, data: bytes) -> None:
        size, _, event = data.partition(b"\r\n")
        assert int(size, 16) == len(event) - 2
        self.write(event[:-2])

    def write(self, data: bytes) -> None:
        assert data.startswith(b"data: ")
        assert data.endswith(b"\n\n")
        self.got.payloads.append(data[6:-2])
        self.got.known += 1


def _streamed(recording: Recording, reads: list[bytes], relay: bool, breaks: bool, direct: bool = False) -> Streamed:
    ready = prepared(recording)
    flow = Relaying(ready, STAMP) if ready.relays and relay else Translating(ready, STAMP, False)
    framing = framer(recording.headers.get("content-type", ""), ready.dialect.FRAMING)
    source = cast(Opened, _Pieces(reads, breaks))
    got = Streamed()

    async def read() -> None:
        try:
            async for batch in batches(flow, source, framing, recording.provider, True):
                got.payloads += batch.payloads
                got.done = batch.last
                if direct:
                    flow.sink = _Direct(got)
        except UpstreamError as error:
            got.error = error

    run(read())
    return got


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast(T, stop.value)
    coroutine.close()
    raise AssertionError("it waited")
