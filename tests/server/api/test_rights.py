"""Who may call what: every route of the package with every kind of credential, in every mode. A route without a row here fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.server.api import ADMIN as ADMIN_ENDPOINTS
from trunkline.server.api import OPIK, Endpoint
from trunkline.server.api import endpoint as endpoint_module

from .served import ADMIN, Served, Settings, serving

WHO = ("no key", "wrong", "deleted", "expired", "disabled", "team", "team elsewhere", "other", "writer", "model", "admin")
"""The credentials. `team elsewhere` is a good key with another workspace's header; `model` may name no model that exists."""

REFUSED_FOR_ALL = dict.fromkeys(("no key", "wrong", "deleted", "expired", "disabled"), 401)
RIGHTS: dict[str, dict[str, int | None]] = {
    # None: gets through to the endpoint
    "nothing": dict.fromkeys(WHO),
    "caller": REFUSED_FOR_ALL | {"team": None, "team elsewhere": 403, "other": None, "writer": None, "model": None, "admin": None},
    "writer": REFUSED_FOR_ALL | {"team": 403, "team elsewhere": 403, "other": 403, "writer": None, "model": 403, "admin": None},
    "admin": REFUSED_FOR_ALL | {"team": 403, "team elsewhere": 403, "other": 403, "writer": 403, "model": 403, "admin": None},
}
NEEDS = {
    "GET /is-alive/ping": "nothing",
    "GET /is-alive/ver": "nothing",
    "POST /v1/private/auth": "caller",
    "GET /v1/private/projects": "caller",
    "GET /v1/private/llm/models": "caller",
    "POST /v1/private/ollama/test-connection": "writer",
    "POST /v1/private/ollama/models": "writer",
    "GET /v1/private/llm-provider-key": "caller",
    "POST /v1/private/llm-provider-key": "writer",
    "POST /v1/private/llm-provider-key/delete": "writer",
    "POST /v1/private/llm-provider-key/auth-config/test": "writer",
    "GET /v1/private/llm-provider-key/{id}": "caller",
    "PATCH /v1/private/llm-provider-key/{id}": "writer",
    "GET /v1/admin/keys": "admin",
    "POST /v1/admin/keys": "admin",
    "GET /v1/admin/keys/{id}": "admin",
    "PATCH /v1/admin/keys/{id}": "admin",
    "DELETE /v1/admin/keys/{id}": "admin",
}
ROUTES: list[tuple[str, Endpoint]] = [
    *((prefix + each.path, each) for prefix in ("", "/api") for each in OPIK),
    *((each.path, each) for each in ADMIN_ENDPOINTS),
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("rights")
    with serving(f"sqlite:///{folder / 'a.db'}", folder, Settings(mode="keys")) as served:
        yield served


@pytest.fixture(scope="module")
def credentials(gateway: Served) -> dict[str, dict[str, str]]:
    def key(**body: Any) -> dict[str, Any]:
        made: dict[str, Any] = gateway.post("/v1/admin/keys", json=body, headers={"authorization": ADMIN}).json()
        return made

    deleted, team = key(workspace="team"), key(workspace="team")
    gateway.delete(f"/v1/admin/keys/{deleted['id']}", headers={"authorization": ADMIN})
    found = {
        "no key": "",
        "wrong": "tl-" + "x" * 43,
        "deleted": deleted["key"],
        "expired": key(workspace="team", expires_at=1)["key"],
        "disabled": key(workspace="team", disabled=True)["key"],
        "team": team["key"],
        "team elsewhere": team["key"],
        "other": key(workspace="other")["key"],
        "writer": key(workspace="team", role="admin")["key"],
        "model": key(workspace="team", models=["no/such"])["key"],
        "admin": ADMIN,
    }
    headers = {who: {"authorization": f"Bearer {value}"} if value else {} for who, value in found.items()}
    headers["team elsewhere"]["comet-workspace"] = "other"
    return headers


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(*_: Any) -> None:
        pass

    monkeypatch.setattr(endpoint_module, "slowed", at_once)


def test_every_route_has_its_row() -> None:
    assert {f"{each.method} {each.path}": each.needs for _, each in ROUTES} == NEEDS


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("path", "endpoint"), ROUTES, ids=[f"{each.method} {path}" for path, each in ROUTES])
def test_the_matrix(gateway: Served, credentials: dict[str, dict[str, str]], path: str, endpoint: Endpoint, who: str) -> None:
    content = b"null" if endpoint.method in ("POST", "PATCH") else None  # refused by every endpoint that reads a body, so nothing changes
    headers = {**credentials[who], "content-type": "application/json"}
    answer = gateway.request(endpoint.method, path.replace("{id}", "0197"), content=content, headers=headers)
    expected = RIGHTS[NEEDS[f"{endpoint.method} {endpoint.path}"]][who]
    if expected is None:
        assert answer.status_code in (200, 204, 404, 422)
        return
    assert answer.status_code == expected
    assert answer.json()["error"]["code"] == {401: "invalid_api_key"}.get(expected, answer.json()["error"]["code"])
    if path.startswith(("/v1/private", "/api/")):
        assert answer.json()["code"] == expected


@pytest.mark.parametrize(
    ("settings", "path", "headers", "expected"),
    [
        (Settings(mode="open"), "/v1/private/llm-provider-key", {}, 200),
        (Settings(mode="open"), "/v1/private/llm-provider-key", {"authorization": "any-opik-key"}, 200),
        (Settings(mode="open"), "/v1/private/llm-provider-key", {"authorization": "tl-wrong"}, 401),
        (Settings(mode="open"), "/v1/admin/keys", {}, 401),
        (Settings(mode="open", admin_key=""), "/v1/admin/keys", {}, 200),
        (Settings(mode="open", admin_key="", local=False), "/v1/admin/keys", {}, 403),
        (Settings(mode="keys", admin_key=""), "/v1/admin/keys", {}, 403),
    ],
)
def test_open_mode_and_a_missing_admin_key(tmp_path: Path, settings: Settings, path: str, headers: dict[str, str], expected: int) -> None:
    with serving(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, settings) as gateway:
        assert gateway.get(path, headers=headers).status_code == expected


def test_a_writer_manages_its_own_workspace_only(gateway: Served, credentials: dict[str, dict[str, str]]) -> None:
    body = {"provider": "openai", "api_key": "k"}
    path = "/v1/private/llm-provider-key"
    made = gateway.post(path, json=body, headers=credentials["writer"])
    assert made.status_code == 201
    assert gateway.post(path, json=body, headers={**credentials["writer"], "comet-workspace": "other"}).status_code == 403
    assert gateway.get(path, headers=credentials["team"]).json()["total"] == 1
    assert gateway.get(path, headers=credentials["other"]).json()["total"] == 0
    id = made.headers["location"].rpartition("/")[2]
    assert gateway.get(f"{path}/{id}", headers=credentials["other"]).status_code == 404
    assert gateway.get(path, headers={**credentials["admin"], "comet-workspace": "team"}).json()["total"] == 1
    assert gateway.post(f"{path}/delete", json={"ids": [id]}, headers=credentials["writer"]).status_code == 204
