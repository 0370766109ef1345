"""The members of a request beside messages and tools, for vendors that take some of OpenAI's and have some of their own.

Odd here: a value that means the same as leaving the member out (`n` 1, `store` false) is no loss, so it is not named; and a
caller who knows the vendor may put the vendor's own members beside OpenAI's, which go through as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from ..chat import KNOWN_FIELDS, ChatRequest
from ..errors import CallerError
from ..target import Notes

NEUTRAL: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "verbosity": ("medium",),
    "store": (False,),
    "metadata": ({},),
    "modalities": (["text"], []),
    "service_tier": ("auto", "default"),
    "parallel_tool_calls": (True,),
}
"""The values that ask for nothing."""

GATEWAY = frozenset({"custom_parameters"})
"""Members for this gateway, already taken apart where the request was decoded."""
NESTED = "its members belong beside the others, or into custom_parameters"
"""Of `extra_body`, which OpenAI's clients take apart themselves: on the wire it is a mistake, but at Google's door."""

ALWAYS_READ = frozenset({"model", "messages", "stream", "stream_options", "tools", "tool_choice", "functions", "function_call"})


def name_unsent(
    request: ChatRequest, notes: Notes, *, read: frozenset[str], own: frozenset[str], vendor: str, why: Mapping[str, str]
) -> None:
    """A note for each member that is given, asks for something, and is neither read by the dialect nor the vendor's own.

    `read`: OpenAI's members that the dialect deals with, beside `ALWAYS_READ`. `why`: reasons for single members.
    """
    for field in sorted(KNOWN_FIELDS - ALWAYS_READ - read):
        value = getattr(request, field)
        if value is not None and value not in NEUTRAL.get(field, ()):
            notes.dropped(field, why.get(field, f"{vendor} has nothing like it"))
    for field, raw in request.wire.items():
        if field not in KNOWN_FIELDS and field not in own and field not in GATEWAY and bytes(raw) != b"null":
            notes.dropped(field, NESTED if field == "extra_body" else f"{vendor} does not know it")


def own_members(request: ChatRequest, names: frozenset[str]) -> dict[str, Raw]:
    """The vendor's own members that the caller set, as the caller's bytes."""
    return {name: raw for name, raw in request.wire.items() if name in names and bytes(raw) != b"null"}


def fan_out(request: ChatRequest, notes: Notes) -> int:
    """`Encoded.fan_out` for a vendor without `n`."""
    if request.n is None or request.n == 1:
        return 1
    notes.emulated("n", "this provider answers once a call, so it is called that many times at once")
    return request.n


def clamped(value: float, low: float, high: float, param: str, notes: Notes) -> float:
    """The value within the vendor's range; named where it had to be moved."""
    fitted = min(max(value, low), high)
    if fitted != value:
        notes.clamped(param, f"the vendor's range is {low} to {high}; sent as {fitted}")
    return fitted


def limit_param(request: ChatRequest) -> str:
    """Which of OpenAI's two names the caller's token limit stands under."""
    return "max_completion_tokens" if request.max_completion_tokens is not None else "max_tokens"


def stop_list(request: ChatRequest, most: int, notes: Notes) -> list[str]:
    """The stop sequences, empty ones removed. CallerError beyond `most` (0: no limit)."""
    kept = [stop for stop in request.stops if stop]
    if len(kept) < len(request.stops):
        notes.dropped("stop", "an empty stop sequence stops nothing")
    if most and len(kept) > most:
        raise CallerError(f"stop has {len(kept)} sequences; this provider takes {most} at most", param="stop")
    return kept
