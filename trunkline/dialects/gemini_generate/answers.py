"""An answer of generateContent, whole or streamed, as events.

Odd here: a frame is a whole answer in small, so both take the same road. A candidate's end is held back until the body ends, for
older models say STOP on every frame, a call makes a STOP into `tool_calls`, and usage grows with every frame. A thought's signature
stands on the part it belongs to and may come on an empty text; a blocked prompt is an answer without candidates.

Sources: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse,
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ...chat import (
    Event,
    Extra,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    ReasoningDelta,
    Started,
    TextDelta,
)  # fmt: skip
from ...target import Target
from ...wire import Frame, HttpResponse
from ..failures import failure
from .beside import audio_of, citation_annotations, grounding_annotations, logprobs_of, plain, tier_of, usage_of
from .choice import Choice
from .failures import as_error, envelope, failed
from .shapes import (
    NO_FEEDBACK,
    NO_INLINE,
    NO_RAW,
    Candidate,
    Chunk,
    Part,
    decode_chunk,
    decode_chunks,
    decode_feedback,
    decode_inline,
    lenient,
    present,
    whole_part,
)  # fmt: skip
from .words import PLAIN, block_word, finish_word, reason

FRAMING = "sse"
"""Every stream is asked for with `alt=sse`."""

_SERVER_PARTS = (
    "executable_code", "code_execution_result", "tool_call", "tool_response", "file_data", "audio_transcription", "function_response",
)  # fmt: skip
_OWN_TOOLS = frozenset({"executableCode", "codeExecutionResult", "toolCall", "toolResponse"})
_CAMEL = dict(zip(Part.__struct_fields__, Part.__struct_encode_fields__, strict=True))


def decode_response(response: HttpResponse, target: Target) -> list[Event]:
    """A whole answer. UpstreamError where it holds neither candidates nor a reason why there are none."""
    try:
        chunks = _chunks(response.body)
    except (msgspec.DecodeError, RecursionError):
        raise failure(target, response, f"{target.provider} answered with something that is no Gemini answer", status=502) from None
    decoder = Answer(target)
    events: list[Event] = []
    for chunk in chunks:
        if present(chunk.error):
            raise as_error(response, envelope(response.body), target)
        events += decoder.take(chunk, response.body)
    if not decoder.answered:
        raise failure(target, response, f"{target.provider} answered without candidates and without a reason", status=502)
    return events + decoder.end(whole=True)


def decode_stream(target: Target) -> Answer:
    return Answer(target)


def _chunks(data: bytes) -> list[Chunk]:
    """One object, or the list that a stream without `alt=sse` is."""
    return decode_chunks(data) if data.lstrip()[:1] == b"[" else [decode_chunk(data)]


class Answer:
    """Decodes one answer; a `dialects.Decoder`."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.started = False
        self.over = False
        self.id = ""
        self.usage = NO_RAW
        self.blocked = ""
        self.feedback = NO_RAW
        self.choices: dict[int, Choice] = {}

    @property
    def answered(self) -> bool:
        return bool(self.choices or self.blocked)

    def feed(self, frame: Frame) -> list[Event]:
        if self.over:
            return []
        data = frame.data
        try:
            chunk = decode_chunk(data)
        except msgspec.DecodeError:
            return self._odd(data)
        return self.take(chunk, data)

    def close(self) -> list[Event]:
        return [] if self.over else self.end(whole=False)

    def _odd(self, data: bytes) -> list[Event]:
        """A frame that is no single answer: a list of them, an error of another shape, or nothing we can read."""
        if data.strip() in (b"", b"[DONE]"):
            return []
        try:
            return [event for chunk in _chunks(data) for event in self.take(chunk, data)]
        except (msgspec.DecodeError, RecursionError):
            self.over = True
            return [failed(envelope(data) or {"message": "a part of the stream is no Gemini answer", "code": 502}, self.target)]

    # ── a frame ──────────────────────────────────────────────────────────────────────────────────────────

    def take(self, chunk: Chunk, data: bytes) -> list[Event]:
        """The events of one frame. `data` is the frame's own bytes, of which a call's id is made where nothing better is there."""
        events: list[Event] = []
        if chunk.error is not NO_RAW and present(chunk.error):
            self.over = True
            return [failed(envelope(data), self.target)]
        if not self.started:
            self.started = True
            self.id = chunk.response_id or ""
            events.append(Started(self.id, chunk.model_version or "", _seconds(chunk.create_time)))
        if chunk.usage_metadata is not NO_RAW:
            self.usage = chunk.usage_metadata
        if chunk.model_status is not NO_RAW and present(chunk.model_status):
            events.append(Extra({"model_status": plain(chunk.model_status)}))
        if chunk.prompt_feedback is not NO_RAW and present(chunk.prompt_feedback):
            self.feedback = chunk.prompt_feedback
            self.blocked = block_word(lenient(decode_feedback, chunk.prompt_feedback, NO_FEEDBACK).block_reason)
        for candidate in chunk.candidates or ():
            index = candidate.index or 0
            choice = self.choices.get(index)
            if choice is None:
                choice = self.choices[index] = Choice(index)
            if candidate.content is not None and candidate.content.parts:
                for part in candidate.content.parts:
                    if part.function_call is None and part.text and not part.thought and part.thought_signature is None:
                        choice.texts.append(part.text)
                        events.append(TextDelta(part.text, index))
                    elif not self._part(part, choice, events, data):
                        self._strange(part, candidate, chunk, choice, events, data)
            self._candidate(candidate, index, choice, events)
        return events

    def _candidate(self, candidate: Candidate, index: int, choice: Choice, events: list[Event]) -> None:
        if candidate.finish_reason is not None:
            choice.word = finish_word(candidate.finish_reason) or choice.word
            if candidate.finish_message:
                choice.extra["finish_message"] = candidate.finish_message
            if candidate.safety_ratings is not NO_RAW and choice.word not in PLAIN:
                choice.extra["safety_ratings"] = plain(candidate.safety_ratings)
        if candidate.continuation_token:
            choice.extra["continuation_token"] = candidate.continuation_token
        if candidate.grounding_metadata is not NO_RAW:
            choice.grounding = candidate.grounding_metadata
        if candidate.citation_metadata is not NO_RAW:
            choice.citations = candidate.citation_metadata
        if candidate.url_context_metadata is not NO_RAW:
            choice.url_context = candidate.url_context_metadata
        if candidate.logprobs_result is not NO_RAW and present(candidate.logprobs_result):
            events.append(Logprobs(logprobs_of(candidate.logprobs_result), index))

    def _part(self, part: Part, choice: Choice, events: list[Event], data: bytes) -> bool:
        """The events of one part. False where it holds nothing that we know."""
        signature = part.thought_signature or ""
        if part.function_call is not None:
            events += choice.call(part.function_call, signature, self.id or data)
        elif part.text is not None:
            self._text(part, signature, choice, events)
        elif part.inline_data is not NO_RAW:
            self._inline(part, signature, choice, events)
        else:
            name = next((name for name in _SERVER_PARTS if getattr(part, name) is not NO_RAW), "")
            if not name:
                return False
            self._kept({_CAMEL[name]: plain(getattr(part, name))}, signature, choice, events)
        return True

    def _text(self, part: Part, signature: str, choice: Choice, events: list[Event]) -> None:
        text = part.text or ""
        where: dict[str, Any] = {}
        if part.thought:
            if text:
                events.append(ReasoningDelta(text, choice.index))
            where = {"thought": True}
        elif text:
            start = sum(map(len, choice.texts)) if signature else 0
            choice.texts.append(text)
            events.append(TextDelta(text, choice.index))
            where = {"start": start}
        if signature:
            events.append(choice.signed(signature, **where))

    def _kept(self, block: dict[str, Any], signature: str, choice: Choice, events: list[Event]) -> None:
        """A part that OpenAI's format has no place for. Its signature goes back with it: the vendor checks it there; and so does
        what a signed call of a tool of the vendor's led to, without which the call would stand unanswered."""
        events.append(MessageExtra({"provider_blocks": [block]}, choice.index))
        own = not block.keys().isdisjoint(_OWN_TOOLS)
        if signature or (own and choice.used_tools):
            events.append(choice.signed(signature, part=block))
            choice.used_tools = choice.used_tools or own

    def _strange(self, part: Part, candidate: Candidate, chunk: Chunk, choice: Choice, events: list[Event], data: bytes) -> None:
        """A part of a kind yet to be invented, as it is; one that holds a signature and nothing else is an empty text."""
        signature, block = part.thought_signature or "", whole_part(part, candidate, chunk, data)
        if block:
            self._kept(block, signature, choice, events)
        elif signature:
            events.append(choice.signed(signature))

    def _inline(self, part: Part, signature: str, choice: Choice, events: list[Event]) -> None:
        index, blob = choice.index, lenient(decode_inline, part.inline_data, NO_INLINE)
        if part.thought:
            events.append(MessageExtra({"provider_blocks": [{"inlineData": plain(part.inline_data), "thought": True}]}, index))
        elif blob.mime_type.startswith("image/"):
            url = f"data:{blob.mime_type};base64,{blob.data}"
            events.append(MessageExtra({"images": [{"type": "image_url", "image_url": {"url": url}}]}, index))
            if signature:
                events.append(choice.signed(signature, image=choice.images))
            choice.images += 1
        elif blob.mime_type.startswith("audio/"):
            choice.sound.append(blob.data)
            choice.sound_type = blob.mime_type
        else:
            self._kept({"inlineData": plain(part.inline_data)}, signature, choice, events)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────

    def end(self, *, whole: bool) -> list[Event]:
        """What was held back. `whole`: the body is complete, so a candidate without a finish reason has ended too."""
        self.over = True
        events: list[Event] = []
        for index, choice in self.choices.items():
            events += choice.closed()
            self._beside(index, choice, events)
        if present(self.usage):
            tier = tier_of(self.usage)
            if tier:
                events.append(Extra({"service_tier": tier}))
            usage = usage_of(self.usage)
            if usage is not None:
                events.append(Metered(usage))
        for index, choice in self.choices.items():
            word = choice.word
            if not word and self.blocked:
                word, choice.extra["prompt_feedback"] = self.blocked, plain(self.feedback)
                events.append(Finished("content_filter", index, word, choice.extra))
            elif word or whole:
                native = "" if choice.word in PLAIN else choice.word
                events.append(Finished(reason(choice.word, calls=choice.calls > 0), index, native, choice.extra))
        if not self.choices and self.blocked:
            events.append(Finished("content_filter", 0, self.blocked, {"prompt_feedback": plain(self.feedback)}))
        return events

    def _beside(self, index: int, choice: Choice, events: list[Event]) -> None:
        extra: dict[str, Any] = {}
        text = "".join(choice.texts) if choice.grounding is not NO_RAW or choice.citations is not NO_RAW else ""
        if present(choice.grounding):
            extra["annotations"] = grounding_annotations(choice.grounding, text)
            extra["grounding_metadata"] = plain(choice.grounding)
        if present(choice.citations):
            extra["annotations"] = extra.get("annotations", []) + citation_annotations(choice.citations, text)
            extra["citation_metadata"] = plain(choice.citations)
        if present(choice.url_context):
            extra["url_context_metadata"] = plain(choice.url_context)
        if choice.sound:
            extra["audio"] = audio_of(self.id, choice.sound_type, choice.sound)
        if extra:
            events.append(MessageExtra({name: value for name, value in extra.items() if value != []}, index))


def _seconds(time: str | None) -> int:
    """`createTime` (RFC 3339, Vertex only) in seconds since 1970; 0 where there is none."""
    if not time:
        return 0
    try:
        return int(datetime.fromisoformat(time).timestamp())
    except ValueError:
        return 0
