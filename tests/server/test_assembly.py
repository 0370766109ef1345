"""What a worker does beside answering."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from trunkline.server import assembly


def test_every_dialect_that_the_config_needs_is_read_once_the_start_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(assembly, "AFTER_START", 0)
    monkeypatch.setattr(assembly, "dialect", read.append)
    providers = [SimpleNamespace(kind=kind) for kind in ("openai", "groq", "vertex", "cohere")]
    worker: Any = SimpleNamespace(live=SimpleNamespace(snapshot=SimpleNamespace(providers=providers)))
    asyncio.run(assembly.Assembly._foresee(worker))
    assert read == ["anthropic_messages", "cohere_chat", "gemini_generate", "openai_chat"]
