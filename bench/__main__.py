"""Print the benchmark table: CPU per request and per streamed chunk as a multiple of nginx `proxy_pass`, latency, start, memory.

Odd here: absolute rates mean nothing on a shared machine, so nginx carries the same load in the same round and only the ratio counts;
rounds are interleaved and the median is told. One core for the server under test, the other for the upstream and the load.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import processes as p

UNARY = '{"model":"%s","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Tell me about foxes."}],"temperature":0.7}'
STREAM = UNARY[:-1] + ',"stream":true,"stream_options":{"include_usage":true}}'

NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  keepalive_requests 1000000;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
    proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off; }} }}
}}
"""
LUA = 'wrk.method = "POST"; wrk.body = [==[{body}]==]; wrk.headers["content-type"] = "application/json"\n{more}'


def install() -> None:
    """nginx and wrk, if they are absent and may be installed; else say so and stop."""
    absent = [tool for tool in ("nginx", "wrk") if shutil.which(tool) is None and not Path(f"/usr/sbin/{tool}").exists()]
    if not absent:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {', '.join(absent)}", file=sys.stderr)
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        names = ["nginx-light" if tool == "nginx" else tool for tool in absent]
        if subprocess.run(["apt-get", "install", "-y", "-qq", *names], stdout=subprocess.DEVNULL, check=False).returncode == 0:
            return
    sys.exit(
        f"the benchmark needs {' and '.join(absent)}, and they could not be installed here: the ratios are to nginx, so there is no table"
    )


class Bench:
    def __init__(self, folder: Path, seconds: float, rounds: int) -> None:
        self.folder, self.seconds, self.rounds = folder, seconds, rounds
        self.upstream, self.nginx = p.free_port(), p.free_port()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The upstream, and nginx before it."""
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(dir=self.folder, upstream=self.upstream, port=self.nginx))
        provider = p.python(p.LOAD_CORE, "-m", "bench.upstream", str(self.upstream))
        p.wait_port(self.upstream)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.proxy = p.start(p.SERVER_CORE, [nginx, "-c", str(config), "-p", str(self.folder)])
        try:
            p.wait_port(self.nginx)
            yield
        finally:
            p.stop(self.proxy)
            p.stop(provider)

    @contextmanager
    def gateway(self, more: str = "", prepare: Callable[[Path, Path], None] | None = None) -> Iterator[tuple[int, int, float]]:
        """(port, pid, seconds from start to first answer) of a gateway with a config of its own."""
        port, folder = p.free_port(), Path(tempfile.mkdtemp(dir=self.folder))
        config = folder / "trunkline.toml"
        config.write_text(
            f"[server]\nport = {port}\n[providers.up]\nkind = 'openai'\napi_key = 'sk-bench'\nbase_url = 'http://127.0.0.1:{self.upstream}/v1'\n"
            f"[providers.claude]\nkind = 'anthropic'\napi_key = 'sk-bench'\nbase_url = 'http://127.0.0.1:{self.upstream}'\n{more}"
        )
        if prepare is not None:
            prepare(config, folder)
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("trunkline")), "serve", "--config", str(config), "--data", str(folder)]
        process = p.start(p.SERVER_CORE, command, stdout=subprocess.DEVNULL)
        try:
            p.wait_port(port)
            self.load("latency", port, "up/gpt-4o-mini", 1, UNARY, self.headers(folder))
            yield port, process.pid, time.perf_counter() - began
        finally:
            p.stop(process)

    @staticmethod
    def headers(folder: Path) -> str:
        key = folder / "key"
        return f"authorization: Bearer {key.read_text()}\r\n" if key.exists() else ""

    def load(
        self, kind: str, port: int, model: str, count: int, body: str, headers: str = "", path: str = "/v1/chat/completions"
    ) -> dict[str, float]:
        command = [
            sys.executable,
            "-m",
            "bench.load",
            kind,
            f"http://127.0.0.1:{port}{path}",
            str(count),
            str(self.seconds),
            body % model,
            headers,
        ]
        out = subprocess.run(p.pinned(p.LOAD_CORE, command), capture_output=True, check=True, text=True).stdout
        return dict(json.loads(out))

    def unary(self, port: int, pid: int, model: str, headers: str = "") -> float:
        """CPU microseconds per request under wrk, 32 connections."""
        more = "".join(
            f'wrk.headers["{n}"] = "{v.strip()}"\n' for n, _, v in (line.partition(":") for line in headers.split("\r\n") if line)
        )
        script = self.folder / "load.lua"
        script.write_text(LUA.format(body=UNARY % model, more=more))
        command = ["wrk", "-t1", "-c32", f"-d{self.seconds:g}s", "-s", str(script), f"http://127.0.0.1:{port}/v1/chat/completions"]
        before = p.cpu_seconds(pid)
        out = subprocess.run(p.pinned(p.LOAD_CORE, command), capture_output=True, check=True, text=True).stdout
        spent = p.cpu_seconds(pid) - before
        if "Non-2xx" in out or "Socket errors" in out:
            sys.exit(f"the load on port {port} met errors:\n{out}")
        return spent / int(out.split(" requests in")[0].split()[-1]) * 1e6

    def chunks(self, port: int, pid: int, model: str, path: str = "/v1/chat/completions") -> tuple[float, float]:
        """(CPU microseconds per streamed chunk, p99 seconds to the first event) of 64 streams."""
        before = p.cpu_seconds(pid)
        told = self.load("streams", port, model, 64, STREAM, path=path)
        spent = p.cpu_seconds(pid) - before
        if told["lost"]:
            sys.exit(f"{told['lost']} streams were lost on port {port}")
        return spent / told["events"] * 1e6, told["first_p99"]

    def ratio(self, ours: Callable[[], float], nginx: Callable[[], float]) -> tuple[float, float, float]:
        """(median of ratios, our median, nginx's median) over interleaved rounds."""
        pairs = [(ours(), nginx()) for _ in range(self.rounds)]
        return statistics.median(a / b for a, b in pairs), statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def ten_thousand_keys(config: Path, folder: Path) -> None:
    """Store 10,000 gateway keys; the first of them is the one the load uses."""
    from tests.stores import fill_keys

    (folder / "key").write_text(fill_keys(f"sqlite:///{folder}/trunkline.db", folder, 10_000))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    arguments = parser.parse_args()
    install()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.seconds, arguments.rounds)
        with bench.running():
            for row in rows(bench, arguments.only):
                print(row, flush=True)


def rows(bench: Bench, only: str) -> Iterator[str]:
    nginx = bench.proxy.pid
    yield f"{'figure':58} {'measured':>16} {'bar':>12}"

    def row(name: str, measured: str, bar: str, good: bool) -> str:
        return f"{name:58} {measured:>16} {bar:>12}{'' if good else '   MISSED'}"

    def unary(name: str, bar: float, more: str = "", prepare: Callable[[Path, Path], None] | None = None) -> Iterator[str]:
        if only not in name:
            return
        with bench.gateway(more, prepare) as (port, pid, _):
            headers = bench.headers(Path(f"/proc/{pid}/cwd").resolve()) if prepare is None else headers_of(bench, port)
            value, own, theirs = bench.ratio(
                lambda: bench.unary(port, pid, "up/gpt-4o-mini", headers), lambda: bench.unary(bench.nginx, nginx, "gpt-4o-mini")
            )
            yield row(name, f"{value:.2f}x nginx", f"{bar}x", value <= bar)
            yield f"    {own:.1f} µs a request; nginx {theirs:.1f} µs; memory after load {p.memory_mb(pid):.0f} MB (bar 60 MB)"

    yield from unary("CPU per unary request, open mode", 2.5)
    yield from unary(
        "CPU per unary request, keys mode, 10,000 keys stored",
        3.0,
        "[auth]\nmode = 'keys'\nadmin_key = 'bench-admin-key'\n",
        ten_thousand_keys,
    )

    if any(only in name for name in ("stream", "latency", "start", "memory")):
        with bench.gateway() as (port, pid, started):
            yield row("`trunkline serve` to first answer", f"{started:.2f} s", "0.4 s", started <= 0.4)
            value, own, theirs = bench.ratio(
                lambda: bench.chunks(port, pid, "up/gpt-4o-mini")[0], lambda: bench.chunks(bench.nginx, nginx, "gpt-4o-mini")[0]
            )
            yield row("CPU per streamed chunk, same dialect", f"{value:.2f}x nginx", "1.6x", value <= 1.6)
            yield f"    {own:.1f} µs a chunk; nginx {theirs:.1f} µs"
            value, own, theirs = bench.ratio(
                lambda: bench.chunks(port, pid, "claude/claude-haiku-4-5")[0],
                lambda: bench.chunks(bench.nginx, nginx, "claude-haiku-4-5", "/v1/messages")[0],
            )
            yield row("CPU per streamed chunk, translated (Anthropic)", f"{value:.2f}x nginx", "2.5x", value <= 2.5)
            yield f"    {own:.1f} µs a chunk; nginx {theirs:.1f} µs"
            direct = statistics.median(
                bench.load("latency", bench.upstream, "gpt-4o-mini", 2000, UNARY)["p50"] for _ in range(bench.rounds)
            )
            ours = statistics.median(bench.load("latency", port, "up/gpt-4o-mini", 2000, UNARY)["p50"] for _ in range(bench.rounds))
            added = (ours - direct) * 1e3
            yield row("latency added at 1 connection, p50", f"{added:.3f} ms", "0.3 ms", added <= 0.3)
            first = statistics.median(bench.chunks(port, pid, "up/gpt-4o-mini")[1] for _ in range(bench.rounds))
            plain = statistics.median(
                bench.load("streams", bench.upstream, "gpt-4o-mini", 64, STREAM)["first_p99"] for _ in range(bench.rounds)
            )
            added = (first - plain) * 1e3
            yield row("first token added at 64 streams, p99", f"{added:.3f} ms", "0.5 ms", added <= 0.5)
            told = bench.load("streams", port, "up/gpt-4o-mini", 1000, STREAM)
            peak = p.memory_mb(pid, "VmHWM")
            yield row("1,000 open streams, memory", f"{peak:.0f} MB", "150 MB", peak <= 150 and not told["lost"])
            yield f"    {told['finished']} finished, {told['lost']} lost"


def headers_of(bench: Bench, port: int) -> str:
    """The authorization header of the gateway on that port."""
    for config in bench.folder.glob("*/trunkline.toml"):
        if f"port = {port}\n" in config.read_text():
            return bench.headers(config.parent)
    return ""


if __name__ == "__main__":
    main()
