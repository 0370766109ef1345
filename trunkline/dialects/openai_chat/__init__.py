"""OpenAI's chat completions: what our callers speak, and what most hosts do.

Odd here: it is the only dialect with both ends. `decode_request` and `ChunkEncoder` face the caller; the four functions of the
dialect protocol face a host; and where both ends are this dialect, `relay_response` and `Relay` pass the vendor's bytes through.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from ...chat import ChatRequest, Event
from ...target import Target
from ...wire import Frame
from .answers import UNSAID, decode_error, decode_response, events_of, relay_response
from .chunks import ChunkEncoder
from .inbound import decode_request
from .outbound import encode_request
from .relay import Relay

FRAMING = "sse"


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """OpenAI-style hosts fetch images themselves."""
    return []


class Decoder(Relay):
    """A relay of which only the events are wanted."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, UNSAID)

    def feed(self, frame: Frame) -> list[Event]:
        events = super().feed(frame)
        self.out.clear()
        return events


def decode_stream(target: Target) -> Decoder:
    return Decoder(target)


__all__ = [
    "FRAMING", "ChunkEncoder", "Relay", "decode_error", "decode_request", "decode_response", "decode_stream", "encode_request", "events_of",
    "relay_response", "remote_media",
]  # fmt: skip
