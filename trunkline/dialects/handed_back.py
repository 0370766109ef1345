"""`provider_blocks`: blocks of a vendor's own (a server tool's call, its result) that an answer of ours gave and the caller hands back.

Odd here: OpenAI's message keeps text, reasoning and calls apart, so what order the vendor had them in is lost with it. `provider_places`
says of each block how much of the message's other members came before it; a caller who hands back the blocks without it gets them
between the reasoning and the text, where a search that was asked for stands. OpenAI's clients add an `index` to the entries of a
streamed list, which is no member of the block.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ..chat import Assistant
from ..errors import CallerError
from ..target import Notes

Count = Annotated[int, Meta(ge=0)]


class Place(Struct, frozen=True):
    """Where a block stood: the characters of `content`, the `reasoning_details` and the `tool_calls` before it, and whose it is."""

    format: str = ""
    content: Count = 0
    reasoning_details: Count = 0
    tool_calls: Count = 0


class Own(Struct, frozen=True):
    """A block on its way back; None for the seam between two messages that became one turn. The place counts within the turn."""

    block: dict[str, Any] | None
    place: Place
    param: str


_PLACES = msgspec.json.Decoder(list[Place])


def placed(format: str, content: int, details: int, calls: int) -> dict[str, Any]:
    """A `provider_places` entry, as an answer says it."""
    counts = {"content": content, "reasoning_details": details, "tool_calls": calls}
    return {"format": format, **{name: count for name, count in counts.items() if count}}


def own_blocks(message: Assistant, at: str, before: Place) -> list[Own]:
    """The blocks that a message hands back, in order. `before`: what its turn held already.

    CallerError naming a block that is no object, or places that are none.
    """
    raws = message.provider_blocks
    if not raws:
        return []
    places = _places(message, at)
    if len(places) != len(raws):
        places = [Place(reasoning_details=len(message.reasoning_details or ()))] * len(raws)
    found = []
    for i, (raw, place) in enumerate(zip(raws, places, strict=True)):
        param = f"{at}.provider_blocks[{i}]"
        block = msgspec.json.decode(raw)
        if not isinstance(block, dict):
            raise CallerError(f"{param}: expected object; hand back what an answer's provider_blocks hold, as they are", param=param)
        block.pop("index", None)
        found.append(Own(block, _after(before, place), param))
    return found


def seam(before: Place) -> Own:
    """The end of a message whose turn goes on in the next."""
    return Own(None, before, "")


def _places(message: Assistant, at: str) -> list[Place]:
    try:
        return _PLACES.decode(msgspec.json.encode(message.provider_places or []))
    except msgspec.ValidationError as error:
        param = f"{at}.provider_places"
        raise CallerError(f"{param}: hand back what an answer's provider_places hold, as they are ({error})", param=param) from None


def _after(before: Place, place: Place) -> Place:
    return Place(
        place.format,
        before.content + place.content,
        before.reasoning_details + place.reasoning_details,
        before.tool_calls + place.tool_calls,
    )


def name_lost(message: Assistant, at: str, notes: Notes) -> None:
    """A note for a provider that takes no such blocks back."""
    if message.provider_blocks:
        notes.dropped(f"{at}.provider_blocks", "this provider takes no earlier blocks of a provider's own tools")
