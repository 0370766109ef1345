"""A provider that answers at once: OpenAI's chat completions and Anthropic's messages, whole and streamed.

Odd here: it must never be the slow part, so answers are made once and a stream is a timer that writes the same bytes. They are what the
vendors send: words of many kinds, and the padding by which both hide how long a word is.
Run: python -m bench.upstream PORT
"""

from __future__ import annotations

import asyncio
import json
import sys

import httptools
import uvloop

CHUNKS = 100
INTERVAL = 0.010

TEXT = "The quick brown fox jumps over the lazy dog. " * 8

COMPLETION = json.dumps({
    "id": "chatcmpl-bench", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None},
                 "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 19, "completion_tokens": 80, "total_tokens": 99, "prompt_tokens_details": {"cached_tokens": 0},
              "completion_tokens_details": {"reasoning_tokens": 0}},
    "service_tier": "default", "system_fingerprint": "fp_bench",
}).encode()  # fmt: skip
MESSAGE = json.dumps({
    "id": "msg_bench", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 19, "output_tokens": 80, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
}).encode()  # fmt: skip


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


WORDS = (
    " fox",
    "es",
    " are",
    " small",
    ",",
    " clever",
    " hunters",
    ".\n\n",
    "They",
    " don\u2019t",
    " fear",
    ' "the',
    " dark",
    '"',
    " 24",
    "!",
)


def openai_event(delta: dict[str, object], finish: str | None = None, padding: str = "") -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    event = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-4o-mini-2024-07-18",
             "service_tier": "default", "system_fingerprint": "fp_bench", "choices": [choice], "usage": None,
             "obfuscation": padding}  # fmt: skip
    return b"data: %b\n\n" % json.dumps(event, ensure_ascii=False).encode()


def anthropic_event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **members}, ensure_ascii=False).encode())


def text_event(text: str) -> bytes:
    event = anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    return event[:-3] + b" " * (len(text) * 5 % 9) + b"}\n\n"


USAGE = {"input_tokens": 19, "output_tokens": 1}
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
OPENAI = (
    STREAM_HEAD + chunk(openai_event({"role": "assistant", "content": "", "refusal": None})),
    tuple(chunk(openai_event({"content": word}, padding="Zk3xY9qLm0a"[len(word) :])) for word in WORDS),
    chunk(openai_event({}, "stop") + b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,'
          b'"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":100,"total_tokens":119}}\n\n'
          b"data: [DONE]\n\n") + b"0\r\n\r\n",
)  # fmt: skip
ANTHROPIC = (
    STREAM_HEAD + chunk(
        anthropic_event("message_start", message={"id": "msg_bench", "type": "message", "role": "assistant", "content": [],
                                                  "model": "claude-haiku-4-5-20251001", "stop_reason": None, "usage": USAGE})
        + anthropic_event("content_block_start", index=0, content_block={"type": "text", "text": ""})),
    tuple(chunk(text_event(word)) for word in WORDS),
    chunk(anthropic_event("content_block_stop", index=0)
          + anthropic_event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 100})
          + anthropic_event("message_stop")) + b"0\r\n\r\n",
)  # fmt: skip


class Provider(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.parser = httptools.HttpRequestParser(self)
        self.loop = asyncio.get_running_loop()
        self.url = self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url = self.body = b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        anthropic = b"messages" in self.url
        if b'"stream":true' not in self.body.replace(b" ", b""):
            self.transport.write(whole(MESSAGE if anthropic else COMPLETION))
            return
        first, self.words, self.last = ANTHROPIC if anthropic else OPENAI
        self.transport.write(first)
        self.left = CHUNKS
        self.due = self.loop.time() + INTERVAL
        self.loop.call_at(self.due, self.tick)

    def tick(self) -> None:
        if self.transport.is_closing():
            return
        self.left -= 1
        if self.left:
            self.transport.write(self.words[self.left % len(self.words)])
            self.due += INTERVAL
            self.loop.call_at(self.due, self.tick)
        else:
            self.transport.write(self.last)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
