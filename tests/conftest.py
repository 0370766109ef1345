"""How hypothesis draws, and at the end of a run the table of recordings, provider by provider, passed of total.

Odd here: the same examples are drawn each time, so that a run says something about the change and not about the day; `HYPOTHESIS=explore`
draws others, and more of them. And the tests may have run in several processes: what each reports about itself (`record_property`) comes
back with its report, so the table is made from the reports alone. A recording counts as passed only where its test ran and passed.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS", "same"))

COLUMNS = ("whole", "stream", "error")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    passed: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == "law" and isinstance(report, pytest.TestReport) and report.when == "call":
                    provider, _, column = value.partition("\t")
                    total[provider, column] += 1
                    passed[provider, column] += outcome == "passed"
    if total:
        terminalreporter.section("recordings as the caller gets them, passed of total")
        for line in table(passed, total):
            terminalreporter.write_line(line)


def table(passed: Counter[tuple[str, str]], total: Counter[tuple[str, str]]) -> list[str]:
    """The lines of the table, and below it what no test is for and why."""
    from tests.recordings import recordings
    from tests.replay.laws import CHAT, EXPLAINED, unwrapped

    def row(name: str, providers: list[str]) -> str:
        cells = []
        for column in COLUMNS:
            of = sum(total[provider, column] for provider in providers)
            cells.append(f"{sum(passed[provider, column] for provider in providers)}/{of}" if of else "-")
        done, of = (sum(counts[provider, column] for provider in providers for column in COLUMNS) for counts in (passed, total))
        return f"{name:26}" + "".join(f"{cell:>10}" for cell in (*cells, f"{done}/{of}"))

    providers = sorted({provider for provider, _ in total})
    chat = [provider for provider in providers if not provider.endswith(")")]
    lines = [f"{'':26}" + "".join(f"{name:>10}" for name in (*COLUMNS, "all"))]
    lines += [row(provider, [provider]) for provider in providers]
    lines += [row("chat, all providers", chat)]
    lines += [row(f"{other}, all", [p for p in providers if p.endswith(f"({other})")]) for other in ("responses", "InvokeModel")]
    left = Counter(recording.api for recording in recordings() if recording.api in EXPLAINED and not unwrapped(recording))
    present = sum(recording.api in CHAT for recording in recordings())
    lines += [f"chat recordings present: {present}; not here:"]
    return lines + [f"  {api} {left[api]}: {why}" for api, why in EXPLAINED.items()]
