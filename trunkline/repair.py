"""An answer that must be JSON from a vendor that does not see to it: checked, and repaired once.

Odd here: most failures are wrapping, not nonsense, so a code fence or a word before the object is taken off before anyone is
asked again. What is still no JSON after one more try is an error, since a caller who asked for JSON parses it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr, replace

from .chat import Assistant, ChatRequest, Event, TextDelta, User
from .errors import CallerError, UpstreamError
from .fold import fold
from .target import Encoded

if TYPE_CHECKING:
    from .gateway import Gateway
    from .prepare import Prepared

_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


async def repaired(
    events: list[Event], prepared: Prepared, gw: Gateway, again: Callable[[Prepared], Awaitable[list[Event]]]
) -> list[Event]:
    """The events with content that passes the check. UpstreamError where it does not even after one more try."""
    fault, checked = check(events, prepared.encoded)
    if fault is None:
        return checked
    from .prepare import encode_for

    text = fold(events).choice(0).text
    said = f"Your answer is not what was asked for: {fault}. Answer again with the corrected JSON only."
    request = with_messages(prepared.request, [Assistant(text or "(nothing)"), User(said)])
    second = await encode_for(request, prepared, gw)
    fault, checked = check(await again(second), second.encoded)
    if fault is not None:
        raise UpstreamError(f"{prepared.target.provider} gave no valid JSON in two tries: {fault}", code="invalid_json_answer")
    return checked


def with_messages(request: ChatRequest, more: list[Assistant | User]) -> ChatRequest:
    messages = [*request.messages, *more]
    raw = msgspec.json.decode(request.wire["messages"], type=list[msgspec.Raw]) if "messages" in request.wire else []
    wire = {**request.wire, "messages": msgspec.Raw(msgspec.json.encode([*raw, *more]))}
    changed = replace(request, messages=messages)
    force_setattr(changed, "wire", wire)
    return changed


def check(events: list[Event], encoded: Encoded) -> tuple[str | None, list[Event]]:
    """(what is wrong or None, the events with the wrapping taken off). An answer cut short, refused or made of calls passes."""
    choice = fold(events).choice(0)
    if choice.calls or choice.refusals or choice.finish is None or choice.finish.reason != "stop":
        return None, events
    text = unwrapped(choice.text)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"it is not valid JSON ({error})", events
    if not isinstance(value, dict) and encoded.check == "json":
        return "it is not a JSON object", events
    fault = schema_fault(value, bytes(encoded.schema)) if encoded.check == "schema" else None
    if fault is not None:
        return fault, events
    return None, events if text == choice.text else with_text(events, text)


def unwrapped(text: str) -> str:
    """The JSON in a text: without a code fence, without words before and after the outermost braces."""
    fenced = _FENCE.match(text)
    inner = fenced[1] if fenced else text.strip()
    if inner[:1] in "{[" or "{" not in inner or _is_json(inner):
        return inner
    return inner[inner.index("{") : inner.rindex("}") + 1] if "}" in inner else inner


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def with_text(events: list[Event], text: str) -> list[Event]:
    """The events with another text for the first choice."""
    out: list[Event] = []
    placed = False
    for event in events:
        if not isinstance(event, TextDelta) or event.choice:
            out.append(event)
        elif not placed:
            out.append(TextDelta(text))
            placed = True
    return out


def schema_fault(value: Any, schema: bytes) -> str | None:
    """The first fault of a value against a JSON schema, None where it is valid. CallerError where the schema itself is none.

    A `$ref` is looked up in the schema and nowhere else: jsonschema's default would fetch a caller's URL from here. `pattern` is not
    checked: a caller's regular expression may take for ever, and everybody else would wait.
    """
    import jsonschema
    import referencing
    import referencing.exceptions
    from referencing.jsonschema import SchemaRegistry

    try:
        rules = msgspec.json.decode(schema or b"{}", type=dict[str, Any] | bool)
        registry: SchemaRegistry = referencing.Registry()
        known = jsonschema.validators.validator_for(rules, default=jsonschema.Draft202012Validator)
        known.check_schema(rules)
        kind: Any = jsonschema.validators.extend(known, {"pattern": None, "patternProperties": None})  # type: ignore[no-untyped-call]
        fault = next(iter(kind(rules, registry=registry).iter_errors(value)), None)
    except jsonschema.SchemaError as error:
        raise _no_schema(error.message) from None
    except (msgspec.DecodeError, referencing.exceptions.Unresolvable, re.error, RecursionError) as error:
        raise _no_schema(str(error) or type(error).__name__) from None
    if fault is None:
        return None
    path = "/".join(str(step) for step in fault.absolute_path)
    return f"{fault.message[:500]}{f' (at {path})' if path else ''}"


def _no_schema(why: str) -> CallerError:
    return CallerError(f"response_format.json_schema.schema cannot be used: {why}", param="response_format.json_schema.schema")
