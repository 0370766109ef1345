"""A stream of an OpenAI-style host, played: what the caller got of it, and what the gateway read in it."""

from __future__ import annotations

import json
from typing import Any

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from trunkline.chat import Event, Failed
from trunkline.dialects.openai_chat import Relay
from trunkline.stamp import Stamp
from trunkline.target import Target
from trunkline.wire import Frame

STAMP = Stamp("chatcmpl-1", 7)
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def target(*quirks: str) -> Target:
    return Target(
        provider="host", kind="openai_compatible", model="asked", dialect="openai_chat", base_url="http://h/v1", quirks=frozenset(quirks)
    )


def chunk(delta: Any = None, finish: Any = None, *, index: Any = 0, **top: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "served", "choices": [choice], **top}


def role(content: Any = "", **delta: Any) -> dict[str, Any]:
    return chunk({"role": "assistant", "content": content, **delta})


class Played:
    """A stream of these payloads, relayed to its end."""

    def __init__(self, *payloads: dict[str, Any] | bytes | Frame, quirks: tuple[str, ...] = ()) -> None:
        self.relay = Relay(target(*quirks), STAMP)
        self.events: list[Event] = []
        for payload in payloads:
            data = payload if isinstance(payload, bytes | Frame) else json.dumps(payload).encode()
            self.events += self.relay.feed(data if isinstance(data, Frame) else Frame(data))
        self.events += self.relay.close()
        self.chunks = [json.loads(payload) for payload in self.relay.out]
        self.usage = json.loads(self.relay.usage_chunk) if self.relay.usage_chunk else None
        self.failed = next((event for event in self.events if isinstance(event, Failed)), None)

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]

    @property
    def finishes(self) -> list[str]:
        return [c["finish_reason"] for chunk in self.chunks for c in chunk["choices"] if c["finish_reason"] is not None]

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """(id, name, arguments) as a client that follows OpenAI's rules joins them."""
        joined: dict[int, list[str]] = {}
        for delta in self.deltas:
            for call in delta.get("tool_calls") or ():
                held = joined.setdefault(call["index"], ["", "", ""])
                said = (call.get("id"), call["function"].get("name"), call["function"].get("arguments"))
                held[:] = [text + (more or "") for text, more in zip(held, said, strict=True)]
        assert list(joined) == list(range(len(joined)))
        return [(id, name, arguments) for id, name, arguments in joined.values()]


def call(index: Any = 0, id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece: dict[str, Any] = {"function": function} | ({"id": id, "type": "function"} if id is not None else {})
    return piece if index is None else {"index": index, **piece}


def calling(*pieces: dict[str, Any], finish: Any = None) -> dict[str, Any]:
    return chunk({"tool_calls": list(pieces)}, finish)


def joined(played: Played) -> list[tuple[str, str, str]]:
    """The calls as OpenAI's Python client puts a stream together."""
    state = ChatCompletionStreamState()
    for each in played.chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(each))
    calls = state.current_completion_snapshot.choices[0].message.tool_calls or []
    return [(call.id, call.function.name, call.function.arguments) for call in calls if call.type == "function"]
