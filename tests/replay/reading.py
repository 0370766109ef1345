"""What a caller makes of our bytes: chunks put together as OpenAI's own clients do it, and everything held against OpenAI's own types.

Odd here: the types are a little narrower than what hosts send beside OpenAI's members (a service tier of their own, a file's annotation),
and the client does not check those. They are taken out before the check, by name, and nothing else is.
"""

from __future__ import annotations

from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk

Json = dict[str, Any]
OWN_WORDS = ("service_tier",)
"""Members of OpenAI's whose words are a list in its types and more than that on the wire."""


def check_chunk(chunk: Json) -> None:
    """It is one of OpenAI's, with every member that its type requires."""
    ChatCompletionChunk.model_validate({name: value for name, value in chunk.items() if name not in OWN_WORDS})


def check_completion(body: Json) -> None:
    """It is one of OpenAI's, with every member that its type requires."""
    choices = []
    for choice in body["choices"]:
        message = dict(choice["message"])
        if message.get("annotations"):
            message["annotations"] = [note for note in message["annotations"] if note.get("type") == "url_citation"]
        choices.append({**choice, "message": message})
    ChatCompletion.model_validate({**{name: value for name, value in body.items() if name not in OWN_WORDS}, "choices": choices})


def together(chunks: list[Json]) -> Json:
    """The completion that a stream's chunks are, read as strictly as its promises allow: role first, one finish, usage last and alone."""
    first = chunks[0]
    out: Json = {"id": first["id"], "object": "chat.completion", "created": first["created"], "model": first["model"]}
    choices: dict[int, Json] = {}
    for chunk in chunks:
        check_chunk(chunk)
        assert chunk["id"] == out["id"], "all chunks are of one answer"
        if not chunk["choices"]:
            assert chunk is chunks[-1], "a chunk without choices is the usage, and the last"
            out["usage"] = chunk["usage"]
            continue
        assert chunk.get("usage") is None, "usage rides alone"
        for piece in chunk["choices"]:
            _add(choices, piece)
    for choice in choices.values():
        assert choice["finish_reason"], "every choice says why it ended"
    out["choices"] = [choices[index] for index in sorted(choices)]
    return out


def _add(choices: dict[int, Json], piece: Json) -> None:
    delta, index = piece["delta"], piece["index"]
    if index not in choices:
        assert delta["role"] == "assistant", "the role comes first"
        choices[index] = {"index": index, "message": {"role": "assistant", "content": None, "refusal": None}, "finish_reason": None}
    choice = choices[index]
    message = choice["message"]
    for name in ("content", "refusal", "reasoning_content"):
        if delta.get(name) is not None:
            message[name] = (message.get(name) or "") + delta[name]
    message.setdefault("reasoning_details", []).extend(delta.get("reasoning_details") or [])
    for call in delta.get("tool_calls") or ():
        calls = message.setdefault("tool_calls", [])
        assert call["index"] <= len(calls), "calls are counted from 0"
        if call["index"] == len(calls):
            assert call["id"], "a call begins with its id"
            kept = {name: value for name, value in call.items() if name != "index"}
            calls.append({**kept, "function": {"arguments": "", **(call.get("function") or {})}})
            continue
        function = calls[call["index"]]["function"]
        function["arguments"] += (call.get("function") or {}).get("arguments") or ""
    if piece.get("finish_reason") is not None:
        assert choice["finish_reason"] is None, "a choice ends once"
        choice["finish_reason"] = piece["finish_reason"]
