"""The pages for people: the API, browsable (`/docs`), and the front page.

Odd here: they load nothing, from here or elsewhere, and run no script, so a policy that allows one style by its hash and a picture in the
page is all they need. The picture of the API is made from its description, so the two say the same.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .. import __version__
from .describe import GROUPS, document
from .schemas import REF, Schema

STYLE = Path(__file__).with_suffix(".css").read_text("utf-8")
MARK = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true">'
    '<path d="M2 12h9M11 12c4 0 3-7 7-7h4M11 12h11M11 12c4 0 3 7 7 7h4"/></svg>'
)
"""One line in, three out."""
ICON = MARK.replace("currentColor", "#0b9e70").replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
POLICY = "; ".join((
    "default-src 'none'",
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip
HEADERS = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


def page(title: str, body: str) -> Response:
    icon = f"data:image/svg+xml;base64,{base64.b64encode(ICON.encode()).decode()}"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="{icon}"><style>{STYLE}</style>'
    )
    return HTMLResponse(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>', headers=HEADERS)


# ── the front page ───────────────────────────────────────────────────────────────────────────────────────


async def index(request: Request) -> Response:
    base = address(request)
    python = f"""from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="unused")
answer = client.chat.completions.create(
    model="local",
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.choices[0].message.content)"""
    links = (
        ("/docs", "The API"),
        ("/v1/models", "What you may name"),
        ("/health/ready", "Is it ready?"),
        ("/openapi.json", "openapi.json"),
    )
    buttons = "".join(f'<a href="{to}">{said}</a>' for to, said in links)
    return page(
        "Trunkline",
        f'<main class="front"><div class="brand">{MARK}Trunkline</div><h1>One endpoint, every model.</h1>'
        f'<p class="lead">A gateway is answering here. Any OpenAI client can talk to it:</p><pre>{escape(python)}</pre>'
        f'<h3>Or from a shell</h3><pre>{escape(curl(base))}</pre><div class="links">{buttons}</div>'
        f"<footer>Trunkline {__version__}</footer></main>",
    )


def address(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def curl(base: str) -> str:
    return f"""curl {base}{FIRST} \\
  -H 'content-type: application/json' \\
  -d '{{"model": "local", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""


# ── the API ──────────────────────────────────────────────────────────────────────────────────────────────


async def docs(request: Request) -> Response:
    base = address(request)
    groups = "".join(group(name, said) for name, said in GROUPS.items()) + types()
    links = "".join(f'<li><a href="#{slug(name)}">{escape(name)}</a></li>' for name in (*GROUPS, "Types"))
    nav = f'<nav><a class="brand" href="/">{MARK}Trunkline</a><ul>{links}</ul><a href="/openapi.json">openapi.json</a></nav>'
    key = "-H 'authorization: Bearer tl-…'"
    intro = (
        f'<h1>The API</h1><p class="lead">Version {__version__}. OpenAI’s chat completions in, any provider behind.</p>'
        f"<pre>{escape(curl(base))}</pre><p>Where the gateway asks for keys, send one of its own: <code>{escape(key)}</code>. An error is "
        '<code>{"error": {"message", "type", "param", "code"}}</code>, and its message says how to mend it.</p>'
    )
    return page("Trunkline API", f'<div class="page">{nav}<main>{intro}{groups}<footer>Trunkline {__version__}</footer></main></div>')


@cache
def group(name: str, said: str) -> str:
    rows = "".join(
        operation(method, path, described)
        for path, methods in document()["paths"].items()
        for method, described in methods.items()
        if name in described["tags"]
    )
    return f'<section id="{slug(name)}"><h2>{escape(name)}</h2><p>{escape(said)}</p>{rows}</section>'


FIRST = "/v1/chat/completions"
"""Shown open, since it is what a reader has come for."""


def operation(method: str, path: str, said: dict[str, Any]) -> str:
    given = said.get("parameters", ())
    rows = [(p["name"], f"{kind(p['schema'])} · {p['in']}", p.get("description", ""), p.get("required", False)) for p in given]
    parts = [table("Parameters", rows)]
    for content in said.get("requestBody", {}).get("content", {}).values():
        parts.append(table("Body", fields(content["schema"])))
    for status, answer in said["responses"].items():
        for content_type, content in answer.get("content", {}).items():
            if status.startswith("2"):
                parts.append(table(f"Answer {status} · {content_type}", fields(content["schema"])))
    parts.append(table("Statuses", [(status, "", answer["description"], False) for status, answer in said["responses"].items()]))
    if headers := next(iter(said["responses"].values())).get("headers"):
        known = document()["components"]["headers"]
        parts.append(table("Answer’s headers", [(name, "", known[name]["description"], False) for name in headers]))
    head = f'<b class="{method}">{method.upper()}</b><code>{escape(path)}</code><span>{escape(said["summary"])}</span>'
    shown = " open" if path == FIRST else ""
    return f'<details{shown}><summary>{head}</summary><div class="body">{"".join(parts)}</div></details>'


@cache
def types() -> str:
    """What the tables refer to."""
    named = document()["components"]["schemas"]
    parts = [f'<div id="{name}">{table(name, fields(schema))}</div>' for name, schema in named.items() if schema.get("properties")]
    parts += [f'<div id="{name}"><h3>{name}</h3><p>{linked(kind(schema))}</p></div>' for name, schema in named.items() if "anyOf" in schema]
    return f'<section id="types"><h2>Types</h2><p>What bodies and answers are made of.</p>{"".join(parts)}</section>'


def linked(type: str) -> str:
    """A type's words, those that are named below as links."""
    named = document()["components"]["schemas"]
    return " ".join(f'<a href="#{word}">{word}</a>' if word in named else escape(word) for word in type.split(" "))


Row = tuple[str, str, str, bool]
"""Name, type, meaning, whether it must be there."""


NEEDED = ' <span class="need" title="required">●</span>'


def table(title: str, rows: list[Row]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code>{NEEDED if needed else ''}</td><td>{linked(type)}</td><td>{escape(means)}</td></tr>"
        for name, type, means, needed in rows
    )
    return f"<h3>{escape(title)}</h3><table>{cells}</table>"


def fields(schema: Schema) -> list[Row]:
    """A schema's members, those of what it refers to among them."""
    schema = resolved(schema)
    if schema.get("type") == "string":
        return [("data: …", "", schema.get("description", ""), False)]
    needed = schema.get("required", ())
    return [(name, kind(member), member.get("description", ""), name in needed) for name, member in schema.get("properties", {}).items()]


def resolved(schema: Schema) -> Schema:
    named: dict[str, Schema] = document()["components"]["schemas"]
    return named[schema["$ref"].removeprefix(REF)] if "$ref" in schema else schema


def kind(schema: Schema) -> str:
    """A type in a word or three; null, which means absent, is left out."""
    if "$ref" in schema:
        return str(schema["$ref"].removeprefix(REF))
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(word for arm in schema["anyOf"] if (word := kind(arm)) != "null"))
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value)
    types = schema.get("type", "any JSON")
    words = [types] if isinstance(types, str) else [word for word in types if word != "null"]
    items = f" of {kind(schema['items'])}" if schema.get("items") else ""
    return " or ".join(word + (items if word == "array" else "") for word in words)


def slug(name: str) -> str:
    return name.lower().replace(" ", "-").replace("'", "")
