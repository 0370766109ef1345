"""The recorded provider exchanges, where they are present: `../shared/recordings` or `TRUNKLINE_RECORDINGS`.

They are third-party data and never part of this project; without them the laws over them are skipped and say so.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("TRUNKLINE_RECORDINGS") or Path(__file__).parents[2] / "shared" / "recordings")
PRESENT = FOLDER.is_dir()
ABSENT = f"no recordings at {FOLDER}; set TRUNKLINE_RECORDINGS to run the laws over them"


class Recording:
    """One exchange. `body` is the response's bytes as the vendor sent them."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.id: str = record["id"]
        self.provider: str = record["provider"]
        self.api: str = record["api"]
        self.stream: bool = record["stream"]
        self.model: str = record["model"]
        self.features: list[str] = record["features"]
        self.framing: str = record["framing"]
        self.fidelity: str = record["fidelity"]
        self.request: dict[str, Any] = record["request"]
        response = record["response"]
        self.status: int = response["status"]
        self.headers: dict[str, str] = {name.lower(): value for name, value in response["headers"].items()}
        text = response.get("body_text")
        self.body: bytes = text.encode() if text is not None else base64.b64decode(response["body_base64"])

    def __repr__(self) -> str:
        return self.id


@cache
def _file(name: str) -> tuple[Recording, ...]:
    with (FOLDER / f"{name}.jsonl").open() as lines:
        return tuple(Recording(json.loads(line)) for line in lines)


def recordings(*apis: str, provider: str = "") -> Iterator[Recording]:
    """The recordings of these APIs (all where none is named), of one provider or all."""
    if not PRESENT:
        return
    for path in sorted(FOLDER.glob("*.jsonl")):
        if provider and path.stem != provider:
            continue
        for recording in _file(path.stem):
            if not apis or recording.api in apis:
                yield recording


def one(id: str) -> Recording:
    """The recording of that id; KeyError where there is none."""
    for recording in recordings(provider=id.split("-")[0]):
        if recording.id == id:
            return recording
    raise KeyError(id)
