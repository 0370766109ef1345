"""What every route of this package goes through: who is calling, the body, the errors.

An endpoint is a row (method, path, who may call, handler), so that the table of routes is also the table of rights, and the
authorization test walks it. Bodies are small here: 1 MB unpacked. A write must not be a form or plain text, the kinds of body a
browser sends across sites without asking first: in open mode on loopback a web page could otherwise store keys here. Nor does a browser
ask before it sends a body without any type, so a page of another site is told by `sec-fetch-site` too.

Errors on Opik's paths have OpenAI's `error` object and beside it Opik's `code` and `message`, or `errors` for a list of faults.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ...access import Caller, identify, identify_admin
from ...config.live import Live
from ...credentials import Fetch
from ...errors import CallerError, GatewayError
from ...slowdown import Slowdown
from .. import refusals

log = logging.getLogger("trunkline.server")

MAX_BODY = 1 << 20
FORM_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")

Needs = Literal["nothing", "caller", "writer", "admin"]
"""nothing: anyone. caller: whoever may send completions. writer: in open mode anyone; else the admin key, or a gateway key made with
role "admin", for its own workspace. admin: the admin key."""

T = TypeVar("T")


class Api:
    """What the endpoints of one server share."""

    def __init__(
        self,
        live: Live,
        fetch: Fetch,
        *,
        models: Callable[[Any, Caller], Mapping[str, list[dict[str, Any]]]],
        version: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.live = live
        self.fetch = fetch
        """`Upstream.fetch`."""
        self.models = models
        """The models a caller may name, by provider."""
        self.version = version
        self.clock = clock
        self.slowdown = Slowdown()


Handler = Callable[[Request, Api, Caller], Awaitable[Response]]


class Endpoint(Struct, frozen=True):
    method: str
    path: str
    needs: Needs
    handle: Handler


def made(api: Api, endpoint: Endpoint, prefix: str = "") -> Route:
    """The Starlette route of an endpoint."""
    opik = "/private/" in endpoint.path

    async def serve(request: Request) -> Response:
        try:
            caller = who(request, api, endpoint.needs)
            if request.method not in ("GET", "HEAD"):
                refuse_other_sites(request)
                refuse_forms(request)
            return await endpoint.handle(request, api, caller)
        except GatewayError as error:
            if error.status == 401:
                await slowed(request, api)
            return refusal(error, opik)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            id = uuid.uuid4()
            log.exception("%s %s failed (ID %s)", request.method, endpoint.path, id)
            return refusal(
                GatewayError(f"There was an error processing your request. It has been logged (ID {id}).", code="internal_error"), opik
            )

    return Route(prefix + endpoint.path, serve, methods=[endpoint.method], name=f"{endpoint.method} {prefix}{endpoint.path}")


def who(request: Request, api: Api, needs: Needs) -> Caller:
    """The caller, if it has the right. CallerError 401 or 403."""
    header = request.headers.get
    authorization, x_api_key = header("authorization", "").encode("latin-1"), header("x-api-key", "").encode("latin-1")
    snapshot = api.live.snapshot
    if needs == "nothing":
        return Caller()
    if needs == "admin":
        return identify_admin(snapshot, authorization, x_api_key, api.clock())
    named = header("comet-workspace", "").encode("latin-1")  # as it came; a query's text is decoded already
    workspace = named or request.query_params.get("workspace_name", "").encode()
    caller = identify(snapshot, authorization, x_api_key, workspace, api.clock())
    if needs == "writer" and snapshot.access.mode != "open" and not caller.may_write_keys:
        raise CallerError(
            'Provider keys may be changed only with the admin key, or with a gateway key of this workspace made with "role": "admin".',
            status=403,
            type="permission_error",
            code="role_admin_required",
        )
    return caller


async def slowed(request: Request, api: Api) -> None:
    address = request.client.host if request.client else ""
    delay = api.slowdown.failed(address, asyncio.get_running_loop().time())
    if delay:
        await asyncio.sleep(delay)


# ── bodies in ────────────────────────────────────────────────────────────────────────────────────────────


def refuse_other_sites(request: Request) -> None:
    """What a page of another site writes in its visitor's name. With a header of its own the browser has asked first."""
    header = request.headers.get
    if header("sec-fetch-site") == "cross-site" and not (header("authorization") or header("x-api-key")):
        raise CallerError(
            "A web page of another site may not change anything here without a key.", status=403, type="permission_error", code="cross_site"
        )


def refuse_forms(request: Request) -> None:
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent in FORM_TYPES:
        raise CallerError(
            f"The body must be JSON, sent with `content-type: application/json`, not {sent}", status=415, code="unsupported_media_type"
        )


async def read_body(request: Request) -> bytes:
    """The body, unpacked where it came gzipped (the opik client packs those above 256 bytes). CallerError 413 above `MAX_BODY`."""
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", "gzip", "x-gzip", ""):
        raise CallerError(f"content-encoding {packed!r} is not supported; send gzip or none", status=415)
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if packed.endswith("gzip") else None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += unpacker.decompress(chunk, MAX_BODY + 1) if unpacker else chunk
            if len(body) > MAX_BODY:
                raise CallerError(f"The body is larger than {MAX_BODY} bytes", status=413)
    except zlib.error:
        raise CallerError("Unable to process JSON. The body is not gzip, as content-encoding says") from None
    if unpacker is not None and (not unpacker.eof or unpacker.unused_data):
        raise CallerError("Unable to process JSON. The gzip body ends too early, or something follows its end")
    return bytes(body)


async def read_json(request: Request, type: type[T]) -> T:
    """The body as that type. CallerError 400 for what is not such JSON; 422 for none at all."""
    body = await read_body(request)
    if not body.strip() or body.strip() == b"null":
        raise invalid("request body must not be null")
    try:
        body.decode()  # first, since a part that is read later must not be the first to be seen as none
        return msgspec.json.decode(body, type=type)
    except UnicodeDecodeError as error:
        raise CallerError(f"Unable to process JSON. It is not valid UTF-8: {error.reason} at byte {error.start}") from None
    except msgspec.DecodeError as error:  # a ValidationError too: both are what Jackson calls a processing exception
        raise CallerError(f"Unable to process JSON. {error}") from None
    except RecursionError:
        raise CallerError("Unable to process JSON. It is nested too deeply") from None


def invalid(*faults: str) -> CallerError:
    """Opik's bean validation: 422 and a list."""
    return CallerError("; ".join(faults), status=422, errors=list(faults))


# ── answers out ──────────────────────────────────────────────────────────────────────────────────────────


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value) + b"\n", status, headers=headers, media_type="application/json")


def nothing(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status_code=status, headers=headers)


def refusal(error: GatewayError, opik: bool) -> Response:
    headers = dict(refusals.headers_of(error))
    return Response(refusals.to_bytes(error, opik), refusals.status_of(error, opik), headers=headers, media_type="application/json")
