"""What Opik's clients ask besides completions and keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trunkline.wire import HttpResponse

from .served import Served, serving


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("misc")
    with serving(f"sqlite:///{folder / 'a.db'}", folder) as served:
        yield served


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_the_probes(gateway: Served, prefix: str) -> None:
    assert gateway.get(f"{prefix}/is-alive/ping").json() == {"message": "Healthy Server", "healthy": True}
    assert gateway.get(f"{prefix}/is-alive/ver").json() == {"version": "1.2.3"}
    assert gateway.post(f"{prefix}/v1/private/auth").status_code == 204
    page = gateway.get(f"{prefix}/v1/private/projects", params={"page": 1, "size": 1, "sorting": "[]"}).json()
    assert page["content"][0]["name"] == "Default Project"
    assert gateway.get(f"{prefix}/v1/private/llm/models").json() == {}


@pytest.mark.parametrize("base", ["http://ollama:11434", "http://ollama:11434/", "http://ollama:11434/v1", "http://ollama:11434/v1/"])
def test_an_ollama_is_found_with_and_without_v1(gateway: Served, base: str) -> None:
    gateway.upstream.asked.clear()
    gateway.upstream.answers["http://ollama:11434/api/version"] = HttpResponse(200, {}, b'{"version":"0.9.1"}')
    answer = gateway.post("/v1/private/ollama/test-connection", json={"base_url": base, "api_key": "z"})
    assert answer.status_code == 200
    assert answer.json() == {"connected": True, "version": "0.9.1", "error_message": None}
    [(request, trusted)] = gateway.upstream.asked
    assert request.headers == (("authorization", "Bearer z"),)
    assert not trusted, "the caller chose this URL: the egress rules apply"


def test_the_opik_client_lists_an_ollamas_models(gateway: Served) -> None:
    from opik.rest_api.client import OpikApi
    from opik.rest_api.core.api_error import ApiError

    body = b'{"models":[{"name":"llama3:8b","size":5,"digest":"d","modified_at":"2026-01-02T03:04:05.678901234-07:00","details":{}}]}'
    gateway.upstream.answers["http://ollama:1/api/tags"] = HttpResponse(200, {}, body)
    opik = OpikApi(base_url=f"{gateway.url}/api", workspace_name="default")
    [model] = opik.ollama.list_models(base_url="http://ollama:1/v1")
    assert (model.name, model.size, model.digest) == ("llama3:8b", 5, "d")
    assert model.modified_at is not None
    with pytest.raises(ApiError) as caught:
        opik.ollama.list_models(base_url="http://nobody")
    assert caught.value.status_code == 503
    opik.check.access(request={})


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (None, 502, "could not connect to odd"),
        (HttpResponse(200, {}, b"<html>"), 502, "is not Ollama"),
        (HttpResponse(200, {}, b'{"version":"\xff"}'), 502, "is not Ollama"),
        (HttpResponse(401, {}, b""), 502, "answered with status 401"),
    ],
)
def test_an_ollama_that_is_not_there_is_502_with_the_reason(gateway: Served, answer: HttpResponse | None, status: int, said: str) -> None:
    gateway.upstream.answers.pop("http://odd/api/version", None)
    if answer is not None:
        gateway.upstream.answers["http://odd/api/version"] = answer
    got = gateway.post("/v1/private/ollama/test-connection", json={"base_url": "http://odd"})
    assert got.status_code == status
    assert (got.json()["connected"], got.json()["version"]) == (False, None)
    assert said in got.json()["error_message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"base_url": " "}, 422),
        ({"base_url": "odd"}, 422),
        ({"base_url": 5}, 400),
        ({"base_url": "http://h", "api_key": "a\nb"}, 400),
    ],
)
@pytest.mark.parametrize("path", ["test-connection", "models"])
def test_a_base_url_that_is_none_is_refused(gateway: Served, path: str, body: dict[str, object], status: int) -> None:
    assert gateway.post(f"/v1/private/ollama/{path}", json=body).status_code == status


def test_something_else_than_ollama_is_500_when_listing(gateway: Served) -> None:
    gateway.upstream.answers["http://html/api/tags"] = HttpResponse(200, {}, b"<html>")
    answer = gateway.post("/v1/private/ollama/models", json={"base_url": "http://html"})
    assert (answer.status_code, answer.json()["code"]) == (500, 500)
