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


def test_small_entries_are_counted_with_what_they_really_take() -> None:
    shelf = Memory(max_bytes=10_000)
    for number in range(1000):
        shelf.put(b"%d" % number, b"x")
    assert sum(shelf.get(b"%d" % number) is not None for number in range(1000)) < 40


def test_what_is_old_goes_when_something_new_comes() -> None:
    now = [0.0]
    shelf = Memory(max_age=100, now=lambda: now[0])
    shelf.put(b"a", b"x")
    now[0] = 200.0
    shelf.put(b"b", b"x")
    assert 0 < shelf.bytes < 300, "only the new one is held"


def test_an_entry_put_twice_is_counted_once() -> None:
    shelf = Memory()
    shelf.put(b"a", b"x" * 1000)
    held = shelf.bytes
    shelf.put(b"a", b"y" * 1000)
    assert shelf.bytes == held
    assert shelf.get(b"a") == b"y" * 1000


def test_an_entry_too_large_or_without_anything_signed_is_not_kept() -> None:
    shelf = Memory()
    vault = Vault(shelf)
    vault.remember(ANNA, watched(TextDelta("Hi"), ToolStarted(0, "toolu_1", "look")))
    vault.remember(ANNA, watched(ReasoningDetail({**SIGNED, "signature": "S" * 3_000_000}), ToolStarted(0, "toolu_1", "look")))
    assert shelf.bytes == 0


def test_a_call_gets_its_own_signature_back_and_no_other_member() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "S"}}, "odd": 1}
    vault = Vault()
    vault.remember(ANNA, watched(ToolStarted(0, "c1", "look", extra=signed), ToolStarted(1, "c2", "look")))
    gemini = replace(CLAUDE, dialect="gemini_generate")
    both = Assistant(None, tool_calls=[ToolCall("c1", function=Function("look")), ToolCall("c2", function=Function("look"))])
    restored = vault.restored(second_turn(both), gemini, ANNA).messages[1]
    assert isinstance(restored, Assistant)
    assert restored.tool_calls is not None
    assert json.loads(bytes(restored.tool_calls[0].extra_content or b"")) == signed["extra_content"]
    assert restored.tool_calls[1].extra_content is None
    own = replace(both, tool_calls=[replace(both.tool_calls[0], extra_content=Raw(b'{"mine":1}'))])  # type: ignore[index]
    kept = vault.restored(second_turn(own), gemini, ANNA).messages[1]
    assert isinstance(kept, Assistant)
    assert kept.tool_calls is not None
    assert bytes(kept.tool_calls[0].extra_content or b"") == b'{"mine":1}'


def test_the_wire_of_a_same_format_hop_is_brought_up_to_date() -> None:
    router = Target(
        provider="r",
        kind="openrouter",
        model="m",
        dialect="openai_chat",
        base_url="http://h",
        quirks=frozenset({"keeps_reasoning_details"}),
    )
    vault = Vault()
    pieces = [{"type": "reasoning.text", "text": "h", "index": 0}, {"type": "reasoning.text", "text": "m", "index": 0, "signature": "S"}]
    call = ToolStarted(0, "c1", "look", extra={"extra_content": {"s": 1}})
    vault.remember(ANNA, watched(*(ReasoningDetail(piece) for piece in pieces), call))
    sent = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"n":12345678901234567890}'}}
    request = ask(messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [sent], "odd": 1}])
    restored = vault.restored(request, router, ANNA)
    message = json.loads(bytes(restored.wire["messages"]))[1]
    assert message["reasoning_details"] == [{"type": "reasoning.text", "text": "hm", "index": 0, "signature": "S"}]
    assert message["tool_calls"] == [{**sent, "extra_content": {"s": 1}}]
    assert message["odd"] == 1
    assert restored.wire.keys() == request.wire.keys()
    assert "reasoning_details" not in json.loads(bytes(request.wire["messages"]))[1], "the caller's request is not changed"


def test_a_target_that_signs_nothing_is_left_alone() -> None:
    vault = Vault()
    vault.remember(ANNA, watched(ReasoningDetail(SIGNED), ToolStarted(0, "toolu_1", "look")))
    plain = Target(provider="p", kind="openai", model="m", dialect="openai_chat", base_url="http://h")
    request = second_turn(called("toolu_1"))
    assert not Vault.watches(plain)
    assert vault.restored(request, plain, ANNA) is request
