"""The admin API for keys of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .served import ADMIN, Served, Settings, serving

PATH = "/v1/admin/keys"
AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
ASK = "/v1/private/auth"


@pytest.fixture
def gateway(url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(url, tmp_path, Settings(mode="keys")) as served:
        yield served


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Served]:
    with serving(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, Settings(mode="keys")) as served:
        yield served


def create(gateway: Served, **body: Any) -> dict[str, Any]:
    made = gateway.post(PATH, json=body, headers=AS_ADMIN)
    assert made.status_code == 201, made.text
    answer = made.json()
    assert isinstance(answer, dict)
    return answer


def status(gateway: Served, key: str, **headers: str) -> int:
    return gateway.post(ASK, headers={"authorization": f"Bearer {key}", **headers}).status_code


def test_a_key_lives_from_creation_to_deletion(gateway: Served) -> None:
    made = create(
        gateway, name="ci", workspace="team", models=["openai/*"], expires_at="2099-01-01T00:00:00Z", tags=["a"], limits={"budget": 5}
    )
    key = made["key"]
    assert key.startswith("tl-")
    assert len(key) == 46
    assert (made["workspace"], made["models"], made["tags"], made["expires_at"]) == (
        "team",
        ["openai/*"],
        ["a"],
        "2099-01-01T00:00:00.000000Z",
    )
    assert made["limits"]["budget"] == 5
    assert status(gateway, key) == 204
    assert gateway.post(ASK, headers={"authorization": key}).status_code == 204
    assert gateway.post(ASK, headers={"x-api-key": key}).status_code == 204
    listed = gateway.get(PATH, headers=AS_ADMIN).json()["data"]
    got = gateway.get(f"{PATH}/{made['id']}", headers=AS_ADMIN).json()
    assert listed == [got]
    assert "key" not in got
    assert got == {name: value for name, value in made.items() if name != "key"}
    assert gateway.get(PATH, params={"workspace": "other"}, headers=AS_ADMIN).json()["data"] == []
    assert gateway.delete(f"{PATH}/{made['id']}", headers=AS_ADMIN).status_code == 204
    assert status(gateway, key) == 401
    assert gateway.get(f"{PATH}/{made['id']}", headers=AS_ADMIN).status_code == 404
    assert gateway.delete(f"{PATH}/{made['id']}", headers=AS_ADMIN).status_code == 404


def test_a_key_is_kept_as_its_hash_only(gateway: Served, tmp_path: Path) -> None:
    key = create(gateway, name="ci")["key"]
    from trunkline.store.tables import gateway_keys as table

    with gateway.live._store.reading() as read:
        row = read.connection.execute(table.select()).one()
    assert row.hash == hashlib.sha256(key.encode()).hexdigest()
    assert row.prefix == key[:8]
    assert not any(key.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_patch_changes_what_it_names_and_clears_with_null(on_sqlite: Served) -> None:
    made = create(on_sqlite, name="ci", models=["a"], tags=["t"], expires_at=4e9, limits={"requests_per_minute": 3})
    path = f"{PATH}/{made['id']}"
    after = on_sqlite.patch(path, json={"name": "new", "models": None, "expires_at": None}, headers=AS_ADMIN).json()
    assert (after["name"], after["models"], after["expires_at"], after["tags"]) == ("new", [], None, ["t"])
    assert after["limits"]["requests_per_minute"] == 3
    assert on_sqlite.patch(path, json={"disabled": True}, headers=AS_ADMIN).json()["disabled"] is True
    assert status(on_sqlite, made["key"]) == 401
    assert on_sqlite.patch(path, json={"disabled": False, "expires_at": "2001-01-01T00:00:00"}, headers=AS_ADMIN).status_code == 200
    assert status(on_sqlite, made["key"]) == 401
    assert on_sqlite.patch(path, json={"expires_at": None}, headers=AS_ADMIN).status_code == 200
    assert status(on_sqlite, made["key"]) == 204
    assert on_sqlite.patch(f"{PATH}/nobody", json={}, headers=AS_ADMIN).status_code == 404


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        ({"nam": "x", "budgets": 1}, "nam", "unknown fields: nam, budgets; known are name, workspace"),
        ({"limits": {"rpm": 1}}, None, "rpm"),
        ({"limits": {"budget": -1}}, "limits.budget", "must not be negative"),
        ({"name": "x" * 151}, "name", "at most 150"),
        ({"name": None}, None, "name"),
        ({"name": "a\0b"}, "name", "control characters"),
        ({"models": [""]}, "models", "none blank"),
        ({"tags": ["x" * 301]}, "tags", "300"),
        ({"expires_at": -1}, "expires_at", "ISO 8601"),
        ({"expires_at": 1e12}, "expires_at", "ISO 8601"),
        ({"expires_at": "tomorrow"}, None, "expires_at"),
        ({"role": "root"}, None, "role"),
        ({"workspace": "a\nb"}, "Comet-Workspace", "printable"),
    ],
)
def test_what_is_refused_names_the_field(on_sqlite: Served, body: dict[str, Any], param: str | None, said: str) -> None:
    answer = on_sqlite.post(PATH, json=body, headers=AS_ADMIN)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert said in error["message"]
    assert error["param"] == param
    assert set(answer.json()) == {"error"}


def test_a_keys_workspace_is_fixed(on_sqlite: Served) -> None:
    made = create(on_sqlite, name="x")
    answer = on_sqlite.patch(f"{PATH}/{made['id']}", json={"workspace": "other"}, headers=AS_ADMIN)
    assert answer.status_code == 400
    assert "a key's workspace cannot be changed" in answer.json()["error"]["message"]


def test_guessing_is_slowed_and_a_good_key_is_not(on_sqlite: Served) -> None:
    import time

    key = create(on_sqlite, name="x")["key"]
    for _ in range(12):
        assert status(on_sqlite, "tl-wrong") == 401
    began = time.perf_counter()
    assert status(on_sqlite, "tl-wrong") == 401
    slow = time.perf_counter() - began
    began = time.perf_counter()
    assert status(on_sqlite, key) == 204
    assert time.perf_counter() - began < slow
    assert slow >= 0.4
