"""Sequences of events such as a dialect gives for one answer."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from trunkline.chat import (
    Event,
    Extra,
    Finished,
    Logprobs,
    MessageExtra,
    Metered,
    ReasoningDelta,
    ReasoningDetail,
    RefusalDelta,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
    Usage,
)  # fmt: skip

_texts = st.sampled_from(["a", "Grüße 🌍", 'say "hi" \\', "", "data: x\n", "\u2028"])

_CITED = {"url": "https://a", "title": "A", "start_index": 0, "end_index": 1}


@st.composite
def answers(draw: st.DrawFn, *, choices: int = 2, extras: bool = True, customs: bool = False) -> list[Event]:
    """One answer: choices interleaved, each with its finish last. `customs`: some calls are of custom tools."""
    events: list[Event] = [Started("x", "served", 1, {"system_fingerprint": "fp"} if draw(st.booleans()) else {})]
    counts = dict.fromkeys(range(draw(st.integers(1, choices))), 0)
    open_calls: dict[int, list[int]] = {choice: [] for choice in counts}
    kinds = ["text", "text", "thought", "refusal", "call", "arguments"] + (["detail", "extra", "logprobs", "late"] if extras else [])
    for _ in range(draw(st.integers(0, 10))):
        choice = draw(st.sampled_from(sorted(counts)))
        match draw(st.sampled_from(kinds)):
            case "text":
                events.append(TextDelta(draw(_texts), choice))
            case "thought":
                events.append(ReasoningDelta(draw(_texts), choice))
            case "refusal":
                events.append(RefusalDelta(draw(_texts), choice))
            case "call":
                tool = counts[choice]
                counts[choice] += 1
                open_calls[choice].append(tool)
                extra: dict[str, Any] = {"extra_content": {"google": {"s": 1}}} if draw(st.booleans()) else {}
                custom = customs and draw(st.booleans())
                events.append(ToolStarted(tool, draw(st.sampled_from([f"c{choice}{tool}", ""])), "f", choice, extra, custom))
            case "arguments" if open_calls[choice]:
                events.append(ToolDelta(draw(st.sampled_from(open_calls[choice])), draw(st.sampled_from(["", '{"n":', "1}"])), choice))
            case "detail":
                events.append(ReasoningDetail({"type": "reasoning.encrypted", "data": draw(_texts)}, choice))
            case "extra":
                events.append(MessageExtra({"annotations": [{"type": "url_citation", "url_citation": _CITED}]}, choice))
            case "logprobs":
                events.append(Logprobs({"content": [{"token": "a", "logprob": -1.5, "bytes": [97], "top_logprobs": []}]}, choice))
            case "late":
                events.append(Extra({"service_tier": draw(st.sampled_from(["default", "flex"]))}))
            case _:
                pass
    for choice, calls in counts.items():
        native = draw(st.sampled_from(["", "end_turn"]))
        events.append(Finished("tool_calls" if calls else "stop", choice, native, {"odd": 1} if extras and draw(st.booleans()) else {}))
    if draw(st.booleans()):
        events.append(Metered(Usage(3, 2, None, 1)))
    return events
