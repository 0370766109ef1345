"""From a request and a target to the bytes that leave, signed: all that happens before the network.

Odd here: on the usual road (OpenAI's format on both sides, a constant key) nothing is awaited and hardly anything is computed.
Starting a local model, fetching a picture, refreshing a token are side roads taken only where the target needs them.
"""

from __future__ import annotations

import asyncio
import base64
from time import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from .access import Caller
from .chat import ChatRequest, File, Image, Video
from .dialects import Dialect, dialect, openai_chat
from .dialects.media import is_remote
from .errors import CallerError
from .secret import Secret
from .signing import sign
from .target import Bearer, Encoded, EntraAuth, GoogleAuth, NoAuth, OAuthClient, SigV4, Target, Timeouts
from .wire import HttpRequest

if TYPE_CHECKING:
    from .gateway import Gateway

_OPENAI = dialect("openai_chat")

FETCHED = (GoogleAuth, EntraAuth, OAuthClient, SigV4)
"""Ways to sign that may need a token or key fetched first."""


class Prepared(Struct):
    """A request ready to leave for one target."""

    target: Target
    dialect: Dialect
    encoded: Encoded
    http: HttpRequest
    """Signed. Holds secrets: send it, never show it."""
    relays: bool
    """Caller and target speak OpenAI's format and nothing has to be undone: the vendor's bytes go to the caller."""
    request: ChatRequest

    async def renew(self, gw: Gateway) -> bool:
        """After a 401: fetch a new token where there is one to fetch, and sign again. False where the key is what it is."""
        if not isinstance(self.target.auth, OAuthClient | GoogleAuth | EntraAuth):
            return False
        gw.credentials.invalidate(self.target.auth)
        self.http = await signed(self.encoded.http, self.target, gw)
        return True


def at_once(request: ChatRequest, target: Target, gw: Gateway) -> Prepared | None:
    """The usual road, without waiting: OpenAI's format, a constant key, no media to fetch. None where the target needs more."""
    known = gw.known(target)
    if not known.straight or (known.beside is not None and gw.door(request, target) is not target):
        return None
    encoded = openai_chat.encode_request(request, target)
    if encoded.check and request.stream:
        return None
    http = encoded.http
    signed = HttpRequest(http.method, http.url, known.headers, http.body)
    plain = encoded.fan_out == 1 and not encoded.check and request.functions is None and not encoded.customs
    return Prepared(target, _OPENAI, encoded, signed, plain or relays(request, target, encoded), request)


async def prepare(request: ChatRequest, target: Target, caller: Caller, gw: Gateway) -> Prepared:
    """Any road. CallerError where this vendor cannot be asked that."""
    if target.kind == "local":
        target = await placed(target, gw)
    target = gw.door(request, target)
    spoken = dialect(target.dialect)
    if gw.vault is not None:
        request = gw.vault.restored(request, target, caller)
    urls = spoken.remote_media(request, target)
    if urls:
        request = await with_media(request, urls, gw)
    encoded = encode(request, target, spoken)
    http = await signed(encoded.http, target, gw)
    return Prepared(target, spoken, encoded, http, relays(request, target, encoded), request)


def encode(request: ChatRequest, target: Target, spoken: Dialect) -> Encoded:
    """The request in the target's dialect. An answer that must be checked is asked for whole, even if the caller wants a stream of it."""
    encoded = spoken.encode_request(request, target)
    return spoken.encode_request(unstreamed(request), target) if encoded.check and request.stream else encoded


async def encode_for(request: ChatRequest, prepared: Prepared, gw: Gateway) -> Prepared:
    """Another request for the same target."""
    encoded = encode(request, prepared.target, prepared.dialect)
    http = await signed(encoded.http, prepared.target, gw)
    return Prepared(prepared.target, prepared.dialect, encoded, http, prepared.relays, request)


def unstreamed(request: ChatRequest) -> ChatRequest:
    whole = replace(request, stream=None, stream_options=None)
    force_setattr(whole, "wire", {name: raw for name, raw in request.wire.items() if name not in ("stream", "stream_options")})
    return whole


def relays(request: ChatRequest, target: Target, encoded: Encoded) -> bool:
    if target.dialect != "openai_chat" or encoded.fan_out > 1 or encoded.check or encoded.names or encoded.json_tool or encoded.customs:
        return False
    return not (request.functions is not None and "no_functions" in target.quirks)


def refuse_dropped(encoded: Encoded) -> None:
    lost = [note for note in encoded.notes if note.kind in ("dropped", "added")]
    if lost:
        raise CallerError(
            "x-trunkline-strict is on and this target cannot take: " + "; ".join(f"{note.param} ({note.why})" for note in lost),
            param=lost[0].param, code="unsupported_parameter",
        )  # fmt: skip


async def signed(http: HttpRequest, target: Target, gw: Gateway) -> HttpRequest:
    """The request as it leaves: the config's headers and query, then the signature over all of it."""
    known = gw.known(target)
    if known.constant:
        return HttpRequest(http.method, http.url, http.headers + known.added, http.body)
    if target.headers:
        http = HttpRequest(http.method, http.url, http.headers + target.headers, http.body)
    if target.query:
        http = HttpRequest(http.method, with_query(http.url, target), http.headers, http.body)
    auth = target.auth
    if auth.__class__ is NoAuth:
        return http
    token: Secret | None = None
    if isinstance(auth, FETCHED):
        token = await gw.credentials.token(auth, trusted=target.trusted)
    return sign(http, auth, time(), token)


def with_query(url: str, target: Target) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(target.query)


async def placed(target: Target, gw: Gateway) -> Target:
    """A local target with the address and key of its running model."""
    endpoint = await gw.local(target.provider).ready()
    return replace(target, base_url=endpoint.base_url, auth=Bearer(endpoint.api_key), model=endpoint.model)


# ── pictures and files by URL, for vendors that want the bytes ───────────────────────────────────────────

MAX_MEDIA = 20 * 1024 * 1024
"""Bytes of one fetched picture or file."""


async def with_media(request: ChatRequest, urls: list[str], gw: Gateway) -> ChatRequest:
    """The request with these URLs replaced by data URLs. CallerError naming a URL that cannot be had."""
    unique = list(dict.fromkeys(urls))
    fetched = dict(zip(unique, await asyncio.gather(*(fetch_media(url, gw) for url in unique)), strict=True))

    def inline(part: object) -> object:
        match part:
            case Image() | Video() if part.url in fetched:
                name = "image_url" if isinstance(part, Image) else "video_url"
                reference = getattr(part, name)
                inner = fetched[part.url] if isinstance(reference, str) else replace(reference, url=fetched[part.url])
                return replace(part, **{name: inner})
            case File(file=file) if file.file_data in fetched:
                return replace(part, file=replace(file, file_data=fetched[file.file_data]))
            case _:
                return part

    messages = []
    for message in request.messages:
        content = message.content
        if isinstance(content, list):
            message = replace(message, content=[inline(part) for part in content])
        elif content is not None and not isinstance(content, str):
            message = replace(message, content=inline(content))
        messages.append(message)
    return replace(request, messages=messages)


async def fetch_media(url: str, gw: Gateway) -> str:
    """A remote picture or file as a data URL. The address is checked by the egress rules: a caller chose it."""
    assert is_remote(url)
    response = await gw.upstream.fetch(HttpRequest("GET", url), Timeouts(5, 30, 15), trusted=False)
    shown = url.partition("?")[0]
    if response.status != 200:
        raise CallerError(
            f"{shown} answered {response.status}; this provider wants the bytes, so the URL must be public", code="media_unreachable"
        )
    if len(response.body) > MAX_MEDIA:
        raise CallerError(f"{shown} is larger than {MAX_MEDIA >> 20} MB", code="media_too_large")
    mime = response.headers.get("content-type", "").partition(";")[0].strip().lower() or "application/octet-stream"
    return f"data:{mime};base64,{base64.b64encode(response.body).decode()}"
