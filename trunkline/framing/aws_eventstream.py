"""AWS's binary event stream (`application/vnd.amazon.eventstream`), as Bedrock streams.

    total length u32 | headers length u32 | CRC-32 of these u32 | headers | payload | CRC-32 of all before u32

Odd here: the length must not be believed before the prelude's own checksum is right, or one flipped bit has us wait for
gigabytes; and a frame cut by the end of the body is an error, never a quiet end. The header blocks of a stream are few
and repeat byte for byte, so each is taken apart once.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

from struct import Struct as Layout
from struct import error as LayoutError
from zlib import crc32

import msgspec

from ..wire import Frame
from .bounds import broken

MAX_HEADERS = 128 * 1024
MAX_PAYLOAD = 24 * 1024 * 1024
"""Bytes, both as botocore has them."""

_PRELUDE = Layout(">III")
_U32 = Layout(">I")
_U16 = Layout(">H")
_OVERHEAD = _PRELUDE.size + _U32.size
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Header value types of fixed size: true, false, byte, short, int, long, timestamp, UUID."""
_BYTES, _STRING = 6, 7
_REMEMBERED = 64


class AwsEventStream:
    """`Frame.event` is `:event-type`, or `:exception-type` (`:error-code`) with `error` set; `Frame.data` the payload."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._need = _PRELUDE.size
        self._kinds: dict[bytes, dict[str, str]] = {}

    def feed(self, data: bytes) -> list[Frame]:
        held = self._held
        held += data
        frames: list[Frame] = []
        if len(held) < self._need:
            return frames
        at = 0
        while len(held) - at >= _PRELUDE.size:
            total, headers, checksum = _PRELUDE.unpack_from(held, at)
            if crc32(held[at : at + 8]) != checksum:
                raise broken("the checksum of a frame's prelude is wrong")
            if headers > MAX_HEADERS or total > MAX_PAYLOAD + headers + _OVERHEAD or total < headers + _OVERHEAD:
                raise broken(f"a frame claims {total} bytes, {headers} of them headers")
            if len(held) - at < total:
                self._need = total
                break
            message = bytes(held[at : at + total])
            if crc32(message[:-4]) != _U32.unpack_from(message, total - 4)[0]:
                raise broken("a frame's checksum is wrong")
            split = _PRELUDE.size + headers
            frames.append(self._frame(message[_PRELUDE.size : split], message[split:-4]))
            at += total
        else:
            self._need = _PRELUDE.size
        del held[:at]
        return frames

    def close(self) -> list[Frame]:
        if self._held:
            raise broken(f"it ended inside a frame, {len(self._held)} bytes into it")
        return []

    def _frame(self, block: bytes, payload: bytes) -> Frame:
        headers = self._kinds.get(block)
        if headers is None:
            headers = strings(block)
            if len(self._kinds) < _REMEMBERED:
                self._kinds[block] = headers
        match headers.get(":message-type"):
            case "exception":
                return Frame(payload, headers.get(":exception-type", "exception"), True)
            case "error":
                code = headers.get(":error-code", "error")
                return Frame(msgspec.json.encode({"message": headers.get(":error-message", ""), "code": code}), code, True)
            case _:
                return Frame(payload, headers.get(":event-type", ""))


def strings(block: bytes) -> dict[str, str]:
    """The string headers of a header block; values of the other types are stepped over. UpstreamError where it is broken."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            after = at + 1 + block[at]
            name, kind = block[at + 1 : after], block[after]
            at = after + 1
            if kind in _FIXED:
                at += _FIXED[kind]
            elif kind in (_BYTES, _STRING):
                size = _U16.unpack_from(block, at)[0]
                value = block[at + 2 : at + 2 + size]
                at += 2 + size
                if kind == _STRING:
                    found[name.decode()] = value.decode()
            else:
                raise broken(f"a frame's header has the unknown type {kind}")
    except (IndexError, LayoutError, UnicodeDecodeError):
        raise broken("a frame's headers cannot be read") from None
    if at != len(block):
        raise broken("a frame's headers are cut off")
    return found
