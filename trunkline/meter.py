"""What completions took, in seconds and tokens, counted for whoever asks (`server/metrics.py`).

Odd here: nothing is counted while a request runs. Each leaves one small record, and records are counted together, when some wait or when
somebody asks: counting thirty in a row costs a fraction of counting each between two other things. And whoever calls
may invent names of models and vendors may invent types of errors, so that both are bounded: a model has numbers of its own from its
first good answer on.

Names are OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
"""

from __future__ import annotations

from bisect import bisect_left

from msgspec import Struct, field

from .chat import Usage
from .dialects.openai_chat.shapes import WireUsage, usage_of
from .target import Target

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""The bounds that the conventions advise for a request's duration, the time to its first token, and its tokens."""
OVERHEAD = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)

ENOUGH = 32
"""Records that wait before they are counted: some 70 µs of work at once."""
MAX_MODELS = 1000
MAX_ERRORS = 100
OTHER = "other"

PROVIDERS = {
    "azure": "azure.ai.openai", "bedrock": "aws.bedrock", "gemini": "gcp.gemini", "mistral": "mistral_ai", "moonshot": "moonshot_ai",
    "vertex": "gcp.vertex_ai", "xai": "x_ai",
}  # fmt: skip
"""OpenTelemetry's names of vendors, where they are not those of our kinds."""


class Record(Struct):
    """One completion, once it is over."""

    status: int
    """As the caller saw it; 499 where it was gone before."""
    seconds: float
    target: Target | None = None
    """Who answered, or failed last; None where nobody was asked."""
    error: str = ""
    """The type of the error that the caller got."""
    first: float = 0.0
    """Seconds to the first byte of a stream, 0.0 where there was none."""
    own: float = -1.0
    """Seconds of them that were ours, negative where nobody answered."""
    usage: Usage | WireUsage | None = None
    attempts: int = 0


class Histogram(Struct):
    """How often a value fell between two bounds, the last count being for those above them all."""

    counts: list[int]
    sum: float = 0.0

    def merge(self, other: Histogram) -> None:
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum


Who = tuple[str, str, str]
"""OpenTelemetry's name of the vendor, the model, and the provider's name in the config; empty where nobody was asked."""


class Tally(Struct):
    """The numbers of one process since it started."""

    seconds: dict[tuple[Who, int, str], Histogram] = field(default_factory=dict)
    """By who answered, status and type of error."""
    first: dict[Who, Histogram] = field(default_factory=dict)
    tokens: dict[tuple[Who, str], Histogram] = field(default_factory=dict)
    """By who answered, and "input" or "output"."""
    parts: dict[tuple[Who, str], int] = field(default_factory=dict)
    """Tokens that are among those: "cached", "cache_write", "reasoning"."""
    own: Histogram = field(default_factory=lambda: empty(OVERHEAD))
    fallbacks: int = 0
    """Attempts beyond the first."""

    def merge(self, other: Tally) -> None:
        for mine, theirs in ((self.seconds, other.seconds), (self.first, other.first), (self.tokens, other.tokens)):
            _merge(mine, theirs)  # type: ignore[arg-type]
        for key, count in other.parts.items():
            self.parts[key] = self.parts.get(key, 0) + count
        self.own.merge(other.own)
        self.fallbacks += other.fallbacks


def empty(bounds: tuple[float, ...]) -> Histogram:
    return Histogram([0] * (len(bounds) + 1))


def _merge(mine: dict[object, Histogram], theirs: dict[object, Histogram]) -> None:
    for key, histogram in theirs.items():
        if key in mine:
            mine[key].merge(histogram)
        else:
            mine[key] = Histogram(list(histogram.counts), histogram.sum)


class Numbers:
    """Of one target, whatever the outcome. What is not counted yet is not in the tally either."""

    __slots__ = ("first", "input", "output", "who")

    def __init__(self, who: Who) -> None:
        self.who = who
        self.first: Histogram | None = None
        self.input: Histogram | None = None
        self.output: Histogram | None = None


class Meter:
    """Owned by one gateway."""

    def __init__(self) -> None:
        self._waiting: list[Record] = []
        self._tally = Tally()
        self._cells: dict[tuple[str, str, int, str], tuple[Histogram, Numbers]] = {}
        self._numbers: dict[Who, Numbers] = {}
        self._errors: set[str] = set()

    def note(self, record: Record) -> None:
        self._waiting.append(record)
        if len(self._waiting) >= ENOUGH:
            self.count()

    @property
    def tally(self) -> Tally:
        """Up to now; a copy, for whoever reads it elsewhere."""
        self.count()
        copy = Tally()
        copy.merge(self._tally)
        return copy

    def count(self) -> None:
        records, self._waiting = self._waiting, []
        cells, tally = self._cells, self._tally
        own = tally.own
        for record in records:
            target = record.target
            cell = cells.get((target.provider, target.model, record.status, record.error)) if target is not None else None
            histogram, numbers = cell or self._cell(record)
            seconds = record.seconds
            histogram.counts[bisect_left(SECONDS, seconds)] += 1
            histogram.sum += seconds
            seconds = record.own
            if seconds >= 0:
                own.counts[bisect_left(OVERHEAD, seconds)] += 1
                own.sum += seconds
            seconds = record.first
            if seconds:
                first = numbers.first
                if first is None:
                    first = numbers.first = tally.first[numbers.who] = empty(FIRST)
                first.counts[bisect_left(FIRST, seconds)] += 1
                first.sum += seconds
            usage = record.usage
            if usage is None:
                pass
            elif usage.__class__ is WireUsage:
                self._count_tokens(numbers, usage.prompt_tokens, usage.completion_tokens)
                if usage.prompt_tokens_details is not None or usage.completion_tokens_details is not None:
                    self._count_parts(numbers.who, usage_of(usage))
            else:
                self._count_tokens(numbers, usage.prompt, usage.completion)  # type: ignore[union-attr]
                self._count_parts(numbers.who, usage)  # type: ignore[arg-type]
            if record.attempts > 1:
                tally.fallbacks += record.attempts - 1

    def _count_tokens(self, numbers: Numbers, prompt: int | None, completion: int | None) -> None:
        if prompt is not None:
            histogram = numbers.input
            if histogram is None:
                histogram = numbers.input = self._tally.tokens[numbers.who, "input"] = empty(TOKENS)
            histogram.counts[bisect_left(TOKENS, prompt)] += 1
            histogram.sum += prompt
        if completion is not None:
            histogram = numbers.output
            if histogram is None:
                histogram = numbers.output = self._tally.tokens[numbers.who, "output"] = empty(TOKENS)
            histogram.counts[bisect_left(TOKENS, completion)] += 1
            histogram.sum += completion

    def _count_parts(self, who: Who, usage: Usage) -> None:
        if usage.cached or usage.cache_write or usage.reasoning:
            parts = self._tally.parts
            for part, count in (("cached", usage.cached), ("cache_write", usage.cache_write), ("reasoning", usage.reasoning)):
                if count:
                    parts[who, part] = parts.get((who, part), 0) + count

    def _cell(self, record: Record) -> tuple[Histogram, Numbers]:
        """Where a record counts; remembered where the numbers of its target are its own."""
        target, error = record.target, self._error(record.error)
        who = self._who(target, record.status)
        numbers = self._numbers.get(who) or Numbers(who)
        self._numbers[who] = numbers
        histogram = self._tally.seconds.setdefault((who, record.status, error), empty(SECONDS))
        if target is not None and who[1] == target.model and error == record.error:
            self._cells[target.provider, target.model, record.status, error] = histogram, numbers
        return histogram, numbers

    def _who(self, target: Target | None, status: int) -> Who:
        if target is None:
            return "", "", ""
        who = PROVIDERS.get(target.kind, target.kind), target.model, target.provider
        if who in self._numbers or (status < 400 and len(self._numbers) < MAX_MODELS):
            return who
        return who[0], OTHER, target.provider

    def _error(self, error: str) -> str:
        if error in self._errors or not error:
            return error
        if len(self._errors) >= MAX_ERRORS:
            return OTHER
        self._errors.add(error)
        return error
