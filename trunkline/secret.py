"""A secret prints as stars. It opens at the line that signs or seals, and nowhere else."""

from __future__ import annotations

import hmac


class Secret:
    """A key or token. `str`, `repr` and every format give stars; `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def masked(self) -> str:
        """As Opik masks: up to 12 characters all stars; longer, the first and last three remain."""
        text = self._text
        if len(text) <= 12:
            return "*" * len(text)
        return text[:3] + "*" * (len(text) - 6) + text[-3:]

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)
