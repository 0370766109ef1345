"""`trunkline demo`, which is `make run`: the gateway started, one real completion streamed to the terminal, and the URLs to try next.

Odd here: it is a customer of the real thing. The gateway is a child process started as anyone would start it, and the question goes
to it over HTTP; nothing is taken from inside.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys

from . import chat

PROMPT = "Why is the sky blue? Answer in one sentence."
READY = "trunkline ready on "


def run(config: str | None, data: str | None, *, once: bool) -> int:
    """0 after the answer if `once`, else after Ctrl-C; 1 where the gateway did not start or the model did not answer."""
    command = [sys.executable, "-m", "trunkline", "serve"]
    command += ["--config", config] if config else []
    command += ["--data", data] if data else []
    if config is None and not free(5173):
        print("port 5173 is taken, so a free one is used", file=sys.stderr)
        command += ["--port", "0"]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # however this one ends, the gateway is not left behind
    # In a session of its own, so that Ctrl-C reaches it once, by way of `stop`: twice would tell it to drop what it is answering.
    gateway = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        url = ready(gateway)
        if url is None:
            return gateway.wait() or 1
        print(f"{READY}{url}\n\n> {PROMPT}", flush=True)
        status = chat.run(PROMPT, "local", url)
        if status or once:
            return status
        print(next_steps(url), flush=True)
        return gateway.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        stop(gateway)


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def ready(gateway: subprocess.Popen[str]) -> str | None:
    """The gateway's URL once it accepts requests; None where it ended before."""
    assert gateway.stdout is not None
    for line in gateway.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
        print(line, end="")
    return None


def stop(gateway: subprocess.Popen[str]) -> None:
    if gateway.poll() is None:
        gateway.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            gateway.wait(15)
    if gateway.poll() is None:
        gateway.kill()
        gateway.wait()


def next_steps(url: str) -> str:
    return f"""
Try next:
  {url}/            the front page
  {url}/docs        the API, browsable
  {url}/v1/models   what you may name

  curl {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "local", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="unused")

Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, ... and start again: those models answer here too. Ctrl-C stops.
"""
