"""What is measured, started: the upstream, nginx before it, and gateways with configs of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import processes as p

NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{
    proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off; }} }}
}}
"""
PROVIDERS = """
[providers.up]
kind = "openai"
api_key = "sk-bench"
base_url = "http://127.0.0.1:{upstream}/v1"
[providers.claude]
kind = "anthropic"
api_key = "sk-bench"
base_url = "http://127.0.0.1:{upstream}"
"""
BARE = "[telemetry]\nmetrics = false\n"
KEYS = '[auth]\nmode = "keys"\nadmin_key = "bench-admin-key"\n'


class Gateway:
    def __init__(self, port: int, pid: int, started: float, key: str) -> None:
        self.port, self.pid = port, pid
        self.started = started
        """Seconds from its start to its first answer."""
        self.headers = f"authorization: Bearer {key}\r\n" if key else ""


def install() -> None:
    """nginx and wrk, if they are absent and may be installed; else say so and stop."""
    absent = [tool for tool in ("nginx", "wrk") if not there(tool)]
    if not absent:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {', '.join(absent)}", file=sys.stderr)
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        names = ["nginx-light" if tool == "nginx" else tool for tool in absent]
        subprocess.run(["apt-get", "install", "-y", "-qq", *names], stdout=subprocess.DEVNULL, check=False)
    absent = [tool for tool in absent if not there(tool)]
    if absent:
        sys.exit(
            f"the benchmark needs {' and '.join(absent)}, which could not be installed here: every ratio is to nginx, so there is no table"
        )


def there(tool: str) -> str | None:
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin")


@contextmanager
def upstream_and_nginx(folder: Path) -> Iterator[tuple[int, int, int]]:
    """(the upstream's port, nginx's port, nginx's pid)"""
    upstream, port = p.free_port(), p.free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(dir=folder, upstream=upstream, port=port))
    provider = p.start(p.LOAD_CORE, [sys.executable, "-m", "bench.upstream", str(upstream)])
    nginx = there("nginx")
    assert nginx is not None
    try:
        p.wait_port(upstream)
        proxy = p.start(p.SERVER_CORE, [nginx, "-c", str(config), "-p", str(folder)])
        try:
            p.wait_port(port)
            yield upstream, port, proxy.pid
        finally:
            p.stop(proxy)
    finally:
        p.stop(provider)


@contextmanager
def gateway(folder: Path, upstream: int, first: bytes, *, more: str = "", keys: int = 0) -> Iterator[Gateway]:
    """A gateway on a core of its own. `first` is the request it answers once before anything is measured; `keys` are stored before."""
    port, own = p.free_port(), Path(tempfile.mkdtemp(dir=folder))
    config = own / "trunkline.toml"
    config.write_text(f"[server]\nport = {port}\n{more}{PROVIDERS.format(upstream=upstream)}")
    key = fill_keys(own, keys) if keys else ""
    began = time.perf_counter()
    command = [sys.executable, "-m", "trunkline", "serve", "--config", str(config), "--data", str(own)]
    process = p.start(p.SERVER_CORE, command, stdout=subprocess.DEVNULL)
    try:
        ask(port, first.replace(b"\r\n\r\n", f"\r\nauthorization: Bearer {key}\r\n\r\n".encode(), 1) if key else first)
        yield Gateway(port, process.pid, time.perf_counter() - began, key)
    finally:
        p.stop(process)


def ask(port: int, request: bytes, seconds: float = 30) -> None:
    """Send a request as soon as somebody listens, and wait for a good answer."""
    until = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), seconds) as connection:
                connection.sendall(request)
                answer = connection.recv(65536)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.002)
            continue
        if not answer.startswith(b"HTTP/1.1 200"):
            sys.exit(f"the gateway answered {answer[:500]!r}")
        return


def fill_keys(data: Path, count: int) -> str:
    """Store that many gateway keys; the last one's text."""
    from trunkline.server.api.gateway_keys import NewKey, fresh_key, made
    from trunkline.store import gateway_keys
    from trunkline.store.records import fresh_id, instant
    from trunkline.store.store import Store

    store = Store.open(f"sqlite:///{data}/trunkline.db", data, environ={}, warn=lambda _: None)
    now = time.time()
    with store.writing(now) as write:
        for number in range(count):
            key = fresh_key()
            form = NewKey(name=f"key {number}", workspace="default", models=["up/*", "claude/*"])
            gateway_keys.insert(write, made(form, key, id=fresh_id(), at=instant(now)))
    store.close()
    return key.reveal()
