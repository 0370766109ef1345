"""The description of the API is valid, whole and true, and the pages keep their own policy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from trunkline.chat import ChatRequest
from trunkline.dialects.openai_chat import decode_request
from trunkline.errors import CallerError
from trunkline.server.api import ADMIN, OPIK, models
from trunkline.server.describe import ANSWER_HEADERS, SAID, document
from trunkline.server.fields import CHAT, FIELDS
from trunkline.server.head import PATHS
from trunkline.server.pages import POLICY, docs, index

WRITTEN: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document()))
"""As a client reads it."""
SCHEMAS = WRITTEN["components"]["schemas"]
USER = {"role": "user", "content": "Hi"}


def test_the_description_is_valid_openapi_3_1() -> None:
    assert WRITTEN["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(WRITTEN).iter_errors()) == []


def test_every_route_is_described_and_nothing_else_is() -> None:
    served = {(path, "post") for path in PATHS}
    served |= {(endpoint.path.replace(":path}", "}"), endpoint.method.lower()) for endpoint in (*models.ENDPOINTS, *OPIK, *ADMIN)}
    served |= {("/health/live", "get"), ("/health/ready", "get"), ("/metrics", "get")}
    assert {(path, method) for path, methods in WRITTEN["paths"].items() for method in methods} == served
    assert {endpoint.handle for endpoint in (*models.ENDPOINTS, *OPIK, *ADMIN)} == set(SAID)


def test_operations_have_ids_of_their_own() -> None:
    ids = [said["operationId"] for methods in WRITTEN["paths"].values() for said in methods.values()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", id) for id in ids)


def test_whoever_writes_sends_a_body_that_is_described() -> None:
    for path, methods in WRITTEN["paths"].items():
        for method, said in methods.items():
            if method in ("post", "patch") and path != "/v1/private/auth":
                reference = said["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                assert SCHEMAS[reference.rpartition("/")[2]]["properties"]


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_completion_has_the_fields_of_the_request_at_each_path(path: str) -> None:
    said = WRITTEN["paths"][path]["post"]
    assert said["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ChatRequest"}
    assert set(said["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert set(said["responses"]["200"]["headers"]) == set(ANSWER_HEADERS)
    error = said["responses"]["400"]["content"]["application/json"]["schema"]["$ref"]
    assert error.endswith("/OpikError" if "private" in path else "/Error")


def test_every_field_of_a_request_is_described_with_its_meaning() -> None:
    names = {field.encode_name for field in msgspec.structs.fields(ChatRequest)} - {"trunkline:wire"}
    assert set(SCHEMAS["ChatRequest"]["properties"]) == names == set(CHAT)
    for type, means in FIELDS.items():
        assert set(SCHEMAS[type]["properties"]) <= set(means), type


def test_nothing_of_how_we_hold_a_value_shows() -> None:
    text = msgspec.json.encode(WRITTEN).decode()
    assert "trunkline:" not in text
    assert "Opaque" not in text
    assert "Wire" not in text


VALIDATOR = Draft202012Validator({"$ref": "#/components/schemas/ChatRequest", "components": {"schemas": SCHEMAS}})

GOOD: list[dict[str, Any]] = [
    {},
    {"temperature": 0, "top_p": 1, "n": 2, "stream": True, "stream_options": {"include_usage": True}, "stop": ["a", "b"], "seed": 1},
    {"stop": "a", "user": None, "metadata": {"k": "v"}, "logit_bias": {"50256": -100}, "logprobs": True, "top_logprobs": 3},
    {"messages": [{"role": "system", "content": "s"}, USER, {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "4"}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "https://x/y"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "of_next_year", "thing": 1}]}]},
    {"messages": [{"role": "user", "content": {"type": "text", "text": "t"}}]},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "tool_choice": "auto"},
    {"tool_choice": {"type": "function", "function": {"name": "f"}}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
    {"audio": {"voice": "a", "format": "wav"}, "prediction": {"type": "content", "content": "x"}, "of_next_year": 1},
]  # fmt: skip
BAD: list[dict[str, Any]] = [
    {"model": 1}, {"messages": "Hi"}, {"messages": [{"role": "nobody", "content": "Hi"}]}, {"messages": [{"role": "user", "content": 5}]},
    {"temperature": "hot"}, {"n": 0}, {"n": 129}, {"top_logprobs": -1}, {"stream": "yes"}, {"stop": 4}, {"tools": {}}, {"metadata": []},
    {"messages": [{"role": "tool", "content": "no id"}]}, {"response_format": {"json_schema": {}}}, {"tool_choice": 1},
]  # fmt: skip


@pytest.mark.parametrize("more", GOOD)
def test_what_the_gateway_takes_the_description_allows(more: dict[str, Any]) -> None:
    body = {"model": "m", "messages": [USER], **more}
    assert decode_request(msgspec.json.encode(body)).model == "m"
    assert [error.message for error in VALIDATOR.iter_errors(body)] == []


@pytest.mark.parametrize("more", BAD)
def test_what_the_gateway_refuses_the_description_forbids(more: dict[str, Any]) -> None:
    body = {"model": "m", "messages": [USER], **more}
    with pytest.raises(CallerError):
        decode_request(msgspec.json.encode(body))
    assert not VALIDATOR.is_valid(body)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────


class Page(HTMLParser):
    """Elements with their attributes, and the text of the style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.style = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data


def got(path: str, host: str = "gateway.example:5173") -> Response:
    """The page as it is served, by the ASGI messages."""
    app = Starlette(routes=[Route("/docs", docs), Route("/", index)])
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
        "headers": [(b"host", host.encode())], "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1), "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Response(b"".join(message.get("body", b"") for message in sent[1:]), sent[0]["status"], headers)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_is_whole_and_loads_and_runs_nothing(path: str) -> None:
    response = got(path)
    assert response.status_code == 200
    page = Page(bytes(response.body).decode())
    assert page.open == []
    for tag, attributes in page.elements:
        assert tag not in ("script", "iframe", "img", "form")
        assert not [name for name in attributes if name in ("style", "src") or name.startswith("on")]
        if tag == "link":
            assert (attributes["href"] or "").startswith("data:")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_keeps_the_policy_it_is_sent_with(path: str) -> None:
    response = got(path)
    page = Page(bytes(response.body).decode())
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert response.headers["content-security-policy"] == POLICY
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "default-src 'none'" in POLICY


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_links_on_a_page_lead_somewhere(path: str) -> None:
    page = Page(bytes(got(path).body).decode())
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for tag, attributes in page.elements:
        href = attributes.get("href") or ""
        if tag == "a" and href.startswith("#"):
            assert href[1:] in ids
        elif tag == "a":
            assert href in {"/", "/docs", "/openapi.json", "/health/ready", *WRITTEN["paths"]}


def test_the_docs_show_every_operation_and_every_field() -> None:
    text = bytes(got("/docs").body).decode()
    for path in WRITTEN["paths"]:
        assert f"<code>{path}</code>" in text
    for name in CHAT:
        assert f"<code>{name}</code>" in text


def test_a_host_header_is_not_taken_for_html() -> None:
    text = bytes(got("/", host='x"><script>alert(1)</script>').body).decode()
    assert "<script>" not in text
