"""The story of one request: resolve, prepare, send, decode; the next target where one fails before it has begun to answer.

Odd here: two roads that are one. Where caller and target speak the same dialect the vendor's bytes are passed on, and where they
do not, events are encoded anew; both come out as a `Reply` ready to write. Once the caller has seen an answer begin, a
failure is the caller's to see too: it is raised from the batches, never hidden behind a second target.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from time import perf_counter

from msgspec import Struct

from .access import Caller, covers, may_use
from .chat import ChatRequest, Event, Failed, Usage
from .dialects import openai_chat
from .dialects.failures import passed_on
from .dialects.openai_chat.shapes import WireUsage
from .emulate import Undo, at_choice
from .errors import CallerError, UpstreamError
from .fanout import all_opened, gathered, merged
from .flow import Batch, Flow, Relaying, Translating, as_error, batches
from .fold import Folded, fold, to_json
from .framing import framer
from .gateway import Gateway
from .prepare import Prepared, at_once, prepare, refuse_dropped
from .repair import repaired
from .signing import conceal
from .stamp import Stamp
from .target import Note, Target
from .unasked import is_stream, whole_of_stream
from .upstream import Reply as Opened
from .vault import Vault, Watcher
from .wire import HttpRequest, HttpResponse, header_text, readable

WHOLE_ANSWERS = frozenset({"openai_chat", "anthropic_messages", "openai_responses", "bedrock_converse", "cohere_chat"})
"""Dialects whose streams are never `application/json`: where that comes, it is a whole answer."""


class Call(Struct):
    """One completion as it was asked, and by whom."""

    request: ChatRequest
    caller: Caller
    stamp: Stamp
    opik: bool = False
    strict: bool = False
    waited: float = 0.0
    """Seconds spent waiting for upstreams before the answer began: what is not our own time."""
    target: Target | None = None
    """Who was asked last."""
    attempts: int = 0

    @property
    def legacy(self) -> bool:
        """The caller offered `functions`, so calls come back as `function_call`."""
        return self.request.functions is not None


class Reply(Struct):
    """An answer that has begun: a whole `body`, or the `first` batch of a stream and, unless that is the last, the `rest`."""

    target: Target
    notes: tuple[Note, ...]
    headers: tuple[tuple[str, str], ...] = ()
    """The vendor's request id and rate limits, under names of ours."""
    model: str = ""
    """The model that answered, as the vendor names it."""
    attempts: int = 1
    sent: HttpRequest | None = None
    """What it answers."""
    body: bytes | None = None
    first: Batch | None = None
    rest: AsyncGenerator[Batch, None] | None = None
    flow: Flow | None = None
    """What the rest comes from, where it may be given a sink."""
    usage: Usage | WireUsage | None = None
    """Of a whole answer."""
    counting: Relaying | Translating | None = None
    """Knows the usage of a stream, as far as it has come."""


async def respond(call: Call, gw: Gateway) -> Reply:
    """The answer of the first target that begins one. CallerError for what no target could do, UpstreamError where all failed."""
    request = call.request
    targets = gw.planned(request.model, call.caller.workspace, call.opik)
    if call.caller.models:
        refuse_model(call, targets)
    failures: list[UpstreamError] = []
    for attempts, target in enumerate(targets, 1):
        before = call.waited
        call.target, call.attempts = target, attempts
        prepared: Prepared | None = None
        try:
            prepared = at_once(request, target, gw) or await prepare(request, target, call.caller, gw)
            if call.strict and prepared.encoded.notes:
                refuse_dropped(prepared.encoded)
            if prepared.encoded.fan_out > 1:
                reply = await _parallel(call, prepared, gw)
            elif request.stream and not prepared.encoded.check:
                reply = await _streamed(call, prepared, gw)
            else:
                reply = await _whole(call, prepared, gw)
            reply.attempts = attempts
            reply.sent = prepared.http
            if len(targets) > 1:
                gw.speeds.note(target, call.waited - before)
            return reply
        except UpstreamError as error:
            failures.append(await told(conceal(error, prepared.http) if prepared is not None else error, target, gw))
            gw.speeds.failed(target)
            if not error.try_next:
                break
    last = failures[-1]
    if len(failures) > 1:
        last.details = "; ".join(f"attempt {i}: {failure.message}" for i, failure in enumerate(failures, 1))
    name = header_text(targets[len(failures) - 1].name)
    last.headers += (("x-trunkline-target", name), ("x-trunkline-attempts", str(len(failures))))
    raise last


async def told(error: UpstreamError, target: Target, gw: Gateway) -> UpstreamError:
    """The error with its true cause, where a broken connection means that the local model's process ended."""
    return await gw.local(target.provider).explain(error) if target.kind == "local" else error


def refuse_model(call: Call, targets: Sequence[Target]) -> None:
    """403 where the caller's key does not cover the model, by the name it was asked by or by the target's own."""
    asked = call.request.model
    if not covers(call.caller.models, asked) and not all(may_use(call.caller, target.name) for target in targets):
        raise CallerError(
            f"this key may not use {asked!r}; it may use {', '.join(filter(None, call.caller.models)) or 'no model'}",
            status=403, type="permission_error", code="model_not_allowed", param="model",
        )  # fmt: skip


# ── a whole answer ───────────────────────────────────────────────────────────────────────────────────────


async def _whole(call: Call, prepared: Prepared, gw: Gateway) -> Reply:
    target = prepared.target
    began = perf_counter()
    response = await gw.upstream.fetch(prepared.http, target.timeouts, trusted=target.trusted)
    call.waited += perf_counter() - began
    if response.status >= 300:
        response = await _second_try(call, prepared, gw, response)
    notes = prepared.encoded.notes if target.kind != "local" else noted(prepared, response.headers)
    reply = Reply(target, notes, passed_on(response.headers), target.model)
    if prepared.relays and not is_stream(response):
        wire, reply.body = openai_chat.relay_response(response, target, call.stamp)
        reply.model, reply.usage = wire.model, wire.usage
        if gw.vault is not None and gw.vault.watches(target):
            _remember(openai_chat.events_of(wire, reply.body), call, gw.vault)
        return reply
    return _folded(call, reply, await _said(call, prepared, gw, response))


async def _said(call: Call, prepared: Prepared, gw: Gateway, response: HttpResponse) -> list[Event]:
    """What a whole answer says: undone, what it signed kept, and its JSON checked where the vendor does not see to that."""
    events = _decoded(prepared, response)
    if gw.vault is not None and gw.vault.watches(prepared.target):
        _remember(events, call, gw.vault)
    if prepared.encoded.check:

        async def again(second: Prepared) -> list[Event]:
            return _decoded(second, await _fetch(call, second, gw))

        events = await repaired(events, prepared, gw, again)
    return events


def _remember(events: list[Event], call: Call, vault: Vault) -> None:
    watcher = Watcher()
    watcher.see(events)
    vault.remember(call.caller, watcher)


def noted(prepared: Prepared, headers: dict[str, str]) -> tuple[Note, ...]:
    """The notes of encoding, and what the local model's own server could not pass on."""
    notes = prepared.encoded.notes
    lost = headers.get("x-trunkline-dropped") if prepared.target.kind == "local" else None
    return notes if not lost else (*notes, *(Note("dropped", name.strip(), "the local model cannot") for name in lost.split(",")))


def _folded(call: Call, reply: Reply, events: list[Event]) -> Reply:
    """Events as the caller's body, or as a stream of one batch where a stream was asked for."""
    folded: Folded = fold(events)
    reply.model = folded.model = folded.model or reply.target.model
    reply.usage = folded.usage
    if not call.request.stream:
        reply.body = to_json(folded, call.stamp, legacy=call.legacy)
        return reply
    encoder = openai_chat.ChunkEncoder(call.stamp, reply.model, legacy=call.legacy)
    payloads = encoder.encode(events)
    if call.request.include_usage and encoder.usage is not None:
        payloads.append(encoder.usage_chunk())
    reply.first = Batch(payloads, last=True)
    return reply


async def _fetch(call: Call, prepared: Prepared, gw: Gateway) -> HttpResponse:
    """The vendor's whole answer; a refusal is raised as the error it means."""
    began = perf_counter()
    response = await gw.upstream.fetch(prepared.http, prepared.target.timeouts, trusted=prepared.target.trusted)
    call.waited += perf_counter() - began
    return response if response.status < 300 else await _second_try(call, prepared, gw, response)


async def _second_try(call: Call, prepared: Prepared, gw: Gateway, refused: HttpResponse) -> HttpResponse:
    """After a 401, once more with a new token where there is one to fetch; any other refusal is raised as the error it means."""
    target = prepared.target
    if refused.status == 401 and await prepared.renew(gw):
        began = perf_counter()
        refused = await gw.upstream.fetch(prepared.http, target.timeouts, trusted=target.trusted)
        call.waited += perf_counter() - began
        if refused.status < 300:
            return refused
    raise _refusal(prepared, refused)


def _refusal(prepared: Prepared, response: HttpResponse) -> UpstreamError:
    """The error that a refusal means."""
    try:
        return prepared.dialect.decode_error(response, prepared.target)
    except UnicodeDecodeError:
        return prepared.dialect.decode_error(HttpResponse(response.status, response.headers, readable(response.body)), prepared.target)


def _decoded(prepared: Prepared, response: HttpResponse) -> list[Event]:
    try:
        unasked = is_stream(response)
        events = whole_of_stream(response, prepared) if unasked else prepared.dialect.decode_response(response, prepared.target)
    except UnicodeDecodeError:
        response = HttpResponse(response.status, response.headers, readable(response.body))
        events = prepared.dialect.decode_response(response, prepared.target)
    for event in events:
        if isinstance(event, Failed):
            raise as_error(event)
    return Undo(prepared.encoded).apply(events)


# ── a stream ─────────────────────────────────────────────────────────────────────────────────────────────


async def _streamed(call: Call, prepared: Prepared, gw: Gateway) -> Reply:
    """Open the stream and wait for its first batch: until then a failure may still move on to the next target."""
    target = prepared.target
    began = perf_counter()
    opened = await _open(prepared, gw)
    reply = Reply(target, noted(prepared, opened.headers), passed_on(opened.headers), target.model)
    content_type = opened.headers.get("content-type", "")
    if content_type.startswith("application/json") and target.dialect in WHOLE_ANSWERS:
        # a host that ignores `stream`: its whole answer is a stream of one batch
        whole = HttpResponse(opened.status, opened.headers, await opened.read())
        call.waited += perf_counter() - began
        return _folded(call, reply, await _said(call, prepared, gw, whole))
    flow: Relaying | Translating
    flow = Relaying(prepared, call.stamp) if prepared.relays else Translating(prepared, call.stamp, call.legacy)
    remember = None
    if gw.vault is not None and gw.vault.watches(target):
        flow.watcher = Watcher()
        remember = partial(gw.vault.remember, call.caller, flow.watcher)
    framing = framer(content_type, prepared.dialect.FRAMING)
    flowing = batches(flow, opened, framing, target.provider, call.request.include_usage, remember)
    if target.kind == "local":
        flowing = _explained(flowing, target, gw)
    first = await anext(flowing)
    call.waited += perf_counter() - began
    reply.model = flow.model or target.model
    reply.first, reply.rest, reply.flow, reply.counting = first, flowing, flow, flow
    return reply


async def _explained(flowing: AsyncGenerator[Batch, None], target: Target, gw: Gateway) -> AsyncGenerator[Batch, None]:
    """The same batches; a stream of the local model that breaks off says whether the model crashed."""
    async with aclosing(flowing):
        try:
            async for batch in flowing:
                yield batch
        except UpstreamError as error:
            raise await told(error, target, gw) from None


async def _remembered(flowing: AsyncGenerator[Batch, None], watcher: Watcher, call: Call, vault: Vault) -> AsyncGenerator[Batch, None]:
    """The same batches; what the vendor signed is in the vault before the caller can have read the last."""
    async with aclosing(flowing):
        async for batch in flowing:
            if batch.last:
                vault.remember(call.caller, watcher)
            yield batch


async def _open(prepared: Prepared, gw: Gateway) -> Opened:
    """The opened answer if the vendor took the request; a refusal is read and raised as the error it means."""
    target = prepared.target
    opened = await gw.upstream.open(prepared.http, target.timeouts, trusted=target.trusted)
    if opened.status < 300:
        return opened
    response = HttpResponse(opened.status, opened.headers, await opened.read())
    if response.status == 401 and await prepared.renew(gw):
        opened = await gw.upstream.open(prepared.http, target.timeouts, trusted=target.trusted)
        if opened.status < 300:
            return opened
        response = HttpResponse(opened.status, opened.headers, await opened.read())
    raise _refusal(prepared, response)


# ── several calls for one `n` ────────────────────────────────────────────────────────────────────────────


async def _parallel(call: Call, prepared: Prepared, gw: Gateway) -> Reply:
    """`n` choices from as many calls, where the vendor has no `n`: whole, or one stream with interleaved indexes."""
    reply = Reply(prepared.target, prepared.encoded.notes, (), prepared.target.model)
    count = prepared.encoded.fan_out
    began, waited = perf_counter(), call.waited
    if not call.request.stream or prepared.encoded.check:

        async def one(choice: int) -> list[Event]:
            return at_choice(await _said(call, prepared, gw, await _fetch(call, prepared, gw)), choice)

        events = await gathered(count, one)
        call.waited = waited + perf_counter() - began  # the calls waited at the same time
        return _folded(call, reply, events)
    opened = await all_opened(count, lambda: _open(prepared, gw))
    reply.headers = passed_on(opened[0].headers)
    flows = [Translating(prepared, call.stamp, call.legacy, choice) for choice in range(count)]
    framing = [framer(one.headers.get("content-type", ""), prepared.dialect.FRAMING) for one in opened]
    flowing = merged(list(zip(flows, opened, framing, strict=True)), prepared.target.provider, call.request.include_usage)
    if gw.vault is not None and gw.vault.watches(prepared.target):
        watcher = Watcher()
        for flow in flows:
            flow.watcher = watcher
        flowing = _remembered(flowing, watcher, call, gw.vault)
    first = await anext(flowing)
    call.waited += perf_counter() - began
    reply.first, reply.rest, reply.counting = first, flowing, flows[0]
    return reply
