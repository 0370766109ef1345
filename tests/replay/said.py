"""What a recorded answer says, by the plainest reading of the vendor's own JSON: an oracle that shares no code with the dialects.

Odd here: it reads only what a caller must find again (text, tool calls, the finish, token counts) and knows nothing of streams but how
to put their pieces together again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from botocore.eventstream import EventStreamBuffer

from tests.recordings import Recording

Json = dict[str, Any]


class Choice:
    def __init__(self) -> None:
        self.text = ""
        self.calls: list[list[str]] = []
        """[name, arguments as a JSON text] in order"""
        self.finish: Any = None
        """The vendor's word."""

    @property
    def called(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(arguments or "{}")) for name, arguments in self.calls]


class Said:
    def __init__(self) -> None:
        self.choices: dict[int, Choice] = {}
        self.prompt: int | None = None
        self.completion: int | None = None
        self.failed = False

    def choice(self, index: int) -> Choice:
        return self.choices.setdefault(index, Choice())


def said(recording: Recording) -> Said:
    return READERS[recording.api](recording)


def payloads(recording: Recording) -> Iterator[Any]:
    """The JSON documents of an answer, whole or streamed, whatever their framing."""
    if recording.framing == "eventstream":
        buffer = EventStreamBuffer()
        buffer.add_data(recording.body)
        for message in buffer:
            data = json.loads(message.payload)
            data = json.loads(base64.b64decode(data["bytes"])) if "bytes" in data else data
            yield {**data, ":event": message.headers.get(":event-type", "")}
        return
    text = recording.body.decode()
    if recording.framing == "ndjson":
        yield from (json.loads(line) for line in text.splitlines() if line.strip())
    elif recording.framing == "sse":
        for line in text.splitlines():
            name, _, rest = line.partition(":")
            if name == "error":
                yield {"error": json.loads(rest)}
            if name == "data" and rest.strip() != "[DONE]":
                yield json.loads(rest)
    elif recording.framing == "json_array_stream":
        yield from json.loads(text)
    else:
        yield json.loads(text)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if part.get("type") == "text")
    if isinstance(content, dict):
        return json.dumps(content)
    return content or ""


def _chat_completions(recording: Recording) -> Said:
    out = Said()
    for body in payloads(recording):
        out.failed |= bool(body.get("error")) or body.get("object") == "error"
        usage = body.get("usage") or (body.get("x_groq") or {}).get("usage")
        if usage:
            out.prompt, out.completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
        for given in body.get("choices") or []:
            choice = out.choice(given.get("index", 0))
            message = given.get("delta" if recording.stream else "message") or {}
            choice.text += _text(message.get("content"))
            for call in message.get("tool_calls") or []:
                function = call.get("function") or {"name": call.get("custom", {}).get("name", ""), "arguments": None}
                at = call.get("index", len(choice.calls)) if recording.stream else len(choice.calls)
                if at >= len(choice.calls):
                    choice.calls.append(["", ""])
                choice.calls[at][0] += function.get("name") or ""
                choice.calls[at][1] += function.get("arguments") or ""
            choice.finish = given.get("finish_reason") or choice.finish
    return out


def _messages(recording: Recording) -> Said:
    out, blocks, usage = Said(), {}, {}
    for data in payloads(recording):
        kind = data["type"]
        if kind == "message":
            blocks = dict(enumerate(data["content"]))
            usage = data["usage"]
            out.choice(0).finish = data["stop_reason"]
        elif kind == "message_start":
            usage = dict(data["message"]["usage"])
        elif kind == "content_block_start":
            blocks[data["index"]] = {**data["content_block"], "json": ""}
        elif kind == "content_block_delta":
            block, delta = blocks[data["index"]], data["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "input_json_delta":
                block["json"] += delta["partial_json"]
        elif kind == "message_delta":
            out.choice(0).finish = data["delta"]["stop_reason"]
            usage.update({name: value for name, value in (data.get("usage") or {}).items() if value is not None})
        elif kind == "error":
            out.failed = True
    choice = out.choice(0)
    for block in blocks.values():
        if block["type"] == "text":
            choice.text += block["text"]
        elif block["type"] == "tool_use":
            choice.calls.append([block["name"], block.get("json") or json.dumps(block["input"])])
    if usage:
        parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        out.prompt, out.completion = sum(usage.get(name) or 0 for name in parts), usage["output_tokens"]
    return out


def _gemini(recording: Recording) -> Said:
    out, counts = Said(), {}
    for body in payloads(recording):
        counts = body.get("usageMetadata") or counts
        if not body.get("candidates"):
            if "promptFeedback" in body:
                out.choice(0).finish = "SAFETY"
            continue
        for candidate in body["candidates"]:
            choice = out.choice(candidate.get("index") or 0)
            for part in (candidate.get("content") or {}).get("parts") or []:
                if "functionCall" in part:
                    choice.calls.append([part["functionCall"]["name"], json.dumps(part["functionCall"].get("args") or {})])
                elif not part.get("thought"):
                    choice.text += part.get("text", "")
            choice.finish = candidate.get("finishReason") or choice.finish
    if counts:  # proto3: a count that is not there is zero
        out.prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
        out.completion = counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0)
    return out


def _converse(recording: Recording) -> Said:
    out = Said()
    choice, calls, usage = out.choice(0), {}, {}
    for data in payloads(recording):
        if "output" in data:
            choice.finish, usage = data["stopReason"], data["usage"]
            for block in data["output"]["message"]["content"]:
                choice.text += block.get("text", "") + "".join(c["text"] for c in block.get("citationsContent", {}).get("content", []))
                if "toolUse" in block and block["toolUse"].get("type") != "server_tool_use":
                    choice.calls.append([block["toolUse"]["name"], json.dumps(block["toolUse"]["input"])])
        data = {**data, **data.get(data.get(":event") or "contentBlockStart", {})}
        if "toolUse" in data.get("start", {}) and data["start"]["toolUse"].get("type") != "server_tool_use":
            calls[data["contentBlockIndex"]] = [data["start"]["toolUse"]["name"], ""]
            choice.calls.append(calls[data["contentBlockIndex"]])
        for delta in [data["delta"]] if "delta" in data else [d["delta"] for d in [data.get("contentBlockDelta", {})] if d]:
            choice.text += delta.get("text", "")
            if "toolUse" in delta and data["contentBlockIndex"] in calls:
                calls[data["contentBlockIndex"]][1] += delta["toolUse"]["input"]
        choice.finish = data.get("stopReason") or choice.finish
        usage = data.get("usage") or usage
    if usage:
        out.prompt = sum(usage.get(name) or 0 for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"))
        out.completion = usage["outputTokens"]
    return out


def _cohere(recording: Recording) -> Said:
    out = Said()
    choice = out.choice(0)
    for data in payloads(recording):
        message = data.get("message") if not recording.stream else (data.get("delta") or {}).get("message") or {}
        content = (message or {}).get("content") or []
        choice.text += "".join(part.get("text") or "" for part in (content if isinstance(content, list) else [content]))
        calls = (message or {}).get("tool_calls") or []
        for call in calls if isinstance(calls, list) else [calls]:
            if data.get("type") != "tool-call-delta":
                choice.calls.append([call["function"]["name"], call["function"]["arguments"]])
            else:
                choice.calls[-1][1] += call["function"]["arguments"]
        end = data if not recording.stream else data.get("delta") or {}
        choice.finish = end.get("finish_reason") or choice.finish
        tokens = (end.get("usage") or {}).get("tokens")
        if tokens:
            out.prompt, out.completion = int(tokens["input_tokens"] + tokens.get("image_tokens", 0)), int(tokens["output_tokens"])
    out.failed = choice.finish == "ERROR"
    return out


def _ollama(recording: Recording) -> Said:
    out = Said()
    choice = out.choice(0)
    for data in payloads(recording):
        message = data.get("message") or {}
        choice.text += message.get("content") or ""
        choice.calls += [[call["function"]["name"], json.dumps(call["function"]["arguments"])] for call in message.get("tool_calls") or []]
        choice.finish = data.get("done_reason") or choice.finish
        if data.get("done"):  # Go's omitempty: a count that is not there is zero
            out.prompt, out.completion = data.get("prompt_eval_count", 0), data.get("eval_count", 0)
        out.failed |= "error" in data
    return out


def _responses(recording: Recording) -> Said:
    out = Said()
    choice = out.choice(0)
    for data in payloads(recording):
        if recording.stream:
            out.failed |= data["type"] in ("error", "response.failed")
            if data["type"] not in ("response.completed", "response.incomplete"):
                continue
            data = data["response"]
        for item in data["output"]:
            if item["type"] == "message":
                choice.text += "".join(part.get("text", "") for part in item["content"])
            elif item["type"] == "function_call":
                choice.calls.append([item["name"], item["arguments"]])
        choice.finish = (data.get("incomplete_details") or {}).get("reason") or data["status"]
        if data.get("usage"):
            out.prompt, out.completion = data["usage"]["input_tokens"], data["usage"]["output_tokens"]
    return out


READERS = {
    "chat_completions": _chat_completions,
    "responses": _responses,
    "messages": _messages,
    "generate_content": _gemini,
    "stream_generate_content": _gemini,
    "converse": _converse,
    "converse_stream": _converse,
    "cohere_chat_v2": _cohere,
    "ollama_chat": _ollama,
}

STOP = ("end_turn", "stop_sequence", "pause_turn", "STOP", 1, "COMPLETE", "STOP_SEQUENCE", "stop", "completed", "eos")
LENGTH = ("max_tokens", "model_context_window_exceeded", "MAX_TOKENS", 2, "length", "max_output_tokens")
FILTER = (
    "refusal",
    "SAFETY",
    3,
    "RECITATION",
    "PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "guardrail_intervened",
    "content_filtered",
    "content_filter",
)
CALLS = ("tool_use", "TOOL_CALL", "tool_calls", "function_call")


def reason(choice: Choice, api: str) -> str | None:
    """OpenAI's word for how a choice ended; None where the vendor's word has no equal (any of OpenAI's will do then)."""
    word = choice.finish
    if api == "chat_completions" and word in ("stop", "function_call"):
        return str(word)  # as the host said it: a forced tool ends with stop at OpenAI
    if word in CALLS or (word in STOP and choice.calls and word != "pause_turn"):
        return "tool_calls" if choice.calls or api == "chat_completions" else None
    return "stop" if word in STOP else "length" if word in LENGTH else "content_filter" if word in FILTER else None
