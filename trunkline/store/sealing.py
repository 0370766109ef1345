"""Sealing secrets for the database: AES-256-GCM under a master key that is never in it.

A sealed text is `tl1.KEYID.BASE64(nonce + ciphertext + tag)`. The key id (a hash of the master key) says which key opens it, so
during a rotation old and new texts stand side by side and each finds its key. The associated data ties a text to its workspace,
provider, row and column: copied into another row by someone who can write to the database, it does not open.

Nonces are 96 random bits; NIST SP 800-38D allows 2^32 seals under one key that way, far beyond any store of provider keys.
Source: https://cryptography.io/en/latest/hazmat/primitives/aead/
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Callable

from msgspec import Struct

from ..errors import OperatorError
from ..secret import Secret

FORMAT = "tl1"
NONCE = 12


class Place(Struct, frozen=True):
    """Where a sealed text stands; it opens nowhere else."""

    workspace: str
    provider: str
    row: str
    column: str

    def associated_data(self) -> bytes:
        return json.dumps(["trunkline", self.workspace, self.provider, self.row, self.column], separators=(",", ":")).encode()


class MasterKey(Struct, frozen=True):
    """32 bytes, and the id by which sealed texts name them."""

    id: str
    key: Secret
    """base64, so that it prints as stars like any secret."""

    def bytes(self) -> bytes:
        return base64.b64decode(self.key.reveal())


def master_key(text: str) -> MasterKey:
    """Read a master key: 32 bytes in base64 (either alphabet) or hex. ValueError, without the text, when it is not one."""
    text = text.strip()
    raw = b""
    with contextlib.suppress(ValueError):
        if len(text) == 64:
            raw = bytes.fromhex(text)
        else:
            raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    if len(raw) != 32:
        raise ValueError(
            "a master key is 32 bytes in base64 (44 characters) or hex (64 characters); make one with `openssl rand -base64 32`"
        )
    return MasterKey(hashlib.sha256(b"trunkline master key\0" + raw).hexdigest()[:16], Secret(base64.b64encode(raw).decode()))


def fresh_master_key() -> MasterKey:
    return master_key(base64.b64encode(os.urandom(32)).decode())


class Ring:
    """The master keys this process holds, newest first. Asks its source again when it meets a key id it does not know:
    that is how a running gateway follows a rotation done beside it."""

    def __init__(self, load: Callable[[], list[MasterKey]]) -> None:
        self._load = load
        self.keys = {key.id: key for key in load()}

    def find(self, key_id: str) -> MasterKey:
        """OperatorError naming the fix when the key is not held."""
        found = self.keys.get(key_id)
        if found is None:
            self.keys = {key.id: key for key in self._load()}
            found = self.keys.get(key_id)
        if found is None:
            raise OperatorError(
                f"The database's secrets are sealed under master key {key_id}, which this gateway does not hold"
                f" (it holds {', '.join(self.keys) or 'none'}). Set storage.master_key to it, or copy the master.key file of the"
                " gateway that made it.",
                status=503,
                code="master_key_unknown",
            )
        return found

    @property
    def newest(self) -> MasterKey:
        return next(iter(self.keys.values()))


def seal(text: str, place: Place, key: MasterKey) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE)
    sealed = AESGCM(key.bytes()).encrypt(nonce, text.encode(), place.associated_data())
    return f"{FORMAT}.{key.id}.{base64.b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, place: Place, ring: Ring) -> str:
    """The text that was sealed at that place. OperatorError when the key is not held, or the text was changed or moved."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    form, _, rest = sealed.partition(".")
    key_id, _, data = rest.partition(".")
    if form != FORMAT:
        raise OperatorError(
            f"The stored {place.column} of row {place.row} is not sealed in a form this version reads.", code="unsealing_failed"
        )
    key = ring.find(key_id)
    try:
        raw = base64.b64decode(data, validate=True)
        return AESGCM(key.bytes()).decrypt(raw[:NONCE], raw[NONCE:], place.associated_data()).decode()
    except (InvalidTag, ValueError):
        raise OperatorError(
            f"The stored {place.column} of row {place.row} was changed or moved: it does not open. Delete that provider key and add it"
            " again.",
            code="unsealing_failed",
        ) from None
