"""Stores for tests: each on SQLite and on PostgreSQL, with a data directory of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.secret import Secret
from trunkline.store.records import ProviderKey, fresh_id, instant
from trunkline.store.store import Store

from . import postgres

BACKENDS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.skipif(not postgres.present(), reason=postgres.ABSENT)),
]


def new_url(backend: str, folder: Path) -> str:
    return f"sqlite:///{folder / 'trunkline.db'}" if backend == "sqlite" else postgres.shared().database()


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()


def open_store(url: str, data: Path, **more: Any) -> Store:
    return Store.open(url, data, environ=more.pop("environ", {}), warn=more.pop("warn", lambda text: None), **more)


def a_key(**fields: Any) -> ProviderKey:
    at = instant(time.time())
    given: dict[str, Any] = {
        "id": fresh_id(),
        "workspace": "default",
        "provider": "openai",
        "api_key": Secret("sk-plaintext-0123456789"),
        "created_at": at,
        "created_by": "admin",
        "last_updated_at": at,
        "last_updated_by": "admin",
        **fields,
    }
    return ProviderKey(**given)
