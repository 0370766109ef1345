"""Tools for a model without them: what is asked of llama.cpp, and what its answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CallerError
from trunkline.local.constrain import CALL_TOKENS, CallStream, Plan, plan, schema_of, with_calls
from trunkline.local.unfold import CallReader

ASK = [{"role": "user", "content": "q"}]
NODE = {
    "type": "object",
    "properties": {"child": {"$ref": "#"}, "leaf": {"$ref": "#/$defs/leaf"}, "const": {"$ref": "#/$defs/leaf"}},
    "$defs": {"leaf": {"const": {"$ref": "#/data"}}},
}
TOOLS = [{"type": "function", "function": {"name": "a", "parameters": NODE}}, {"type": "function", "function": {"name": "b"}}]
REQUIRED = {"messages": ASK, "tools": TOOLS, "tool_choice": "required"}


def named(name: str) -> dict[str, Any]:
    return {"messages": ASK, "tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": name}}}


def new_id() -> str:
    return "call_1"


def test_a_request_without_tools_is_asked_as_it_is() -> None:
    body = {"messages": ASK, "stop": ["x"], "novel": 1}
    assert plan(body, False) == Plan(body=body)


def test_a_named_tool_is_its_schema_and_what_has_no_effect_is_named() -> None:
    planned = plan({**named("a"), "stop": "x", "logprobs": True, "response_format": {"type": "json_object"}}, False)
    assert planned.body["response_format"]["json_schema"]["schema"] == NODE
    assert planned.body["max_tokens"] == CALL_TOKENS
    assert not {"tools", "tool_choice", "stop", "logprobs"} & set(planned.body)
    assert (planned.name, planned.finish, planned.dropped) == ("a", "stop", ("stop", "logprobs", "response_format"))
    assert "a: no description" in planned.body["messages"][0]["content"]


def test_the_callers_own_limit_and_system_message_are_kept() -> None:
    system = {"role": "system", "content": [{"type": "text", "text": "S"}]}
    planned = plan({**named("b"), "messages": [system, *ASK], "max_completion_tokens": 5}, False)
    assert "max_tokens" not in planned.body
    assert planned.body["messages"][0]["content"].startswith("S\n\nAnswer only")
    assert len(planned.body["messages"]) == 2


def test_references_in_a_schema_still_point_into_it_when_it_stands_among_others() -> None:
    schema = schema_of([tool["function"] | {"parameters": NODE} for tool in TOOLS])
    moved = schema["$defs"]["tool1"]
    assert moved["properties"]["child"] == {"$ref": "#/$defs/tool1"}
    assert moved["properties"]["leaf"] == moved["properties"]["const"] == {"$ref": "#/$defs/tool1/$defs/leaf"}
    assert moved["$defs"]["leaf"] == {"const": {"$ref": "#/data"}}, "data is not a reference"
    assert [call["properties"]["name"] for call in schema["anyOf"]] == [{"const": "a"}, {"const": "b"}]


def test_allowed_tools_narrow_the_choice() -> None:
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}}
    planned = plan({**REQUIRED, "tool_choice": choice}, False)
    assert (planned.name, planned.finish) == ("b", "tool_calls")


def test_a_template_with_tools_chooses_by_itself_and_is_constrained_when_it_may_not_choose() -> None:
    past = {"role": "tool", "tool_call_id": "1", "content": "42"}
    body = {"messages": [*ASK, past], "tools": TOOLS, "tool_choice": "auto"}
    planned = plan(body, True)
    assert [tool["function"]["name"] for tool in planned.body["tools"]] == ["a", "b"]
    assert (planned.body["messages"], planned.constrained, planned.dropped) == (body["messages"], False, ())
    assert plan(named("b"), True).name == "b"


def test_calls_and_results_of_the_past_are_written_in_words() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "a", "arguments": '{"x":1}'}}
    past = [{"role": "assistant", "content": "Wait.", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": "42"}]
    assert plan({"messages": [*ASK, *past]}, False).body["messages"][1:] == [
        {"role": "assistant", "content": 'Wait.\nCall a with {"x":1}'},
        {"role": "user", "content": "Result: 42"},
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": {}, "functions": 1}, "functions"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}]}, "tools[0].function.parameters"),
        ({"tools": TOOLS, "tool_choice": 3}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "c"}}}, "tool_choice"),
    ],
)
def test_what_is_no_tool_or_no_choice_is_refused_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(CallerError) as caught:
        plan({"messages": ASK, **body}, False)
    assert caught.value.param == param


def answer(content: str, finish: str = "stop") -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}]}


def chunks(content: str, sizes: list[int], finish: str = "stop") -> list[dict[str, Any]]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(content[at : at + size])
        at += size
    deltas = [{"role": "assistant", "content": None}, *({"content": piece} for piece in [*pieces, content[at:]])]
    made = [{"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*made, {"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}, {"id": "x", "choices": [], "usage": {}}]


def streamed(planned: Plan, made: list[dict[str, Any]]) -> tuple[str, str, str | None, str]:
    """Name, arguments, content and finish reason, the order of the chunks checked on the way."""
    stream = CallStream(planned, new_id)
    out = [chunk for each in made for chunk in stream.feed(each)]
    assert out[-1]["choices"] == []
    name, arguments, content, finish = "", "", "", None
    for chunk in out[:-1]:
        (choice,) = chunk["choices"]
        assert finish is None, "nothing follows the finish"
        for call in choice["delta"].get("tool_calls", ()):
            assert bool(name) == ("id" not in call), "id and name come first and once"
            name = name or call["function"]["name"]
            arguments += call["function"]["arguments"]
        content += choice["delta"].get("content") or ""
        finish = choice["finish_reason"]
    return name, arguments, content or None, str(finish)


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text(max_size=3)), max_size=4),
    st.lists(st.integers(0, 9)),
    st.booleans(),
)
def test_a_streamed_call_is_the_whole_one_however_it_is_cut(arguments: dict[str, Any], sizes: list[int], several: bool) -> None:
    planned = plan(REQUIRED if several else named("b"), False)
    text = json.dumps(arguments)
    content = json.dumps({"name": "b", "arguments": arguments}, indent=1) if several else text
    message = with_calls(answer(content), planned, new_id)["choices"][0]["message"]
    function = message["tool_calls"][0]["function"]
    assert message["content"] is None
    assert json.loads(function["arguments"]) == arguments
    expected = (function["name"], function["arguments"], None, "tool_calls" if several else "stop")
    assert streamed(planned, chunks(content, sizes)) == expected


@pytest.mark.parametrize("sizes", [[], [1, 2, 3], [12]])
def test_a_call_cut_before_its_name_stays_content_and_says_length(sizes: list[int]) -> None:
    planned = plan(REQUIRED, False)
    cut = '{"name": "b'
    assert with_calls(answer(cut, "length"), planned, new_id) == answer(cut, "length")
    assert streamed(planned, chunks(cut, sizes, "length")) == ("", "", cut, "length")


def test_what_is_not_json_is_never_passed_off_as_a_call() -> None:
    assert with_calls(answer("I cannot."), plan(named("b"), False), new_id) == answer("I cannot.")


def test_arguments_cut_by_the_limit_say_length_as_openai_does() -> None:
    planned = plan(named("b"), False)
    choice = with_calls(answer('{"x": "y', "length"), planned, new_id)["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"x": "y'
    assert choice["finish_reason"] == "length"


@given(st.lists(st.text()), st.sampled_from(["", "b"]))
def test_the_reader_survives_any_text(pieces: list[str], name: str) -> None:
    reader = CallReader(name)
    out = [piece for text in pieces for piece in reader.feed(text)]
    assert all(out)
    assert "".join(out) in "".join(pieces)
