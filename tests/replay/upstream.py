"""An upstream over real sockets that answers with recordings: as each provider the first step of its path names.

Odd here: a stream goes out in pieces that fit neither its lines nor its frames, as a network may have it.
"""

from __future__ import annotations

import json
from types import TracebackType

from tests.recordings import Recording
from tests.serving import Asked, Connection, Upstream

PIECE = 733
TOKEN = "ya29.replayed"


class Replay:
    """`answers[provider]` is what that provider answers next; `asked(provider)` what it was asked, last one last."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Recording]] = {}
        self.tokens: list[Asked] = []
        self._upstream = Upstream(self._script)

    @property
    def url(self) -> str:
        return self._upstream.url

    def asked(self, provider: str) -> list[Asked]:
        return [asked for asked in self._upstream.asked if asked.path.split("/")[1] == provider]

    def will_answer(self, provider: str, *recordings: Recording) -> None:
        self.answers[provider] = list(recordings)

    async def _script(self, connection: Connection, asked: Asked) -> None:
        name = asked.path.split("/")[1]
        if name == "token":
            self.tokens.append(asked)
            answer = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
            await connection.answer(200, json.dumps(answer).encode())
            return
        waiting = self.answers.get(name)
        if not waiting:
            await connection.answer(500, b'{"error": {"message": "nothing was recorded for this"}}')
            return
        recording = waiting.pop(0)
        content_type = recording.headers.get("content-type", "application/json")
        headers = {name: value for name, value in recording.headers.items() if name != "content-type"}
        if not recording.stream or recording.status >= 300:
            await connection.answer(recording.status, recording.body, content_type, headers)
            return
        await connection.begin(content_type, recording.status, headers)
        for start in range(0, len(recording.body), PIECE):
            await connection.chunk(recording.body[start : start + PIECE])
        await connection.end()

    def __enter__(self) -> Replay:
        self._upstream.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._upstream.__exit__(kind, error, trace)
