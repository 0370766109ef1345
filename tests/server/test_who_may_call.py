"""Who may call what, over the whole gateway as it runs: every operation it describes × every kind of credential. An operation without
a row here fails the test.

Odd here: failed attempts are slowed by address, so every request comes from a loopback address of its own.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.serving import Asked, Connection, Gateway, Upstream, gateway

ADMIN = "the-admin-key-of-the-matrix"
ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},'
    b'"finish_reason":"stop"}]}'
)
ASK = json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}).encode()

WHO = ("no key", "wrong", "revoked", "expired", "disabled", "team", "team elsewhere", "other", "writer", "model", "admin")
"""`team elsewhere` is a good key with another workspace's header; `model` may name other models than the one asked for."""
REFUSED = dict.fromkeys(WHO[:5], 401)
THROUGH = 0
"""Anything but 401 and 403."""
RIGHTS: dict[str, dict[str, int]] = {
    "anyone": dict.fromkeys(WHO, THROUGH),
    "completion": REFUSED | {"team": 200, "team elsewhere": 403, "other": 200, "writer": 200, "model": 403, "admin": 200},
    "caller": REFUSED | {"team": THROUGH, "team elsewhere": 403, "other": THROUGH, "writer": THROUGH, "model": THROUGH, "admin": THROUGH},
    "writer": REFUSED | {"team": 403, "team elsewhere": 403, "other": 403, "writer": THROUGH, "model": 403, "admin": THROUGH},
    "admin": REFUSED | {"team": 403, "team elsewhere": 403, "other": 403, "writer": 403, "model": 403, "admin": THROUGH},
}
KEYS = "/v1/private/llm-provider-key"
NEEDS = {
    "POST /v1/chat/completions": "completion",
    "POST /api/v1/chat/completions": "completion",
    "POST /v1/private/chat/completions": "completion",
    "POST /api/v1/private/chat/completions": "completion",
    "GET /v1/models": "caller",
    "GET /v1/models/{id}": "caller",
    f"GET {KEYS}": "caller",
    f"POST {KEYS}": "writer",
    f"POST {KEYS}/delete": "writer",
    f"POST {KEYS}/auth-config/test": "writer",
    f"GET {KEYS}/{{id}}": "caller",
    f"PATCH {KEYS}/{{id}}": "writer",
    "POST /v1/private/auth": "caller",
    "GET /v1/private/projects": "caller",
    "GET /v1/private/llm/models": "caller",
    "POST /v1/private/ollama/test-connection": "writer",
    "POST /v1/private/ollama/models": "writer",
    "GET /v1/admin/keys": "admin",
    "POST /v1/admin/keys": "admin",
    "GET /v1/admin/keys/{id}": "admin",
    "PATCH /v1/admin/keys/{id}": "admin",
    "DELETE /v1/admin/keys/{id}": "admin",
    "GET /is-alive/ping": "anyone",
    "GET /is-alive/ver": "anyone",
    "GET /health/live": "anyone",
    "GET /health/ready": "anyone",
    "GET /metrics": "anyone",
}
PAGES = ("GET /", "GET /docs", "GET /openapi.json")

Send = Callable[..., tuple[int, Any]]
_addresses = count(1)


def sender(running: Gateway) -> Send:
    def send(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        number = next(_addresses)
        source = f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20, source_address=(source, 0))
        connection.request(method, path, body, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text.startswith(b"{") else text

    return send


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    async def script(connection: Connection, asked: Asked) -> None:
        await connection.answer(200, ANSWER)

    with Upstream(script) as upstream:
        config = (
            f'[auth]\nmode = "keys"\nadmin_key = "{ADMIN}"\n[providers]\nfrom_env = false\n'
            f'[providers.up]\nkind = "openai"\napi_key = "k"\nbase_url = "{upstream.url}/v1"\n'
        )
        with gateway(tmp_path_factory.mktemp("who"), config) as running:
            yield sender(running)


@pytest.fixture(scope="module")
def credentials(send: Send) -> dict[str, dict[str, str]]:
    def key(**body: Any) -> Any:
        status, made = send("POST", "/v1/admin/keys", json.dumps(body).encode(), authorization=ADMIN)
        assert status == 201
        return made

    revoked, team = key(workspace="team"), key(workspace="team")["key"]
    send("DELETE", f"/v1/admin/keys/{revoked['id']}", authorization=ADMIN)
    found = {
        "wrong": "tl-" + "x" * 43,
        "revoked": revoked["key"],
        "expired": key(workspace="team", expires_at=1)["key"],
        "disabled": key(workspace="team", disabled=True)["key"],
        "team": team,
        "team elsewhere": team,
        "other": key(workspace="other")["key"],
        "writer": key(workspace="team", role="admin")["key"],
        "model": key(workspace="team", models=["up/another"])["key"],
        "admin": ADMIN,
    }
    headers = {who: {"authorization": f"Bearer {value}"} for who, value in found.items()}
    headers["team elsewhere"]["comet-workspace"] = "other"
    return {"no key": {}, **headers}


def test_every_operation_has_its_row(send: Send) -> None:
    paths = send("GET", "/openapi.json")[1]["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == set(NEEDS)


@pytest.mark.parametrize(
    "operation", [*NEEDS, *(name.replace(" ", " /api", 1) for name in NEEDS if "/private/" in name and "/api/" not in name)]
)
def test_the_matrix(send: Send, credentials: dict[str, dict[str, str]], operation: str) -> None:
    need = NEEDS.get(operation) or NEEDS[operation.replace(" /api", " ", 1)]
    method, _, path = operation.partition(" ")
    body = ASK if need == "completion" else b"null" if method in ("POST", "PATCH") else None  # `null` gets through and changes nothing
    seen = {}
    for who in WHO:
        status, answer = send(method, path.replace("{id}", "0197"), body, **credentials[who])
        seen[who] = THROUGH if RIGHTS[need][who] == THROUGH and status not in (401, 403) else status
        if status in (401, 403):
            assert answer["error"]["message"]
            assert "/private/" not in path or answer["code"] == status
    assert seen == RIGHTS[need]


@pytest.mark.parametrize("operation", PAGES)
def test_the_pages_need_no_key_and_show_none(send: Send, operation: str) -> None:
    method, _, path = operation.partition(" ")
    status, page = send(method, path)
    assert status == 200
    assert ADMIN not in str(page)
