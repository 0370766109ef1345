"""The vendor's words for how an answer ended, as OpenAI's.

Odd here: an old client library asks for enums as integers, so each word has a number too; and a function call ends with STOP.

Sources: https://ai.google.dev/api/generate-content#FinishReason, https://ai.google.dev/gemini-api/docs/generate-content/long-decode, and
the numbers of
https://github.com/googleapis/googleapis/blob/master/google/ai/generativelanguage/v1beta/generative_service.proto
"""

from __future__ import annotations

from ...chat import Reason

REASONS: dict[str, Reason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
"""CONTINUATION: one request's share of a longer answer, which goes on by `continuation_token`.
All others (LANGUAGE, OTHER, MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, …) are `stop` with the word kept."""

PLAIN = frozenset({"STOP", "MAX_TOKENS"})
"""OpenAI's own word says all that these say."""

_FINISH_NUMBERS = {
    1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER", 6: "LANGUAGE", 7: "BLOCKLIST", 8: "PROHIBITED_CONTENT",
    9: "SPII", 10: "MALFORMED_FUNCTION_CALL", 11: "IMAGE_SAFETY", 12: "UNEXPECTED_TOOL_CALL", 13: "TOO_MANY_TOOL_CALLS",
}  # fmt: skip
_BLOCK_NUMBERS = {1: "SAFETY", 2: "OTHER", 3: "BLOCKLIST", 4: "PROHIBITED_CONTENT", 5: "IMAGE_SAFETY"}


def finish_word(said: str | int | None) -> str:
    """The word; "" where the candidate has not ended."""
    if isinstance(said, int):
        return _FINISH_NUMBERS.get(said, str(said)) if said else ""
    return "" if said is None or said == "FINISH_REASON_UNSPECIFIED" else said


def block_word(said: str | int | None) -> str:
    """Why a prompt was refused; "" where it was not."""
    if isinstance(said, int):
        return _BLOCK_NUMBERS.get(said, str(said)) if said else ""
    return "" if said is None or said in ("BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED") else said


def reason(word: str, *, calls: bool) -> Reason:
    """OpenAI's finish reason. Calls come whole, so an answer that holds some ends with them unless it was filtered."""
    said = REASONS.get(word, "stop")
    return "tool_calls" if calls and said != "content_filter" else said
