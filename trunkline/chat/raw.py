"""Members kept as bytes.

Odd here: msgspec decodes no union with `Raw`, so "absent or null" needs a helper of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Raw, Struct
from msgspec.structs import force_setattr

NO_RAW = Raw(b"")

# msgspec decodes no union with Raw (it reads `Raw | None` as "null only"), so at run time these fields are plain Raw with
# None as the default, and `null_is_absent` keeps the other half of the promise.
if TYPE_CHECKING:
    MaybeRaw = Raw | None
else:
    MaybeRaw = Raw


def null_is_absent(value: Struct, *names: str) -> None:
    for name in names:
        raw = getattr(value, name)
        if raw is not None and bytes(raw) == b"null":
            force_setattr(value, name, None)
