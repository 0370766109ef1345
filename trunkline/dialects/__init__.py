"""The dialects: one pure module per vendor API, each four functions.

A dialect never waits, reads no clock and opens nothing. It turns a `ChatRequest` into the vendor's bytes and the
vendor's bytes into `Event`s. Modules are imported when a target first needs one, to keep the start quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from ..chat import ChatRequest, Event
from ..errors import UpstreamError
from ..target import Encoded, Target
from ..wire import Frame, HttpResponse


class Decoder(Protocol):
    """Decodes one stream; owned by that stream."""

    def feed(self, frame: Frame) -> list[Event]:
        """The events of one frame; [] for pings and for what is yet to be invented. Raises nothing for odd data that it can skip."""
        ...

    def close(self) -> list[Event]:
        """The body ended. What was held back; nothing is made up: a missing `Finished` is for the pipeline to report."""
        ...


class Dialect(Protocol):
    FRAMING: str
    """How its streams are framed when the content type does not say: a key of `framing.FRAMINGS`."""

    def encode_request(self, request: ChatRequest, target: Target) -> Encoded:
        """Raises CallerError naming the field, for what this vendor cannot be asked."""
        ...

    def remote_media(self, request: ChatRequest, target: Target) -> list[str]:
        """The http(s) URLs in the request that must be fetched and inlined as data URLs before `encode_request`."""
        ...

    def decode_response(self, response: HttpResponse, target: Target) -> list[Event]:
        """A whole answer with a status below 300. Raises UpstreamError where it is no answer of this API."""
        ...

    def decode_stream(self, target: Target) -> Decoder: ...

    def decode_error(self, response: HttpResponse, target: Target) -> UpstreamError:
        """An answer with a status of 300 and above, mapped by `dialects.failures`."""
        ...


MODULES = {
    "openai_chat": "openai_chat",
    "openai_responses": "openai_responses",
    "anthropic_messages": "anthropic_messages",
    "gemini_generate": "gemini_generate",
    "bedrock_converse": "bedrock_converse",
    "cohere_chat": "cohere_chat",
    "ollama_chat": "ollama_chat",
}

_loaded: dict[str, Dialect] = {}


def dialect(name: str) -> Dialect:
    """The dialect of that name, imported on first use."""
    found = _loaded.get(name)
    if found is None:
        found = _loaded[name] = cast(Dialect, import_module(f"{__name__}.{MODULES[name]}"))
    return found
