"""Our request as a generateContent body: where it goes, and what it says beside the conversation.

Odd here: the model is in the URL and so is streaming; and much of what OpenAI's callers may ask depends on the model, so every
setting is checked against `models.facts` and named when it cannot be sent.

Sources: https://ai.google.dev/api/generate-content,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from msgspec import Raw

from ...chat import ChatRequest, Text
from ...errors import CallerError
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from .. import beside
from ..tools import customs
from ..turns import Placed, Turn, UserTurn, end_with_user, split
from . import bodies
from .config import Answer, answer_format, labels, modalities, sampling, unsent
from .contents import Contents, system_instruction
from .models import Facts, facts, thinking
from .native import Natives, natives
from .tooling import tooling

_JSON = (("content-type", "application/json"),)
_encode = msgspec.json.Encoder().encode


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The body and its URL, unsigned. CallerError naming the field for what this vendor or model cannot be asked."""
    notes, model = Notes(), facts(target.model)
    system, turns = split(request, notes, takes_blocks=False, drawn=True)
    native = natives(request, notes)
    tools = tooling(request, target, model, notes)
    answer = answer_format(request, model, tools, notes)
    if answer.instruction:
        system = [*system, Placed(Text(answer.instruction), "response_format")]
    if not model.system and system:
        system, turns = [], _system_said(system, turns, notes)
    if not model.goes_on:
        end_with_user(turns, notes, goes_on=False)
    fan_out, config = _config(request, target, model, answer, native, notes)
    unsent(request, notes)
    body = bodies.Body(
        contents=Contents(target, model, tools.names, notes).encode(turns),
        system_instruction=system_instruction(system, notes),
        tools=tools.tools if not answer.tools_left_out else [],
        tool_config=tools.config if not answer.tools_left_out else None,
        generation_config=native.merged(config),
        safety_settings=native.safety_settings,
        cached_content=native.cached_content,
        continuation_token=native.continuation_token,
        labels=labels(request, target, native.labels, notes),
        service_tier=_tier(request, target, notes),
    )
    http = HttpRequest("POST", url(target, stream=bool(request.stream)), _JSON, _encode(body))
    return Encoded(
        http=http, notes=notes.done(), names=tools.renamed, customs=customs(request), check=answer.check, schema=answer.check_schema,
        fan_out=fan_out,
    )  # fmt: skip


def url(target: Target, *, stream: bool) -> str:
    """The address of the model's method. A Vertex target without a project uses the express form of the address."""
    model = target.model.removeprefix("models/")
    if target.kind == "vertex":
        project, location = target.options.get("project", ""), target.options.get("location", "") or "global"
        place = f"/v1/projects/{quote(project)}/locations/{quote(location)}" if project else "/v1"
        path = model if model.startswith(("publishers/", "endpoints/")) else f"publishers/google/models/{model}"
    else:
        place, path = "/v1beta", model if model.startswith("tunedModels/") else f"models/{model}"
    address = f"{target.base_url}{place}/{quote(path, safe='/@')}"
    return f"{address}:streamGenerateContent?alt=sse" if stream else f"{address}:generateContent"


def _config(
    request: ChatRequest, target: Target, model: Facts, answer: Answer, native: Natives, notes: Notes
) -> tuple[int, bodies.GenerationConfig]:
    """(how many calls stand for `n`, the generation config)"""
    asked = request.n or 1
    together = asked <= model.candidates and not request.stream
    thoughts: bodies.ThinkingConfig | Raw | None
    if native.thinking_config is not None:
        thoughts = native.thinking_config
        if request.reasoning_effort is not None:
            notes.dropped("reasoning_effort", "thinking_config says it already")
    else:
        thoughts = thinking(request.reasoning_effort, model, notes)
    spoken, speech = modalities(request, notes)
    config = bodies.GenerationConfig(
        **sampling(request, target, model, notes),
        candidate_count=asked if asked > 1 and together else None,
        response_mime_type=answer.mime_type,
        response_json_schema=answer.json_schema,
        response_schema=answer.schema,
        response_modalities=spoken,
        speech_config=speech,
        thinking_config=thoughts,
    )
    return (1 if together else beside.fan_out(request, notes)), config


_TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority", "auto": ""}


def _tier(request: ChatRequest, target: Target, notes: Notes) -> str:
    """AI Studio's `serviceTier`; Vertex has none in the body."""
    asked = request.service_tier
    if asked is None:
        return ""
    if target.kind == "vertex" or asked not in _TIERS:
        if asked != "auto":
            notes.dropped("service_tier", "this provider takes no such tier in a request")
        return ""
    return _TIERS[asked]


def _system_said(system: list[Placed], turns: list[Turn], notes: Notes) -> list[Turn]:
    """The system texts at the head of the first user turn, for the models without a system instruction."""
    notes.approximated("messages", "this model has no system instruction; it was put before the first user message")
    first = turns[0]
    if not isinstance(first, UserTurn):
        raise CallerError("messages must begin with a user message for this model", param="messages")
    return [UserTurn(first.results, [*system, *first.content]), *turns[1:]]
