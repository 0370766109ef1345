"""Nothing is lost in silence: what cannot be passed on is named, refused where the caller wants that, and shown without calling anyone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import Asked, Connection, Gateway, Upstream, clean_environment, gateway

Json = dict[str, Any]
Stage = tuple[Gateway, Upstream, httpx.Client]
SECRET = "the-providers-own-key"
CONFIG = f"""
[providers.openai]
kind = "openai"
api_key = "sk-{SECRET}"
base_url = "URL/v1"

[providers.anthropic]
kind = "anthropic"
api_key = "sk-ant-{SECRET}"
base_url = "URL"
headers = {{ x-team = "blue", cookie = "{SECRET}" }}

[providers.bedrock]
kind = "bedrock"
region = "eu-west-1"
access_key_id = "AKIAOURS"
secret_access_key = "{SECRET}"
base_url = "URL"

[providers.gemini]
kind = "gemini"
api_key = "AIza{SECRET}"
base_url = "URL"

[models.fast]
targets = ["anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"]
"""
CLAUDE_SAID = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1},
}  # fmt: skip
PATHS = ("/v1/chat/completions", "/api/v1/chat/completions", "/v1/private/chat/completions", "/api/v1/private/chat/completions")
ODD = {"seed": 7, "temperature": 1.5, "logit_bias": {"50256": -100}, "presence_penalty": 0.5}


async def claude(connection: Connection, asked: Asked) -> None:
    await connection.answer(200, json.dumps(CLAUDE_SAID).encode())


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Upstream]]:
    with Upstream(claude) as upstream:
        path = tmp_path_factory.mktemp("honesty")
        (path / "text.toml").write_text(CONFIG.replace("URL", upstream.url))
        yield path, upstream


@pytest.fixture(scope="module")
def served(config: tuple[Path, Upstream]) -> Iterator[Stage]:
    path, upstream = config
    with gateway(path, (path / "text.toml").read_text()) as running, httpx.Client(base_url=running.url, timeout=30) as client:
        yield running, upstream, client


@pytest.fixture
def stage(served: Stage) -> Stage:
    served[1].asked.clear()
    return served


def body(model: str = "anthropic/claude-haiku-4-5", **more: Any) -> Json:
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}


@pytest.mark.parametrize("path", PATHS)
def test_what_was_dropped_is_named_and_the_rest_is_asked(path: str, stage: Stage) -> None:
    _, upstream, client = stage
    answer = client.post(path, json=body(**ODD))
    assert answer.status_code == 200
    assert {name.strip() for name in answer.headers["x-trunkline-dropped"].split(",")} == {"seed", "logit_bias", "presence_penalty"}
    sent = json.loads(upstream.asked[0].body)
    assert not sent.keys() & {"seed", "logit_bias", "presence_penalty"}
    assert sent["temperature"] == 1, "clamped: passed on, so not among the dropped"


def test_an_answer_to_what_could_all_be_passed_on_names_nothing(stage: Stage) -> None:
    assert "x-trunkline-dropped" not in stage[2].post(PATHS[0], json=body(temperature=0.5)).headers


@pytest.mark.parametrize("path", PATHS)
def test_strict_refuses_what_would_be_dropped_and_calls_nobody(path: str, stage: Stage) -> None:
    _, upstream, client = stage
    answer = client.post(path, json=body(**ODD), headers={"x-trunkline-strict": "true"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert all(name in error["message"] for name in ("seed", "logit_bias", "presence_penalty"))
    assert error["param"] in ODD
    assert error["type"] == "invalid_request_error"
    assert upstream.asked == []


def test_strict_lets_pass_what_loses_nothing(stage: Stage) -> None:
    answer = stage[2].post(PATHS[0], json=body(temperature=0.5, stop=["x"]), headers={"x-trunkline-strict": "true"})
    assert answer.status_code == 200


def test_strict_is_said_by_saying_true(stage: Stage) -> None:
    assert stage[2].post(PATHS[0], json=body(**ODD), headers={"x-trunkline-strict": "false"}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_explain_calls_nobody_and_shows_the_request_that_would_leave(path: str, stage: Stage) -> None:
    _, upstream, client = stage
    answer = client.post(path, params={"explain": "true"}, json=body(**ODD))
    assert answer.status_code == 200
    assert upstream.asked == []
    assert SECRET not in answer.text
    said = answer.json()
    assert said["target"] == "anthropic/claude-haiku-4-5"
    assert {note["param"] for note in said["dropped"]} == {"seed", "logit_bias", "presence_penalty"}
    assert [note["param"] for note in said["clamped"]] == ["temperature"]
    assert all(note["why"] for kind in ("dropped", "clamped") for note in said[kind])
    client.post(path, json=body(**ODD))
    (real,) = upstream.asked
    request = said["request"]
    assert request["method"] == real.method
    assert request["url"] == upstream.url + real.target
    assert request["body"] == json.loads(real.body)
    shown = {name.lower(): value for name, value in request["headers"].items()}
    assert shown["x-api-key"] == "***"
    assert shown["cookie"] == "***"
    assert shown["x-team"] == real.headers["x-team"] == "blue"
    assert real.headers["x-api-key"] == f"sk-ant-{SECRET}"


@pytest.mark.parametrize(
    ("model", "header"),
    [("openai/gpt-4o", "authorization"), ("gemini/gemini-2.5-flash", "x-goog-api-key"), ("bedrock/amazon.nova-lite-v1:0", "authorization")],
)
def test_every_way_to_sign_is_starred(model: str, header: str, stage: Stage) -> None:
    _, upstream, client = stage
    answer = client.post(PATHS[0], params={"explain": "true"}, json=body(model, stream=True))
    assert answer.headers["content-type"].startswith("application/json"), "no stream: nobody answers"
    assert SECRET not in answer.text
    shown = {name.lower(): value for name, value in answer.json()["request"]["headers"].items()}
    assert "***" in shown[header]
    assert upstream.asked == []


def test_explain_names_who_would_be_asked_next(stage: Stage) -> None:
    said = stage[2].post(PATHS[0], params={"explain": "true"}, json=body("fast")).json()
    assert said["target"] == "anthropic/claude-haiku-4-5"
    assert said["then"] == ["openai/gpt-4o-mini"]


@pytest.mark.parametrize("path", PATHS)
def test_explain_refuses_what_the_real_request_would_be_refused(path: str, stage: Stage) -> None:
    unanswered = body(messages=[{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "call_gone", "content": "x"}])
    answer = stage[2].post(path, params={"explain": "true"}, json=unanswered)
    assert answer.status_code == 400
    assert "call_gone" in answer.json()["error"]["message"]


def test_the_command_explains_the_same(stage: Stage, config: tuple[Path, Upstream]) -> None:
    _, upstream, client = stage
    folder, _ = config
    command = [sys.executable, "-m", "trunkline", "explain", "--config", str(folder / "text.toml"), "--data", str(folder / "other")]
    asked = json.dumps(body(**ODD)).encode()
    done = subprocess.run(command, input=asked, capture_output=True, env=clean_environment(), timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == client.post(PATHS[0], params={"explain": "true"}, content=asked).json()
    assert SECRET.encode() not in done.stdout
    assert upstream.asked == []


def test_the_command_says_what_is_wrong_without_a_traceback(config: tuple[Path, Upstream]) -> None:
    folder, _ = config
    command = [sys.executable, "-m", "trunkline", "explain", "--config", str(folder / "text.toml"), "--data", str(folder / "other")]
    asked = json.dumps(body("nobody/knows")).encode()
    done = subprocess.run(command, input=asked, capture_output=True, env=clean_environment(), timeout=60, check=False)
    assert done.returncode == 1
    assert b"nobody/knows" in done.stderr
    assert b"Traceback" not in done.stderr
