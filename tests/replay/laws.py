"""The law over every recording: what the vendor said is what the caller reads. And which recordings there are, none left out unsaid.

Odd here: each test of a recording reports where it belongs in the table that the test run prints at its end (`tests/conftest.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from typing import Any

from tests.recordings import Recording, recordings

from . import passing
from .reading import check_completion
from .said import Said, payloads, reason

Json = dict[str, Any]
Report = Callable[[str, object], None]

CHAT = frozenset({
    "chat_completions", "messages", "generate_content", "stream_generate_content", "converse", "converse_stream", "cohere_chat_v2",
    "ollama_chat",
})  # fmt: skip
"""The chat APIs that a row of the provider table speaks: the 1,516. `responses` is a target for some models and is held to the law too."""

EXPLAINED = {
    "embeddings": "no chat",
    "cohere_chat_v1": "Cohere's API before v2, which every Cohere model that can be called now has; the cohere row speaks v2",
    "invoke_model": "Bedrock's door for each model's own body; the bedrock row speaks Converse, which answers for all of them. "
    "Claude's are held to the law as Anthropic's",
    "invoke_model_stream": "as invoke_model",
}
"""Recorded APIs that no row speaks, and why none needs to."""


def unwrapped(recording: Recording) -> Recording | None:
    """What Claude said behind InvokeModel, as Anthropic itself would have sent it: each frame of a stream holds one of its events."""
    if recording.api not in ("invoke_model", "invoke_model_stream") or recording.status >= 300:
        return None
    events = list(payloads(recording))
    if not events or events[0].get("type") not in ("message", "message_start"):
        return None
    bare = copy(recording)
    bare.api, bare.provider = "messages", "bedrock (InvokeModel)"
    if recording.stream:
        bare.framing, bare.headers = "sse", {"content-type": "text/event-stream"}
        bare.body = b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in events)
    return bare


CLAUDES = [bare for recording in recordings("invoke_model", "invoke_model_stream") if (bare := unwrapped(recording))]
ALL = [recording for recording in recordings() if recording.api in passing.DIALECTS] + CLAUDES
WHOLE = [recording for recording in ALL if not recording.stream and recording.status < 300]
STREAMS = [recording for recording in ALL if recording.stream and recording.status < 300]
REFUSED = [recording for recording in ALL if recording.status >= 300]


def filed(record_property: Report, recording: Recording, column: str) -> None:
    """Tell the table whose test this is."""
    record_property("law", f"{recording.provider}{' (responses)' if recording.api == 'responses' else ''}\t{column}")


def agree(body: Json, said: Said, api: str) -> None:
    """The completion has the vendor's text, tool calls, finish reasons and usage, and is one of OpenAI's."""
    check_completion(body)
    assert [choice["index"] for choice in body["choices"]] == sorted(said.choices)
    for choice in body["choices"]:
        meant, message = said.choices[choice["index"]], choice["message"]
        assert same_text(message.get("content") or "", meant.text)
        calls = message.get("tool_calls") or []
        assert [(name_of(call), arguments_of(call)) for call in calls] == meant.called
        assert len({call["id"] for call in calls}) == len(calls), "ids are unique"
        assert all(call["id"] for call in calls)
        expected = reason(meant, api)
        assert (
            choice["finish_reason"] == expected
            if expected
            else choice["finish_reason"] in ("stop", "length", "tool_calls", "content_filter")
        )
    usage = body.get("usage") or {}
    assert usage.get("prompt_tokens") == said.prompt
    assert usage.get("completion_tokens") == said.completion


def same_text(got: str, meant: str) -> bool:
    if got == meant:
        return True
    try:  # Cloudflare sends the object itself: any spelling of it is the same text
        return bool(got[:1] == "{" and json.loads(got) == json.loads(meant))
    except ValueError:
        return False


def name_of(call: Json) -> str:
    name: str = call["function"]["name"] if call["type"] == "function" else call["custom"]["name"]
    return name


def arguments_of(call: Json) -> Any:
    return json.loads(call["function"]["arguments"]) if call["type"] == "function" else {}
