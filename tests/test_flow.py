"""A stream in mid-flight: what came in one read, however many events it was, reaches the caller once and whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.replay.passing import STAMP
from trunkline.chat import ChatRequest, User
from trunkline.dialects import dialect
from trunkline.flow import Relaying, Translating
from trunkline.prepare import Prepared
from trunkline.target import Encoded, Target
from trunkline.wire import Frame, HttpRequest


class Caller:
    """Gathers the text. As a framing, it holds nothing."""

    full = busy = False

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: bytes) -> None:
        for event in data.split(b"\n\n")[:-1]:
            self.text += json.loads(event[6:])["choices"][0]["delta"].get("content") or ""

    def chunk(self, data: bytes) -> None:
        self.write(data[data.index(b"\n") + 1 : -2])


def prepared(name: str) -> Prepared:
    target = Target(provider="h", kind="openai_compatible", model="m", dialect=name, base_url="http://h")
    http = HttpRequest("POST", "http://h")
    return Prepared(target, dialect(name), Encoded(http=http), http, name == "openai_chat", ChatRequest(model="m", messages=[User("Hi")]))


def openai(text: str, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": None}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}).encode()


def claude(text: str, **_: Any) -> bytes:
    return json.dumps({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}).encode()


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_several_events_in_one_read_teach_nothing_that_loses_one_of_them(name: str) -> None:
    made = openai if name == "openai_chat" else claude
    flow: Any = Relaying(prepared(name), STAMP) if name == "openai_chat" else Translating(prepared(name), STAMP, False)
    caller = Caller()
    flow.known.begin(caller, False, False)
    flow.feed([Frame(made("", role="assistant"))])
    told = ""
    for texts in (("fox", "dog"), ("fox", "cat"), ("fox", "owl"), ("a",), ("b",), ("c", "d"), ("c", "e")):
        told += "".join(texts)
        events = [made(text) for text in texts]
        data = b"".join(b"data: %b\n\n" % event for event in events)
        if flow.known.chunk(b"%x\r\n%b\r\n" % (len(data), data)):
            continue
        for payload in flow.feed([Frame(event) for event in events]):
            caller.write(b"data: %b\n\n" % payload)
        flow.learn(data)
    assert caller.text == told
