"""What the scripted vendors say: OpenAI's and Anthropic's answers, whole and streamed, by their documentation.

Odd here: a script is a coroutine that gets the connection and the request, so a test may take one of these and break off where it likes.
Sources: https://platform.openai.com/docs/api-reference/chat/streaming, https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..serving import Asked, Connection, Script

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
DONE = b"data: [DONE]\n\n"


def said(body: Any) -> bytes:
    return json.dumps(body).encode()


def sse(*payloads: Any) -> bytes:
    return b"".join(b"data: %b\n\n" % said(payload) for payload in payloads)


def completion(message: dict[str, Any] | str, finish: str = "stop", model: str = "gpt-4o-mini-2024-07-18", **more: Any) -> dict[str, Any]:
    if isinstance(message, str):
        message = {"role": "assistant", "content": message, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {"id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": USAGE, **more}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return {
        "id": "chatcmpl-up",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": choices,
        **more,
    }


ROLE = chunk({"role": "assistant", "content": ""})
STOP = chunk({}, "stop")
METER = chunk(None, usage=USAGE)


def tool_call(index: int, id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    if id is None:
        return {"index": index, "function": {"arguments": arguments}}
    return {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


PARALLEL = [
    chunk({"role": "assistant", "content": None}),
    chunk({"tool_calls": [tool_call(0, "call_a", "weather", "")]}),
    chunk({"tool_calls": [tool_call(0, None, None, '{"city":')]}),
    chunk({"tool_calls": [tool_call(0, None, None, '"Oslo"}')]}),
    chunk({"tool_calls": [tool_call(1, "call_b", "weather", "")]}),
    chunk({"tool_calls": [tool_call(1, None, None, '{"city":"Rome"}')]}),
    chunk({}, "tool_calls"),
]

CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
        {"id": "call_b", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
    ],
}


def whole(body: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> Script:
    """One JSON answer."""
    encoded = said(completion("Hello!") if body is None else body)

    async def script(connection: Connection, asked: Asked) -> None:
        await connection.answer(status, encoded, headers=headers)

    return script


def streamed(*payloads: Any, done: bytes = DONE) -> Script:
    """One event a network write, then `[DONE]`."""
    return pieces([sse(payload) for payload in payloads] + [done])


def pieces(parts: Iterable[bytes], *, end: bool = True) -> Script:
    """A stream of these bytes, one write each; without `end` the last chunk is never sent and the connection stays open."""
    parts = list(parts)

    async def script(connection: Connection, asked: Asked) -> None:
        await connection.begin()
        for part in parts:
            if part:
                await connection.chunk(part)
        if end:
            await connection.end()
        else:
            await connection.gone()

    return script


HELLO = [ROLE, chunk({"content": "Hel"}), chunk({"content": "lo!"}), STOP]


def openai(asked: Asked) -> Script:
    """An obedient vendor: streams where a stream is asked for, with usage where that is."""
    body = json.loads(asked.body)
    if not body.get("stream"):
        return whole()
    meter = [METER] if (body.get("stream_options") or {}).get("include_usage") else []
    return streamed(*HELLO, *meter)


async def obedient(connection: Connection, asked: Asked) -> None:
    await openai(asked)(connection, asked)


# ── Anthropic ────────────────────────────────────────────────────────────────────────────────────────────


def claude(content: list[dict[str, Any]], stop: str = "end_turn") -> dict[str, Any]:
    usage = {"input_tokens": 5, "output_tokens": 3}
    head = {"id": "msg_up", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    return {**head, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}


def events(*payloads: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (payload["type"].encode(), said(payload)) for payload in payloads)


def claude_start() -> bytes:
    message = {**claude([]), "stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
    return events({"type": "message_start", "message": message})


def claude_text(index: int, *texts: str) -> bytes:
    deltas = [{"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}} for text in texts]
    begin = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    return events(begin, *deltas, {"type": "content_block_stop", "index": index})


def claude_call(index: int, id: str, name: str, *arguments: str) -> bytes:
    block = {"type": "tool_use", "id": id, "name": name, "input": {}}
    deltas = [{"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": a}} for a in arguments]
    return events(
        {"type": "content_block_start", "index": index, "content_block": block}, *deltas, {"type": "content_block_stop", "index": index}
    )


def claude_end(stop: str = "end_turn") -> bytes:
    delta = {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 3}}
    return events(delta, {"type": "message_stop"})


async def obedient_claude(connection: Connection, asked: Asked) -> None:
    if json.loads(asked.body).get("stream"):
        await pieces([claude_start(), claude_text(0, "Hel", "lo!"), claude_end()])(connection, asked)
    else:
        await whole(claude([{"type": "text", "text": "Hello!"}]))(connection, asked)
