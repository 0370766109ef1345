"""Our request as Ollama's.

Odd here: Ollama's `frequency_penalty` and `presence_penalty` are OpenAI's, on OpenAI's scale, and its `repeat_penalty` is neither;
templates of older models match tool results to calls by their order, so the results go in the order of the calls; and a tool
cannot be demanded, only offered.

Sources: https://docs.ollama.com/api/chat, https://docs.ollama.com/capabilities/thinking, https://docs.ollama.com/modelfile
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ...chat import ChatRequest, Image, parts
from ...errors import CallerError
from ...target import Encoded, Notes, Target
from ...wire import HttpRequest
from ..beside import fan_out, name_unsent, own_members, stop_list
from ..flat import flat
from ..media import is_remote
from ..tools import choice, customs, offered
from .messages import encode_messages

TOP = frozenset({"keep_alive", "think", "format", "truncate", "shift"})
"""Ollama's own members beside OpenAI's; where both say the same thing Ollama's name wins."""
OPTIONS = frozenset({
    "num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "num_predict", "min_p", "typical_p", "tfs_z",
    "repeat_last_n", "repeat_penalty", "penalize_newline", "mirostat", "mirostat_tau", "mirostat_eta", "draft_num_predict",
})  # fmt: skip
"""Ollama's own options, taken at the top level too, where clients that know only extra members put them."""
OWN = TOP | OPTIONS | {"options"}
READ = frozenset({
    "temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "stop", "seed", "presence_penalty", "frequency_penalty",
    "logprobs", "top_logprobs", "response_format", "reasoning_effort", "n",
})  # fmt: skip
WHY = {
    "parallel_tool_calls": "Ollama leaves it to the model whether to call several tools",
    "user": "Ollama takes no user",
    "safety_identifier": "Ollama takes no user",
    "store": "Ollama stores no completions",
    "metadata": "Ollama stores no completions",
    "prompt_cache_key": "Ollama caches by itself",
    "prompt_cache_retention": "Ollama caches by itself",
    "prompt_cache_options": "Ollama caches by itself",
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
"""For gpt-oss, which takes a level and cannot be told not to think; other models take true or false."""

_JSON = (("content-type", "application/json"),)


def encode_request(request: ChatRequest, target: Target) -> Encoded:
    """The body for `POST /api/chat`. CallerError for audio, video, files, and for pictures that were not inlined."""
    notes = Notes()
    body: dict[str, Any] = {
        "model": target.model,
        "messages": encode_messages(flat(request, notes, drawn=True), notes),
        "stream": bool(request.stream),
    }
    if tools := _tools(request, notes):
        body["tools"] = tools
    if options := _options(request, notes):
        body["options"] = options
    body |= _format(request)
    body |= _think(request, target, notes)
    if request.logprobs:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    body |= own_members(request, TOP)
    name_unsent(request, notes, read=READ, own=OWN, vendor="Ollama", why=WHY)
    return Encoded(
        http=HttpRequest("POST", f"{target.base_url}/api/chat", _JSON, msgspec.json.encode(body)),
        customs=customs(request),
        fan_out=fan_out(request, notes),
        notes=notes.done(),
    )


def remote_media(request: ChatRequest, target: Target) -> list[str]:
    """Every picture by URL: Ollama takes the bytes only."""
    found = [part.url for message in request.messages for part in parts(message.content) if isinstance(part, Image)]
    return [url for url in found if is_remote(url)]


def _tools(request: ChatRequest, notes: Notes) -> list[dict[str, Any]]:
    """The tools on offer. What `tool_choice` leaves out is not offered; that one be called cannot be demanded."""
    picked, offers = choice(request), offered(request, notes)
    param = "function_call" if request.tool_choice is None else "tool_choice"
    if picked.mode == "none":
        return []
    allowed = (picked.name,) if picked.mode == "named" else picked.allowed
    if allowed:
        offers = [offer for offer in offers if offer.function.name in allowed]
    if picked.mode in ("required", "named"):
        only = "; only this tool is offered" if picked.mode == "named" else ""
        notes.dropped(param, f"Ollama cannot be made to call a tool{only}")
    elif allowed:
        notes.emulated(param, "only the allowed tools are offered")
    tools = []
    for offer in offers:
        spec = offer.function
        function: dict[str, Any] = {"name": spec.name, "parameters": offer.schema}
        if spec.description:
            function["description"] = spec.description
        if spec.strict:
            notes.dropped(f"{offer.param}.function.strict", "Ollama does not hold a call to its schema")
        if offer.cache_control is not None:
            notes.dropped(f"{offer.param}.cache_control", "Ollama caches by itself")
        tools.append({"type": "function", "function": function})
    return tools


def _options(request: ChatRequest, notes: Notes) -> dict[str, Any]:
    """Sampling and limits; the caller's own `options` win over OpenAI's names."""
    given: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "num_predict": request.token_limit,
        "stop": stop_list(request, 0, notes) or None,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
    }
    return {name: value for name, value in given.items() if value is not None} | own_members(request, OPTIONS) | _own_options(request)


def _own_options(request: ChatRequest) -> dict[str, Raw]:
    raw = request.wire.get("options", Raw(b"null"))
    try:
        return msgspec.json.decode(raw, type=dict[str, Raw] | None) or {}
    except msgspec.DecodeError:
        raise CallerError('options must be an object, e.g. {"num_ctx": 8192}', param="options") from None


def _format(request: ChatRequest) -> dict[str, Any]:
    asked = request.response_format
    if asked is None or asked.type == "text":
        return {}
    if asked.type not in ("json_object", "json_schema"):
        raise CallerError(
            f"response_format.type is {asked.type!r}; Ollama knows text, json_object and json_schema", param="response_format.type"
        )
    schema = asked.json_schema.schema if asked.json_schema is not None else Raw(b"")
    return {"format": schema if bytes(schema) else "json"}


def _think(request: ChatRequest, target: Target, notes: Notes) -> dict[str, Any]:
    effort = request.reasoning_effort
    if effort is None or "think" in own_members(request, TOP):
        return {}
    if effort not in EFFORTS:
        raise CallerError(f"reasoning_effort is {effort!r}; it may be {', '.join(EFFORTS)}", param="reasoning_effort")
    if not target.model.rpartition("/")[2].startswith("gpt-oss"):
        return {"think": effort != "none"}
    level = LEVELS.get(effort, "low")
    if level != effort:
        notes.approximated("reasoning_effort", f"sent as {level!r}; this model's levels are low, medium and high")
    return {"think": level}
