"""Data URLs and what they hold. Odd here: callers send them with and without parameters, in url-safe base64, with line breaks."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from ..errors import CallerError

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)


class Blob(Struct, frozen=True):
    mime: str
    """e.g. image/png; lower case; empty where the URL does not say"""
    base64: str
    """standard alphabet, padded, no white space"""

    def bytes(self) -> bytes:
        return base64.b64decode(self.base64)


_MAGIC = {"JVBERi": "application/pdf", "iVBORw0KGg": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif"}


def seen(base64_text: str) -> str:
    """The type by the first bytes, for a picture or a PDF; "" where they say nothing. Callers label a PNG as JPEG and worse, and OpenAI
    does not mind; others do ("Image does not match the provided media type")."""
    for start, mime in _MAGIC.items():
        if base64_text.startswith(start):
            return mime
    webp = base64_text.startswith("UklGR") and base64.b64decode(base64_text[:16])[8:12] == b"WEBP"
    return "image/webp" if webp else ""


def is_remote(url: str) -> bool:
    return url[:8].lower().startswith(("http://", "https://"))


def data_url(url: str, param: str) -> Blob | None:
    """The blob in a `data:` URL, None for any other URL. CallerError naming `param` where it is a broken one."""
    if url[:5].lower() != "data:":
        return None
    head = _DATA_URL.match(url)
    if head is None:
        raise CallerError(f"{param} is a data URL without a comma; write data:image/png;base64,…", param=param)
    mime, flags, payload = head[1].lower(), head[2].lower(), url[head.end() :]
    if ";base64" not in flags:
        return Blob(mime, base64.b64encode(unquote_to_bytes(payload)).decode())
    return Blob(mime, standard_base64(payload, param))


def standard_base64(text: str, param: str) -> str:
    """Base64 in the standard alphabet with padding. CallerError naming `param` where it is not base64."""
    clean = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    clean += "=" * (-len(clean) % 4)
    try:
        binascii.a2b_base64(clean, strict_mode=True)
    except (binascii.Error, ValueError):
        raise CallerError(f"{param} is not valid base64", param=param) from None
    return clean
