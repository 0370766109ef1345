"""Tools for any model: a forced call is an answer constrained to the tool's schema, which then becomes a tool call.

Odd here: llama.cpp leaves tools and `tool_choice` out without a word where the model's chat template has no place for them, does
not know a named choice, and does not keep a model to a required one even where the template has tools (seen with xllamacpp
2026.10). So a required or named tool is always asked for as JSON of the tool's schema, which the grammar enforces whatever the
model's size. With `auto` llama.cpp's own handling is used where the template has tools; else the model answers in words and the
tools are named as dropped, because a model that was not taught to choose can only produce broken calls, and past calls and
results in the conversation are written out as text.

OpenAI's finish reasons are kept: "stop" for a named tool, "tool_calls" for a required one, "length" where the limit cut the arguments.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat-create-tool_choice and recordings of both cases
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from ..errors import CallerError
from .unfold import CallReader

JSON = dict[str, Any]
CALL_TOKENS = 1024
"""The limit of a constrained call whose caller set none: a small model may otherwise never close a string."""


class Plan(Struct, frozen=True, kw_only=True):
    body: JSON
    """What llama.cpp is asked."""
    constrained: bool = False
    """The answer's content is a call: to be turned into one."""
    name: str = ""
    """The tool whose arguments the content is; "" where the content is {"name", "arguments"}."""
    finish: str = "tool_calls"
    legacy: bool = False
    """The caller wrote `functions` and reads `function_call`."""
    dropped: tuple[str, ...] = ()
    """Parameters that had no effect, for `x-trunkline-dropped`."""


def plan(body: JSON, template_has_tools: bool) -> Plan:
    """How to ask llama.cpp for `body`. Raises CallerError naming the field where tools or their choice are no such thing."""
    asked = dict(body)
    legacy = not asked.get("tools") and bool(asked.get("functions"))
    tools = functions(asked)
    mode, names = choice(asked, [tool["name"] for tool in tools])
    lost = ["functions"] if not legacy and asked.get("functions") else []
    for name in ("functions", "function_call", "tools", "tool_choice"):
        asked.pop(name, None)
    offered = [tool for tool in tools if not names or tool["name"] in names]
    if template_has_tools and not legacy and mode in ("auto", "none"):
        if tools:
            asked["tools"] = [{"type": "function", "function": tool} for tool in offered]
            asked["tool_choice"] = mode
        return Plan(body=asked, dropped=tuple(lost))
    if not template_has_tools and isinstance(asked.get("messages"), list):
        asked["messages"] = [in_words(message) for message in asked["messages"]]
    if not tools or mode == "none":
        return Plan(body=asked, dropped=tuple(lost))
    if mode == "auto":
        return Plan(body=asked, dropped=("functions" if legacy else "tools", *lost))
    lost += [name for name in ("stop", "logprobs", "top_logprobs", "response_format") if asked.pop(name, None)]
    asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "call", "schema": schema_of(offered)}}
    asked["messages"] = instructed(asked.get("messages"), instruction(offered))
    if asked.get("max_completion_tokens") is None and asked.get("max_tokens") is None:
        asked["max_tokens"] = CALL_TOKENS
    only = offered[0]["name"] if len(offered) == 1 else ""
    finish = "stop" if mode == "named" else "tool_calls"
    return Plan(body=asked, constrained=True, name=only, finish=finish, legacy=legacy, dropped=tuple(lost))


# ── what is offered, and what is asked for ───────────────────────────────────────────────────────────────


def functions(body: JSON) -> list[JSON]:
    """The function tools on offer, each {"name", "description"?, "parameters"}, from either of OpenAI's two spellings."""
    found = []
    key = "tools" if body.get("tools") else "functions"
    offers = body.get(key) or []
    if not isinstance(offers, list):
        raise CallerError(f"{key} must be a list", param=key)
    for i, tool in enumerate(offers):
        path = f"tools[{i}].function" if key == "tools" else f"functions[{i}]"
        spec = tool.get("function") if key == "tools" and isinstance(tool, dict) else tool
        if not isinstance(spec, dict) or not isinstance(spec.get("name"), str) or not spec["name"]:
            raise CallerError(f"{path} must be an object with a name; other kinds of tools are not known to the local model", param=path)
        parameters = spec.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
            raise CallerError(f"{path}.parameters must be the schema of an object", param=f"{path}.parameters")
        found.append({**spec, "parameters": {"type": "object", **parameters} if "$ref" not in parameters else parameters})
    return found


def choice(body: JSON, offered: list[str]) -> tuple[str, tuple[str, ...]]:
    """(none, auto, required or named; the tools it is limited to, () for all)."""
    param = "tool_choice" if body.get("tool_choice") is not None else "function_call"
    match body.get(param):
        case None:
            return "auto", ()
        case "none" | "auto" | "required" as mode:
            return mode, ()
        case "any":
            return "required", ()
        case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools), **rest}}:
            names = tuple(str(tool.get("function", {}).get("name")) for tool in tools if isinstance(tool, dict))
            mode = "required" if rest.get("mode") == "required" else "auto"
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            names, mode = (name,), "named"
        case {"type": "none" | "auto" | "required" as mode}:
            return mode, ()
        case other:
            raise CallerError(f"{param} is {other!r}; it may be none, auto, required or name a tool", param=param)
    for name in names:
        if name not in offered:
            raise CallerError(
                f"{param} names {name!r}, which is not among the tools: {', '.join(offered) or 'none are offered'}", param=param
            )
    return mode, names


# ── what the model is asked ──────────────────────────────────────────────────────────────────────────────


def schema_of(tools: list[JSON]) -> JSON:
    """The schema the answer must have: one tool's arguments, or the name and the arguments of one of several."""
    if len(tools) == 1:
        return dict(tools[0]["parameters"])
    calls, parameters = [], {}
    for i, tool in enumerate(tools):
        parameters[f"tool{i}"] = rebased(tool["parameters"], f"#/$defs/tool{i}")
        members = {"name": {"const": tool["name"]}, "arguments": {"$ref": f"#/$defs/tool{i}"}}
        calls.append({"type": "object", "properties": members, "required": ["name", "arguments"], "additionalProperties": False})
    return {"anyOf": calls, "$defs": parameters}


def rebased(schema: Any, root: str) -> Any:
    """`schema` for a place inside another: its own references (#/…) start at `root`. Data that only looks like one stays."""
    if isinstance(schema, list):
        return [rebased(item, root) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out: JSON = {}
    for key, value in schema.items():
        if key == "$ref" and isinstance(value, str) and value.startswith("#"):
            out[key] = root + value[1:]
        elif key in ("properties", "patternProperties", "$defs", "definitions") and isinstance(value, dict):
            out[key] = {name: rebased(inner, root) for name, inner in value.items()}
        else:
            out[key] = value if key in ("const", "enum", "default", "examples") else rebased(value, root)
    return out


def instruction(tools: list[JSON]) -> str:
    shown = [f"{tool['name']}: {tool.get('description') or 'no description'}\nArguments: {dumped(tool['parameters'])}" for tool in tools]
    if len(tools) == 1:
        return f"Answer only with the JSON arguments of a call of this function.\n\n{shown[0]}"
    return 'Answer only with one function call as JSON, {"name": ..., "arguments": {...}}. The functions:\n\n' + "\n\n".join(shown)


def instructed(messages: Any, text: str) -> Any:
    """The messages with `text` added to the system message, or as one. What is no list of messages is llama.cpp's to refuse."""
    if not isinstance(messages, list) or not messages or not isinstance(messages[0], dict):
        return messages
    first = messages[0]
    if first.get("role") in ("system", "developer"):
        return [{**first, "content": f"{plain(first.get('content'))}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def in_words(message: Any) -> Any:
    """A call or its result as text, in roles that every template has; any other message as it is."""
    if not isinstance(message, dict):
        return message
    calls = [call.get("function") for call in message.get("tool_calls") or () if isinstance(call, dict)]
    if isinstance(message.get("function_call"), dict):
        calls.append(message["function_call"])
    if message.get("role") == "assistant" and calls:
        said = [plain(message.get("content"))] if message.get("content") else []
        said += [f"Call {call.get('name')} with {call.get('arguments') or '{}'}" for call in calls if isinstance(call, dict)]
        return {"role": "assistant", "content": "\n".join(said)}
    if message.get("role") in ("tool", "function"):
        name = f" of {message['name']}" if message.get("name") else ""
        return {"role": "user", "content": f"Result{name}: {plain(message.get('content'))}"}
    return message


def plain(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def dumped(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# ── what comes back ──────────────────────────────────────────────────────────────────────────────────────


def with_calls(answer: JSON, plan: Plan, new_id: Callable[[], str]) -> JSON:
    """A whole answer, its content turned into calls. Content that holds none (cut off before its name, or broken) stays content."""
    choices = []
    for choice in answer.get("choices", ()):
        message = choice["message"]
        reader = CallReader(plan.name)
        arguments = "".join(reader.feed(message.get("content") or ""))
        if not reader.name or (choice.get("finish_reason") == "stop" and not is_object(arguments)):
            choices.append(choice)
            continue
        function = {"name": reader.name, "arguments": arguments}
        call = {"function_call": function} if plan.legacy else {"tool_calls": [{"id": new_id(), "type": "function", "function": function}]}
        choices.append({**choice, "message": {**message, "content": None, **call}, "finish_reason": finish(choice, plan)})
    return {**answer, "choices": choices}


def is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text.encode()), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def finish(choice: JSON, plan: Plan) -> Any:
    reason = choice.get("finish_reason")
    return plan.finish if reason == "stop" else reason


class CallStream:
    """Turns the chunks of one stream: id and name first, then pieces of the arguments, then the finish."""

    def __init__(self, plan: Plan, new_id: Callable[[], str]) -> None:
        self._plan = plan
        self._new_id = new_id
        self._readers: dict[int, CallReader] = {}
        self._begun: set[int] = set()

    def feed(self, chunk: JSON) -> list[JSON]:
        out = []
        for choice in chunk.get("choices", ()):
            out += [{**chunk, "choices": [turned]} for turned in self._turn(choice)]
        return out if chunk.get("choices") else [chunk]

    def _turn(self, choice: JSON) -> list[JSON]:
        index = choice.get("index", 0)
        reader = self._readers.setdefault(index, CallReader(self._plan.name))
        delta = {key: value for key, value in choice["delta"].items() if key != "content"}
        pieces = reader.feed(choice["delta"].get("content") or "")
        out: list[JSON] = []
        if "role" in delta:
            out.append({**choice, "delta": {**delta, "content": None}, "finish_reason": None})
        if reader.name and index not in self._begun:
            self._begun.add(index)
            start = {"name": reader.name, "arguments": ""}
            out.append({**choice, "delta": self._call(start, first=True), "finish_reason": None})
        out += [{**choice, "delta": self._call({"arguments": piece}), "finish_reason": None} for piece in pieces]
        if choice.get("finish_reason"):
            if index in self._begun:
                out.append({**choice, "delta": {}, "finish_reason": finish(choice, self._plan)})
            else:
                out.append({**choice, "delta": {"content": reader.held}})
        return out

    def _call(self, function: JSON, first: bool = False) -> JSON:
        if self._plan.legacy:
            return {"function_call": function}
        start = {"id": self._new_id(), "type": "function"} if first else {}
        return {"tool_calls": [{"index": 0, **start, "function": function}]}
