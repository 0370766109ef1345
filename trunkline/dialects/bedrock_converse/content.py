"""Turns as Converse's messages: text, media, tool calls and their results, signed reasoning first, cache points after their parts.

Odd here: blank text is refused everywhere, so it goes; a cache mark is a block of its own; a document may not stand without a
text beside it; and a call's id has a small alphabet and 64 characters at most, which other vendors' ids exceed.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html, …_ToolResultBlock.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from ...chat import File, Image, Part, Text
from ...errors import CallerError
from ...target import Notes
from ..properties import Names, rekeyed
from ..turns import AssistantTurn, Placed, Result, Turn, UserTurn, distinct
from .media import Block, Media
from .models import Facts

NO_OUTPUT = "(no output)"
MOVED = "(The image follows the results.)"
GOT_IT = "I have the results."
"""Said by the assistant between results and what may not stand in one message with them."""
_TOOL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


def tool_id(id: str) -> str:
    """A call's id in the vendor's alphabet: call and result go the same way, so they still match."""
    return id if _TOOL_ID.fullmatch(id) else "id_" + hashlib.sha256(id.encode()).hexdigest()[:40]


class Contents:
    """Makes the messages of one request."""

    def __init__(self, facts: Facts, names: Mapping[str, str], properties: Mapping[str, Names], notes: Notes) -> None:
        self._facts = facts
        self._names = names
        self._properties = properties
        self._notes = notes
        self._media = Media(facts, notes)
        self._moved: list[Block] = []

    def system(self, placed: list[Placed]) -> list[Block]:
        """The system texts. CallerError where a part is no text: the vendor's `system` takes nothing else."""
        for item in placed:
            if not isinstance(item.part, Text):
                raise CallerError(f"{item.param} is no text; this provider's system prompt takes text only", param=item.param)
        return self._blocks(placed)

    def messages(self, turns: list[Turn]) -> list[dict[str, Any]]:
        """The turns as `messages`. CallerError naming what cannot be sent, or a turn that has nothing to send."""
        out: list[dict[str, Any]] = []
        for turn in distinct(turns):  # as Claude refuses an id said twice
            if isinstance(turn, AssistantTurn):
                out.append({"role": "assistant", "content": self._assistant(turn)})
                continue
            blocks = self._user(turn)
            head = _results(blocks)
            results, rest = blocks[:head], blocks[head:]
            if results and self._apart(rest):
                param = turn.content[0].param if turn.content else turn.results[-1].param
                self._notes.added(param, f"this model wants it apart from a tool's results; the assistant says {GOT_IT!r} before it")
                out += [{"role": "user", "content": results}, {"role": "assistant", "content": [{"text": GOT_IT}]}]
                blocks = rest
            out.append({"role": "user", "content": blocks})
        return out

    def _apart(self, rest: list[Block]) -> bool:
        match self._facts.apart:
            case "all":
                return bool(rest)
            case "documents":
                return any("document" in block or "video" in block for block in rest)
            case _:
                return False

    def _user(self, turn: UserTurn) -> list[Block]:
        blocks: list[Block] = []
        for result in turn.results:
            blocks += self._result(result)
        said, self._moved = [*self._moved, *self._blocks(turn.content)], []
        if any("document" in block for block in said) and not any("text" in block for block in said):
            self._notes.added(turn.content[0].param, "the vendor wants a text beside a document; 'See the document.' was put there")
            said.insert(0, {"text": "See the document."})
        blocks += said
        if not blocks:
            param = turn.content[0].param if turn.content else "messages"
            raise CallerError(f"{param} has no text beside white space; this provider refuses an empty user message", param=param)
        return blocks

    def _assistant(self, turn: AssistantTurn) -> list[Block]:
        blocks = self._reasoning(turn)
        for placed in turn.content:
            if not isinstance(placed.part, Text):
                raise CallerError(f"{placed.param} is no text; this provider takes text only from the assistant", param=placed.param)
        blocks += self._blocks(turn.content)
        for call in turn.calls:
            name = self._names.get(call.name, call.name)
            arguments = rekeyed(call.arguments, self._properties[name]) if name in self._properties else call.arguments
            blocks.append({"toolUse": {"toolUseId": tool_id(call.id), "name": name, "input": arguments}})
        if not blocks:
            raise CallerError(f"{turn.param} has neither content nor tool_calls that can be sent", param=f"{turn.param}.content")
        return blocks

    def _reasoning(self, turn: AssistantTurn) -> list[Block]:
        """Signed reasoning goes back unchanged, before all else. Only Claude checks and needs it; the others take none back."""
        blocks = signed_blocks(turn) if self._facts.claude is not None else []
        if len(blocks) < len(turn.details):
            self._notes.dropped(f"{turn.param}.reasoning_details", "reasoning without this model's signature cannot be handed back")
        elif turn.reasoning and not turn.details:
            self._notes.dropped(f"{turn.param}.reasoning_content", "unsigned reasoning cannot be handed back")
        return blocks

    def _result(self, result: Result) -> list[Block]:
        at = f"{result.param}.content"
        inner: list[Block] = []
        mark: Raw | None = None
        for part in result.content:
            if isinstance(part, Text) and not part.text.strip():
                continue
            made = {"text": part.text} if isinstance(part, Text) else self._media.block(part, at)
            mark = _mark(part) or mark
            if "image" in made and not self._facts.result_images:
                self._notes.approximated(at, "this model takes no image inside a tool's result; it was put after the results")
                self._moved.append(made)
                made = {"text": MOVED}
            inner.append(made)
            if "audio" in inner[-1]:
                raise CallerError(f"{at} is audio, which this provider does not take in a tool's result", param=at)
        if not inner:
            inner = [{"text": NO_OUTPUT}]
            self._notes.added(at, f"the vendor refuses an empty result; the text {NO_OUTPUT!r} was put there")
        block: Block = {"toolUseId": tool_id(result.id), "content": inner}
        if result.is_error:
            if self._facts.error_status:
                block["status"] = "error"
            else:
                self._notes.dropped(f"{result.param}.is_error", "this model takes no status of a tool's result")
        return [{"toolResult": block}, *self._cache_point(mark, at)]

    def _blocks(self, placed: list[Placed]) -> list[Block]:
        blocks: list[Block] = []
        for item in placed:
            part = item.part
            if isinstance(part, Text):
                if not part.text.strip():
                    self._notes.dropped(item.param, "the vendor refuses text that is only white space")
                    continue
                blocks.append({"text": part.text})
            else:
                blocks.append(self._media.block(part, item.param))
            blocks += self._cache_point(_mark(part), item.param)
        return blocks

    def _cache_point(self, mark: Raw | None, param: str) -> list[Block]:
        if mark is None:
            return []
        if not self._facts.caching:
            self._notes.dropped(f"{param}.cache_control", "this model takes no cache points")
            return []
        return [cache_point(mark, self._facts, param, self._notes)]


def _results(blocks: list[Block]) -> int:
    """How many blocks at the head of a message are results, with the cache points after them."""
    head = max((i + 1 for i, block in enumerate(blocks) if "toolResult" in block), default=0)
    return head + (0 < head < len(blocks) and "cachePoint" in blocks[head])


def cache_point(mark: Raw, facts: Facts, param: str, notes: Notes) -> Block:
    """`{"type": "ephemeral", "ttl": "1h"}` as the vendor has it."""
    try:
        ttl = msgspec.json.decode(mark, type=_Mark).ttl
    except msgspec.DecodeError:
        ttl = None  # a mark of another shape is a mark still
    point = {"type": "default"}
    if ttl in ("5m", "1h") and facts.long_cache:
        point["ttl"] = ttl
    elif ttl == "1h":
        notes.approximated(f"{param}.cache_control.ttl", "this model's cache holds five minutes")
    return {"cachePoint": point}


class _Mark(msgspec.Struct):
    ttl: str | None = None


def _mark(part: Part) -> Raw | None:
    mark = part.cache_control if isinstance(part, Text | Image | File) else None
    return None if mark is None or bytes(mark) == b"null" else mark


def signed_blocks(turn: AssistantTurn) -> list[Block]:
    """The reasoning blocks that an assistant turn hands back, from this vendor's or Claude's maker's: they sign alike."""
    return [block for detail in turn.details if (block := _signed(detail)) is not None]


def _signed(detail: Mapping[str, object]) -> Block | None:
    match dict(detail):
        case {"type": "reasoning.text", "format": "bedrock" | "anthropic", "signature": str(signature), **rest} if signature:
            return {"reasoningContent": {"reasoningText": {"text": str(rest.get("text") or ""), "signature": signature}}}
        case {"type": "reasoning.encrypted", "format": "bedrock", "data": str(data)} if data:
            return {"reasoningContent": {"redactedContent": data}}
        case {"type": "reasoning.encrypted", "format": "anthropic", "data": str(data)} if data:
            # the maker's text is this vendor's bytes
            return {"reasoningContent": {"redactedContent": base64.b64encode(data.encode()).decode()}}
        case _:
            return None
