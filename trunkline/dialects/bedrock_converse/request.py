"""A chat as one request to `/model/{id}/converse`, or `/converse-stream`.

Odd here: what one member may hold depends on others (reasoning limits sampling and the choice of tools, a schema may become a
tool), so the order below matters. The model's id is one segment of the path, so its colons and slashes are percent-encoded, as
they go on the wire; the signature is computed over this path.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, …_ConverseStream.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from ...chat import ChatRequest, Text
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from .. import tools as tools_of
from ..anthropic_messages import schemas
from ..anthropic_messages.models import FOREIGN
from ..properties import undone
from ..turns import AssistantTurn, Placed, Turn, UserTurn, end_with_user, split
from . import params, reasoning, tooling
from .content import Contents
from .models import Facts, facts

_JSON = (("content-type", "application/json"),)


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The request, unsigned. Of `n` answers the body asks for one. CallerError naming the field for what this vendor cannot be asked."""
    notes = Notes()
    row = facts(target.model)
    system, turns = split(request, notes, takes_blocks=False)
    limit, ceiling = params.max_tokens(request, target, row, notes)
    thought = reasoning.plan(request, row, turns, limit, ceiling, notes)
    end_with_user(turns, notes, goes_on=row.prefill and not thought.on)

    offers = tools_of.offered(request, notes)
    choice = tools_of.choice(request)
    called = [call.name for turn in turns if isinstance(turn, AssistantTurn) for call in turn.calls]
    names = tooling.wire_names(offers, called, request)
    free = "tool" in row.choices and not thought.manual
    maker = row.claude or msgspec.structs.replace(FOREIGN, formats=row.formats)
    shape = schemas.plan(request, maker, choice, free, {*names.values(), tooling.GROUNDING}, notes)
    tools = tooling.plan(request, offers, choice, called, names, row, thought.manual, shape, notes)

    told = [(shape.instruction, "response_format"), (tools.instruction, "tool_choice")]
    system = [*system, *(Placed(Text(text), param) for text, param in told if text)]
    if system and not row.system:
        system, turns = [], _said_by_user(system, turns, notes)
    contents = Contents(row, names, tools.properties, notes)
    body: dict[str, Any] = {}
    if blocks := contents.system(system):
        body["system"] = blocks
    body["messages"] = contents.messages(turns)
    body |= _settings(request, row, thought, shape, tools.fields, notes)
    if tools.config:
        body["toolConfig"] = tools.config
    params.name_unknown(request, row, notes)

    return Encoded(
        http=HttpRequest("POST", _url(target, bool(request.stream)), _JSON, msgspec.json.encode(body)),
        notes=notes.done(),
        names=tools_of.renamed(names),
        properties={tool: undone(renamed) for tool, renamed in tools.properties.items()},
        customs=tools_of.customs(request),
        json_tool=tools.json_tool,
        check=shape.check,
        schema=shape.schema,
        fan_out=request.n or 1,
    )


def _url(target: Target, stream: bool) -> str:
    return f"{target.base_url}/model/{quote(target.model, safe='')}/converse{'-stream' if stream else ''}"


def _settings(
    request: ChatRequest, row: Facts, thought: reasoning.Reasoning, shape: schemas.Format, choice: dict[str, Any], notes: Notes
) -> dict[str, Any]:
    """Everything beside the conversation and its tools. `choice` is the tool choice where it is a model's own field."""
    own = params.own_members(request)
    config, sampling = params.inference(request, row, thought, notes)
    fields = {**thought.fields, **sampling, **choice, **params.own_object(own, "additionalModelRequestFields")}
    body: dict[str, Any] = {name: value for name, value in own.items() if name not in params.OWN[-2:]}
    if config:
        body["inferenceConfig"] = config
    if fields:
        body["additionalModelRequestFields"] = fields
    output: dict[str, Any] = {"effort": thought.effort} if thought.effort else {}
    if shape.output is not None:
        output["textFormat"] = _text_format(request, shape.output["schema"])
    if output:
        body["outputConfig"] = output
    if about := params.metadata(request, params.own_object(own, "requestMetadata"), notes):
        body["requestMetadata"] = about
    if tier := params.service_tier(request, notes):
        body["serviceTier"] = {"type": tier}
    return body


def _text_format(request: ChatRequest, schema: Any) -> dict[str, Any]:
    """The vendor takes the schema as a text inside the JSON."""
    asked = request.response_format.json_schema if request.response_format is not None else None
    definition = {"schema": msgspec.json.encode(schema).decode()}
    if asked is not None:
        definition["name"] = asked.name
        if asked.description:
            definition["description"] = asked.description
    return {"type": "json_schema", "structure": {"jsonSchema": definition}}


def _said_by_user(system: list[Placed], turns: list[Turn], notes: Notes) -> list[Turn]:
    """The system texts at the head of the first user turn, for the models without a system prompt."""
    notes.approximated("messages", "this model has no system prompt; it was put before the first user message")
    first = turns[0]
    assert isinstance(first, UserTurn)
    return [UserTurn(first.results, [*system, *first.content]), *turns[1:]]
