"""`GET /metrics` as a scraper meets it: what callers did is there, of all workers, and no counter ever falls."""

from __future__ import annotations

import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from tests.server.process import ask, at_once, provider, wait_until, workers
from tests.serving import Asked, Connection, Gateway, Upstream, gateway
from trunkline.meter import Tally
from trunkline.server.tallies import Now, Tallies, folder

USAGE = {"prompt_tokens": 19, "completion_tokens": 80, "total_tokens": 99, "prompt_tokens_details": {"cached_tokens": 5}}
DURATION, FIRST, TOKENS = "gen_ai_server_request_duration_seconds", "gen_ai_server_time_to_first_token_seconds", "gen_ai_client_token_usage"


def scraped(gw: Gateway, accept: str = "") -> tuple[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", gw.port, timeout=20)
    connection.request("GET", "/metrics", headers={"accept": accept})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return text, answer.getheader("content-type", "")


def samples(gw: Gateway) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(s.name, frozenset(s.labels.items())): s.value for family in prometheus(scraped(gw)[0]) for s in family.samples}


def total(gw: Gateway, name: str, **labels: str) -> float:
    return sum(value for (found, has), value in samples(gw).items() if found == name and labels.items() <= dict(has).items())


async def answering(connection: Connection, asked: Asked) -> None:
    """A whole answer or a stream, with usage; what is asked of the model `bad` is refused."""
    body: dict[str, Any] = json.loads(asked.body)
    if body["model"] == "bad":
        await connection.answer(
            429, json.dumps({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limited"}}).encode()
        )
        return
    head = {"id": "c", "created": 1, "model": "m"}
    if not body.get("stream"):
        message = {"role": "assistant", "content": "hi"}
        whole = {
            **head,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": USAGE,
        }
        await connection.answer(200, json.dumps(whole).encode())
        return
    deltas: list[Any] = [({"role": "assistant", "content": "hi"}, None), ({}, "stop")]
    events = [{**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": d, "finish_reason": f}]} for d, f in deltas]
    events.append({**head, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    await connection.answer(200, text.encode(), "text/event-stream")


def written(data: Path, parent: int) -> int:
    """How many completions the workers' files tell of."""
    found = Tallies(folder(data, parent)).all(Tally(), Now())
    return sum(sum(histogram.counts) for worker in found for histogram in worker.tally.seconds.values())


def post(gw: Gateway, **body: Any) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gw.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [{"role": "user", "content": "hi"}], **body}))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_what_callers_did_is_there_whole_and_streamed_good_and_bad(tmp_path: Path) -> None:
    with Upstream(answering) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        assert [post(gw, model="up/m"), post(gw, model="up/m", stream=True), post(gw, model="up/bad"), post(gw, model="nobody/m")] == [
            200, 200, 429, 404,
        ]  # fmt: skip
        who = {
            "gen_ai_operation_name": "chat",
            "gen_ai_provider_name": "openai_compatible",
            "gen_ai_request_model": "m",
            "trunkline_provider": "up",
        }
        assert total(gw, f"{DURATION}_count", http_response_status_code="200", error_type="", **who) == 2
        assert total(gw, f"{DURATION}_count", http_response_status_code="429", gen_ai_request_model="other", trunkline_provider="up") == 1
        assert total(gw, f"{DURATION}_count", http_response_status_code="404", trunkline_provider="") == 1
        assert total(gw, f"{FIRST}_count", **who) == 1
        for kind, count in (("input", 38), ("output", 160)):
            assert total(gw, f"{TOKENS}_sum", gen_ai_token_type=kind, **who) == count, "a stream's usage counts though nobody asked for it"
        assert total(gw, "trunkline_token_parts_total", part="cached", **who) == 10
        assert total(gw, "trunkline_overhead_seconds_count") == 2
        assert total(gw, "trunkline_workers") == 1
        assert total(gw, "process_resident_memory_bytes") > 1e6
        assert not (tmp_path / "data" / "metrics").exists()


def test_buckets_add_up_and_both_formats_parse(tmp_path: Path) -> None:
    with Upstream(answering) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        assert post(gw, model="up/m", stream=True) == 200
        found = samples(gw)
        counts = {(name, labels): value for (name, labels), value in found.items() if name.endswith("_count")}
        assert counts
        for (name, labels), value in counts.items():
            assert found[name.removesuffix("_count") + "_bucket", labels | {("le", "+Inf")}] == value
        text, kind = scraped(gw, "application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text")
        assert {family.name for family in openmetrics(text)} >= {DURATION, FIRST, TOKENS, "trunkline_fallbacks"}


def test_a_caller_who_hangs_up_is_counted_and_nothing_is_in_flight_after(tmp_path: Path) -> None:
    async def silent(connection: Connection, asked: Asked) -> None:
        await connection.gone()

    with Upstream(silent) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        connection = http.client.HTTPConnection("127.0.0.1", gw.port, timeout=20)
        connection.request("POST", "/v1/chat/completions", json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}))
        wait_until(lambda: total(gw, "trunkline_requests_in_flight") == 1, "it is under way")
        connection.close()
        wait_until(lambda: total(gw, f"{DURATION}_count", http_response_status_code="499") == 1, "it is counted")
        assert total(gw, "trunkline_requests_in_flight") == 0


def test_any_worker_tells_of_all_and_no_counter_falls_when_one_dies(tmp_path: Path) -> None:
    with Upstream(at_once) as upstream, gateway(tmp_path, provider(upstream.url), "--workers", "2") as gw:
        for _ in range(20):
            assert ask(gw.port)[0] == 200
        name = f"{DURATION}_count"
        wait_until(lambda: all(total(gw, name) == 20 for _ in range(6)), "whoever is asked knows of all twenty")
        wait_until(lambda: written(tmp_path / "data", gw.process.pid) == 20, "none of them is in one worker's memory alone")
        killed, kept = workers(gw.process.pid)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(set(workers(gw.process.pid)) - {killed, kept}) == 1, "another took its place")
        assert ask(gw.port)[0] == 200
        wait_until(lambda: all(total(gw, name) == 21 for _ in range(6)), "nothing is forgotten")
        wait_until(lambda: total(gw, "trunkline_workers") == 2, "the dead one is not counted among those that answer")
        gw.process.send_signal(signal.SIGTERM)
        assert gw.process.wait(20) == 0
        assert not (tmp_path / "data" / "metrics").exists()


def test_metrics_that_are_off_are_said_to_be(tmp_path: Path) -> None:
    with Upstream(answering) as upstream, gateway(tmp_path, provider(upstream.url) + "[telemetry]\nmetrics = false\n") as gw:
        assert post(gw, model="up/m") == 200
        connection = http.client.HTTPConnection("127.0.0.1", gw.port, timeout=20)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert (answer.status, "telemetry.metrics" in json.loads(answer.read())["error"]["message"]) == (404, True)
