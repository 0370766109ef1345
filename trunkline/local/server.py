"""The child process: llama.cpp and a front of ours before it, so that what leaves here is complete OpenAI format.

Odd here: this process lives as long as somebody holds a lease. Every worker of the gateway keeps one `GET /lease` open, which
answers a line when the model is ready and then nothing; when the last one closes, however its worker died, the process ends.
The listening socket is made by the parent and inherited, the key comes on standard input: neither is on the command line.
While the model loads, xllamacpp holds the interpreter: who connects meanwhile waits in the socket's queue.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from ..errors import CallerError
from .constrain import CallStream, Plan, plan, with_calls
from .refusals import error_body, refusal
from .relay import Answer, events, request

GRACE_SECONDS = 0.5
"""From the last lease's end to ours: long enough for a worker that replaces another."""
FIRST_LEASE_SECONDS = 5.0
"""From the model's being ready: a lease asked for during the load waits in the socket's queue already."""
LOG_BYTES = 1 << 20
CHAT = "/v1/chat/completions"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Front:
    """The ASGI application. `engine_port` and `engine_key` are llama.cpp's own, inside this process."""

    def __init__(self, key: str, end: Callable[[], None]) -> None:
        self._bearer = f"Bearer {key}".encode()
        self._end = end
        self._engine = (0, "")
        self._template_has_tools = False
        self._ready = asyncio.Event()
        self._leases = 0
        self._ending: asyncio.TimerHandle | None = None

    async def open(self, engine_port: int, engine_key: str) -> None:
        """llama.cpp listens: ask what its model's template can do, then let requests in."""
        self._engine = (engine_port, engine_key)
        async with request(*self._engine, "GET", "/props") as answer:
            props = msgspec.json.decode(await answer.whole())
        can = props.get("chat_template_caps", {})
        self._template_has_tools = bool(can.get("supports_tools") and can.get("supports_tool_calls"))
        self._ready.set()
        if not self._leases:
            self._end_in(FIRST_LEASE_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._bearer):
            await respond(send, 401, error_body("wrong key", "invalid_request_error", None, "invalid_api_key"))
        elif scope["path"] == "/lease":
            await self._lease(receive, send)
        elif scope["path"] == CHAT and scope["method"] == "POST":
            body = await whole_body(receive)
            await until_gone(receive, self._chat(body, send))
        else:
            await respond(send, 404, error_body(f"only POST {CHAT} is here", "invalid_request_error", None, None))

    # ── leases ───────────────────────────────────────────────────────────────────────────────────────────

    async def _lease(self, receive: Receive, send: Send) -> None:
        self._leases += 1
        if self._ending is not None:
            self._ending.cancel()
        try:
            await until_gone(receive, self._hold(send))
        finally:
            self._leases -= 1
            if not self._leases:
                self._end_in(GRACE_SECONDS)

    async def _hold(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]})
        await self._ready.wait()
        await send({"type": "http.response.body", "body": b'{"ready":true}\n', "more_body": True})
        await asyncio.Event().wait()

    def _end_in(self, seconds: float) -> None:
        self._ending = asyncio.get_running_loop().call_later(seconds, self._end)

    # ── completions ──────────────────────────────────────────────────────────────────────────────────────

    async def _chat(self, body: bytes, send: Send) -> None:
        trim_log()
        try:
            decoded = msgspec.json.decode(body, type=dict[str, Any])
            planned = plan(decoded, self._template_has_tools)
        except msgspec.DecodeError as error:
            return await respond(send, 400, error_body(f"the body is not a JSON object: {error}", "invalid_request_error", None, None))
        except CallerError as error:
            return await respond(send, 400, msgspec.json.encode(error.body()))
        await self._ready.wait()
        sent = body if planned.body == decoded else msgspec.json.encode(planned.body)
        async with request(*self._engine, "POST", CHAT, sent) as answer:
            if answer.status != 200:
                await respond(send, *refusal(answer.status, await answer.whole()))
            elif decoded.get("stream"):
                await stream(send, answer, planned)
            else:
                await respond(send, 200, unary(await answer.whole(), planned), planned.dropped)


def unary(body: bytes, planned: Plan) -> bytes:
    return msgspec.json.encode(with_calls(msgspec.json.decode(body), planned, new_id)) if planned.constrained else body


async def stream(send: Send, answer: Answer, planned: Plan) -> None:
    """Relay llama.cpp's stream; a failure in the middle of it becomes an error event of OpenAI's shape."""
    headers = [(b"content-type", b"text/event-stream"), *dropped_header(planned.dropped)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    calls = CallStream(planned, new_id) if planned.constrained else None
    async for payload in events(answer.pieces()):
        if payload.startswith(b'{"error"'):
            shown = [refusal(500, payload)[1]]
        elif calls is None or payload == b"[DONE]":
            shown = [payload]
        else:
            shown = [msgspec.json.encode(chunk) for chunk in calls.feed(msgspec.json.decode(payload))]
        out = b"".join(b"data: " + each + b"\n\n" for each in shown)
        await send({"type": "http.response.body", "body": out, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def new_id() -> str:
    return f"call_{secrets.token_hex(12)}"


# ── ASGI, as little as is needed ─────────────────────────────────────────────────────────────────────────


def dropped_header(dropped: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    return [(b"x-trunkline-dropped", ",".join(dropped).encode())] if dropped else []


async def respond(send: Send, status: int, body: bytes, dropped: tuple[str, ...] = ()) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *dropped_header(dropped)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def whole_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def until_gone(receive: Receive, work: Any) -> None:
    """Run `work` until it is done or the client is gone; then it is cancelled, and with it what llama.cpp does for it."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnect(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def trim_log() -> None:
    """Standard error is a file that the parent shows the end of after a crash; it starts anew once it is long."""
    try:
        if os.fstat(2).st_size > LOG_BYTES:
            os.ftruncate(2, 0)
    except OSError:  # not a file: someone runs us by hand
        pass


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────


def load(model: str, alias: str, context: int, slots: int, threads: int, key: str) -> Any:
    """llama.cpp's server with the model loaded. Context is split evenly: a pool for all would let one long request fail the others."""
    import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.kv_unified = False
    params.n_batch = params.n_ubatch = 512
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0
    params.warmup = False
    params.ui = False
    params.endpoint_slots = False
    params.use_jinja = True
    params.verbosity = 1
    params.api_keys = [key]
    if "smollm2" in Path(model).name.lower():
        # What its makers advise (https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct); a request's own values come first.
        params.sampling.temp, params.sampling.top_p = 0.2, 0.9
    return xllamacpp.Server(params)


async def serve(options: argparse.Namespace, key: str) -> None:
    """Never returns: the process ends with its last lease, or here, where the model does not load."""
    import uvicorn

    listener = socket.socket(fileno=options.fd)
    front = Front(key, lambda: os._exit(0))  # nothing to save; llama.cpp's own teardown would wait for running answers
    config = uvicorn.Config(
        front,
        lifespan="off",
        ws="none",
        http="httptools",
        loop="asyncio",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
    engine_key = secrets.token_urlsafe(32)
    try:
        engine = await asyncio.to_thread(load, options.model, options.alias, options.context, options.slots, options.threads, engine_key)
        await front.open(int(engine.listening_address.rpartition(":")[2]), engine_key)
    except Exception as error:
        # Said before any connection closes: a lease's end is what makes the parent read it.
        print(f"the model {options.model} did not load: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(3)
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trunkline.local.server")
    for name in ("fd", "context", "slots", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    options = parser.parse_args()
    key = sys.stdin.readline().strip()
    asyncio.run(serve(options, key))


if __name__ == "__main__":
    main()
