"""The vendor's errors: `{"message"}` with the kind in a header, or an exception frame in the midst of a stream.

Odd here: the kind is `ValidationException:http://internal.amazon.com/…`, cut at the colon, and says more than the status: an
unknown model is a ValidationException, a model that broke is a 424, bad credentials of every sort are 403. Inside a stream the
name of the exception is all there is; the front door (no such operation: a wrong path or host) has nothing but the name at times.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors,
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re

from ...chat import Failed
from ...errors import UpstreamError
from ...target import Target
from ...wire import Frame, HttpResponse
from ..failures import failure, json_object

STATUSES = {
    "validationexception": 400,
    "resourcenotfoundexception": 404,
    "accessdeniedexception": 403,
    "unrecognizedclientexception": 403,
    "expiredtokenexception": 403,
    "invalidsignatureexception": 403,
    "incompletesignatureexception": 403,
    "invalidclienttokenid": 403,
    "missingauthenticationtokenexception": 403,
    "optinrequired": 403,
    "throttlingexception": 429,
    "servicequotaexceededexception": 429,
    "modelnotreadyexception": 503,
    "serviceunavailableexception": 503,
    "modeltimeoutexception": 504,
    "modelerrorexception": 502,
    "modelstreamerrorexception": 502,
    "internalserverexception": 500,
    "internalfailure": 500,
}
_UNKNOWN_MODEL = re.compile(r"model identifier is invalid|model (?:id|identifier) .* (?:not found|does not exist)", re.IGNORECASE)
_OVERFLOW = re.compile(r"input tokens? exceed|exceeds maximum length|maximum input|context (?:window|length|limit)", re.IGNORECASE)


def decode_error(response: HttpResponse, target: Target) -> UpstreamError:
    """The error for an answer with a status of 300 and above."""
    body = json_object(response.body)
    if isinstance(body.get("Output"), dict):  # the front door's form: {"Output": {"__type", "message"}, "Version"}
        body = body["Output"]
    kind = response.headers.get("x-amzn-errortype") or body.get("__type") or body.get("code") or ""
    said = body.get("message") or body.get("Message") or ""
    return _error(response, target, kind if isinstance(kind, str) else "", said if isinstance(said, str) else "")


def refused(response: HttpResponse, target: Target) -> UpstreamError:
    """The error for a body that came with a good status and is no answer: an error after all, or something else entirely."""
    body = json_object(response.body)
    if isinstance(body.get("message"), str) and "output" not in body:
        return decode_error(HttpResponse(500, response.headers, response.body), target)
    return UpstreamError(f"{target.provider} answered with something that is no Converse answer", code="upstream_protocol")


def failed(frame: Frame, target: Target) -> Failed:
    """An exception frame of a stream, as the event that ends it."""
    body = json_object(frame.data)
    said = body.get("message") or body.get("originalMessage") or ""
    error = _error(HttpResponse(500, {}, b""), target, frame.event, said if isinstance(said, str) else "")
    return Failed(error.message, error.status, error.code or "upstream_error", error.type, error.retry_after)


def _error(response: HttpResponse, target: Target, kind: str, message: str) -> UpstreamError:
    name = kind.partition(":")[0].rpartition("#")[2]
    status = STATUSES.get(name.lower(), response.status)
    code = None
    if status == 400 and _OVERFLOW.search(message):
        code = "context_length_exceeded"
    elif status == 400 and _UNKNOWN_MODEL.search(message):
        status = 404
    return failure(target, response, message or name, code=code, status=status)
