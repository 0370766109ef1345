"""`GET /metrics`, for Prometheus: what completions took, and what this gateway is doing.

Odd here: no number names a caller, a key or a workspace, so that whoever watches may read them without a key, as scrapers do. Labels are
OpenTelemetry's where it has names, with the endings that Prometheus puts to them; what only a gateway has begins with `trunkline_`.

Sources: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/, https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import __version__
from ..errors import CallerError
from ..meter import FIRST, OVERHEAD, SECONDS, TOKENS, Histogram, Tally, Who
from . import refusals
from .tallies import Now, Worker

if TYPE_CHECKING:
    from .assembly import Assembly

WHO = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "trunkline_provider")


def route(assembly: Assembly) -> Route:
    async def metrics(request: Request) -> Response:
        meter = assembly.gateway.meter
        if meter is None:
            said = "metrics are off here; telemetry.metrics = true in the config turns them on"
            return Response(refusals.to_bytes(CallerError(said, status=404, code="not_found"), False), 404, media_type="application/json")
        tally, now = meter.tally, assembly.doing()
        text, kind = await asyncio.to_thread(exposed, assembly, tally, now, request.headers.get("accept", ""))
        return Response(text, media_type=None, headers={"content-type": kind})

    return Route("/metrics", metrics)


def exposed(assembly: Assembly, tally: Tally, now: Now, accept: str) -> tuple[bytes, str]:
    """(the numbers as text, its content type): Prometheus' own format, or OpenMetrics where that is asked for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exposition(assembly.tallies.all(tally, now)))
    encoder, kind = choose_encoder(accept)
    return encoder(registry), kind


class Exposition(Collector):
    """One look at all workers' numbers."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = workers
        self.tally = Tally()
        for worker in workers:
            self.tally.merge(worker.tally)

    def collect(self) -> Iterator[Metric]:
        yield from self._completions()
        yield from self._gateway()
        yield from _processes([worker.pid for worker in self.workers if worker.alive])

    def _completions(self) -> Iterator[Metric]:
        tally = self.tally
        labels = (*WHO, "http_response_status_code", "error_type")
        seconds = HistogramMetricFamily(
            "gen_ai_server_request_duration_seconds", "From a completion's head to its last byte.", labels=labels
        )
        for (who, status, error), histogram in tally.seconds.items():
            _add(seconds, (*_who(who), str(status), error), SECONDS, histogram)
        yield seconds
        first = HistogramMetricFamily("gen_ai_server_time_to_first_token_seconds", "From a stream's head to its first byte.", labels=WHO)
        for who, histogram in tally.first.items():
            _add(first, _who(who), FIRST, histogram)
        yield first
        tokens = HistogramMetricFamily("gen_ai_client_token_usage", "Tokens of a completion.", labels=(*WHO, "gen_ai_token_type"))
        for (who, kind), histogram in tally.tokens.items():
            _add(tokens, (*_who(who), kind), TOKENS, histogram)
        yield tokens
        parts = CounterMetricFamily(
            "trunkline_token_parts", "Tokens among those: cached and cache_write of the input, reasoning of the output.",
            labels=(*WHO, "part"),
        )  # fmt: skip
        for (who, part), count in tally.parts.items():
            parts.add_metric((*_who(who), part), count)
        yield parts
        own = HistogramMetricFamily("trunkline_overhead_seconds", "This gateway's own part of the time until an answer began.")
        _add(own, (), OVERHEAD, tally.own)
        yield own
        yield CounterMetricFamily("trunkline_fallbacks", "Attempts at another target after one that failed.", value=tally.fallbacks)

    def _gateway(self) -> Iterator[Metric]:
        alive = [worker.now for worker in self.workers if worker.alive]
        yield GaugeMetricFamily("trunkline_requests_in_flight", "Completions under way.", value=sum(now.in_flight for now in alive))
        yield GaugeMetricFamily("trunkline_streams_open", "Of them, streams that have begun.", value=sum(now.streams for now in alive))
        connections = GaugeMetricFamily("trunkline_upstream_connections", "Connections to providers.", labels=("state",))
        connections.add_metric(("idle",), sum(now.idle for now in alive))
        connections.add_metric(("busy",), sum(now.busy for now in alive))
        yield connections
        yield GaugeMetricFamily("trunkline_store_up", "1 while every worker reads the store.", value=all(now.store_up for now in alive))
        yield GaugeMetricFamily("trunkline_workers", "Processes that answer.", value=len(alive))
        yield InfoMetricFamily("trunkline_build", "This gateway.", value={"version": __version__})


def _who(who: Who) -> tuple[str, ...]:
    return ("chat", *who)


def _add(family: HistogramMetricFamily, labels: Sequence[str], bounds: tuple[float, ...], histogram: Histogram) -> None:
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    family.add_metric(labels, [*zip(names, accumulate(histogram.counts), strict=True)], histogram.sum)


def _processes(pids: Iterable[int]) -> Iterator[Metric]:
    """The customary `process_…`, added up over the workers; the start is the first one's."""
    found: dict[str, Metric] = {}
    for pid in pids:
        for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            if metric.name not in found:
                found[metric.name] = metric
                continue
            samples = found[metric.name].samples
            pick = min if metric.name == "process_start_time_seconds" else sum
            found[metric.name].samples = [
                old._replace(value=pick((old.value, new.value))) for old, new in zip(samples, metric.samples, strict=True)
            ]
    yield from found.values()
