"""What every dialect makes of custom tools and of `allowed_tools`: a function of one text, a shorter list, and never silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.openai_chat.asking import decode
from trunkline.dialects import dialect
from trunkline.dialects.tools import choice, customs, narrowed, offered
from trunkline.errors import CallerError
from trunkline.target import Encoded, Notes, Target

GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "a"+'}}
RUN = {"type": "custom", "custom": {"name": "run", "description": "Runs code.", "format": GRAMMAR}}
FIND = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}
USER = {"role": "user", "content": "Hi"}
CALL = {"id": "call_1", "type": "custom", "custom": {"name": "run", "input": 'print("1")'}}
HISTORY = [
    USER,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    USER,
]

MODELS = {
    "anthropic_messages": ("anthropic", "claude-haiku-4-5"),
    "gemini_generate": ("gemini", "gemini-2.5-flash"),
    "bedrock_converse": ("bedrock", "anthropic.claude-3-7-sonnet-20250219-v1:0"),
    "cohere_chat": ("cohere", "command-a-03-2025"),
    "ollama_chat": ("ollama", "llama3.2"),
    "openai_chat": ("mistral", "mistral-small-latest"),
}
SPOKEN = sorted(MODELS)


def encode(spoken: str, **members: Any) -> tuple[Encoded, dict[str, Any]]:
    kind, model = MODELS[spoken]
    quirks = frozenset({"no_custom_tools", "plain_tool_choice"}) if spoken == "openai_chat" else frozenset()
    target = Target(provider=kind, kind=kind, model=model, dialect=spoken, base_url="https://h", quirks=quirks)
    encoded = dialect(spoken).encode_request(decode(**members), target)
    return encoded, json.loads(encoded.http.body)


def functions(spoken: str, body: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Name → (description, schema) of the tools on offer."""
    match spoken:
        case "anthropic_messages":
            return {t["name"]: (t.get("description", ""), t["input_schema"]) for t in body["tools"]}
        case "gemini_generate":
            return {f["name"]: (f.get("description", ""), f["parametersJsonSchema"]) for f in body["tools"][0]["functionDeclarations"]}
        case "bedrock_converse":
            specs = [t["toolSpec"] for t in body["toolConfig"]["tools"]]
            return {s["name"]: (s.get("description", ""), s["inputSchema"]["json"]) for s in specs}
        case _:
            assert {t["type"] for t in body["tools"]} == {"function"}
            return {t["function"]["name"]: (t["function"].get("description", ""), t["function"]["parameters"]) for t in body["tools"]}


def forced(spoken: str, body: dict[str, Any]) -> Any:
    """The tool that must be called, as far as the vendor can be told."""
    match spoken:
        case "anthropic_messages":
            return body["tool_choice"]["name"]
        case "gemini_generate":
            return body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"][0]
        case "bedrock_converse":
            return body["toolConfig"]["toolChoice"]["tool"]["name"]
        case "openai_chat":
            assert body["tool_choice"]["type"] == "function"
            return body["tool_choice"]["function"]["name"]
        case _:  # these are offered nothing but that tool
            return next(iter(functions(spoken, body))) if len(functions(spoken, body)) == 1 else None


@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_custom_tool_is_a_function_of_one_text(spoken: str) -> None:
    encoded, body = encode(spoken, messages=[USER], tools=[FIND, RUN])
    found = functions(spoken, body)
    assert list(found) == ["find", "run"]
    description, schema = found["run"]
    assert description == "Runs code."
    assert schema["required"] == ["input"]
    assert schema["properties"].keys() == {"input"}
    assert schema["properties"]["input"]["type"] == "string"
    assert 'Lark grammar:\nstart: "a"+' in schema["properties"]["input"]["description"]
    assert encoded.customs == {"run"}
    assert [(note.kind, note.param) for note in encoded.notes] == [("emulated", "tools[1]")]


@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_named_custom_tool_is_forced_like_a_function(spoken: str) -> None:
    _, body = encode(spoken, messages=[USER], tools=[FIND, RUN], tool_choice={"type": "custom", "custom": {"name": "run"}})
    assert forced(spoken, body) == "run"


@pytest.mark.parametrize("spoken", SPOKEN)
def test_an_earlier_custom_call_is_a_call_of_that_function(spoken: str) -> None:
    _, body = encode(spoken, messages=HISTORY, tools=[RUN])
    written = json.dumps(body)
    assert '"custom"' not in written
    assert (
        json.dumps({"input": 'print("1")'}) in written or json.dumps(json.dumps({"input": 'print("1")'}, separators=(",", ":"))) in written
    )


@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_may_be_custom_ones(spoken: str, mode: str) -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [{"type": "custom", "custom": {"name": "run"}}]}}
    encoded, body = encode(spoken, messages=[USER], tools=[FIND, RUN], tool_choice=allowed)
    told = [note.kind for note in encoded.notes if note.param.startswith("tool_choice")]
    if spoken == "gemini_generate":
        calling = body["toolConfig"]["functionCallingConfig"]
        assert calling == {"mode": "ANY" if mode == "required" else "VALIDATED", "allowedFunctionNames": ["run"]}
    else:
        assert list(functions(spoken, body)) == ["run"]
        assert told


@pytest.mark.parametrize("spoken", SPOKEN)
@pytest.mark.parametrize("listed", [[], [{"type": "function", "function": {"name": "other"}}], [{"type": "mcp"}]])
def test_a_list_that_allows_no_tool_on_offer_is_a_400_and_never_all_tools(spoken: str, listed: list[Any]) -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": listed}}
    with pytest.raises(CallerError) as caught:
        encode(spoken, messages=[USER], tools=[FIND, RUN], tool_choice=allowed)
    assert caught.value.param == "tool_choice.allowed_tools.tools"


@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_custom_tool_that_is_none_is_a_400_naming_its_member(spoken: str) -> None:
    with pytest.raises(CallerError) as caught:
        encode(spoken, messages=[USER], tools=[FIND, {"type": "custom", "custom": {"name": 1}}])
    assert caught.value.param == "tools[1].custom.name"
    with pytest.raises(CallerError, match="'other', which is not among the tools: find, run"):
        encode(spoken, messages=[USER], tools=[FIND, RUN], tool_choice={"type": "custom", "custom": {"name": "other"}})


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (None, ""), ({"type": "text"}, ""), ({"type": "grammar"}, ""),
        ({"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}, "regular expression:\na+"),
    ],
)  # fmt: skip
def test_the_parameter_says_what_the_format_demands(form: Any, told: str) -> None:
    request = decode(messages=[USER], tools=[{"type": "custom", "custom": {"name": "run", "format": form}}])
    schema = json.loads(bytes(offered(request, Notes())[0].schema))
    assert schema["properties"]["input"]["description"].endswith(told or "as it is.")


def test_the_choice_is_narrowed_once_and_named() -> None:
    notes = Notes()
    request = decode(messages=[USER], tools=[FIND, RUN], tool_choice={"type": "allowed_tools", "allowed_tools": {"tools": [FIND]}})
    offers = offered(request, Notes())
    assert [offer.function.name for offer in narrowed(offers, choice(request), notes)] == ["find"]
    assert [(note.kind, note.param) for note in notes.list] == [("emulated", "tool_choice")]
    everything = decode(messages=[USER], tools=[FIND, RUN])
    assert narrowed(offers, choice(everything), notes) == offers
    assert len(notes.list) == 1


def test_a_signed_custom_call_keeps_its_signature() -> None:
    signed = {**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}
    _, body = encode("gemini_generate", messages=[USER, {"role": "assistant", "tool_calls": [signed]}, HISTORY[2]], tools=[RUN])
    assert body["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"


def test_functions_are_never_taken_for_custom_tools() -> None:
    assert customs(decode(messages=[USER], tools=[FIND], functions=[{"name": "g"}])) == frozenset()


def test_a_gemini_that_cannot_be_told_what_is_allowed_is_offered_no_more() -> None:
    target = Target(provider="gemini", kind="gemini", model="gemini-2.0-flash", dialect="gemini_generate", base_url="https://h")
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FIND]}}
    encoded = dialect("gemini_generate").encode_request(decode(messages=[USER], tools=[FIND, RUN], tool_choice=allowed), target)
    body = json.loads(encoded.http.body)
    assert [function["name"] for function in body["tools"][0]["functionDeclarations"]] == ["find"]
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "AUTO"}
    assert ("emulated", "tool_choice") in [(note.kind, note.param) for note in encoded.notes]
