"""The terminal's client, against a small server that writes a gateway's bytes."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trunkline.cli import chat, models

LIST = {"object": "list", "data": [{"id": "openai/x"}, {"id": "local/small", "context_length": 2048, "pricing": {"prompt": "0.0000025"}}]}


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


DONE = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ANSWER = b": ping\n\n" + event(role="assistant", content="") + event(content="Grüß ") + event(content="Gott") + DONE


class Gateway:
    """Answers every completion with `status` and `body`."""

    def __init__(self) -> None:
        self.status, self.body = 200, ANSWER
        self.asked: list[dict[str, Any]] = []
        self.url = ""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    state = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, json.dumps(LIST).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.asked.append({**body, "path": self.path, "key": self.headers["authorization"]})
            self.reply(state.status, state.body)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


def run(gateway: Gateway, model: str = "m", url: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return chat.run("hello", model, url or gateway.url, out, err), out.getvalue(), err.getvalue()


def test_an_answer_is_printed_and_the_key_is_sent(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chat.KEY_VARIABLE, "tl-1")
    assert run(gateway) == (0, "Grüß Gott\n", "")
    (asked,) = gateway.asked
    assert (asked["path"], asked["model"], asked["stream"], asked["key"]) == ("/v1/chat/completions", "m", True, "Bearer tl-1")


def test_without_a_model_the_local_one_is_asked(gateway: Gateway) -> None:
    assert run(gateway, model="", url=gateway.url + "/v1")[0] == 0
    assert gateway.asked[0]["model"] == "local/small"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, b'{"error":{"message":"no model m; did you mean n?"}}', "no model m; did you mean n?"),
        (502, b"<html>bad</html>", "answered 502"),
        (200, event(content="a") + b'data: {"error":{"message":"upstream broke"}}\n\n', "upstream broke"),
        (200, event(content="a"), "ended in the middle"),
    ],
)
def test_a_failure_is_one_line_and_a_status_of_1(gateway: Gateway, status: int, body: bytes, told: str) -> None:
    gateway.status, gateway.body = status, body
    code, _, err = run(gateway)
    assert code == 1
    assert err.startswith("trunkline: ")
    assert told in err
    assert err.count("\n") == 1


def test_where_nothing_listens_the_command_to_start_it_is_told(gateway: Gateway) -> None:
    code, _, err = run(gateway, url="http://127.0.0.1:1")
    assert (code, "trunkline serve" in err) == (1, True)
    assert "not the URL" in run(gateway, url="ftp://x")[2]


def test_ctrl_c_in_an_answer_closes_it_and_ends_with_130(gateway: Gateway) -> None:
    class Interrupting(io.StringIO):
        def write(self, text: str) -> int:
            if text.startswith("Gr"):
                raise KeyboardInterrupt
            return super().write(text)

    out = Interrupting()
    assert chat.run("hello", "m", gateway.url, out, io.StringIO()) == chat.INTERRUPTED
    assert out.getvalue() == "\n"


def test_the_models_are_a_table_with_what_is_known_of_them(gateway: Gateway) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert models.list_models(gateway.url, out, err) == 0
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["MODEL", "CONTEXT", "INPUT", "$/M", "OUTPUT", "$/M"],
        ["openai/x", "-", "-", "-"],
        ["local/small", "2,048", "2.50", "-"],
    ]
    assert models.list_models("http://127.0.0.1:1", out, err) == 1
