"""Every route beside completions and probes, as one Starlette application. Built at the first request that needs it.

Odd here: nothing redirects. Starlette would, for a slash at the end, to a URL made of the caller's `Host` and the scheme of the last hop:
behind a proxy that ends TLS, that sends a key along in the clear. `App` takes such a slash off instead.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from .. import __version__
from ..errors import CallerError, GatewayError
from . import metrics, refusals
from .api import Api, models, routes
from .api.endpoint import made
from .assembly import Assembly
from .describe import openapi
from .pages import docs, index


def build(assembly: Assembly) -> Starlette:
    api = Api(assembly.live, assembly.upstream.fetch, models=models.for_opik, version=__version__)
    api.slowdown = assembly.gateway.slowdown
    listed = [made(api, endpoint, prefix) for prefix in ("", "/api") for endpoint in models.ENDPOINTS]
    pages = [Route("/openapi.json", openapi), Route("/docs", docs), Route("/", index), metrics.route(assembly)]
    built = Starlette(routes=[*routes(api), *listed, *pages], exception_handlers={404: not_found, 405: wrong_method, Exception: failed})
    built.router.redirect_slashes = False
    return built


def refusal(request: Request, error: GatewayError) -> Response:
    opik = "/private/" in request.url.path
    return Response(refusals.to_bytes(error, opik), refusals.status_of(error, opik), media_type="application/json")


async def not_found(request: Request, error: Exception) -> Response:
    said = f"there is nothing at {request.url.path}; completions are at POST /v1/chat/completions, all routes at /docs"
    return refusal(request, CallerError(said, status=404, code="not_found"))


async def wrong_method(request: Request, error: Exception) -> Response:
    """405 with what the path does take (RFC 9110, 15.5.6 wants it told); to OPTIONS that is the answer."""
    takes = {method for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE for method in route.methods}
    allow = {"allow": ", ".join(sorted(takes | {"OPTIONS"}))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    said = f"{request.method} is not for {request.url.path}, which takes {allow['allow']}"
    answer = refusal(request, CallerError(said, status=405, code="method_not_allowed"))
    answer.headers.update(allow)
    return answer


async def failed(request: Request, error: Exception) -> Response:
    said = "the gateway failed to process this request; its log has the cause"
    return refusal(request, GatewayError(said, code="internal_error"))
