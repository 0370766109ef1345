"""What the laws of several dialects share: a recorded body replayed in pieces, and requests from small bodies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.recordings import Recording
from tests.strategies import decoded
from trunkline.chat import ChatRequest, Event
from trunkline.dialects import Dialect
from trunkline.fold import Folded, fold
from trunkline.framing import framer
from trunkline.target import Encoded, Note, Target
from trunkline.wire import Frame, HttpResponse

SIZES = (1, 7, 65536)


def response(recording: Recording) -> HttpResponse:
    return HttpResponse(recording.status, recording.headers, recording.body)


def replay(dialect: Any, target: Target, body: bytes, size: int, content_type: str = "") -> list[Event]:
    """The events of a stream that came in reads of `size` bytes."""
    decoder = dialect.decode_stream(target)
    frames = framer(content_type, dialect.FRAMING)
    events: list[Event] = []
    for start in range(0, len(body), size):
        for frame in frames.feed(body[start : start + size]):
            events += decoder.feed(frame)
    for frame in frames.close():
        events += decoder.feed(frame)
    return events + decoder.close()


def fed(dialect: Dialect, target: Target, payloads: Iterable[dict[str, Any] | bytes]) -> list[Event]:
    """The events of these payloads, one frame each."""
    decoder = dialect.decode_stream(target)
    events: list[Event] = []
    for payload in payloads:
        events += decoder.feed(Frame(payload if isinstance(payload, bytes) else json.dumps(payload).encode()))
    return events + decoder.close()


def folded(events: list[Event]) -> Folded:
    return fold(events)


def ask(**body: Any) -> ChatRequest:
    """A request as the caller's door decodes it; a user message is there unless `messages` are given."""
    return decoded({"model": "m", "messages": [{"role": "user", "content": "Hi"}], **body})


def sent(encoded: Encoded) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encoded.http.body)
    return body


def dropped(encoded: Encoded) -> set[str]:
    return {note.param for note in encoded.notes if note.kind == "dropped"}


def noted(encoded: Encoded) -> dict[str, Note]:
    return {note.param: note for note in encoded.notes}
