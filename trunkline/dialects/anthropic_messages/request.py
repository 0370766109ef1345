"""A chat as one request to `/v1/messages`, or to Claude on Vertex, which takes nearly the same body at another address.

Odd here: what one member may hold depends on others. Thinking limits sampling and the choice of tools, a schema may become a
tool, and `max_tokens` must leave room for thinking; so the order below matters.

The API version is 2023-06-01 on purpose: 2026-10-21 refuses temperature and top_p altogether, which older models still take.
Sources: https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/api/versioning,
https://docs.anthropic.com/en/api/claude-on-vertex-ai
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from ...chat import ChatRequest, Text
from ...errors import OperatorError
from ...target import Encoded, Notes, Target
from ...wire import Headers, HttpRequest
from .. import tools as tools_of
from ..properties import legal_for, undone
from ..turns import Placed, end_with_user, split
from . import content, params, schemas, thinking, tooling
from .models import Facts, facts, vertex_facts

VERSION = "2023-06-01"
VERTEX_VERSION = "vertex-2023-10-16"


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The request as `POST {base_url}/v1/messages` (or Vertex's address), unsigned. Of `n` answers the body asks for one.

    CallerError naming the field for what this vendor cannot be asked; OperatorError where a Vertex target lacks its project.
    """
    notes = Notes()
    row = vertex_facts(target.model) if target.kind == "vertex" else facts(target.model)
    system, turns = split(request, notes)
    limit, ceiling = params.max_tokens(request, target, row, notes)
    plan = thinking.plan(request, row, turns, limit, ceiling, notes)
    end_with_user(turns, notes, goes_on=row.prefill and not plan.on)

    tools = tooling.read(request, turns, notes)
    shape = schemas.plan(request, row, tools.choice, row.forced_tools and not plan.manual, tools.taken, notes)

    body: dict[str, Any] = {} if target.kind == "vertex" else {"model": target.model}
    body |= {"max_tokens": plan.max_tokens}
    instructed = [*system, *([Placed(Text(shape.instruction), "response_format")] if shape.instruction else [])]
    if blocks := content.system_blocks(instructed):
        body["system"] = blocks
    asked = tools.any or shape.tool is not None or request.web_search_options is not None
    offered = _tools(request, tools, row, plan, shape, notes) if asked else {}
    body["messages"] = content.messages(turns, tools.names, notes, tools.properties)
    body |= offered
    if plan.thinking:
        body["thinking"] = plan.thinking
    if output := _output_config(request, plan, shape):
        body["output_config"] = output
    body |= params.sampling(request, row, plan, notes)
    if stops := params.stop_sequences(request, notes):
        body["stop_sequences"] = stops
    if who := params.metadata(request, notes):
        body["metadata"] = who
    if (tier := params.service_tier(request, notes)) is not None:
        body["service_tier"] = tier
    body |= params.own_members(request)
    params.name_unknown(request, notes)
    if request.stream:
        body["stream"] = True

    return Encoded(
        http=_http(body, target, bool(request.stream), [*params.betas(request), *plan.betas]),
        notes=notes.done(),
        names=tools_of.renamed(tools.names),
        properties={tool: undone(renamed) for tool, renamed in tools.properties.items()},
        customs=tools_of.customs(request),
        json_tool=shape.tool["name"] if shape.tool else "",
        check=shape.check,
        schema=shape.schema,
        fan_out=request.n or 1,
    )


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """The vendor fetches https URLs itself; plain http ones, and on Vertex all of them, must be inlined."""
    return content.remote_urls(request, all_of_them=target.kind == "vertex")


def _http(body: dict[str, Any], target: Target, stream: bool, betas: list[str]) -> HttpRequest:
    headers: Headers = (("content-type", "application/json"),)
    if betas:
        headers += (("anthropic-beta", ",".join(dict.fromkeys(betas))),)
    if target.kind != "vertex":
        return HttpRequest("POST", f"{target.base_url}/v1/messages", (*headers, ("anthropic-version", VERSION)), msgspec.json.encode(body))
    project, location = target.options.get("project"), target.options.get("location")
    if not project or not location:
        raise OperatorError(f"provider {target.provider} needs project and location to reach Claude on Vertex")
    model = quote(target.model, safe="@-._")
    path = f"/v1/projects/{quote(project, safe='')}/locations/{quote(location, safe='')}/publishers/anthropic/models/{model}"
    verb = "streamRawPredict" if stream else "rawPredict"
    return HttpRequest(
        "POST", f"{target.base_url}{path}:{verb}", headers, msgspec.json.encode({"anthropic_version": VERTEX_VERSION, **body})
    )


def _tools(
    request: ChatRequest, tools: tooling.Tools, row: Facts, plan: thinking.Plan, shape: schemas.Format, notes: Notes
) -> dict[str, Any]:
    """`tools` and `tool_choice`, with the tool that stands for a schema among them."""
    choice = tools.choice
    listed: list[Any] = [*tooling.tool_list(tools, row, tooling.natives(request), notes), *tools.own]
    searching = tooling.web_search(request, notes)
    if searching is not None:
        listed.append(searching)
    if shape.tool is None:
        picked = tooling.tool_choice(request, choice, tools.names, row, plan.manual, notes)
        return {"tools": listed, **({"tool_choice": picked} if picked else {})} if listed else {}
    tool = shape.tool
    if row.claude:
        schema = legal_for(tool["name"], tool["input_schema"], "response_format.json_schema.schema", tools.properties, notes)
        tool = {**tool, "input_schema": schema}
    alone = choice.mode == "none" or not listed  # else one of the caller's tools, or the answer
    forced: dict[str, Any] = {"type": "tool", "name": tool["name"]} if alone else {"type": "any"}
    if alone or request.parallel_tool_calls is False:
        forced["disable_parallel_tool_use"] = True
    return {"tools": [*listed, tool], "tool_choice": forced}


def _output_config(request: ChatRequest, plan: thinking.Plan, shape: schemas.Format) -> dict[str, Any]:
    output: dict[str, Any] = {"effort": plan.effort} if plan.effort else {}
    output |= thinking.native_effort(request)
    if shape.output is not None:
        output["format"] = shape.output
    return output
