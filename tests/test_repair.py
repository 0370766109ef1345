"""An answer that must be JSON: unwrapped, checked, asked for once more, and refused where it still is none."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from tests.dialects.openai_chat.asking import decode
from trunkline import prepare
from trunkline.chat import Event, Finished, ReasoningDelta, RefusalDelta, TextDelta, ToolStarted
from trunkline.dialects import dialect
from trunkline.errors import CallerError, UpstreamError
from trunkline.fold import fold
from trunkline.prepare import Prepared
from trunkline.repair import check, repaired, schema_fault, unwrapped, with_messages, with_text
from trunkline.target import Encoded, Target
from trunkline.wire import HttpRequest

HTTP = HttpRequest("POST", "http://h")
JSON = Encoded(http=HTTP, check="json")
SCHEMA = b'{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}'
CHECKED = Encoded(http=HTTP, check="schema", schema=cast(Any, SCHEMA))


def said(*texts: str, finish: Any = "stop") -> list[Event]:
    return [ReasoningDelta("hm"), *(TextDelta(text) for text in texts), Finished(finish)]


# ── taking the wrapping off ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('{"n":1}', '{"n":1}'),
        (' \n{"n":1}\n', '{"n":1}'),
        ('```json\n{"n":1}\n```', '{"n":1}'),
        ('```\n{"n":"```"}```\n', '{"n":"```"}'),
        ('Here it is:\n```json\n{"n":1}\n```\nAnything else?', '{"n":1}'),
        ('Sure: {"n":{"m":1}} as asked', '{"n":{"m":1}}'),
        ("[1]", "[1]"),
        ('"a {b}"', '"a {b}"'),
        ("no json", "no json"),
        ("", ""),
    ],
)
def test_a_fence_or_a_word_around_json_is_taken_off(text: str, inside: str) -> None:
    assert unwrapped(text) == inside


def test_the_unwrapped_text_takes_the_place_of_the_wrapped_one() -> None:
    fault, events = check(said("Sure: ", '{"n"', ":1}"), CHECKED)
    assert fault is None
    assert events == said('{"n":1}')
    clean = said('{"n"', ":1}")
    assert check(clean, CHECKED)[1] is clean


def test_another_choices_text_is_not_touched() -> None:
    assert with_text([TextDelta("a"), TextDelta("b", 1), TextDelta("c")], "x") == [TextDelta("x"), TextDelta("b", 1)]


# ── the check ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "encoded", "fault"),
    [
        ("{", JSON, "not valid JSON"),
        ("[" * 100_000, JSON, "not valid JSON"),
        ("[1]", JSON, "not a JSON object"),
        ('{"n":"x"}', CHECKED, "(at n)"),
        ("{}", CHECKED, "'n' is a required property"),
        ("[1]", CHECKED, "not of type 'object'"),
    ],
)
def test_what_is_wrong_is_said(text: str, encoded: Encoded, fault: str) -> None:
    found = check(said(text), encoded)[0]
    assert found is not None
    assert fault in found


@pytest.mark.parametrize(
    "events",
    [
        said("{", finish="length"),
        said("no", finish="content_filter"),
        [RefusalDelta("No"), Finished("stop")],
        [ToolStarted(0, "c", "f"), Finished("tool_calls")],
        [TextDelta("{")],
    ],
)
def test_an_answer_cut_short_refused_or_made_of_calls_is_not_checked(events: list[Event]) -> None:
    assert check(events, JSON) == (None, events)


@pytest.mark.parametrize(
    "schema",
    [b"5", b"[]", b'"x"', b'{"type":"nonsense"}', b'{"type":5}', b'{"pattern":"("}', b'{"$ref":"#"}', b'{"$ref":"#/nowhere"}', b"{"],
)
def test_a_schema_that_is_none_is_the_callers_fault(schema: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        schema_fault("text", schema)
    assert caught.value.param == "response_format.json_schema.schema"


def test_a_reference_is_never_fetched_from_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise AssertionError("fetched")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    for url in ("http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "https://json-schema.org/draft/2020-12/none"):
        with pytest.raises(CallerError):
            schema_fault({}, json.dumps({"$ref": url}).encode())


def test_a_schema_may_refer_to_itself_and_be_empty() -> None:
    tree = b'{"$defs":{"t":{"type":"object","properties":{"t":{"$ref":"#/$defs/t"}}}},"$ref":"#/$defs/t"}'
    assert schema_fault({"t": {"t": {}}}, tree) is None
    assert schema_fault({"t": {"t": 5}}, tree) is not None
    assert schema_fault(5, b"") is None
    assert schema_fault(5, b"false") is not None


# ── asking once more ─────────────────────────────────────────────────────────────────────────────────────


class Asked:
    """The second try: what was asked, and the answer it gets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: list[Event]) -> None:
        self.answer = answer
        self.requests: list[Any] = []
        self.target = Target(provider="host", kind="openai_compatible", model="m", dialect="openai_chat", base_url="http://h")
        self.prepared = self._prepared(decode(response_format={"type": "json_object"}))

        async def encode_for(request: Any, prepared: Prepared, gw: Any) -> Prepared:
            self.requests.append(request)
            return self._prepared(request)

        monkeypatch.setattr(prepare, "encode_for", encode_for)

    def _prepared(self, request: Any) -> Prepared:
        return Prepared(self.target, dialect("openai_chat"), CHECKED, HTTP, False, request)

    def __call__(self, first: list[Event]) -> list[Event]:
        async def again(_: Prepared) -> list[Event]:
            return self.answer

        return asyncio.run(repaired(first, self.prepared, cast(Any, None), again))


def test_a_good_answer_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, said("{}"))
    assert fold(asked(said('{"n":1}'))).choices[0].text == '{"n":1}'
    assert asked.requests == []


def test_a_bad_answer_is_asked_for_again_with_the_fault_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, said('```json\n{"n":2}\n```'))
    assert fold(asked(said('{"n":"x"}'))).choices[0].text == '{"n":2}'
    sent = json.loads(bytes(asked.requests[0].wire["messages"]))
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == '{"n":"x"}'
    assert "(at n)" in sent[2]["content"]


def test_two_bad_answers_are_an_upstream_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UpstreamError) as caught:
        Asked(monkeypatch, said("still no"))(said("no"))
    assert (caught.value.code, caught.value.status) == ("invalid_json_answer", 502)
    assert "host gave no valid JSON in two tries" in caught.value.message


def test_more_messages_leave_the_callers_own_bytes_as_they_are() -> None:
    request = decode(messages=[{"role": "user", "content": "hi", "odd": 12345678901234567890}])
    longer = with_messages(request, [])
    assert json.loads(bytes(longer.wire["messages"]))[0]["odd"] == 12345678901234567890
    assert request.wire is not longer.wire
