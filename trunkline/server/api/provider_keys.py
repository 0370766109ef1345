"""Provider keys, as the Opik REST API has them: `/v1/private/llm-provider-key…`.

Odd here: what is read back is not what was written. Keys are masked, OAuth secrets read `__SECRET__`, header values that look
like secrets are masked; and since Opik's pages send back what they read, each of these, returned unchanged, keeps the stored value.

Source: OPIK.md section 3, after https://www.comet.com/docs/opik/reference/rest-api (LLM provider key).
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from ...access import Caller
from ...credentials import Credentials
from ...errors import CallerError, UpstreamError
from ...store import provider_keys as rows
from ...store.provider import oauth_client
from ...store.records import ProviderKey, fresh_id, instant
from ...store.store import Writing
from .endpoint import Api, Endpoint, answer, invalid, nothing, read_json
from .provider_forms import LONGEST_NAME, AuthForm, KeyForm, created, recipe, updated
from .provider_masks import shown

NOT_FOUND = "Provider api key not found"


class Ids(Struct):
    ids: list[str] | None = None


class AuthTest(Struct):
    provider_id: Annotated[str, Meta(max_length=150)] | None = None
    auth_config: AuthForm | None = None


async def find(request: Request, api: Api, caller: Caller) -> Response:
    found = await api.live.view(lambda read: rows.every(read, caller.workspace))
    content = [shown(key) for key in found]
    return answer({"size": len(content), "total": len(content), "content": content, "sortableBy": []})


async def get(request: Request, api: Api, caller: Caller) -> Response:
    return answer(shown(await _one(api, caller, request.path_params["id"])))


async def create(request: Request, api: Api, caller: Caller) -> Response:
    form = await read_json(request, KeyForm)
    key = created(form, id=fresh_id(), workspace=caller.workspace, by=user(caller), at=instant(api.clock()))
    await api.live.change(partial(rows.insert, key=key))
    return nothing(201, {"location": f"{str(request.url.replace(query='', fragment='')).rstrip('/')}/{key.id}"})


async def update(request: Request, api: Api, caller: Caller) -> Response:
    form = await read_json(request, KeyForm)
    id, by, at = request.path_params["id"], user(caller), instant(api.clock())

    def write(write: Writing) -> None:
        stored = rows.one(write, caller.workspace, id)
        if stored is None:
            raise not_found()
        rows.replace(write, updated(stored, form, by=by, at=at))

    await api.live.change(write)
    return nothing()


async def delete(request: Request, api: Api, caller: Caller) -> Response:
    ids = (await read_json(request, Ids)).ids
    if ids is None:
        raise invalid("ids must not be null")
    if not 1 <= len(ids) <= 1000:
        raise invalid("ids size must be between 1 and 1000")
    await api.live.change(lambda write: rows.delete(write, caller.workspace, ids))
    return nothing()


async def test_auth_config(request: Request, api: Api, caller: Caller) -> Response:
    """Fetch a token once, with the stored recipe, the one sent, or the one sent with stored secrets in place of `__SECRET__`."""
    form = await read_json(request, AuthTest)
    if form.provider_id is None and form.auth_config is None:
        raise invalid("provider_id or auth_config must be given")
    stored = None if form.provider_id is None else (await _one(api, caller, form.provider_id)).auth_config
    if form.auth_config is not None:
        config = recipe(form.auth_config, stored)
    elif stored is not None:
        config = stored
    else:
        raise CallerError("this provider has no auth_config to test; it uses a static api_key")
    try:
        seconds = await Credentials(api.fetch, api.clock).lifetime(oauth_client(config), trusted=False)
    except UpstreamError as error:
        raise CallerError(error.message, code="token_fetch_failed", details=error.details) from None
    return answer({"lifetime_seconds": round(seconds)})


async def _one(api: Api, caller: Caller, id: str) -> ProviderKey:
    found = await api.live.view(lambda read: rows.one(read, caller.workspace, id))
    if found is None:
        raise not_found()
    return found


def not_found() -> CallerError:
    return CallerError(NOT_FOUND, status=404, code="not_found", errors=[NOT_FOUND])


def user(caller: Caller) -> str:
    """Whose name stands in `created_by`. An open install has one user, whom Opik calls admin."""
    name = "".join(letter for letter in caller.name or caller.key_id if letter.isprintable())
    return name[:LONGEST_NAME] or "admin"


PATH = "/v1/private/llm-provider-key"

ENDPOINTS = (
    Endpoint("GET", PATH, "caller", find),
    Endpoint("POST", PATH, "writer", create),
    Endpoint("POST", f"{PATH}/delete", "writer", delete),
    Endpoint("POST", f"{PATH}/auth-config/test", "writer", test_auth_config),
    Endpoint("GET", f"{PATH}/{{id}}", "caller", get),
    Endpoint("PATCH", f"{PATH}/{{id}}", "writer", update),
)
