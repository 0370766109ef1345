"""Slowing those who guess keys: a wait before a 401, counted per client address. A valid caller is never asked to wait.

Odd here: 256-bit keys cannot be guessed, so this is for the log and the CPU, and for admin keys that people chose. The first few
failures of an address cost nothing (a misconfigured client should read its error at once); then each waits longer, up to a bound,
because a waiting connection costs us memory too.
"""

from __future__ import annotations

from msgspec import Struct

FREE = 5
"""Failures that cost nothing."""
PER_SECOND = 1.0
"""How fast failures are forgiven."""
STEP = 0.1
LONGEST = 2.0
"""Seconds: the most one answer waits."""
ADDRESSES = 10_000
"""How many addresses are remembered; the one longest silent is forgotten first."""


class _Record(Struct):
    failures: float
    at: float


class Slowdown:
    """The failures of each address. One owner: the server's event loop."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def failed(self, address: str, now: float) -> float:
        """Count a failed attempt; the seconds to wait before answering it. `now` is any clock in seconds that only rises."""
        record = self._records.pop(address, None)
        if record is None:
            record = _Record(0.0, now)
            if len(self._records) >= ADDRESSES:
                del self._records[next(iter(self._records))]
        self._records[address] = record
        record.failures = max(0.0, record.failures - (now - record.at) * PER_SECOND) + 1.0
        record.at = now
        return min(LONGEST, max(0.0, (record.failures - FREE) * STEP))
