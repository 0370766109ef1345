"""Print the benchmark table: CPU per request and per streamed chunk as a multiple of nginx `proxy_pass`, latency, start, memory.

Odd here: absolute rates mean nothing on a shared machine, so nginx carries the same load in the same round and only the ratio counts;
rounds are interleaved and the median is told. One core for the server under test, the other for the upstream and the load.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from . import processes as p
from .load import request_for
from .servers import BARE, KEYS, Gateway, gateway, install, upstream_and_nginx

MESSAGES = '[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Tell me about foxes."}]'
UNARY = '{"model":"%s","messages":' + MESSAGES + ',"temperature":0.7}'
STREAM = UNARY[:-1] + ',"stream":true,"stream_options":{"include_usage":true}}'
LUA = 'wrk.method = "POST"; wrk.body = [==[{body}]==]; wrk.headers["content-type"] = "application/json"\n{more}'
OPENAI, CLAUDE = "up/gpt-4o-mini", "claude/claude-haiku-4-5"
CHAT = "/v1/chat/completions"


class Bench:
    def __init__(self, folder: Path, seconds: float, rounds: int) -> None:
        self.folder, self.seconds, self.rounds = folder, seconds, rounds

    def load(self, kind: str, port: int, model: str, count: int, body: str, headers: str = "", path: str = CHAT) -> dict[str, float]:
        url = f"http://127.0.0.1:{port}{path}"
        command = [sys.executable, "-m", "bench.load", kind, url, str(count), str(self.seconds), body % model, headers]
        out = subprocess.run(p.pinned(p.LOAD_CORE, command), capture_output=True, check=True, text=True).stdout
        return dict(json.loads(out))

    def unary(self, port: int, pid: int, model: str, headers: str = "") -> float:
        """CPU microseconds per request under wrk, 32 connections."""
        pairs = [line.partition(": ") for line in headers.split("\r\n") if line]
        more = "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, _, value in pairs)
        script = self.folder / "load.lua"
        script.write_text(LUA.format(body=UNARY % model, more=more))
        command = ["wrk", "-t1", "-c32", f"-d{self.seconds:g}s", "-s", str(script), f"http://127.0.0.1:{port}{CHAT}"]
        before = p.cpu_seconds(pid)
        out = subprocess.run(p.pinned(p.LOAD_CORE, command), capture_output=True, check=True, text=True).stdout
        spent = p.cpu_seconds(pid) - before
        if "Non-2xx" in out or "Socket errors" in out:
            sys.exit(f"the load on port {port} met errors:\n{out}")
        return spent / int(out.split(" requests in")[0].split()[-1]) * 1e6

    def chunks(self, port: int, pid: int, model: str, path: str = CHAT) -> tuple[float, float]:
        """(CPU microseconds per streamed chunk, p99 seconds to the first event) of 64 streams."""
        before = p.cpu_seconds(pid)
        told = self.load("streams", port, model, 64, STREAM, path=path)
        spent = p.cpu_seconds(pid) - before
        if told["lost"]:
            sys.exit(f"{told['lost']} streams were lost on port {port}")
        return spent / told["events"] * 1e6, told["first_p99"]

    def ratio(self, ours: Callable[[], float], nginx: Callable[[], float]) -> tuple[float, str]:
        """(median of the ratios, both sides' median in words) over interleaved rounds."""
        pairs = [(ours(), nginx()) for _ in range(self.rounds)]
        own, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        return statistics.median(a / b for a, b in pairs), f"{own:.1f} µs; nginx {theirs:.1f} µs"

    def median(self, measure: Callable[[], float]) -> float:
        return statistics.median(measure() for _ in range(self.rounds))


def row(name: str, measured: str, bar: str, good: bool, detail: str = "") -> str:
    return f"{name:54} {measured:>12} {bar:>9} {'' if good else 'MISSED':6} {detail}".rstrip()


def rows(bench: Bench, only: str) -> Iterator[str]:
    yield f"{'figure':54} {'measured':>12} {'bar':>9}"
    with upstream_and_nginx(bench.folder) as (upstream, nginx, nginx_pid):
        first = request_for(f"http://127.0.0.1:{upstream}{CHAT}", UNARY % OPENAI, "")[2]

        def unary(running: Gateway, name: str, bar: float) -> Iterator[str]:
            value, detail = bench.ratio(
                lambda: bench.unary(running.port, running.pid, OPENAI, running.headers),
                lambda: bench.unary(nginx, nginx_pid, "gpt-4o-mini"),
            )
            yield row(name, f"{value:.2f}x nginx", f"{bar}x", value <= bar, detail)

        if only in "unary":
            with gateway(bench.folder, upstream, first, more=BARE) as running:
                yield from unary(running, "CPU per unary request, nothing but the way there", 2.5)
            with gateway(bench.folder, upstream, first) as running:
                yield row("`trunkline serve` to first answer", f"{running.started:.2f} s", "0.4 s", running.started <= 0.4)
                yield from unary(running, "CPU per unary request, open mode, metrics", 3.0)
                memory = p.memory_mb(running.pid)
                yield row("memory after load", f"{memory:.0f} MB", "60 MB", memory <= 60)
        if only in "keys":
            with gateway(bench.folder, upstream, first, more=KEYS, keys=10_000) as running:
                yield from unary(running, "CPU per unary request, keys mode, 10,000 keys, metrics", 3.0)
                memory = p.memory_mb(running.pid)
                yield row("memory after load, 10,000 keys", f"{memory:.0f} MB", "60 MB", memory <= 60)
        if only in "streams":
            with gateway(bench.folder, upstream, first) as running:
                yield from streams(bench, running, upstream, nginx, nginx_pid)


def streams(bench: Bench, running: Gateway, upstream: int, nginx: int, nginx_pid: int) -> Iterator[str]:
    port, pid = running.port, running.pid
    for name, bar, model, plain, path in (
        ("CPU per streamed chunk, same dialect", 1.6, OPENAI, "gpt-4o-mini", CHAT),
        ("CPU per streamed chunk, translated from Anthropic", 2.5, CLAUDE, "claude-haiku-4-5", "/v1/messages"),
    ):
        value, detail = bench.ratio(
            lambda model=model: bench.chunks(port, pid, model)[0],  # type: ignore[misc]
            lambda plain=plain, path=path: bench.chunks(nginx, nginx_pid, plain, path)[0],  # type: ignore[misc]
        )
        yield row(name, f"{value:.2f}x nginx", f"{bar}x", value <= bar, detail)
    added = (latency(bench, port, OPENAI) - latency(bench, upstream, "gpt-4o-mini")) * 1e3
    yield row("latency added at 1 connection, p50", f"{added:.3f} ms", "0.3 ms", added <= 0.3)
    first = bench.median(lambda: bench.chunks(port, pid, OPENAI)[1])
    direct = bench.median(lambda: bench.load("streams", upstream, "gpt-4o-mini", 64, STREAM)["first_p99"])
    proxied = bench.median(lambda: bench.chunks(nginx, nginx_pid, "gpt-4o-mini")[1])
    added = (first - direct) * 1e3
    yield row(
        "first token added at 64 streams, p99", f"{added:.3f} ms", "0.5 ms", added <= 0.5, f"nginx adds {(proxied - direct) * 1e3:.3f} ms"
    )
    told = bench.load("streams", port, OPENAI, 1000, STREAM)
    peak = p.memory_mb(pid, "VmHWM")
    good = peak <= 150 and not told["lost"]
    yield row("1,000 open streams, peak memory", f"{peak:.0f} MB", "150 MB", good, f"{told['finished']} finished, {told['lost']} lost")


def latency(bench: Bench, port: int, model: str) -> float:
    return bench.median(lambda: bench.load("latency", port, model, 2000, UNARY)["p50"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", choices=["", "unary", "keys", "streams"])
    arguments = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as folder:
        for line in rows(Bench(Path(folder), arguments.seconds, arguments.rounds), arguments.only):
            print(line, flush=True)


if __name__ == "__main__":
    main()
