"""Provider keys over HTTP: what Opik's clients and pages see, on SQLite and PostgreSQL."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trunkline.secret import Secret
from trunkline.target import Bearer, OAuthClient
from trunkline.wire import HttpResponse

from ... import postgres
from .served import ADMIN, Served, serving

PATH = "/v1/private/llm-provider-key"
CUSTOM = {"provider": "custom-llm", "provider_name": "vllm", "base_url": "http://u/v1", "configuration": {"models": "custom-llm/vllm/m"}}
RECIPE = {
    "token_url": "https://auth.example/token",
    "send_as": "basic",
    "credentials": [{"key": "client_id", "value": "me"}, {"key": "client_secret", "value": "plaintext-oauth", "secret": True}],
    "token_field": "data.token",
}


@pytest.fixture
def gateway(url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(url, tmp_path) as served:
        yield served


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Served]:
    """For rules the database has no part in."""
    with serving(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as served:
        yield served


def create(gateway: Served, body: dict[str, Any], **more: Any) -> str:
    made = gateway.post(PATH, json=body, **more)
    assert made.status_code == 201, made.text
    return made.headers["location"].rpartition("/")[2]


def test_the_opik_python_clients_key_lifecycle(gateway: Served) -> None:
    from opik.rest_api.client import OpikApi
    from opik.rest_api.core.api_error import ApiError

    opik = OpikApi(base_url=f"{gateway.url}/api", workspace_name="default")
    keys = opik.llm_provider_key
    made = keys.with_raw_response.store_llm_provider_api_key(
        provider="custom-llm",
        api_key="sk-plaintext-0123456789",
        name="n",
        provider_name="vllm",
        headers={"a": "b"},
        configuration={"models": "custom-llm/vllm/m"},
        base_url="http://u/v1",
    )
    id = made.headers["location"].rpartition("/")[2]
    assert made.headers["location"] == f"{gateway.url}/api{PATH}/{id}"
    page = keys.find_llm_provider_keys()
    assert (page.size, page.total, page.sortable_by) == (1, 1, [])
    listed = page.content[0]  # type: ignore[index]
    got = keys.get_llm_provider_api_key_by_id(id)
    assert got == listed
    assert (got.id, got.provider, got.api_key, got.name, got.provider_name) == (id, "custom-llm", "sk-" + "*" * 17 + "789", "n", "vllm")
    assert (got.headers, got.configuration, got.base_url) == ({"a": "b"}, {"models": "custom-llm/vllm/m"}, "http://u/v1")
    assert (got.created_by, got.read_only) == ("admin", False)
    assert got.created_at is not None
    keys.update_llm_provider_api_key(id, api_key="n", base_url="http://u2/v1")
    after = keys.get_llm_provider_api_key_by_id(id)
    assert (after.api_key, after.base_url, after.headers, after.name) == ("*", "http://u2/v1", {"a": "b"}, "n")
    with pytest.raises(ApiError) as caught:
        keys.store_llm_provider_api_key(provider="custom-llm", provider_name="vllm", base_url="http://u")
    assert (caught.value.status_code, caught.value.body["errors"]) == (409, ["Api key for this provider already exists"])
    keys.delete_llm_provider_api_keys_batch(ids=[id, "0197"])
    with pytest.raises(ApiError) as caught:
        keys.get_llm_provider_api_key_by_id(id)
    assert (caught.value.status_code, caught.value.body["errors"]) == (404, ["Provider api key not found"])
    assert keys.find_llm_provider_keys().content == []


def test_a_stored_key_is_a_provider_of_its_workspace_at_once(gateway: Served) -> None:
    id = create(gateway, {**CUSTOM, "api_key": "sk-1"}, headers={"Comet-Workspace": "team"})
    [provider] = gateway.live.snapshot.providers
    assert (provider.id, provider.workspace, provider.kind, provider.base_url) == (id, "team", "openai_compatible", "http://u/v1")
    assert provider.auth == Bearer(provider.auth.key)
    assert provider.auth.key.reveal() == "sk-1"
    assert not provider.trusted
    assert gateway.get("/v1/private/llm/models", headers={"Comet-Workspace": "team"}).json() == {"vllm": [{"id": "custom-llm/vllm/m"}]}
    assert gateway.get("/v1/private/llm/models").json() == {}


def test_another_workspace_neither_sees_nor_changes_it(gateway: Served) -> None:
    id = create(gateway, {**CUSTOM, "api_key": "sk-1"}, headers={"Comet-Workspace": "team"})
    assert gateway.get(PATH).json()["total"] == 0
    assert gateway.get(f"{PATH}/{id}").status_code == 404
    assert gateway.patch(f"{PATH}/{id}", json={"api_key": "mine"}).status_code == 404
    assert gateway.post(f"{PATH}/delete", json={"ids": [id]}).status_code == 204
    assert gateway.post(f"{PATH}/auth-config/test", json={"provider_id": id}).status_code == 404
    assert gateway.get(f"{PATH}/{id}", headers={"Comet-Workspace": "team"}).json()["api_key"] == "****"
    create(gateway, CUSTOM)


@pytest.mark.parametrize("name", ["team", "größe", "\U0001f600 日本"])
def test_a_workspace_is_named_by_its_header_or_in_the_query(on_sqlite: Served, name: str) -> None:
    id = create(on_sqlite, CUSTOM, headers={"Comet-Workspace": name.encode()})
    assert on_sqlite.get(PATH, params={"workspace_name": name}).json()["content"][0]["id"] == id
    assert on_sqlite.get(PATH, params={"workspace_name": name}, headers={"Comet-Workspace": "other"}).json()["total"] == 0


def test_two_callers_who_store_the_same_provider_at_once_get_one_row(gateway: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: gateway.post(PATH, json={"provider": "openai", "api_key": "k"}).status_code, range(8)))
    assert sorted(statuses) == [201] + [409] * 7
    assert gateway.get(PATH).json()["total"] == len(gateway.live.snapshot.providers) == 1


def test_two_gateways_on_one_database_agree_within_two_seconds(url: str, tmp_path: Path) -> None:
    with serving(url, tmp_path) as one, serving(url, tmp_path) as other:
        id = create(one, CUSTOM)
        began = time.monotonic()
        while not other.live.snapshot.providers:
            assert time.monotonic() - began < 2
            other.get("/is-alive/ping")
        other.post(f"{PATH}/delete", json={"ids": [id]})
        began = time.monotonic()
        while one.live.snapshot.providers:
            assert time.monotonic() - began < 2
            one.get("/is-alive/ping")


def test_no_plaintext_is_on_disk_in_a_log_or_in_an_answer(url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level("DEBUG")
    answers: list[str] = []
    with serving(url, tmp_path) as gateway:
        gateway.event_hooks["response"] = [lambda response: answers.append(str(response.headers) + response.read().decode())]
        create(gateway, {"provider": "openai", "api_key": "sk-plaintext-openai-1"})
        body = {
            **CUSTOM,
            "headers": {"X-Api-Token": "plaintext-header"},
            "base_url": "https://h/v1?api_key=plaintext-in-url",
            "configuration": {"url_query_params": '{"api-version":"1","sig":"plaintext-param"}'},
            "auth_config": RECIPE,
        }
        id = create(gateway, body)
        gateway.get(PATH)
        gateway.get(f"{PATH}/{id}")
        gateway.post(PATH, json=body)
        gateway.post(PATH, json={**body, "provider_name": "refused", "api_key": "sk-plaintext-too"})
        gateway.post(PATH, content=b'{"provider":"openai","api_key":["plaintext-list"]}')
        gateway.patch(f"{PATH}/{id}", json={"name": "n"})
        gateway.post(f"{PATH}/auth-config/test", json={"provider_id": id})
        gateway.post(f"{PATH}/auth-config/test", json={"auth_config": {**RECIPE, "token_url": "https://refuses/"}})
        if url.startswith("postgresql"):
            with gateway.live._store.engine.connect() as connection:
                connection.exec_driver_sql("SELECT pg_switch_wal()")
        files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".key"]
        if url.startswith("postgresql"):
            files += [*postgres.shared().files(), postgres.shared().folder / "log"]
        assert not [path for path in files if b"plaintext" in path.read_bytes()]
    written = capfd.readouterr()
    assert len(answers) >= 10
    assert "plaintext" not in "".join(answers)
    assert "plaintext" not in written.out + written.err + caplog.text


REFUSED = [
    # body, status, what the answer says
    ({"api_key": "k"}, 422, ["provider must not be null"]),
    ({"provider": "openai"}, 422, ["api_key must not be blank"]),
    ({"provider": "openai", "api_key": "  "}, 422, ["api_key must not be blank"]),
    ({"provider": "nobody", "api_key": "k"}, 400, "Unable to process JSON. unknown provider 'nobody'"),
    ({"provider": "openai", "api_key": 5}, 400, "Unable to process JSON. "),
    ({"provider": "custom-llm", "base_url": "http://u"}, 422, ["provider_name must not be blank for provider custom-llm"]),
    ({"provider": "bedrock", "provider_name": " "}, 422, ["provider_name must not be blank for provider bedrock"]),
    ({"provider": "ollama"}, 422, ["provider_name must not be blank for provider ollama"]),
    ({**CUSTOM, "name": "n" * 151, "provider_name": "p" * 151}, 422,
     ["name size must be between 0 and 150", "provider_name size must be between 0 and 150"]),
    ({**CUSTOM, "name": "a\0", "provider_name": "b\x1f"}, 422,
     ["name must not hold control characters", "provider_name must not hold control characters"]),
    ({"provider": "openai", "api_key": "two\nlines"}, 422, ["api_key must be one line (or a service account's JSON)"]),
    ({"provider": "openai", "api_key": "bell\x07"}, 422, ["api_key must be one line (or a service account's JSON)"]),
    ({**CUSTOM, "base_url": "http://h/v1\r\nX: y"}, 422, ["base_url must not hold control characters"]),
    ({**CUSTOM, "base_url": "https://{model}/v1"}, 422,
     ["base_url must not leave the end of the host to {model}: whoever names a model would choose where the key is sent"]),
    ({**CUSTOM, "headers": {"a": "b\x7f"}}, 422, ["headers: 'a' is not a header that can be sent"]),
    ({**CUSTOM, "base_url": " "}, 422, ["base_url must not be blank"]),
    ({**CUSTOM, "base_url": "ftp://h"}, 422, ["base_url must be an http or https URL with a host"]),
    ({**CUSTOM, "base_url": "http://u:p@h"}, 422, ["base_url must not hold a user and password; use api_key or headers"]),
    ({**CUSTOM, "headers": {"Host": "h"}}, 422, ["headers: 'Host' is set by the gateway itself"]),
    ({**CUSTOM, "headers": {"a": "b\r\nc: d"}}, 422, ["headers: 'a' is not a header that can be sent"]),
    ({**CUSTOM, "headers": {"a": {}}}, 400, "Unable to process JSON. "),
    ({**CUSTOM, "configuration": {"location": "evil.example/#"}}, 422,
     ["configuration.location may hold letters, digits, '.', ':', '_' and '-' only"]),
    ({**CUSTOM, "configuration": {"auth_header_name": "a b"}}, 422, ["configuration.auth_header_name is not a header that can be sent"]),
    ({**CUSTOM, "configuration": {"url_query_params": "a=b"}}, 422,
     ['configuration.url_query_params must be a JSON object of strings, as text: "{\\"api-version\\": \\"…\\"}"']),
    ({**CUSTOM, "api_key": "k", "auth_config": RECIPE}, 400, "api_key and auth_config cannot both be set; "),
    ({**CUSTOM, "auth_config": {"token_url": "https://a/"}}, 422, ["auth_config.credentials must not be empty"]),
    ({**CUSTOM, "auth_config": {**RECIPE, "send_as": "smoke"}}, 400, "Unable to process JSON. "),
    ({**CUSTOM, "auth_config": {**RECIPE, "send_as": "form", "credentials": [{"key": "a", "value": "__SECRET__"}]}}, 422,
     ["auth_config.credentials[0].value: no secret is stored for 'a' at this token_url; send the value itself"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "said"), REFUSED)
def test_what_is_refused_and_how(on_sqlite: Served, body: dict[str, Any], status: int, said: Any) -> None:
    answer = on_sqlite.post(PATH, json=body)
    sent = answer.json()
    assert (answer.status_code, sent["code"]) == (status, status)
    assert answer.content.endswith(b"\n")
    assert isinstance(sent["error"]["message"], str)
    if isinstance(said, list):
        assert sent["errors"] == said
    else:
        assert sent["message"].startswith(said)
    assert on_sqlite.get(PATH).json()["total"] == 0


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b'{"provider":"openai","api_key":"\xff"}', {}, 400),
        (b"", {}, 422),
        (b"null", {}, 422),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"provider=openai", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"not gzip", {"content-encoding": "gzip"}, 400),
        (b"{}", {"content-encoding": "br"}, 415),
        (b" " * (1 << 21), {}, 413),
        (gzip.compress(b" " * (1 << 21)), {"content-encoding": "gzip"}, 413),
    ],
)
def test_bodies_that_cannot_be_read(on_sqlite: Served, content: bytes, headers: dict[str, str], status: int) -> None:
    assert on_sqlite.post(PATH, content=content, headers={"content-type": "application/json", **headers}).status_code == status


def test_a_gzipped_body_is_read(on_sqlite: Served) -> None:
    body = gzip.compress(json.dumps({"provider": "openai", "api_key": "k" * 20}).encode())
    assert on_sqlite.post(PATH, content=body, headers={"content-encoding": "gzip", "content-type": "application/json"}).status_code == 201


def test_a_key_copied_with_white_space_around_it_is_stored_without(on_sqlite: Served) -> None:
    id = create(on_sqlite, {"provider": "openai", "api_key": "  sk-0123456789abcdef \n"})
    assert on_sqlite.live.snapshot.providers[0].auth == Bearer(Secret("sk-0123456789abcdef"))
    assert on_sqlite.patch(f"{PATH}/{id}", json={"api_key": "\tsk-another-0123456789\r\n"}).status_code == 204
    assert on_sqlite.live.snapshot.providers[0].auth == Bearer(Secret("sk-another-0123456789"))
    assert on_sqlite.patch(f"{PATH}/{id}", json={"api_key": " \n"}).status_code == 422


def test_an_id_that_no_row_can_have_is_an_unknown_one(gateway: Served) -> None:
    """PostgreSQL refuses to look for a NUL."""
    assert gateway.get(f"{PATH}/%00").status_code == 404
    assert gateway.patch(f"{PATH}/%00", json={"name": "n"}).status_code == 404
    assert gateway.post(f"{PATH}/delete", json={"ids": ["\0", "0197"]}).status_code == 204
    as_admin = {"authorization": ADMIN}
    assert gateway.get("/v1/admin/keys/%00", headers=as_admin).status_code == 404
    assert gateway.patch("/v1/admin/keys/%00", json={}, headers=as_admin).status_code == 404
    assert gateway.delete("/v1/admin/keys/%00", headers=as_admin).status_code == 404
    assert gateway.get("/v1/admin/keys?workspace=%00", headers=as_admin).status_code == 400


def test_what_was_never_set_reads_null(on_sqlite: Served) -> None:
    id = create(on_sqlite, CUSTOM)
    assert on_sqlite.get(f"{PATH}/{id}").json()["api_key"] is None
    assert on_sqlite.get(PATH).json()["content"][0]["api_key"] is None
    assert on_sqlite.get(PATH).content.endswith(b"\n")


def test_a_name_is_dropped_where_a_vendor_has_but_one_key(on_sqlite: Served) -> None:
    id = create(on_sqlite, {"provider": "openai", "api_key": "k", "provider_name": "ignored"})
    assert on_sqlite.get(f"{PATH}/{id}").json()["provider_name"] is None
    assert on_sqlite.post(PATH, json={"provider": "openai", "api_key": "k", "provider_name": "another"}).status_code == 409


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        (
            {"headers": None, "base_url": None, "api_key": None, "configuration": None},
            "headers",
            {"X-Plain": "b", "X-Token": "pla*******ken"},
        ),
        ({"headers": {}}, "headers", {}),
        ({"configuration": {}}, "configuration", {}),
        ({"api_key": ""}, "api_key", None),
        ({"api_key": "another-key-123"}, "api_key", "ano*********123"),
        ({"provider_name": "renamed"}, "provider_name", "vllm"),
        ({"provider": "openai"}, "provider", "custom-llm"),
        ({"unknown": 1, "name": "new"}, "name", "new"),
        ({"headers": {"X-Token": "other-header-token"}}, "headers", {"X-Token": "oth************ken"}),
    ],
)
def test_an_update_keeps_clears_and_replaces(on_sqlite: Served, change: dict[str, Any], field: str, expected: Any) -> None:
    id = create(on_sqlite, {**CUSTOM, "api_key": "plain-old-key-1", "headers": {"X-Plain": "b", "X-Token": "plaintext-ken"}})
    assert on_sqlite.patch(f"{PATH}/{id}", json=change).status_code == 204
    assert on_sqlite.get(f"{PATH}/{id}").json()[field] == expected


def test_masks_sent_back_keep_what_they_hide(on_sqlite: Served) -> None:
    body = {
        **CUSTOM,
        "api_key": "sk-0123456789abcdef",
        "headers": {"X-Token": "header-secret-value"},
        "base_url": "https://h/v1?key=url-secret-value",
        "configuration": {"url_query_params": '{"api-version":"1","sig":"query-secret-value"}'},
    }
    id = create(on_sqlite, body)
    before = on_sqlite.live.snapshot.providers
    read = on_sqlite.get(f"{PATH}/{id}").json()
    assert on_sqlite.patch(f"{PATH}/{id}", json=read).status_code == 204
    assert on_sqlite.live.snapshot.providers == before
    assert before[0].query == (("key", "url-secret-value"), ("api-version", "1"), ("sig", "query-secret-value"))


def test_an_oauth_recipe_takes_the_place_of_the_key_and_back(on_sqlite: Served) -> None:
    id = create(on_sqlite, {**CUSTOM, "api_key": "sk-static-1"})
    assert on_sqlite.patch(f"{PATH}/{id}", json={"auth_config": RECIPE}).status_code == 204
    read = on_sqlite.get(f"{PATH}/{id}").json()
    assert read["api_key"] is None
    assert read["auth_config"]["credentials"] == [
        {"key": "client_id", "value": "me", "secret": False},
        {"key": "client_secret", "value": "__SECRET__", "secret": True},
    ]
    [provider] = on_sqlite.live.snapshot.providers
    assert isinstance(provider.auth, OAuthClient)
    assert (provider.auth.send_as, provider.auth.token_field, provider.auth.expires_field) == ("basic", "data.token", "expires_in")
    refused = on_sqlite.patch(f"{PATH}/{id}", json={"api_key": "sk-2"})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("api_key and auth_config cannot both be set; ")
    assert on_sqlite.patch(f"{PATH}/{id}", json={"api_key": "sk-2", "auth_config": {}}).status_code == 204
    assert on_sqlite.get(f"{PATH}/{id}").json()["auth_config"] is None
    assert on_sqlite.live.snapshot.providers[0].auth.key.reveal() == "sk-2"


def test_a_secret_sentinel_keeps_the_value_for_the_same_key_and_url_only(on_sqlite: Served) -> None:
    id = create(on_sqlite, {**CUSTOM, "auth_config": RECIPE})
    recipe = on_sqlite.get(f"{PATH}/{id}").json()["auth_config"]
    assert on_sqlite.patch(f"{PATH}/{id}", json={"auth_config": {**recipe, "token_field": "t"}}).status_code == 204
    auth = on_sqlite.live.snapshot.providers[0].auth
    assert [(key, value.reveal()) for key, value in auth.credentials] == [("client_id", "me"), ("client_secret", "plaintext-oauth")]
    assert auth.token_field == "t"
    elsewhere = {**recipe, "token_url": "https://thief.example/token"}
    assert on_sqlite.patch(f"{PATH}/{id}", json={"auth_config": elsewhere}).status_code == 422
    assert on_sqlite.post(f"{PATH}/auth-config/test", json={"provider_id": id, "auth_config": elsewhere}).status_code == 422
    assert on_sqlite.upstream.asked == []


def test_an_auth_config_is_tested_by_fetching_once(on_sqlite: Served) -> None:
    path = f"{PATH}/auth-config/test"
    on_sqlite.upstream.answers[RECIPE["token_url"]] = HttpResponse(200, {}, b'{"data":{"token":"plaintext-token"},"expires_in":"3600"}')
    on_sqlite.upstream.answers["https://refuses/"] = HttpResponse(401, {}, b'{"error":"invalid_client"}')
    id = create(on_sqlite, {**CUSTOM, "auth_config": RECIPE})
    assert on_sqlite.post(path, json={"provider_id": id}).json() == {"lifetime_seconds": 3600}
    read = on_sqlite.get(f"{PATH}/{id}").json()["auth_config"]
    assert on_sqlite.post(path, json={"provider_id": id, "auth_config": read}).status_code == 200
    assert on_sqlite.post(path, json={"auth_config": RECIPE}).status_code == 200
    basic = "Basic " + base64.b64encode(b"me:plaintext-oauth").decode()
    assert [(dict(request.headers)["authorization"], trusted) for request, trusted in on_sqlite.upstream.asked] == [(basic, False)] * 3
    refused = on_sqlite.post(path, json={"auth_config": {**RECIPE, "token_url": "https://refuses/"}})
    assert refused.status_code == 400
    assert "invalid_client" in refused.json()["message"]
    assert on_sqlite.post(path, json={}).status_code == 422
    assert on_sqlite.post(path, json={"provider_id": "0197"}).status_code == 404
    plain = create(on_sqlite, {"provider": "openai", "api_key": "k"})
    assert on_sqlite.post(path, json={"provider_id": plain}).status_code == 400


@pytest.mark.parametrize("ids", [[], ["x"] * 1001])
def test_a_batch_is_one_to_a_thousand_ids(on_sqlite: Served, ids: list[str]) -> None:
    assert on_sqlite.post(f"{PATH}/delete", json={"ids": ids}).status_code == 422
    assert on_sqlite.post(f"{PATH}/delete", json={"ids": ["x"] * 1000}).status_code == 204


def test_an_unexpected_failure_shows_an_id_and_no_trace(on_sqlite: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(read: Any) -> Any:
        raise RuntimeError("plaintext of the cause")

    monkeypatch.setattr(on_sqlite.live, "view", broken)
    answer = on_sqlite.get(PATH)
    assert answer.status_code == 500
    assert answer.json()["message"].startswith("There was an error processing your request. It has been logged (ID ")
    assert "plaintext" not in answer.text
