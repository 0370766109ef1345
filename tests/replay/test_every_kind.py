"""Every kind answers through the real gateway, over real sockets: whole, streamed, with tool calls, and with its vendor's refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.recordings import ABSENT, PRESENT
from tests.serving import Gateway, gateway
from trunkline.dialects import dialect
from trunkline.providers import KINDS

from . import passing
from .kinds import WAYS, Way, config, recording, same_path
from .laws import agree
from .reading import together
from .said import said
from .upstream import Replay

pytestmark = pytest.mark.skipif(not PRESENT, reason=ABSENT)

CASES = ("whole", "stream", "tools", "tools streamed", "error")
EVERY = [(way, case) for way in WAYS for case in CASES if (way.name, case) != ("ollama", "tools streamed")]
"""No native Ollama stream with a tool call was recorded; `tests/dialects/ollama_chat` has one from its documentation."""
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}]
Stage = tuple[Gateway, Replay, httpx.Client]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("replay")
    with Replay() as replay, gateway(folder, config(replay.url)) as served, httpx.Client(base_url=served.url, timeout=30) as client:
        yield served, replay, client


def ask(client: httpx.Client, way: Way, *, stream: bool, tools: bool) -> httpx.Response:
    body: dict[str, Any] = {"model": f"{way.name}/{way.model}", "messages": [{"role": "user", "content": "Say where"}]}
    body |= {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    body |= {"tools": TOOLS} if tools else {}
    return client.post("/v1/chat/completions", json=body, headers={"authorization": "Bearer the-callers-own"})


@pytest.mark.parametrize(("way", "case"), EVERY, ids=lambda value: value if isinstance(value, str) else value.name)
def test_every_kind_answers(way: Way, case: str, stage: Stage) -> None:
    _, replay, client = stage
    stream, tools = "stream" in case, case.startswith("tools")
    recorded = recording(way, case)
    replay.will_answer(way.name, recorded, recorded)  # twice: a 401 to a fetched token is asked again with a new one
    answer = ask(client, way, stream=stream, tools=tools)
    asked = replay.asked(way.name)[-1]
    assert same_path(asked.target, way, stream)
    name, pattern = way.auth
    assert re.fullmatch(pattern, asked.headers.get(name, "")), asked.headers.get(name)
    assert "the-callers-own" not in str(asked.header_list), "the caller's key stays here"
    basics(way, json.loads(asked.body), stream=stream, tools=tools)

    if case == "error":
        target = passing.target(recorded.provider, recorded.api, way.model)
        expected = dialect(target.dialect).decode_error(passing.response(recorded), target)
        assert answer.status_code == expected.status
        error = answer.json()["error"]
        assert set(error) >= {"message", "type", "param", "code"}
        assert expected.message.removeprefix(recorded.provider).lstrip() in error["message"]
        return
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-trunkline-target"] == f"{way.name}/{way.model}"
    if not stream:
        agree(answer.json(), said(recorded), recorded.api)
        return
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    agree(together([json.loads(event.removeprefix("data: ")) for event in events[:-2]]), said(recorded), recorded.api)


def basics(way: Way, body: dict[str, Any], *, stream: bool, tools: bool) -> None:
    """The request says what was asked, where this API has it."""
    api = way.apis[0]
    if api in ("generate_content", "converse"):
        turn = body["contents" if api == "generate_content" else "messages"][0]
        assert (turn["role"], turn["parts" if api == "generate_content" else "content"]) == ("user", [{"text": "Say where"}])
        offered = body.get("tools", [{}])[0].get("functionDeclarations") if api == "generate_content" else body.get("toolConfig")
        assert bool(offered) == tools
        return
    turns = body["input" if api == "responses" else "messages"]
    assert turns[0]["role"] == "user"
    assert "Say where" in json.dumps(turns[0]["content"])
    assert bool(body.get("tools")) == tools
    if way.kind == "vertex":
        assert body["anthropic_version"] == "vertex-2023-10-16"
        assert "model" not in body
    else:
        assert body["model"] == way.model
    assert bool(body.get("stream")) == stream
    if api == "messages":
        assert body["max_tokens"] > 1000
    if api == "ollama_chat":
        assert body["stream"] is stream, "Ollama streams unless told not to"
    if api == "chat_completions" and stream:
        assert ("stream_options" in body) == ("no_stream_options" not in KINDS[way.kind].quirks)


def test_every_kind_is_among_them() -> None:
    assert {way.kind for way in WAYS} == KINDS.keys() - {"local"}


def test_vertex_fetches_its_token_with_the_service_accounts_signature_and_keeps_it(stage: Stage) -> None:
    _, replay, client = stage
    way = next(way for way in WAYS if way.name == "vertex")
    for _ in range(2):
        replay.will_answer("vertex", recording(way, "whole"))
        assert ask(client, way, stream=False, tools=False).status_code == 200
    assert 1 <= len(replay.tokens) <= 2, "one a provider that was asked, not one a request"
    form = parse_qs(replay.tokens[0].body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert form["assertion"][0].count(".") == 2


def test_nothing_of_all_this_left_a_traceback(stage: Stage) -> None:
    assert "Traceback" not in stage[0].log
