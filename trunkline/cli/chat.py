"""`trunkline chat`: one streamed completion from a running gateway, in the terminal.

Odd here: it is a client, so it uses the standard library alone and starts in a few milliseconds. Closing the connection is how
Ctrl-C stops the model at the other end.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 300.0
KEY_VARIABLE = "TRUNKLINE_API_KEY"
INTERRUPTED = 130


class Failed(Exception):
    """What the user reads instead of an answer."""


def run(prompt: str, model: str, url: str, out: IO[str] | None = None, err: IO[str] | None = None) -> int:
    """Print the answer as it comes. `model` "" takes the gateway's own local model, else the first it lists.

    Returns 0, 1 after a failure (told on `err`), or 130 after Ctrl-C.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        for piece in answer(prompt, model or first_model(url), url):
            out.write(piece)
            out.flush()
        out.write("\n")
        out.flush()
    except Failed as error:
        err.write(f"trunkline: {error}\n")
        return 1
    except KeyboardInterrupt:
        out.write("\n")
        return INTERRUPTED
    return 0


def answer(prompt: str, model: str, url: str) -> Iterator[str]:
    """The pieces of the answer. Raises Failed."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": True}
    with Call(url, "POST", "/v1/chat/completions", body) as response:
        finished = False
        for line in response:
            if not line.startswith(b"data:"):
                continue
            payload = line[5:].strip()
            if payload == b"[DONE]":
                return
            chunk = json_object(payload)
            if "error" in chunk:
                raise Failed(message_of(chunk, "the answer broke off"))
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta") or {}
                yield delta.get("content") or delta.get("refusal") or ""
                finished = finished or bool(choice.get("finish_reason"))
        if not finished:
            raise Failed("the connection ended in the middle of the answer")


def first_model(url: str) -> str:
    """The model to ask where the user named none. Raises Failed."""
    ids = [str(each.get("id")) for each in listed(url)]
    if not ids:
        raise Failed("the gateway has no model; set a provider's key (OPENAI_API_KEY, ...) or run `trunkline models fetch`")
    return next((id for id in ids if id.startswith("local/")), ids[0])


def listed(url: str) -> list[dict[str, Any]]:
    """What GET /v1/models lists. Raises Failed."""
    with Call(url, "GET", "/v1/models") as response:
        data = json_object(response.read()).get("data")
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


class Call:
    """One request to the gateway; a context manager whose value is the answer, if its status is 200. Raises Failed otherwise."""

    def __init__(self, url: str, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        self._url, self._method, self._path, self._body = url, method, path, body
        split = urlsplit(url if "://" in url else f"http://{url}")
        if split.scheme not in ("http", "https") or not split.hostname:
            raise Failed(f"{url!r} is not the URL of a gateway, such as http://127.0.0.1:5173")
        kind = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(split.hostname, split.port, timeout=TIMEOUT_SECONDS)
        self._base = split.path.rstrip("/").removesuffix("/v1")

    def __enter__(self) -> http.client.HTTPResponse:
        headers = {"content-type": "application/json"}
        if os.environ.get(KEY_VARIABLE):
            headers["authorization"] = f"Bearer {os.environ[KEY_VARIABLE]}"
        try:
            sent = None if self._body is None else json.dumps(self._body).encode()
            self._connection.request(self._method, self._base + self._path, sent, headers)
            response = self._connection.getresponse()
        except ConnectionRefusedError:
            raise Failed(f"nothing answers at {self._url}; start it with `trunkline serve`") from None
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"cannot reach {self._url}: {error or type(error).__name__}") from None
        if response.status != 200:
            raise Failed(message_of(json_object(response.read()), f"{self._url} answered {response.status} {response.reason}"))
        return response

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, (OSError, http.client.HTTPException)) and not isinstance(error, BrokenPipeError):
            raise Failed(f"the connection to {self._url} broke: {error or type(error).__name__}") from None


def json_object(body: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def message_of(body: dict[str, Any], otherwise: str) -> str:
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else body.get("message")
    return str(message or otherwise)
