"""A caller who writes bytes to a socket and reads what comes back.

Odd here: what is kept is every byte the gateway ever sent, so that the stage can look for secrets in all of it at the end of a test.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

import httptools
import httpx

WAIT = 10.0


class Answer:
    """One HTTP answer as it came."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        return found

    @property
    def events(self) -> list[bytes]:
        """The payloads of a stream, [DONE] too. The stream must consist of nothing but `data:` lines and comments."""
        found = []
        for block in self.body.split(b"\n\n"):
            if block and not block.startswith(b":"):
                assert block.startswith(b"data: "), block
                assert b"\n" not in block, block
                found.append(block[6:])
        return found

    @property
    def chunks(self) -> list[Any]:
        return [json.loads(payload) for payload in self.events if payload != b"[DONE]"]


class _Parsing:
    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answers[-1].headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.answers[-1].body += body

    def on_headers_complete(self) -> None:
        self.answers[-1].status = self.parser.get_status_code()

    def on_message_complete(self) -> None:
        answer = self.answers[-1]
        if answer.status >= 200:
            answer.complete = True
            self.answers.append(Answer())
        else:
            self.answers[-1] = Answer()


class Caller:
    """One connection to the gateway."""

    def __init__(self, port: int, heard: list[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT)
        self.heard = heard
        self.received = b""
        self.closed = False
        self._parsing = _Parsing()

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def send(self, data: bytes) -> Caller:
        self.socket.sendall(data)
        return self

    def post(self, body: Any, path: str = "/v1/chat/completions", **headers: str) -> Caller:
        return self.send(request(body, path, **headers))

    def read(self) -> bytes:
        """One read; b"" where the gateway has closed. A gateway that says nothing for ten seconds is a hang, and fails."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self.received += data
        self.heard.append(data)
        if data:
            with contextlib.suppress(httptools.HttpParserError):
                self._parsing.parser.feed_data(data)
        return data

    def until(self, mark: bytes) -> Caller:
        while mark not in self.received:
            assert self.read(), f"the gateway closed before {mark!r} came: {self.received!r}"
        return self

    def answers(self, count: int) -> list[Answer]:
        """The first `count` answers of this connection."""
        while len(self._parsing.answers) <= count:
            if not self.read():
                last = self._parsing.answers[-1]
                assert len(self._parsing.answers) == count, self.received
                assert last.status, self.received
                assert "content-length" not in last.headers, self.received
                return self._parsing.answers[:count]  # an answer that ends with its connection
        return self._parsing.answers[:count]

    def answer(self) -> Answer:
        return self.answers(1)[0]

    def end(self) -> bytes:
        """Everything until the gateway closes."""
        while self.read():
            pass
        return self.received

    def hang_up(self) -> None:
        self.socket.close()


def request(body: Any, path: str = "/v1/chat/completions", method: str = "POST", version: str = "1.1", **headers: str) -> bytes:
    """A request's bytes; a body that is not bytes is written as JSON."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"host": "gateway", "content-type": "application/json", "content-length": str(len(encoded))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/{version}\r\n{lines}\r\n".encode() + encoded


class _Tee(httpx.SyncByteStream):
    def __init__(self, stream: Any, heard: list[bytes]) -> None:
        self.stream, self.heard = stream, heard

    def __iter__(self) -> Any:
        for data in self.stream:
            self.heard.append(data)
            yield data

    def close(self) -> None:
        self.stream.close()


class _AsyncTee(httpx.AsyncByteStream):
    def __init__(self, stream: Any, heard: list[bytes]) -> None:
        self.stream, self.heard = stream, heard

    async def __aiter__(self) -> Any:
        async for data in self.stream:
            self.heard.append(data)
            yield data

    async def aclose(self) -> None:
        await self.stream.aclose()


class Listening(httpx.HTTPTransport):
    """httpx's transport for clients under test; what it reads is kept too."""

    def __init__(self, heard: list[bytes]) -> None:
        super().__init__()
        self.heard = heard

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.heard += [name + b": " + value for name, value in response.headers.raw]
        response.stream = _Tee(response.stream, self.heard)
        return response


class AsyncListening(httpx.AsyncHTTPTransport):
    def __init__(self, heard: list[bytes]) -> None:
        super().__init__()
        self.heard = heard

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.heard += [name + b": " + value for name, value in response.headers.raw]
        response.stream = _AsyncTee(response.stream, self.heard)
        return response
