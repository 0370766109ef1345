"""What an answer needs from the world and a pure function may not take: a fresh id and the time. One per request."""

from __future__ import annotations

from msgspec import Struct


class Stamp(Struct, frozen=True):
    id: str
    """chatcmpl-…, used where the vendor gave no id"""
    created: int
    """unix seconds, used where the vendor gave no time"""

    def call_id(self, choice: int, tool: int) -> str:
        """An id for a tool call that the vendor left without one; unique within the conversation."""
        return f"call_{self.id.removeprefix('chatcmpl-')}_{choice}_{tool}"
