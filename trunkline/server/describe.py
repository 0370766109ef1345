"""The API described: `/openapi.json`.

Odd here: the description is made from what is served, so that it cannot say otherwise: paths are the routing tables' own, a body's
fields are the fields of the type that it is decoded into. What each is for stands in two tables here; a test keeps them whole.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response

from .. import __version__
from ..chat import ChatRequest
from ..dialects.openai_chat.shapes import WireChunk, WireCompletion
from .api import ADMIN, OPIK, Endpoint, gateway_keys, models, opik_misc, provider_keys
from .api.provider_forms import KeyForm
from .fields import FIELDS, NAMES
from .head import OPIK_PATHS, PATHS
from .schemas import REF, Schema, Schemas

COMPLETIONS, MODELS, PROVIDER_KEYS, GATEWAY_KEYS, OPIK_MORE, PROBES = (
    "Chat completions", "Models", "Provider keys", "Gateway keys", "For Opik's clients", "Probes",
)  # fmt: skip
GROUPS = {
    COMPLETIONS: "One endpoint, every model. The same at four paths: two where OpenAI's clients look, two where Opik's do.",
    MODELS: "What a caller may name, with context window, abilities and price.",
    PROVIDER_KEYS: "The keys this gateway calls providers with, sealed at rest. As the Opik REST API has them; also under /api.",
    GATEWAY_KEYS: "Keys of this gateway's own, for applications. Behind the admin key.",
    OPIK_MORE: "What Opik's clients ask beside completions and keys; also under /api.",
    PROBES: "For load balancers and orchestrators; also under /api. And what they and operators watch.",
}


class Said(Struct, frozen=True):
    """What a table of routes does not say of a route."""

    group: str
    summary: str
    body: type[Struct] | None = None
    status: str = "200"
    answer: Schema = field(default_factory=lambda: {"type": "object"})


NOTHING: Schema = {}
KEY: Schema = {"$ref": REF + "ProviderKey"}
GATEWAY_KEY: Schema = {"$ref": REF + "GatewayKey"}
MODEL: Schema = {"$ref": REF + "Model"}


def listed(item: Schema, under: str) -> Schema:
    return {"type": "object", "properties": {under: {"type": "array", "items": item}}, "required": [under]}


SAID: dict[Any, Said] = {
    models.list_models: Said(MODELS, "Every model you may name", answer=listed(MODEL, "data")),
    models.one_model: Said(MODELS, "One model", answer=MODEL),
    provider_keys.find: Said(PROVIDER_KEYS, "Every provider key of the workspace, masked", answer=listed(KEY, "content")),
    provider_keys.create: Said(PROVIDER_KEYS, "Store a provider's key", KeyForm, "201", NOTHING),
    provider_keys.delete: Said(PROVIDER_KEYS, "Delete provider keys by id", provider_keys.Ids, "204", NOTHING),
    provider_keys.test_auth_config: Said(PROVIDER_KEYS, "Fetch an OAuth token once, to see that it works", provider_keys.AuthTest),
    provider_keys.get: Said(PROVIDER_KEYS, "One provider key, masked", answer=KEY),
    provider_keys.update: Said(PROVIDER_KEYS, "Change a provider key; what is absent stays", KeyForm, "204", NOTHING),
    gateway_keys.find: Said(GATEWAY_KEYS, "Every gateway key, without the key itself", answer=listed(GATEWAY_KEY, "data")),
    gateway_keys.create: Said(GATEWAY_KEYS, "Make a key; only this answer shows it", gateway_keys.NewKey, "201", GATEWAY_KEY),
    gateway_keys.get: Said(GATEWAY_KEYS, "One gateway key", answer=GATEWAY_KEY),
    gateway_keys.update: Said(GATEWAY_KEYS, "Change a gateway key; null clears", gateway_keys.KeyChange, answer=GATEWAY_KEY),
    gateway_keys.delete: Said(GATEWAY_KEYS, "Revoke a key: from then on it opens nothing", status="204", answer=NOTHING),
    opik_misc.ping: Said(PROBES, "Are you there? As Opik answers it"),
    opik_misc.version: Said(PROBES, "This gateway's version"),
    opik_misc.authenticate: Said(OPIK_MORE, "Is this key good?", status="204", answer=NOTHING),
    opik_misc.projects: Said(OPIK_MORE, "The one project clients default to"),
    opik_misc.models: Said(OPIK_MORE, "Models by provider"),
    opik_misc.ollama_test: Said(OPIK_MORE, "Does an Ollama answer at this URL?", opik_misc.OllamaForm),
    opik_misc.ollama_models: Said(
        OPIK_MORE, "The models pulled there", opik_misc.OllamaForm, answer={"type": "array", "items": {"type": "object"}}
    ),
}
"""By handler."""

TEXT: Schema = {"type": ["string", "null"]}
ERROR: Schema = {
    "type": "object",
    "properties": {"error": {"type": "object", "properties": {
        "message": {"type": "string", "description": "What is wrong and how to mend it"},
        "type": {"type": "string"},
        "param": {**TEXT, "description": "The field's path"},
        "code": TEXT,
    }, "required": ["message", "type", "param", "code"]}},
    "required": ["error"],
}  # fmt: skip
OPIK_ERROR: Schema = {
    "allOf": [{"$ref": REF + "Error"}],
    "type": "object",
    "properties": {
        "code": {"type": "integer", "description": "The HTTP status"},
        "message": {"type": "string"},
        "details": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["code", "message"],
}
OUTGOING: dict[str, Schema] = {
    "Error": ERROR,
    "OpikError": OPIK_ERROR,
    "ProviderKey": {"type": "object", "properties": {
        "id": {"type": "string"}, "provider": {"type": "string"}, "api_key": {**TEXT, "description": "Masked"}, "name": TEXT,
        "provider_name": TEXT, "base_url": TEXT, "headers": {"type": ["object", "null"]}, "configuration": {"type": ["object", "null"]},
        "auth_config": {"type": ["object", "null"]}, "created_at": {"type": "string"}, "last_updated_at": {"type": "string"},
    }},
    "GatewayKey": {"type": "object", "properties": {
        "id": {"type": "string"}, "key": {"type": "string", "description": "Only in the answer that made it"}, "name": {"type": "string"},
        "workspace": {"type": "string"}, "prefix": {"type": "string"}, "models": {"type": "array", "items": {"type": "string"}},
        "tags": {"type": "array", "items": {"type": "string"}}, "limits": {"type": "object"}, "role": {"type": "string"},
        "disabled": {"type": "boolean"}, "expires_at": TEXT,
    }},
    "Model": {"type": "object", "properties": {
        "id": {"type": "string"}, "object": {"const": "model"}, "owned_by": {"type": "string"},
        "context_window": {"type": ["integer", "null"]},
        "max_output_tokens": {"type": ["integer", "null"]}, "pricing": {"type": "object"}, "capabilities": {"type": "object"},
    }},
}  # fmt: skip
"""What is answered and has no type of its own to be made from."""

ANSWER_HEADERS = {
    "x-request-id": "Yours if you sent one, else made here; the log knows it too",
    "x-trunkline-target": "provider/model that answered",
    "x-trunkline-attempts": "How many targets were tried",
    "x-trunkline-overhead-ms": "The gateway's own time",
    "x-trunkline-dropped": "Parameters that could not be passed on, comma-separated",
}
STRICT = {"name": "x-trunkline-strict", "in": "header", "schema": {"type": "boolean"},
          "description": "true: a parameter that would be dropped is a 400 instead"}  # fmt: skip
EXPLAIN = {"name": "explain", "in": "query", "schema": {"type": "boolean"},
           "description": "true: answer with the exact upstream request, what is dropped and what changed; nobody is called"}  # fmt: skip
REFUSALS = {
    "400": "Something in the request is wrong; `param` is its path",
    "401": "A key is missing or wrong",
    "404": "There is no such model or thing",
    "413": "The body is larger than `server.max_body_mb`",
    "429": "Too many requests, here or at the provider",
    "502": "The provider failed or could not be reached",
}


@cache
def document() -> dict[str, Any]:
    schemas = Schemas(FIELDS, NAMES)
    paths: dict[str, dict[str, Any]] = {}
    for path in sorted(PATHS, key=lambda path: (path.startswith("/api"), path in OPIK_PATHS)):
        paths[path] = {"post": completion(path, schemas)}
    for endpoint in (*models.ENDPOINTS, *OPIK, *ADMIN):
        path = endpoint.path.replace(":path}", "}")
        paths.setdefault(path, {})[endpoint.method.lower()] = operation(endpoint, path, schemas)
    for path, summary in (("/health/live", "Does the process run?"), ("/health/ready", "Can it answer? And is its store there?")):
        answers = {"200": {"description": summary, "content": json({"type": "object"})}}
        paths[path] = {"get": unguarded(path, summary, answers)}
    numbers = {"text/plain": {"schema": {"type": "string"}}, "application/openmetrics-text": {"schema": {"type": "string"}}}
    watched = "What completions took, in seconds and tokens, for Prometheus"
    paths["/metrics"] = {"get": unguarded("/metrics", watched, {"200": {"description": watched, "content": numbers}})}
    about = {"title": "Trunkline", "version": __version__, "description": "A self-hosted LLM gateway: one endpoint, every model."}
    return {
        "openapi": "3.1.0",
        "info": {**about, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": said} for name, said in GROUPS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas.named, **OUTGOING}.items())),
            "headers": {name: {"description": said, "schema": {"type": "string"}} for name, said in ANSWER_HEADERS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A gateway key, or the admin key"}},
        },
    }


def unguarded(path: str, summary: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {"tags": [PROBES], "summary": summary, "operationId": name_of("get", path), "security": [], "responses": answers}


def completion(path: str, schemas: Schemas) -> dict[str, Any]:
    opik = path in OPIK_PATHS
    chunks = {
        "schema": {"type": "string", "description": "Events `data: {ChatCompletionChunk}`, a blank line between two, `data: [DONE]` last"}
    }
    schemas.of(WireChunk)
    answered = {
        "description": "The completion, or with `stream: true` its chunks as server-sent events",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ANSWER_HEADERS},
        "content": {**json(schemas.of(WireCompletion)), "text/event-stream": chunks},
    }
    return {
        "tags": [COMPLETIONS],
        "summary": "A chat completion, streamed or whole" + (", as Opik's REST API has it" if opik else ""),
        "operationId": name_of("post", path),
        "security": [{"key": []}, {}],
        "parameters": [STRICT, EXPLAIN],
        "requestBody": {"required": True, "content": json(schemas.of(ChatRequest))},
        "responses": {
            "200": answered,
            **{status: refused(said, opik) for status, said in REFUSALS.items() if not (opik and status == "404")},
        },
    }


def operation(endpoint: Endpoint, path: str, schemas: Schemas) -> dict[str, Any]:
    said = SAID[endpoint.handle]
    good: dict[str, Any] = {"description": said.summary}
    if said.answer is not NOTHING:
        good["content"] = json(said.answer)
    described: dict[str, Any] = {
        "tags": [said.group],
        "summary": said.summary,
        "operationId": name_of(endpoint.method.lower(), path),
        "security": {"nothing": [], "admin": [{"key": []}]}.get(endpoint.needs, [{"key": []}, {}]),
        "responses": {said.status: good, "default": refused("A refusal", endpoint.path.startswith("/v1/private/"))},
    }
    if "{id}" in path:
        described["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if said.body is not None:
        described["requestBody"] = {"required": True, "content": json(schemas.of(said.body))}
    return described


def refused(said: str, opik: bool) -> dict[str, Any]:
    return {"description": said, "content": json({"$ref": REF + ("OpikError" if opik else "Error")})}


def json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def name_of(method: str, path: str) -> str:
    """An operation's id: unique, and fit for a generated client's function."""
    words = [part.strip("{}").replace("-", "_") for part in path.split("/") if part]
    return "_".join([method, *words])


async def openapi(request: Request) -> Response:
    return Response(msgspec.json.encode(document()), media_type="application/json")
