"""GET /v1/models, as OpenAI's client and a stranger ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.testclient import TestClient

from trunkline.access import Access, Caller, Grant, key_hash
from trunkline.server.api.endpoint import Api, made
from trunkline.server.api.models import ENDPOINTS, for_opik
from trunkline.server.api.opik_misc import ENDPOINTS as OPIK_MISC

from ...registry.snapshots import snapshot_of

LIMITED = "tl-" + "l" * 40


async def unused(*given: Any, **named: Any) -> Any:
    raise AssertionError("nothing outside is asked for a list of models")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    snapshot = snapshot_of({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"})
    grants = {
        key_hash(b"tl-all"): Grant(Caller(name="all")),
        key_hash(LIMITED.encode()): Grant(Caller(name="limited", models=("anthropic/claude-haiku-*",))),
    }
    live: Any = SimpleNamespace(snapshot=replace(snapshot, access=Access(mode="keys", grants=grants)))
    api = Api(live, unused, models=for_opik, version="1")
    routes = [made(api, endpoint, prefix) for prefix in ("", "/api") for endpoint in (*ENDPOINTS, *OPIK_MISC)]
    with TestClient(Starlette(routes=routes), headers={"authorization": "Bearer tl-all"}) as client:
        yield client


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_openais_client_lists_and_retrieves(client: TestClient, prefix: str) -> None:
    sdk = openai.OpenAI(base_url=f"http://testserver{prefix}/v1", api_key="tl-all", http_client=client, max_retries=0)
    ids = [model.id for model in sdk.models.list()]
    assert {"openai/gpt-4o", "anthropic/claude-haiku-4-5", "local/smollm2-135m-instruct"} <= set(ids)
    model = sdk.models.retrieve("openai/gpt-4o")
    assert (model.id, model.object, model.owned_by) == ("openai/gpt-4o", "model", "openai")
    assert model.model_extra is not None
    assert model.model_extra["pricing"]["input"] == 2.5
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.models.retrieve("openai/gpt-4oh")
    assert caught.value.code == "model_not_found"
    assert "'openai/gpt-4o'" in caught.value.message


def test_an_unknown_id_is_404_in_openais_shape(client: TestClient) -> None:
    answer = client.get("/v1/models/openai/no-such-model-at-all")
    assert answer.status_code == 404
    assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
    assert (answer.json()["error"]["type"], answer.json()["error"]["code"]) == ("invalid_request_error", "model_not_found")


def test_an_id_may_come_escaped(client: TestClient) -> None:
    assert client.get("/v1/models/openai%2Fgpt-4o").json()["id"] == "openai/gpt-4o"


def test_a_limited_key_sees_its_models_only(client: TestClient) -> None:
    limited = {"authorization": f"Bearer {LIMITED}"}
    seen = {entry["id"] for entry in client.get("/v1/models", headers=limited).json()["data"]}
    assert seen == {"anthropic/claude-haiku-4-5", "anthropic/claude-haiku-5-5"}
    assert client.get("/v1/models/openai/gpt-4o", headers=limited).status_code == 404
    assert client.get("/v1/models/anthropic/claude-haiku-4-5", headers=limited).status_code == 200
    assert list(client.get("/v1/private/llm/models", headers=limited).json()) == ["anthropic"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/openai/gpt-4o", "/api/v1/models"])
def test_without_a_key_it_is_401(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"authorization": ""}).status_code == 401
    assert client.get(path, headers={"authorization": "Bearer tl-wrong"}).status_code == 401


def test_opiks_registry_is_served(client: TestClient) -> None:
    answer = client.get("/api/v1/private/llm/models")
    assert answer.status_code == 200
    assert answer.content.endswith(b"\n")
    assert {"id": "claude-haiku-4-5", "label": "Claude Haiku 4.5", "structuredOutput": True, "reasoning": True} in answer.json()[
        "anthropic"
    ]
