"""The conversation as Gemini wants it: turns, calls and their results, signatures, media."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.dialects.gemini_generate.asking import FLASH, HELLO, THREE, Json, call, encode, noted, rounds, sent, target
from tests.dialects.gemini_generate.oracle import body
from tests.strategies import PDF, PNG, WAV, decoded
from trunkline.dialects import gemini_generate
from trunkline.errors import CallerError

# ── the conversation ────────────────────────────────────────────────────────────────────────────────────


def test_system_texts_become_the_system_instruction_in_order() -> None:
    messages: list[Json] = [
        {"role": "system", "content": "One."},
        {"role": "developer", "content": [{"type": "text", "text": "Two."}]},
        HELLO,
    ]
    written = sent(messages=messages)
    assert written["systemInstruction"] == {"parts": [{"text": "One."}, {"text": "Two."}]}
    assert written["contents"] == [{"role": "user", "parts": [{"text": "Hello."}]}]


def test_a_model_without_system_instruction_reads_it_in_the_first_user_turn() -> None:
    encoded = encode("gemma-3-27b-it", messages=[{"role": "system", "content": "Be brief."}, HELLO])
    assert body(encoded)["contents"] == [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "Hello."}]}]
    assert noted(encoded)["messages"] == "approximated"


def test_results_are_matched_to_calls_by_id_whatever_their_order() -> None:
    results = [{"role": "tool", "tool_call_id": "call_b", "content": "B"}, {"role": "tool", "tool_call_id": "call_a", "content": "A"}]
    model, user = sent(messages=rounds(call("call_a"), call("call_b", arguments='{"city": "Rome"}'), results=results))["contents"][1:]
    assert [part["functionCall"] for part in model["parts"]] == [
        {"name": "weather", "args": {"city": "Paris"}},
        {"name": "weather", "args": {"city": "Rome"}},
    ]
    assert user == {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "weather", "response": {"result": "A"}}},
            {"functionResponse": {"name": "weather", "response": {"result": "B"}}},
        ],
    }


@pytest.mark.parametrize(
    ("content", "response"),
    [
        ('{"c": 21}', {"c": 21}), ("sunny", {"result": "sunny"}), ("[1, 2]", {"result": "[1, 2]"}), ("", {"result": ""}),
        ("12", {"result": "12"}), ([{"type": "text", "text": '{"a"'}, {"type": "text", "text": ": 1}"}], {"a": 1}),
    ],
)  # fmt: skip
def test_a_result_is_an_object(content: Any, response: Json) -> None:
    results = [{"role": "tool", "tool_call_id": "call_a", "content": content}]
    assert sent(messages=rounds(call("call_a"), results=results))["contents"][2]["parts"][0]["functionResponse"]["response"] == response


def test_a_failed_result_says_so() -> None:
    results = [{"role": "tool", "tool_call_id": "call_a", "content": "no network", "is_error": True}]
    response = sent(messages=rounds(call("call_a"), results=results))["contents"][2]["parts"][0]["functionResponse"]["response"]
    assert response == {"error": "no network"}


def test_arguments_and_results_keep_their_digits() -> None:
    digits = b"12345678901234567890.10"
    results = [{"role": "tool", "tool_call_id": "call_a", "content": f'{{"n": {digits.decode()}}}'}]
    http = encode(messages=rounds(call("call_a", arguments=f'{{"n": {digits.decode()}}}'), results=results)).http
    assert http.body.count(digits) == 2


def test_an_id_goes_back_only_where_it_was_the_vendors_own() -> None:
    messages = rounds(call("wxvlv0tv"), call("call_730600"), call("call_Abc123XyZ"))
    model, user = sent(messages=messages)["contents"][1:]
    assert [part["functionCall"].get("id") for part in model["parts"]] == ["wxvlv0tv", "call_730600", None]
    assert [part["functionResponse"].get("id") for part in user["parts"]] == ["wxvlv0tv", "call_730600", None]
    assert b'"id"' not in encode(FLASH, "vertex", messages).http.body


def test_an_image_in_a_result_stands_beside_it_or_inside_it_by_model() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    results = [{"role": "tool", "tool_call_id": "call_a", "content": [{"type": "text", "text": "here"}, image]}]
    inline = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    old, new = (sent(model, messages=rounds(call("call_a"), results=results))["contents"][2]["parts"] for model in (FLASH, THREE))
    assert old == [{"functionResponse": {"name": "weather", "response": {"result": "here"}}}, inline]
    assert new == [{"functionResponse": {"name": "weather", "response": {"result": "here"}, "parts": [inline]}}]


def test_illegal_tool_names_are_mapped_everywhere_and_back() -> None:
    tool = {"type": "function", "function": {"name": "3d model!"}}
    choice = {"type": "function", "function": {"name": "3d model!"}}
    encoded = encode(messages=rounds(call("call_a", "3d model!")), tools=[tool], tool_choice=choice)
    written = body(encoded)
    wire = written["tools"][0]["functionDeclarations"][0]["name"]
    assert encoded.names == {wire: "3d model!"}
    assert written["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": [wire]}
    assert written["contents"][1]["parts"][0]["functionCall"]["name"] == wire
    assert written["contents"][2]["parts"][0]["functionResponse"]["name"] == wire


def test_a_name_with_dots_and_colons_is_legal_here() -> None:
    encoded = encode(tools=[{"type": "function", "function": {"name": "ns.tool:get-it"}}])
    assert body(encoded)["tools"] == [{"functionDeclarations": [{"name": "ns.tool:get-it"}]}]
    assert encoded.names == {}


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────

SIGNATURE = base64.b64encode(b"signed").decode()


def signatures(content: Json) -> list[str | None]:
    return [part.get("thoughtSignature") for part in content["parts"]]


def test_a_signature_comes_back_from_extra_content() -> None:
    signed = call("call_a", extra_content={"google": {"thought_signature": SIGNATURE}})
    assert signatures(sent(THREE, messages=rounds(signed, call("call_b")))["contents"][1]) == [SIGNATURE, None]


def test_a_signature_comes_back_from_reasoning_details() -> None:
    details = [
        {"type": "reasoning.encrypted", "data": "T0s=", "format": "gemini"},
        {"type": "reasoning.encrypted", "data": SIGNATURE, "format": "gemini", "id": "call_a"},
        {"type": "reasoning.text", "text": "x", "signature": "s", "format": "anthropic"},
    ]
    messages = rounds(call("call_a"), content="Let me look.", reasoning_details=details, reasoning_content="thinking aloud")
    content = sent(THREE, messages=messages)["contents"][1]
    assert signatures(content) == ["T0s=", SIGNATURE]
    assert content["parts"][0]["text"] == "Let me look."
    assert "thinking aloud" not in json.dumps(content)


def test_a_signature_of_an_empty_text_comes_back_on_one() -> None:
    details = [{"type": "reasoning.encrypted", "data": "T0s=", "format": "gemini"}]
    content = sent(THREE, messages=rounds(call("call_a"), reasoning_details=details))["contents"][1]
    assert content["parts"][0] == {"text": "", "thoughtSignature": "T0s="}


def test_a_part_of_the_vendors_own_tool_comes_back_with_its_signature() -> None:
    part = {"toolCall": {"id": "x1", "args": {"queries": ["q"]}}}
    details = [{"type": "reasoning.encrypted", "data": SIGNATURE, "format": "gemini", "part": part}]
    messages = [HELLO, {"role": "assistant", "content": "Found.", "reasoning_details": details}, HELLO]
    assert sent(THREE, messages=messages)["contents"][1]["parts"] == [{**part, "thoughtSignature": SIGNATURE}, {"text": "Found."}]


def test_a_lost_signature_of_the_current_turn_is_replaced_by_googles_skip_word() -> None:
    messages = [*rounds(call("call_a")), {"role": "assistant", "content": "Sunny."}, *rounds(call("call_b"), call("call_c"))]
    encoded = encode(THREE, messages=messages)
    contents = body(encoded)["contents"]
    assert signatures(contents[1]) == [None]
    assert signatures(contents[5]) == ["skip_thought_signature_validator", None]
    assert [(note.kind, note.param) for note in encoded.notes] == [("added", "messages[5].tool_calls[0].extra_content")]


def test_models_before_gemini_3_need_no_skip_word() -> None:
    assert signatures(sent(FLASH, messages=rounds(call("call_a")))["contents"][1]) == [None]


# ── media ───────────────────────────────────────────────────────────────────────────────────────────────


def picture(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def inline(mime: str, data: str) -> Json:
    return {"inlineData": {"mimeType": mime, "data": data}}


def located(mime: str, uri: str) -> Json:
    return {"fileData": {"mimeType": mime, "fileUri": uri}}


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (picture(f"data:image/jpg;base64,{PNG}"), inline("image/jpeg", PNG)),
        (picture(f"data:;base64,{PNG}"), inline("image/png", PNG)),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, inline("audio/wav", WAV)),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "mp3"}}, inline("audio/mp3", WAV)),
        ({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}}, inline("application/pdf", PDF)),
        ({"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}, inline("application/pdf", PDF)),
        ({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}, inline("video/mp4", "AAAA")),
        ({"type": "video_url", "video_url": {"url": "https://youtu.be/abc"}}, located("video/mp4", "https://youtu.be/abc")),
        (picture("gs://bucket/a.webp"), located("image/webp", "gs://bucket/a.webp")),
        ({"type": "file", "file": {"file_id": "gs://bucket/a.pdf"}}, located("application/pdf", "gs://bucket/a.pdf")),
    ],
)  # fmt: skip
def test_media_become_inline_or_file_data(part: Json, wire: Json) -> None:
    assert sent(messages=[{"role": "user", "content": [{"type": "text", "text": "See:"}, part]}])["contents"][0]["parts"] == [
        {"text": "See:"},
        wire,
    ]


def test_only_what_google_cannot_read_itself_is_to_be_fetched() -> None:
    urls = [
        "https://example.com/a.png",
        "https://youtu.be/abc",
        "gs://b/c.png",
        f"data:image/png;base64,{PNG}",
        "https://www.youtube.com/watch?v=1",
    ]
    urls.append("https://generativelanguage.googleapis.com/v1beta/files/abc")
    content = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    results = [{"role": "tool", "tool_call_id": "call_a", "content": [{"type": "image_url", "image_url": "http://example.com/b.png"}]}]
    messages = [*rounds(call("call_a"), results=results), {"role": "user", "content": [*content, content[0]]}]
    request = decoded({"model": "m", "messages": messages})
    assert gemini_generate.remote_media(request, target()) == ["http://example.com/b.png", "https://example.com/a.png"]


def test_a_foreign_file_id_is_refused() -> None:
    with pytest.raises(CallerError) as caught:
        encode(messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-abc"}}]}])
    assert caught.value.param == "messages[0].content[0].file.file_id"
