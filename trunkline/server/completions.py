"""A completion over HTTP: headers and body in, status, headers and body or events out. The same for the fast lane and for ASGI.

Odd here: it writes to an `Out`, which is a socket in the lane and a queue of messages under ASGI, and what it writes first decides
everything: until then any failure is a plain JSON answer with its own status; after it, the status is 200 and a failure is an
event in the stream.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import zlib
from collections.abc import Iterable
from time import perf_counter, time
from typing import Protocol

from ..access import identify
from ..dialects.openai_chat import decode_request
from ..errors import CallerError, GatewayError, OperatorError, UpstreamError
from ..flow import Batch
from ..gateway import Gateway
from ..meter import Meter, Record
from ..pipeline import Call, Reply, respond
from ..signing import conceal
from ..stamp import Stamp
from ..target import Note
from ..wire import header_text
from . import refusals
from .head import Head

_START = os.urandom(6).hex()
_count = itertools.count(1).__next__


def fresh() -> str:
    """What no other request has: the part of its ids that is its own."""
    return f"{_START}{_count():x}"


class Out(Protocol):
    """Where an answer is written. `write` never waits; `drain` does while the caller is slow, and must be awaited when `full`.

    `headers` are lines, each with its line end: most answers have the same four, and one text costs less than a list of pairs.
    """

    full: bool

    def whole(self, status: int, headers: str, body: bytes) -> None: ...

    def start(self, headers: str) -> None: ...

    def write(self, data: bytes) -> None: ...

    def chunk(self, data: bytes) -> None:
        """Write what one chunk of HTTP/1.1 holds."""
        ...

    def end(self) -> None: ...

    async def drain(self) -> None: ...


async def complete(head: Head, body: bytes, out: Out, gw: Gateway, max_body: int, began: float, client: tuple[str, int] | None) -> None:
    """Answer one completion. Raises nothing but cancellation, by which a caller who hung up ends the upstream call.

    `began` is the `perf_counter` of its head, `client` the address it came from.
    """
    number = fresh()
    request_id = head.request_id or "req_" + number
    opik = head.opik
    started = False
    record = Record(499, 0.0)  # what stands there still when the caller is gone before
    call: Call | None = None
    reply: Reply | None = None
    try:
        call = admit(head, body, number, gw, max_body)
        if head.explain:
            await _explain(call, out, gw, request_id)
            return
        reply = await respond(call, gw)
        now = perf_counter()
        record.own = now - began - call.waited
        headers = answer_headers(reply, call, record.own, request_id, gw)
        if reply.body is not None:
            out.whole(200, headers, reply.body + b"\n" if opik else reply.body)
            record.status = 200
            return
        started = True
        record.first = now - began
        try:
            await _stream(reply, headers, out, opik)
            record.status = 200
        except UpstreamError as error:
            if reply.sent is not None:
                conceal(error, reply.sent)
            raise
        finally:
            if reply.rest is not None:
                await reply.rest.aclose()
    except GatewayError as error:
        if error.code == "invalid_api_key":
            await slowed(client, gw)
        record.status, record.error = refusals.status_of(error, opik), error.type
        refuse(error, out, started, opik, request_id)
    except Exception:
        import logging

        record.status, record.error = 500, "server_error"

        logging.getLogger("trunkline").exception("request %s failed inside the gateway", request_id)
        said = f"the gateway failed to process this request; its log has the cause under {request_id}"
        refuse(OperatorError(said, code="internal_error"), out, started, opik, request_id)
    finally:
        if gw.meter is not None and not head.explain:
            _note(record, perf_counter() - began, call, reply, gw.meter)


def _note(record: Record, seconds: float, call: Call | None, reply: Reply | None, meter: Meter) -> None:
    record.seconds = seconds
    if call is not None:
        record.target, record.attempts = call.target, call.attempts
    if reply is not None:
        record.usage = reply.usage if reply.counting is None else reply.counting.metered
    meter.note(record)


async def slowed(client: tuple[str, int] | None, gw: Gateway) -> None:
    """Whoever guesses keys waits for each answer, longer each time; a valid caller never does."""
    delay = gw.slowdown.failed(client[0] if client else "", asyncio.get_running_loop().time())
    if delay:
        await asyncio.sleep(delay)


async def _stream(reply: Reply, headers: str, out: Out, opik: bool) -> None:
    assert reply.first is not None
    out.start(headers)
    write(reply.first, out, opik)
    if reply.first.last or reply.rest is None:
        return
    if out.full:
        await out.drain()
    if reply.flow is not None:
        reply.flow.sink = Directly(out, opik)
    async for batch in reply.rest:
        write(batch, out, opik)
        if out.full:
            await out.drain()


class Directly:
    """The caller as a flow's sink."""

    __slots__ = ("opik", "out")

    def __init__(self, out: Out, opik: bool) -> None:
        self.out, self.opik = out, opik

    def send(self, lines: list[bytes]) -> None:
        if len(lines) == 1 and not self.opik:
            self.out.write(b"data: %b\n\n" % lines[0])
        else:
            self.out.write(payloads(Batch(lines), self.opik))


def write(batch: Batch, out: Out, opik: bool) -> None:
    out.write(payloads(batch, opik))
    if batch.last:
        out.end()


def admit(head: Head, body: bytes, number: str, gw: Gateway, max_body: int) -> Call:
    """Who asks, and what: CallerError for either."""
    if head.foreign:
        said = "a page of another site may not ask this gateway without a key: whoever visits it would pay"
        raise CallerError(said, status=403, type="permission_error", code="cross_site")
    now = time()
    caller = identify(gw.live.snapshot, head.authorization, head.x_api_key, head.workspace, now)
    if head.encoding is not None:
        body = unpacked(body, head.encoding, max_body)
    return Call(decode_request(body), caller, Stamp("chatcmpl-" + number, int(now)), head.opik, head.strict)


def payloads(batch: Batch, opik: bool) -> bytes:
    """A batch as events. On Opik's paths `data:` never stands inside a payload: its web client would split the line there."""
    lines = batch.payloads
    if opik:
        lines = [line.replace(b"data:", b"data\\u003a") if b"data:" in line else line for line in lines]
    if len(lines) == 1 and not batch.last:
        return b"data: %b\n\n" % lines[0]
    text = b"".join([b"data: %b\n\n" % line for line in lines])
    return text + b"data: [DONE]\n\n" if batch.last else text


OPIK_PROVIDERS = {
    "vertex": "vertex-ai", "openai_compatible": "custom-llm", "vllm": "custom-llm", "local": "custom-llm",
}  # fmt: skip
"""Opik's provider values for our kinds, where they differ."""


def answer_headers(reply: Reply, call: Call, own: float, request_id: str, gw: Gateway) -> str:
    """The lines of a good answer's head. `own` is our part of the time, in seconds."""
    target = reply.target
    lines = (
        f"x-request-id: {request_id}\r\nx-trunkline-target: {gw.known(target).name}\r\n"
        f"x-trunkline-attempts: {reply.attempts}\r\nx-trunkline-overhead-ms: {own * 1000:.2f}\r\n"
    )
    if reply.notes and (lost := dropped(reply.notes)):
        lines += f"x-trunkline-dropped: {lost}\r\n"
    if reply.headers:
        lines += header_lines(reply.headers)
    if call.opik:
        provider = target.options.get("opik_provider") or OPIK_PROVIDERS.get(target.kind, target.kind)
        lines += f"x-opik-actual-model: {header_text(target.model)}\r\nx-opik-provider: {provider}\r\n"
    return lines


def header_lines(headers: Iterable[tuple[str, str]]) -> str:
    return "".join([f"{name}: {header_text(value)}\r\n" for name, value in headers])


def dropped(notes: tuple[Note, ...]) -> str:
    """Comma-separated names of the parameters that could not be passed on."""
    return header_text(", ".join(dict.fromkeys(note.param for note in notes if note.kind == "dropped")))


def refuse(error: GatewayError, out: Out, started: bool, opik: bool, request_id: str) -> None:
    """The error as an answer, or as the last event of a stream that has begun; then no `[DONE]` follows at OpenAI's paths."""
    if started:
        tail = b"data: [DONE]\n\n" if opik else b""
        out.write(payloads(Batch([refusals.event(error, opik)]), opik) + tail)
        out.end()
        return
    headers = header_lines([("x-request-id", request_id), *refusals.headers_of(error)])
    out.whole(refusals.status_of(error, opik), headers, refusals.to_bytes(error, opik))


async def _explain(call: Call, out: Out, gw: Gateway, request_id: str) -> None:
    import msgspec

    from ..explain import explain

    out.whole(200, f"x-request-id: {request_id}\r\n", msgspec.json.encode(await explain(call, gw)))


# ── packed bodies ────────────────────────────────────────────────────────────────────────────────────────


def unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    """A gzip or deflate body, never more than `limit` bytes of it: a small body may unpack to a huge one."""
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in (b"gzip", b"x-gzip", b"deflate"):
        raise CallerError(
            f"content-encoding {name.decode('latin-1')!r} is not understood; send gzip, deflate or none",
            status=415, code="unsupported_encoding",
        )  # fmt: skip
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        text = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise CallerError(f"the body is not valid {name.decode()}: {error}", code="invalid_encoding") from None
    if len(text) > limit:
        raise too_large(limit)
    if not unpacker.eof:
        raise CallerError(f"the {name.decode()} body ends too early", code="invalid_encoding")
    if unpacker.unused_data:
        raise CallerError(f"something follows the end of the {name.decode()} body", code="invalid_encoding")
    return text


def too_large(limit: int) -> CallerError:
    return CallerError(
        f"the body is larger than {limit / 1048576:g} MB; raise server.max_body_mb or send less", status=413, code="request_too_large"
    )
