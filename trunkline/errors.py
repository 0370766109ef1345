"""The error tree, by who can act: the caller, the upstream, or whoever runs this gateway.

Each error is what the caller will read: `message` names the field or the host and the fix, `status`, `type`, `code`
and `param` are OpenAI's (https://platform.openai.com/docs/guides/error-codes). `try_next` says whether another target
could do better. None of them ever holds a key or a vendor's HTML.
"""

from __future__ import annotations

from typing import Any


class GatewayError(Exception):
    status = 500
    type = "server_error"
    code: str | None = None
    try_next = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        try_next: bool | None = None,
        retry_after: float | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        details: str | None = None,
        errors: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.status if status is None else status
        self.type = self.type if type is None else type
        self.code = self.code if code is None else code
        self.param = param
        self.try_next = self.try_next if try_next is None else try_next
        self.retry_after = retry_after
        """Seconds; becomes the `retry-after` header."""
        self.headers = headers
        """More answer headers, e.g. the vendor's rate limits."""
        self.details = details
        """The vendor's own text where `message` is ours (Opik's `details`)."""
        self.errors = errors
        """A list of faults where there are several (Opik's `errors`)."""

    def body(self) -> dict[str, Any]:
        """OpenAI's error object."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class CallerError(GatewayError):
    """The caller can fix it: a bad field, an unknown model, a key that may not."""

    status = 400
    type = "invalid_request_error"


class UpstreamError(GatewayError):
    """The vendor refused, failed, or could not be reached."""

    status = 502
    type = "upstream_error"
    code: str | None = "upstream_error"
    try_next = True


class OperatorError(GatewayError):
    """Whoever runs this gateway can fix it: a bad config, a missing master key, a store that is down."""

    status = 500
    type = "server_error"
    code = "gateway_misconfigured"


class ConfigError(OperatorError):
    """A config that was refused. `problems` has every one of them, each with its path."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems), errors=problems)
        self.problems = problems
