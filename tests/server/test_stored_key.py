"""The whole gateway with a key from its store: kept by one workspace, used by it, and by nobody else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from trunkline.server.app import App
from trunkline.server.assembly import Assembly, Boot

from ..stores import BACKENDS, new_url

KEYS = "/v1/private/llm-provider-key"
CHAT = "/api/v1/private/chat/completions"
ASK = {"model": "custom-llm/mine/m-1", "messages": [{"role": "user", "content": "hi"}]}
ADMIN = "the-admin-key"


class Vendor:
    """An OpenAI-style upstream that remembers how it was asked."""

    def __init__(self) -> None:
        seen = self.seen = []  # type: list[tuple[str | None, str, str]]

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                seen.append((self.headers["authorization"], self.path, body["model"]))
                message = {"role": "assistant", "content": "hello"}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                answer = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [choice]}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.server.shutdown()


@contextmanager
def gateway(backend_url: str, folder: Path, config: str = "") -> Iterator[httpx.Client]:
    path = folder / "trunkline.toml"
    path.write_text(f'[storage]\nurl = "{backend_url}"\n[providers]\nfrom_env = false\n{config}')
    app = App(Assembly(Boot(str(path), None, 0, str(folder / "data"), None)))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="on"))
    started = threading.Event()

    async def serve() -> None:
        running = asyncio.create_task(server.serve())
        while not server.started and not running.done():  # noqa: ASYNC110  (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        started.set()
        await running

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(30)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client
    server.should_exit = True
    thread.join(20)


def store_key(client: httpx.Client, vendor: Vendor, **headers: str) -> str:
    body = {
        "provider": "custom-llm",
        "provider_name": "mine",
        "api_key": "sk-of-the-workspace",
        "base_url": vendor.url,
        "configuration": {"models": "custom-llm/mine/m-1"},
    }
    made = client.post(KEYS, json=body, headers=headers)
    assert made.status_code == 201, made.text
    return made.headers["location"].rpartition("/")[2]


@pytest.fixture(params=BACKENDS)
def backend_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


def test_a_completion_uses_the_stored_key_of_its_own_workspace_only(backend_url: str, tmp_path: Path, vendor: Vendor) -> None:
    vendor.seen.clear()
    with gateway(backend_url, tmp_path) as client:
        id = store_key(client, vendor, **{"comet-workspace": "team"})
        mine, other = {"comet-workspace": "team"}, {"comet-workspace": "other"}
        answer = client.post(CHAT, json=ASK, headers=mine)
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"] == "hello"
        assert (answer.headers["x-opik-actual-model"], answer.headers["x-opik-provider"]) == ("m-1", "custom-llm")
        assert vendor.seen == [("Bearer sk-of-the-workspace", "/v1/chat/completions", "m-1")]
        refused = client.post(CHAT, json=ASK, headers=other)
        assert refused.status_code == 400
        assert refused.json()["message"].startswith("API key not configured for LLM")
        assert client.post(CHAT, json=ASK).status_code == 400
        assert client.post(f"{KEYS}/delete", json={"ids": [id]}, headers=mine).status_code == 204
        assert client.post(CHAT, json=ASK, headers=mine).status_code == 400
        assert len(vendor.seen) == 1


def test_a_stored_key_is_there_after_a_restart_and_after_a_rotation(backend_url: str, tmp_path: Path, vendor: Vendor) -> None:
    from trunkline.cli import main

    with gateway(backend_url, tmp_path) as client:
        store_key(client, vendor)
        assert main(["rotate", "--config", str(tmp_path / "trunkline.toml"), "--data", str(tmp_path / "data")]) == 0
        assert client.post(CHAT, json=ASK).status_code == 200
    with gateway(backend_url, tmp_path) as client:
        assert client.post(CHAT, json=ASK).status_code == 200


def test_a_gateway_key_is_limited_to_its_workspace_and_models(backend_url: str, tmp_path: Path, vendor: Vendor) -> None:
    config = f'[auth]\nmode = "keys"\nadmin_key = "{ADMIN}"\n[egress]\nprivate_addresses = "allow"\n'
    with gateway(backend_url, tmp_path, config) as client:
        store_key(client, vendor, **{"comet-workspace": "team", "authorization": ADMIN})

        def key(**body: Any) -> dict[str, str]:
            made = client.post("/v1/admin/keys", json=body, headers={"authorization": ADMIN})
            return {"authorization": f"Bearer {made.json()['key']}"}

        def ask(headers: dict[str, str]) -> int:
            return client.post(CHAT, json=ASK, headers=headers).status_code

        assert ask({}) == 401
        assert ask({"authorization": "tl-wrong"}) == 401
        assert ask(key(workspace="team")) == 200
        assert ask(key(workspace="team", models=["custom-llm/mine/*"])) == 200
        assert ask(key(workspace="team", models=["mine/*"])) == 200
        assert ask(key(workspace="team", models=["openai/*"])) == 403
        assert ask(key(workspace="team", expires_at=1)) == 401
        assert ask(key(workspace="other")) == 400
        assert ask({**key(workspace="other"), "comet-workspace": "team"}) == 403
        assert ask({"authorization": ADMIN, "comet-workspace": "team"}) == 200


def test_in_keys_mode_a_stored_url_may_not_lead_inside(tmp_path: Path, vendor: Vendor) -> None:
    vendor.seen.clear()
    config = f'[auth]\nmode = "keys"\nadmin_key = "{ADMIN}"\n'
    with gateway(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, config) as client:
        store_key(client, vendor, authorization=ADMIN)
        refused = client.post(CHAT, json=ASK, headers={"authorization": ADMIN})
        assert refused.status_code == 400
        assert "private, loopback or reserved" in refused.text
        inside = client.post("/v1/private/ollama/test-connection", json={"base_url": vendor.url}, headers={"authorization": ADMIN})
        assert inside.status_code == 400
        assert vendor.seen == []
