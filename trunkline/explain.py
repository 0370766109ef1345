"""What would be sent, and what would be lost, without calling anyone.

Odd here: it takes the same road as a real request up to the network, so that what it shows is what would leave: only tokens are
not fetched, pictures not downloaded and local models not started, since each of those calls someone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .dialects import dialect
from .gateway import Gateway
from .pipeline import Call, refuse_model
from .prepare import encode, relays, with_query
from .target import Bearer, HeaderKey, NoAuth, Note, QueryKey, Target
from .wire import SECRET_HEADERS, HttpRequest

KINDS = ("dropped", "clamped", "emulated", "approximated", "added")


async def explain(call: Call, gw: Gateway) -> dict[str, Any]:
    """The chosen target, the exact upstream request with its key starred, what was changed and why, and who would be tried next.

    Raises the CallerError that the real request would get.
    """
    request = call.request
    targets = gw.planned(request.model, call.caller.workspace, call.opik)
    if call.caller.models:
        refuse_model(call, targets)
    target = gw.door(request, targets[0])
    spoken = dialect(target.dialect)
    if gw.vault is not None:
        request = gw.vault.restored(request, target, call.caller)
    urls = spoken.remote_media(request, target)
    encoded = encode(request, target, spoken)
    return {
        "object": "trunkline.explanation",
        "target": target.name,
        "kind": target.kind,
        "dialect": target.dialect,
        "relayed": relays(request, target, encoded),
        "calls": encoded.fan_out,
        "request": shown(encoded.http, target),
        **{kind: listed(encoded.notes, kind) for kind in KINDS},
        "fetched_first": urls,
        "then": [later.name for later in targets[1:]],
    }


def listed(notes: tuple[Note, ...], kind: str) -> list[dict[str, str]]:
    return [{"param": note.param, "why": note.why} for note in notes if note.kind == kind]


def shown(http: HttpRequest, target: Target) -> dict[str, Any]:
    headers = {name: "***" if name.lower() in SECRET_HEADERS else value for name, value in http.headers + target.headers}
    url = with_query(http.url, target) if target.query else http.url
    match target.auth:
        case NoAuth():
            pass
        case HeaderKey(name=name, also_bearer=both):
            headers[name] = "***"
            if both:
                headers["authorization"] = "Bearer ***"
        case QueryKey(name=name):
            url += f"{'&' if '?' in url else '?'}{name}=***"
        case Bearer():
            headers["authorization"] = "Bearer ***"
        case _:
            headers["authorization"] = f"*** ({type(target.auth).__name__})"
    return {"method": http.method, "url": url, "headers": headers, "body": msgspec.Raw(http.body) if http.body else None}
