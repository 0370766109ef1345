"""What every route beside completions does with methods, slashes and bodies that are a little wrong, through the real server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest

from tests.serving import gateway

KEYS = "/v1/private/llm-provider-key"
NO_PROVIDERS = "[providers]\nfrom_env = false\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with gateway(tmp_path_factory.mktemp("wire"), NO_PROVIDERS) as running, httpx.Client(base_url=running.url, timeout=20) as client:
        yield client
        assert "Traceback" not in running.log


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", KEYS, "GET, HEAD, OPTIONS, POST"),
        ("DELETE", f"/api{KEYS}/0197", "GET, HEAD, OPTIONS, PATCH"),
        ("GET", f"{KEYS}/auth-config/test", "OPTIONS, POST"),
        ("GET", "/v1/private/auth", "OPTIONS, POST"),
        ("POST", "/v1/private/llm/models", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/admin/keys/0197", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("POST", "/is-alive/ping", "GET, HEAD, OPTIONS"),
        ("PATCH", "/openapi.json", "GET, HEAD, OPTIONS"),
        ("POST", "/health/ready", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: httpx.Client, method: str, path: str, allow: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.json()["error"]["code"] == "method_not_allowed"
    asked = client.options(path)
    assert (asked.status_code, asked.headers["allow"], asked.content) == (204, allow, b"")
    assert "access-control-allow-origin" not in asked.headers


@pytest.mark.parametrize("path", [KEYS, f"/api{KEYS}", "/v1/admin/keys", "/v1/models", "/v1/private/llm/models", "/docs"])
def test_a_slash_at_the_end_changes_nothing_and_sends_nobody_elsewhere(client: httpx.Client, path: str) -> None:
    assert client.get(path + "/").status_code == 200
    assert client.get(path + "/").content == client.get(path).content


@pytest.mark.parametrize("path", ["/v1/chat/completions/", "/api/v1/private/chat/completions/"])
def test_a_completion_may_be_asked_at_a_path_with_a_slash(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json={"model": "openai/x", "messages": [{"role": "user", "content": "x"}]})
    assert answer.json()["error"]["code"] == "provider_key_missing"
    assert (answer.status_code, "message" in answer.json()) == ((400, True) if "/private/" in path else (401, False))
    assert (client.get(path).status_code, client.get(path).headers["allow"]) == (405, "POST")


def test_a_key_may_be_posted_to_a_path_with_a_slash(client: httpx.Client) -> None:
    made = client.post(KEYS + "/", json={"provider": "mistral", "api_key": "k"})
    assert made.status_code == 201
    assert client.get(made.headers["location"]).json()["provider"] == "mistral"


def test_head_is_get_without_the_body(client: httpx.Client) -> None:
    head, got = client.head(KEYS), client.get(KEYS)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", got.headers["content-length"])


@pytest.mark.parametrize(
    ("method", "path"), [("POST", KEYS), ("PATCH", f"{KEYS}/0197"), ("POST", f"{KEYS}/delete"), ("POST", "/v1/admin/keys")]
)
@pytest.mark.parametrize("body", [b'{"a":' * 5000, b'{"auth_config":' + b"[" * 100_000, b'{"limits":' + b'{"x":' * 5000])
def test_json_nested_too_deeply_is_the_callers_fault(client: httpx.Client, method: str, path: str, body: bytes) -> None:
    answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Unable to process JSON. ")


@pytest.mark.parametrize(("tail", "status"), [(slice(0, -6), 400), (slice(0, None), 204)])
def test_a_gzip_body_is_taken_whole_or_not_at_all(client: httpx.Client, tail: slice, status: int) -> None:
    packed = gzip.compress(b'{"ids":["0197"]}')
    for encoding in ("gzip", "x-gzip"):
        headers = {"content-type": "application/json", "content-encoding": encoding}
        assert client.post(f"{KEYS}/delete", content=packed[tail], headers=headers).status_code == status
        assert client.post(f"{KEYS}/delete", content=packed + b"more", headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", KEYS, b'{"provider":"groq","api_key":"k"}'),
        ("POST", "/v1/admin/keys", b"{}"),
        ("POST", f"{KEYS}/delete", b'{"ids":["0197"]}'),
        ("DELETE", "/v1/admin/keys/0197", b""),
    ],
)
def test_a_page_of_another_site_changes_nothing(client: httpx.Client, method: str, path: str, body: bytes) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    refused = client.request(method, path, content=body, headers=foreign)  # a Blob without a type: the browser does not ask first
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "cross_site")
    assert client.request(method, path, content=body, headers={**foreign, "authorization": "any"}).status_code != 403
    assert client.request(method, path, content=body, headers={"sec-fetch-site": "same-site"}).status_code != 403
