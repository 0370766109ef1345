"""A page of another site must not spend the keys of a gateway on its visitor's machine."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.serving import Asked, Connection, Upstream, gateway

ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},'
    b'"finish_reason":"stop"}]}'
)
BODY = {"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}


async def script(connection: Connection, asked: Asked) -> None:
    await connection.answer(200, ANSWER)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/private/chat/completions"])
def test_a_page_of_another_site_is_refused_and_one_of_this_machine_is_not(tmp_path: Path, path: str) -> None:
    with (
        Upstream(script) as upstream,
        gateway(tmp_path, f'[providers.up]\nkind="openai"\napi_key="k"\nbase_url="{upstream.url}/v1"\n') as running,
    ):
        url = running.url + path
        refused = httpx.post(url, json=BODY, headers={"sec-fetch-site": "cross-site"})
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "cross_site"
        assert not upstream.asked
        for good in ({}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "same-origin"}):
            assert httpx.post(url, json=BODY, headers=good).status_code == 200
        keyed = {"sec-fetch-site": "cross-site", "authorization": "Bearer unused"}
        assert httpx.post(url, json=BODY, headers=keyed).status_code == 200, "a header of its own makes a browser ask first"
