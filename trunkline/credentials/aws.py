"""AWS keys of this machine, as botocore's standard chain finds them: variables, profiles, SSO, container and instance roles.

Odd here: botocore is synchronous and some of its providers speak HTTP on their own (instance metadata), so it runs in a thread. It
refreshes roles' keys by itself when asked; they are asked for again ahead of their end, and static keys every quarter of an hour.

Source: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..errors import OperatorError, UpstreamError
from ..signing import pack_keys
from .source import Cached, Token

STATIC_SECONDS = 900.0


class AwsChain(Cached):
    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._found: Any = None

    async def fetch(self) -> Token:
        return await asyncio.to_thread(self._keys)

    def invalidate(self) -> None:
        super().invalidate()
        self._found = None

    def _keys(self) -> Token:
        try:
            from botocore import exceptions, session
        except ImportError:
            raise OperatorError(
                "AWS's credential chain needs botocore: pip install 'trunkline[bedrock]'", code="missing_dependency"
            ) from None
        try:
            found = self._found = self._found or session.Session().get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        except exceptions.BotoCoreError as error:
            raise UpstreamError(f"AWS's credential chain failed: {str(error)[:300]}", code="upstream_auth") from None
        if frozen is None or not frozen.access_key or not frozen.secret_key:
            raise OperatorError(
                "no AWS credentials on this machine: set access_key_id and secret_access_key, or an api_key, for the provider",
                code="token_missing",
            )
        now = self._clock()
        ends = getattr(found, "_expiry_time", None)  # botocore tells it in no other way
        expires_at = ends.timestamp() if isinstance(ends, datetime) else now + STATIC_SECONDS
        return Token(pack_keys(frozen.access_key, frozen.secret_key, frozen.token), max(expires_at, now + 1.0), now)
