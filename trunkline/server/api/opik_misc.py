"""What Opik's clients ask besides completions and keys: are you there, may I come in, which models, is this Ollama alive.

Odd here: some of it exists only because `opik configure` and `opik healthcheck` look for it. We keep no projects, so the one the
clients default to is always there. Source: OPIK.md sections 3 and 4.
"""

from __future__ import annotations

import asyncio
import datetime as dt

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ...access import Caller
from ...errors import CallerError, GatewayError, UpstreamError
from ...target import Timeouts
from ...wire import HttpRequest, HttpResponse
from .endpoint import Api, Endpoint, answer, invalid, nothing, read_json
from .provider_forms import url_problem

PATIENCE = Timeouts(connect=5.0, first_byte=10.0, idle=10.0)
DEFAULT_PROJECT = {"id": "00000000-0000-7000-8000-000000000000", "name": "Default Project"}


class OllamaForm(Struct):
    base_url: str | None = None
    api_key: str | None = None


class Version(Struct):
    version: str | None = None


class OllamaModel(Struct):
    name: str
    size: int | None = None
    digest: str | None = None
    modified_at: dt.datetime | None = None


class Tags(Struct):
    models: list[OllamaModel] = []


async def ping(request: Request, api: Api, caller: Caller) -> Response:
    return answer({"message": "Healthy Server", "healthy": True})


async def version(request: Request, api: Api, caller: Caller) -> Response:
    return answer({"version": api.version})


async def authenticate(request: Request, api: Api, caller: Caller) -> Response:
    return nothing()


async def projects(request: Request, api: Api, caller: Caller) -> Response:
    wanted = request.query_params.get("name", "").lower()
    content = [DEFAULT_PROJECT] if wanted in DEFAULT_PROJECT["name"].lower() else []
    return answer({"page": 1, "size": len(content), "total": len(content), "content": content, "sortableBy": []})


async def models(request: Request, api: Api, caller: Caller) -> Response:
    return answer(await asyncio.to_thread(api.models, api.live.snapshot, caller))


async def ollama_test(request: Request, api: Api, caller: Caller) -> Response:
    """200 with the version, or 502 with the reason in the same body."""
    try:
        response = await ollama(request, api, "/api/version")
        found = msgspec.json.decode(response.body, type=Version)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer(
            {"connected": False, "version": None, "error_message": "What answers there is not Ollama: /api/version gave no JSON"}, 502
        )
    except UpstreamError as error:
        return answer({"connected": False, "version": None, "error_message": error.message}, 502)
    return answer({"connected": True, "version": found.version, "error_message": None})


async def ollama_models(request: Request, api: Api, caller: Caller) -> Response:
    """The models pulled there. 503 where it cannot be reached, 500 where it answers with something else."""
    try:
        response = await ollama(request, api, "/api/tags")
        return answer(msgspec.json.decode(response.body, type=Tags).models)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise GatewayError("What answers there is not Ollama: /api/tags gave no list of models", code="not_ollama") from None
    except UpstreamError as error:
        raise GatewayError(error.message, status=503, type=error.type, code=error.code, details=error.details) from None


async def ollama(request: Request, api: Api, path: str) -> HttpResponse:
    """Ask the Ollama named in the body. UpstreamError where there is no answer, or one that is not 200."""
    form = await read_json(request, OllamaForm)
    base = (form.base_url or "").strip()
    if problem := url_problem(base):
        raise invalid(f"base_url {problem}")
    base = base.partition("?")[0].rstrip("/").removesuffix("/v1").rstrip("/")
    headers = (("authorization", f"Bearer {form.api_key}"),) if form.api_key else ()
    if any(letter in "\r\n\0" for letter in form.api_key or ""):
        raise CallerError("api_key must be one line", param="api_key")
    response = await api.fetch(HttpRequest("GET", base + path, headers), PATIENCE, trusted=False)
    if response.status != 200:
        raise UpstreamError(f"{base}{path} answered with status {response.status}")
    return response


ENDPOINTS = (
    Endpoint("GET", "/is-alive/ping", "nothing", ping),
    Endpoint("GET", "/is-alive/ver", "nothing", version),
    Endpoint("POST", "/v1/private/auth", "caller", authenticate),
    Endpoint("GET", "/v1/private/projects", "caller", projects),
    Endpoint("GET", "/v1/private/llm/models", "caller", models),
    Endpoint("POST", "/v1/private/ollama/test-connection", "writer", ollama_test),
    Endpoint("POST", "/v1/private/ollama/models", "writer", ollama_models),
)
