"""The vault: bounded in bytes and age, apart by caller, and never louder than what the client hands back itself."""

from __future__ import annotations

import json

from msgspec import Raw
from msgspec.structs import replace

from tests.dialects.replaying import ask
from trunkline.access import Caller
from trunkline.chat import Assistant, ChatRequest, Function, ReasoningDetail, TextDelta, ToolCall, ToolStarted, User
from trunkline.target import Target
from trunkline.vault import Memory, Vault, Watcher

CLAUDE = Target(provider="anthropic", kind="anthropic", model="claude-x", dialect="anthropic_messages", base_url="http://h")
SIGNED = {"type": "reasoning.text", "text": "hm", "signature": "S" * 60, "format": "anthropic"}
ANNA, BERT = Caller(key_id="anna"), Caller(key_id="bert")


def watched(*events: object) -> Watcher:
    watcher = Watcher()
    watcher.see(events)  # type: ignore[arg-type]
    return watcher


def second_turn(assistant: Assistant) -> ChatRequest:
    return replace(ask(), messages=[User("Hi"), assistant, User("And?")])


def called(id: str) -> Assistant:
    return Assistant(None, tool_calls=[ToolCall(id, function=Function("look", "{}"))])


def details(request: ChatRequest) -> list[object]:
    assistant = request.messages[1]
    assert isinstance(assistant, Assistant)
    return [json.loads(bytes(detail)) for detail in assistant.reasoning_details or ()]


def test_a_turn_is_known_by_its_calls_id_or_by_its_text() -> None:
    vault = Vault()
    vault.remember(ANNA, watched(ReasoningDetail(SIGNED), ToolStarted(0, "toolu_1", "look")))
    vault.remember(ANNA, watched(ReasoningDetail(SIGNED), TextDelta("It is "), TextDelta("here. ")))
    assert details(vault.restored(second_turn(called("toolu_1")), CLAUDE, ANNA)) == [SIGNED]
    assert details(vault.restored(second_turn(Assistant("It is here.")), CLAUDE, ANNA)) == [SIGNED], "clients strip white space"
    assert details(vault.restored(second_turn(Assistant("It is there.")), CLAUDE, ANNA)) == []


def test_another_callers_turn_stays_its_own() -> None:
    vault = Vault()
    vault.remember(ANNA, watched(ReasoningDetail(SIGNED), ToolStarted(0, "toolu_1", "look")))
    request = second_turn(called("toolu_1"))
    assert vault.restored(request, CLAUDE, BERT) is request
    assert vault.restored(request, CLAUDE, Caller(workspace="other", key_id="anna")) is request


def test_what_the_client_hands_back_is_never_overruled() -> None:
    vault = Vault()
    vault.remember(ANNA, watched(ReasoningDetail(SIGNED), ToolStarted(0, "toolu_1", "look")))
    own = {**SIGNED, "text": "its own"}
    request = second_turn(replace(called("toolu_1"), reasoning_details=[Raw(json.dumps(own).encode())]))
    assert details(vault.restored(request, CLAUDE, ANNA)) == [own]


def test_the_least_used_goes_first_when_it_is_full_and_everything_goes_when_it_is_old() -> None:
    now = [0.0]
    shelf = Memory(max_bytes=35_000, max_age=100, now=lambda: now[0])
    for key in (b"a", b"b", b"c"):
        shelf.put(key, b"x" * 10_000)
    assert shelf.get(b"a") is not None
    shelf.put(b"d", b"x" * 10_000)
    assert shelf.get(b"b") is None, "it was used longest ago"
    assert shelf.get(b"a") is not None
    assert 30_000 <= shelf.bytes <= 35_000
    now[0] = 100.5
    assert shelf.get(b"a") is None
    shelf.put(b"e", b"x" * 40_000)
    assert shelf.bytes == 0, "what fits nowhere is not kept, nor what it pushed out"
