"""A whole answer that came as a stream nobody asked for.

Odd here: some hosts that speak OpenAI's format, and proxies before them, stream whatever `stream` said. Nothing is wrong with what
they say, so it is read as the stream it is and its events are the answer's. What claims to be a stream and holds one JSON value is left
to the dialect: it is a whole answer under a wrong name. The body was read whole, within the client's bound on bodies.
"""

from __future__ import annotations

from .chat import Event, Failed, Finished
from .errors import UpstreamError
from .framing import framer
from .prepare import Prepared
from .wire import Frame, HttpResponse, readable


def is_stream(response: HttpResponse) -> bool:
    """Whether this whole answer is a stream of server-sent events."""
    return response.headers.get("content-type", "")[:17].lower() == "text/event-stream" and response.body.lstrip()[:1] != b"{"


def whole_of_stream(response: HttpResponse, prepared: Prepared) -> list[Event]:
    """The events of a stream that was read to its end. A `Failed` among them is the caller's to raise.

    UpstreamError (`upstream_incomplete`) where it ended before every choice that began was finished, or none was; `upstream_protocol`
    where its framing is broken.
    """
    target = prepared.target
    framing = framer(response.headers.get("content-type", ""), prepared.dialect.FRAMING)
    decoder = prepared.dialect.decode_stream(target)
    events: list[Event] = []
    for frame in [*framing.feed(response.body), *framing.close()]:
        data = frame.data
        if not data.isascii() and (text := readable(data)) != data:
            frame = Frame(text, frame.event, frame.error)
        events += decoder.feed(frame)
    events += decoder.close()
    finished = {event.choice for event in events if isinstance(event, Finished)}
    begun = {event.choice for event in events if hasattr(event, "choice")}
    if not (finished and finished >= begun) and not any(isinstance(event, Failed) for event in events):
        raise UpstreamError(f"{target.provider} ended its stream before the answer was finished", code="upstream_incomplete")
    return events
