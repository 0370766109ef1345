"""Ways to feed a framer, slow and obvious readers to compare with, and hand-made AWS frames."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from zlib import crc32

from hypothesis import strategies as st

from trunkline.framing import Framer
from trunkline.wire import Frame


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[i : i + size] for i in range(0, len(body), size)]


def framed(framer: Framer, pieces: Iterable[bytes]) -> list[Frame]:
    frames: list[Frame] = []
    for piece in pieces:
        frames += framer.feed(piece)
    return frames + framer.close()


@st.composite
def cuttings(draw: st.DrawFn, body: bytes) -> list[bytes]:
    """The body in pieces, cut anywhere, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=12)))
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


def aws_frame(payload: bytes, **headers: str) -> bytes:
    """One AWS message; `event_type="x"` is the header `:event-type`."""
    block = b"".join(
        bytes([len(name) + 1]) + b":" + name.replace("_", "-").encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    return aws_raw(block, payload)


def aws_raw(block: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return message + struct.pack(">I", crc32(message))
