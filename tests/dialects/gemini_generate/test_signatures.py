"""A model's turn handed back: every signature on the part it came with, and every text where it stood.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.gemini_generate.asking import HELLO, THREE, sent, target
from tests.dialects.gemini_generate.test_laws import GOOD, answer, vendor_parts
from tests.recordings import ABSENT, PRESENT, Recording
from tests.strategies import decoded
from trunkline.dialects import gemini_generate
from trunkline.fold import choice_object, fold
from trunkline.stamp import Stamp
from trunkline.wire import Frame

Json = dict[str, Any]


def streamed(*parts: Json) -> Json:
    """The message of an answer that came as a stream of these parts, one a frame."""
    decoder = gemini_generate.decode_stream(target(THREE))
    events = []
    for number, part in enumerate(parts, 1):
        end = {"finishReason": "STOP"} if number == len(parts) else {}
        chunk = {"candidates": [{"content": {"role": "model", "parts": [part]}, **end}], "responseId": "r1"}
        events += decoder.feed(Frame(json.dumps(chunk).encode()))
    return message(fold(events + decoder.close()))


def message(folded: Any) -> Json:
    made: Json = choice_object(0, folded.choice(0), Stamp("id", 0), legacy=False)["message"]
    return made


def handed_back(said: Json, **more: Any) -> list[Json]:
    """The parts of the model's turn in the next request."""
    messages = [HELLO, {**said, **more}]
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in said.get("tool_calls") or ()]
    turn = sent(THREE, messages=[*messages, HELLO])["contents"][1]
    assert turn["role"] == "model"
    parts: list[Json] = turn["parts"]
    return parts


def joined(parts: list[Json]) -> list[Json]:
    """Unsigned texts that stand beside each other are one: the vendor allows it."""
    out: list[Json] = []
    for part in parts:
        plain = part.keys() == {"text"}
        if plain and out and out[-1].keys() == {"text"}:
            out[-1] = {"text": out[-1]["text"] + part["text"]}
        elif part != {"text": ""}:
            out.append(dict(part))
    return out


def text(said: str, signature: str = "") -> Json:
    return {"text": said, **({"thoughtSignature": signature} if signature else {})}


def test_each_of_several_texts_gets_its_own_signature_back() -> None:
    parts = [text("Hello ", "QQ=="), text("big "), text("world", "Qg=="), text("!")]
    assert handed_back(streamed(*parts)) == parts


def test_a_signature_on_an_empty_text_at_the_end_comes_back_on_one() -> None:
    assert handed_back(streamed(text("Hel"), text("lo"), text("", "QQ=="))) == [text("Hello"), text("", "QQ==")]


def test_a_thoughts_signature_comes_back_on_a_thought() -> None:
    said = streamed({"text": "hm", "thought": True, "thoughtSignature": "QQ=="}, text("Yes.", "Qg=="))
    assert handed_back(said) == [{"text": "", "thought": True, "thoughtSignature": "QQ=="}, text("Yes.", "Qg==")]


def test_a_signed_call_of_the_vendors_own_tool_comes_back_in_its_place_with_what_it_led_to() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)", "id": "x"}, "thoughtSignature": "QQ=="}
    result = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1", "id": "x"}}
    parts = [text("I count."), code, result, text("One.", "Qg==")]
    assert handed_back(streamed(*parts)) == parts


def test_an_unsigned_part_of_the_vendors_own_tools_is_shown_and_does_not_go_back() -> None:
    said = streamed({"executableCode": {"language": "PYTHON", "code": "1"}}, text("One."))
    assert "reasoning_details" not in said
    assert handed_back(said) == [text("One.")]


def test_a_pictures_signature_comes_back_on_the_picture_and_nowhere_else() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}, "thoughtSignature": "QQ=="}
    said = streamed(text("Here:"), picture)
    assert handed_back(said) == [text("Here:"), picture]
    [image] = said.pop("images")
    assert handed_back(said) == [text("Here:")]
    assert handed_back(said, content=[{"type": "text", "text": "Here:"}, image]) == [text("Here:"), picture]


def test_a_part_yet_to_be_invented_keeps_its_signature() -> None:
    hologram = {"hologram": {"depth": 3}, "thoughtSignature": "QQ=="}
    said = streamed(text("Look: "), hologram)
    assert said["provider_blocks"] == [{"hologram": {"depth": 3}}]
    assert handed_back_unchecked(said) == [text("Look: "), hologram]


def handed_back_unchecked(said: Json) -> list[Json]:
    """The same where Google's library does not know the part either."""
    request = decoded({"model": "m", "messages": [HELLO, said, HELLO]})
    parts: list[Json] = json.loads(gemini_generate.encode_request(request, target(THREE)).http.body)["contents"][1]["parts"]
    return parts


def test_a_text_that_the_caller_shortened_takes_what_signatures_it_can() -> None:
    said = streamed(text("Hello ", "QQ=="), text("world", "Qg=="))
    assert handed_back(said, content="Hel") == [text("Hel", "QQ=="), text("", "Qg==")]


def test_places_that_are_no_numbers_are_passed_over() -> None:
    details = [
        {"format": "gemini", "data": "QQ==", "start": "x", "end": None},
        {"format": "gemini", "data": "Qg==", "start": -5, "end": 2**70},
    ]
    assert handed_back({"role": "assistant", "content": "Hi", "reasoning_details": details}) == [text("Hi", "Qg=="), text("", "QQ==")]


def test_messages_that_become_one_turn_keep_their_last_texts_signature() -> None:
    first, second = streamed(text("One. ", "QQ==")), streamed(text("Two.", "Qg=="))
    turn = sent(THREE, messages=[HELLO, first, second, HELLO])["contents"][1]
    assert turn["parts"] == [text("One. Two.", "Qg==")]


PARTS = st.lists(st.builds(text, st.text(max_size=6), st.sampled_from(["", "", "QQ==", "Qg==", "Qw=="])), min_size=1, max_size=8).filter(
    lambda parts: any(part["text"] for part in parts)
)


@settings(max_examples=60)
@given(PARTS)
def test_what_is_handed_back_is_what_came(parts: list[Json]) -> None:
    assert handed_back(streamed(*parts)) == joined(parts)


@pytest.mark.skipif(not PRESENT, reason=ABSENT)
@pytest.mark.parametrize("recording", [found for found in GOOD if b"thoughtSignature" in found.body], ids=repr)
def test_recorded_turns_come_back_with_every_signature_in_its_place(recording: Recording) -> None:
    came = [part for part in vendor_parts(recording) if not (part.get("thought") and not part.get("thoughtSignature"))]
    used = False
    expected = []
    for part in came:
        own = not part.keys().isdisjoint({"executableCode", "codeExecutionResult", "toolCall", "toolResponse"})
        used = used or (own and "thoughtSignature" in part)
        if "text" in part or "functionCall" in part or (own and used):
            expected.append(part)
    back = handed_back(message(fold(answer(recording))))
    calls = [part for part in expected if "functionCall" in part]  # OpenAI's format has the calls after the words
    assert [(p.get("text"), p.get("thoughtSignature")) for p in back if "functionCall" not in p] == [
        (p.get("text"), p.get("thoughtSignature")) for p in joined([p for p in expected if p not in calls])
    ]
    signed = {"skip_thought_signature_validator": None}
    assert [signed.get(p.get("thoughtSignature"), p.get("thoughtSignature")) for p in back if "functionCall" in p] == [
        p.get("thoughtSignature") for p in calls
    ]
