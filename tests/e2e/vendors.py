"""Vendors that answer what a test tells them to, in their own formats, behind one gateway.

Odd here: what is told is a function of the request, so that a test can answer the second call otherwise than the first. Bodies are as
the vendors' documentation has them: https://docs.anthropic.com/en/api/messages, https://ai.google.dev/api/generate-content,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.serving import Asked, Connection, Gateway, Upstream, gateway

from .scripts import sse

Json = dict[str, Any]
Told = Callable[[Asked], bytes | list[Json] | Json | tuple[int, Json]]
"""A dict: the whole answer. A list: the events of a stream. A tuple: status and body. Bytes: a picture."""

CONFIG = """
[providers.anthropic]
kind = "anthropic"
api_key = "k"
base_url = "URL/anthropic"

[providers.gemini]
kind = "gemini"
api_key = "k"
base_url = "URL/gemini"

[providers.bedrock]
kind = "bedrock"
region = "us-east-1"
api_key = "k"
base_url = "URL/bedrock"

[providers.cohere]
kind = "cohere"
api_key = "k"
base_url = "URL/cohere"

[providers.ollama]
kind = "ollama"
base_url = "URL/ollama"

[providers.deepseek]
kind = "deepseek"
api_key = "k"
base_url = "URL/deepseek"

[providers.mistral]
kind = "mistral"
api_key = "k"
base_url = "URL/mistral/v1"

[providers.host]
kind = "openai_compatible"
base_url = "URL/host/v1"
quirks = ["no_n", "no_response_format"]
"""


class Scene:
    def __init__(self, gateway: Gateway, upstream: Upstream, client: httpx.Client) -> None:
        self.gateway, self.upstream, self.client = gateway, upstream, client
        upstream.script = self._script
        self.told: Told = lambda asked: (500, {})

    async def _script(self, connection: Connection, asked: Asked) -> None:
        answer = self.told(asked)
        if isinstance(answer, bytes):
            await connection.answer(200, answer, "image/png")
        elif isinstance(answer, tuple):
            await connection.answer(answer[0], json.dumps(answer[1]).encode())
        elif isinstance(answer, dict):
            await connection.answer(200, json.dumps(answer).encode())
        else:
            await connection.begin()
            for event in answer:
                name = f"event: {event['type']}\n".encode() if isinstance(event.get("type"), str) else b""
                await connection.chunk(name + sse(event))
            await connection.end()

    def ask(
        self, model: str, told: Told | Json | list[Json] | tuple[int, Json], path: str = "/v1/chat/completions", **fields: Any
    ) -> httpx.Response:
        """One request; `told` answers each call it leads to. `messages` unless given are one user turn."""
        self.upstream.asked.clear()
        self.told = told if callable(told) else lambda asked: told
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}
        return self.client.post(path, json=body)

    @property
    def sent(self) -> list[Json]:
        """The bodies of the calls, in order."""
        return [json.loads(asked.body) for asked in self.upstream.asked if asked.body]


@contextlib.contextmanager
def scene(folder: Path, config: str = CONFIG, *, proxied: bool = False) -> Iterator[Scene]:
    """`proxied`: hosts of names are asked of the upstream, too, as their proxy."""
    with contextlib.ExitStack() as held:
        upstream = held.enter_context(Upstream(_nothing))
        environment = {"http_proxy": upstream.url, "no_proxy": "127.0.0.1"} if proxied else {}
        running = held.enter_context(gateway(folder, config.replace("URL", upstream.url), environment=environment))
        client = held.enter_context(httpx.Client(base_url=running.url, timeout=30, trust_env=False))
        yield Scene(running, upstream, client)
        assert "Traceback" not in running.log


async def _nothing(connection: Connection, asked: Asked) -> None:
    raise AssertionError("the scene has its own script")


def chunks(answer: httpx.Response) -> list[Json]:
    """The chunks of a whole stream."""
    assert answer.status_code == 200, answer.text
    events = answer.text.removesuffix("\n\n").split("\n\n")
    assert events[-1] == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events[:-1]]


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────


def claude(*blocks: Json | str, stop: str = "end_turn", usage: Json | None = None, **more: Any) -> Json:
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    counted = {"input_tokens": 10, "output_tokens": 5, **(usage or {})}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content, "stop_reason": stop,
            "stop_sequence": None, "usage": counted, **more}  # fmt: skip


def claude_stream(*blocks: Json | str, stop: str | None = "end_turn", usage: Json | None = None) -> list[Json]:
    """The same as events, each text and each call's input in two pieces. Without `stop` it ends before its end."""
    whole = claude(*blocks, usage=usage)
    events: list[Json] = [{"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}]
    for index, block in enumerate(whole["content"]):
        kind, name, piece = (
            ("text_delta", "text", block.get("text")) if block["type"] == "text" else ("input_json_delta", "partial_json", None)
        )
        text = json.dumps(block["input"]) if piece is None else piece
        empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        for half in (text[: len(text) // 2], text[len(text) // 2 :]):
            events.append({"type": "content_block_delta", "index": index, "delta": {"type": kind, name: half}})
        events.append({"type": "content_block_stop", "index": index})
    if stop is not None:
        events.append({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": whole["usage"]})
        events.append({"type": "message_stop"})
    return events


def tool_use(name: str, id: str = "toolu_1", **given: Any) -> Json:
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def gemini(*parts: Json | str, finish: str = "STOP", usage: Json | None = None) -> Json:
    listed = [{"text": part} if isinstance(part, str) else part for part in parts]
    candidate = {"content": {"role": "model", "parts": listed}, "finishReason": finish}
    counts = usage or {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "gemini", "responseId": "r1"}


def converse(*blocks: Json, stop: str = "end_turn") -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(blocks)}}, "stopReason": stop,
            "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}, "metrics": {"latencyMs": 1}}  # fmt: skip


def function(name: str, schema: Json | None = None) -> Json:
    return {
        "type": "function",
        "function": {"name": name, "parameters": schema or {"type": "object", "properties": {"at": {"type": "string"}}}},
    }


def called(name: str, arguments: str, id: str = "call_1") -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def turn(*calls: Json, content: str | None = None) -> Json:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(id: str, content: Any) -> Json:
    return {"role": "tool", "tool_call_id": id, "content": content}
