"""`GET /v1/models` and `GET /v1/models/ID`: what the caller may name, with context window, limits, abilities and prices.

Odd here: an id holds slashes, so the path's rest is the id. The list is made in a thread: the first one loads the data, and finding
the nearest ids in a large catalogue takes a while too.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ...access import Caller
from ...errors import CallerError
from ...registry import known_models, openai_list, openai_one, opik_models
from .endpoint import Api, Endpoint, answer, refusal


def for_opik(snapshot: Any, caller: Caller) -> dict[str, list[dict[str, Any]]]:
    """`Api.models`: what GET /v1/private/llm/models answers. For a thread, as `known_models` is."""
    return opik_models(known_models(snapshot, caller))


async def list_models(request: Request, api: Api, caller: Caller) -> Response:
    return answer(openai_list(await asyncio.to_thread(known_models, api.live.snapshot, caller)))


async def one_model(request: Request, api: Api, caller: Caller) -> Response:
    """404 in OpenAI's shape for what is not listed, with the nearest ids."""

    def look_up() -> dict[str, Any]:
        return openai_one(known_models(api.live.snapshot, caller), request.path_params["id"])

    try:
        return answer(await asyncio.to_thread(look_up))
    except CallerError as error:
        return refusal(error, opik=False)  # on Opik's own paths an unknown model is 400


ENDPOINTS = (
    Endpoint("GET", "/v1/models", "caller", list_models),
    Endpoint("GET", "/v1/models/{id:path}", "caller", one_model),
)
