"""The API described (`/openapi.json`), browsable (`/docs`), and the front page.

Odd here: the description is made from what is served, so that it cannot say otherwise: the request's fields are `ChatRequest`'s own,
by msgspec's schema of it.
"""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .. import __version__
from ..chat import ChatRequest
from .api import ADMIN, OPIK
from .completions import PATHS

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {name: {"type": ["string", "null"]} for name in ("message", "type", "param", "code")},
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}


@cache
def document() -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([ChatRequest], ref_template="#/components/schemas/{name}")
    request = components["ChatRequest"]
    request["properties"].pop("trunkline:wire", None)
    opaque = components.pop("Opaque", None)
    if opaque is not None:
        _without_opaque(components)
    error = {"description": "An error in OpenAI's shape", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    completion = {
        "summary": "A chat completion, streamed or whole",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "OpenAI's chat.completion, or its chunks as server-sent events", "content": {
                "application/json": {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"type": "string"}}}},
            "default": error,
        },
    }  # fmt: skip
    paths: dict[str, dict[str, Any]] = {path: {"post": completion} for path in sorted(PATHS)}
    for path in ("/health/live", "/health/ready", "/is-alive/ping", "/is-alive/ver"):
        paths[path] = {"get": {"summary": "Probe", "responses": {"200": {"description": "OK"}}}}
    for endpoint in (*OPIK, *ADMIN):
        said = {"summary": (endpoint.handle.__doc__ or endpoint.handle.__name__.replace("_", " ")).split("\n")[0], "responses": {"default": error}}
        paths.setdefault(endpoint.path.replace(":path}", "}"), {})[endpoint.method.lower()] = said
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trunkline", "version": __version__, "description": "A self-hosted LLM gateway: one endpoint, every model."},
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _without_opaque(node: Any) -> None:
    """`Opaque` is how we hold what we do not know; a caller writes it as it is."""
    if isinstance(node, dict):
        for name in ("anyOf", "oneOf"):
            if name in node:
                node[name] = [item for item in node[name] if item.get("$ref") != "#/components/schemas/Opaque"]
        mapping = node.get("mapping")
        if isinstance(mapping, dict):
            mapping.pop("trunkline:opaque", None)
        for value in node.values():
            _without_opaque(value)
    elif isinstance(node, list):
        for item in node:
            _without_opaque(item)


async def openapi(request: Request) -> Response:
    return Response(msgspec.json.encode(document()), media_type="application/json")


STYLE = """
:root { color-scheme: light dark; --ink: #14213d; --soft: #5c677d; --line: #d8dee9; --paper: #fff; --mark: #0b6e4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa5b8; --line: #2f3a4d; --paper: #12161f; --mark: #5bd1a5; } }
body { margin: 0 auto; max-width: 56rem; padding: 3rem 1.25rem; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.9rem; margin: 0; letter-spacing: -.02em } h1 + p { color: var(--soft); margin-top: .25rem }
code, pre { font: 14px/1.5 ui-monospace, monospace } pre { padding: 1rem; border: 1px solid var(--line); border-radius: 8px; overflow: auto }
table { border-collapse: collapse; width: 100% } td { padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); vertical-align: top }
td:first-child { color: var(--mark); font-weight: 600; width: 4.5rem } a { color: var(--mark) }
"""


def page(title: str, body: str) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style>'
    return HTMLResponse(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>')


async def docs(request: Request) -> Response:
    rows = "".join(
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td><td>{escape(said['summary'])}</td></tr>"
        for path, methods in document()["paths"].items()
        for method, said in methods.items()
    )
    return page("Trunkline API", f'<h1>The API</h1><p>Version {__version__}, described in <a href="/openapi.json">openapi.json</a>.</p><table>{rows}</table>')


async def index(request: Request) -> Response:
    base = str(request.base_url).rstrip("/")
    example = f"""curl {base}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{{"model": "local", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
    return page(
        "Trunkline",
        f"<h1>Trunkline</h1><p>One endpoint, every model. Version {__version__} is answering here.</p><pre>{escape(example)}</pre>"
        '<p><a href="/docs">The API</a> · <a href="/v1/models">What you may name</a> · <a href="/health/ready">Is it ready?</a></p>',
    )
