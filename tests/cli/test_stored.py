"""`trunkline providers`, `keys` and `rotate`, as typed: they work on the store without a gateway."""

from __future__ import annotations

import io
import stat
import time
from pathlib import Path

import pytest

from trunkline.access import key_hash
from trunkline.cli import main
from trunkline.cli.keys import moment
from trunkline.errors import CallerError
from trunkline.store.store import Rows, Store

from ..stores import open_store

NOW = 1_800_000_000.0


class Terminal:
    """Runs commands with a data directory, and what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.capsys, self.monkeypatch = folder, capsys, monkeypatch
        self.err = ""

    def __call__(self, *words: str, stdin: str = "", status: int = 0) -> str:
        self.monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        assert main([*words, "--data", str(self.folder)]) == status
        out, self.err = self.capsys.readouterr()
        return out

    def store(self) -> Store:
        return open_store(f"sqlite:///{self.folder / 'trunkline.db'}", self.folder)

    def rows(self) -> Rows:
        store = self.store()
        try:
            return store.changes(Rows())
        finally:
            store.close()


@pytest.fixture
def trunkline(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("TRUNKLINE_NEW_MASTER_KEY", raising=False)
    return Terminal(tmp_path, capsys, monkeypatch)


def test_a_provider_key_is_added_listed_and_removed(trunkline: Terminal) -> None:
    id = trunkline("providers", "add", "openai", stdin="sk-plaintext-0123456789\n").strip()
    other = trunkline(
        "providers", "add", "custom-llm", "--name", "vllm", "--base-url", "http://h/v1", "--models", "a,b", "--no-key"
    ).strip()
    rows = trunkline.rows().providers
    key = rows[id].api_key
    assert key is not None
    assert key.reveal() == "sk-plaintext-0123456789"
    assert (rows[other].provider_name, rows[other].api_key, rows[other].settings) == ("vllm", None, {"models": "a,b"})
    listed = trunkline("providers", "list")
    assert "sk-" + "*" * 17 + "789" in listed
    assert "plaintext" not in listed
    assert id in listed
    assert id not in trunkline("providers", "list", "--workspace", "team")
    trunkline("providers", "rm", id, "--workspace", "team", status=1)
    trunkline("providers", "rm", id)
    assert set(trunkline.rows().providers) == {other}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "openai"), "api_key must not be blank"),
        (("add", "nobody"), "unknown provider 'nobody'"),
        (("add", "custom-llm", "--base-url", "ftp://h", "--no-key"), "base_url must be"),
        (("test", "0197"), "no provider key 0197"),
        (("add", "ollama", "--name", "o", "--no-key", "--workspace", "w" * 151), "at most 150 characters"),
        (("add", "ollama", "--name", "o", "--no-key", "--workspace", "a\x07"), "printable"),
    ],
)
def test_what_is_refused_is_said_without_a_trace(trunkline: Terminal, words: tuple[str, ...], said: str) -> None:
    trunkline("providers", *words, stdin="\n", status=1)
    assert said in trunkline.err
    assert "Traceback" not in trunkline.err


def test_a_gateway_key_is_printed_once_and_alone(trunkline: Terminal) -> None:
    key = trunkline(
        "keys", "create", "--name", "ci", "--models", "openai/*, fast", "--expires", "30d", "--tags", "a", "--workspace", "team"
    )
    assert key.count("\n") == 1
    assert key.startswith("tl-")
    [(id, row)] = trunkline.rows().keys.items()
    assert row.hash == key_hash(key.strip().encode())
    caller = row.grant.caller
    assert (caller.name, caller.workspace, caller.models, caller.tags, caller.role) == ("ci", "team", ("openai/*", "fast"), ("a",), "")
    assert abs(row.grant.expires_at - time.time() - 30 * 86_400) < 60
    listed = trunkline("keys", "list", "--workspace", "team")
    assert id in listed
    assert key.strip() not in listed
    assert id not in trunkline("keys", "list")
    trunkline("keys", "revoke", id)
    trunkline("keys", "revoke", id, status=1)
    assert trunkline.rows().keys == {}


def test_an_admin_of_a_workspace_is_made_with_a_flag(trunkline: Terminal) -> None:
    trunkline("keys", "create", "--name", "ops", "--admin")
    assert [row.grant.caller.role for row in trunkline.rows().keys.values()] == ["admin"]
    assert "admin" in trunkline("keys", "list")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", None),
        ("90m", NOW + 5400),
        ("2w", NOW + 1_209_600),
        ("2030-01-01", 1_893_456_000.0),
        ("2030-01-01T01:00:00+01:00", 1_893_456_000.0),
    ],
)
def test_expiry_is_a_time_or_a_span(text: str, at: float | None) -> None:
    assert moment(text, NOW) == at


def test_another_expiry_is_refused() -> None:
    with pytest.raises(CallerError, match="30d or 12h"):
        moment("soon", NOW)


def test_rotate_replaces_the_key_file_and_keeps_the_secrets(trunkline: Terminal) -> None:
    id = trunkline("providers", "add", "openai", stdin="sk-plaintext-1").strip()
    path = trunkline.folder / "master.key"
    before = path.read_text()
    assert "1 provider keys sealed" in trunkline("rotate")
    assert path.read_text() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = trunkline.rows().providers[id].api_key
    assert key is not None
    assert key.reveal() == "sk-plaintext-1"


def test_rotate_with_a_key_from_the_environment_takes_the_new_one_from_there(trunkline: Terminal) -> None:
    old, new = "11" * 32, "22" * 32
    config = trunkline.folder / "trunkline.toml"
    config.write_text('[storage]\nmaster_key = "env:MASTER"\n')
    trunkline.monkeypatch.setenv("MASTER", old)
    trunkline("providers", "add", "openai", "--config", str(config), stdin="sk-plaintext-1")
    trunkline("rotate", "--config", str(config), status=1)
    assert "TRUNKLINE_NEW_MASTER_KEY" in trunkline.err
    trunkline("rotate", "--config", str(config), stdin=new)
    trunkline("providers", "list", "--config", str(config), status=1)
    assert "does not hold" in trunkline.err
    trunkline.monkeypatch.setenv("MASTER", new)
    assert "***" in trunkline("providers", "list", "--config", str(config))
    trunkline.monkeypatch.setenv("TRUNKLINE_NEW_MASTER_KEY", "too short")
    trunkline("rotate", "--config", str(config), status=1)
    assert "too short" not in trunkline.err


def test_a_provider_key_is_tested_by_one_completion(trunkline: Terminal) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    seen: list[str | None] = []

    class Vendor(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.headers["authorization"])
            self.rfile.read(int(self.headers["content-length"]))
            good = self.headers["authorization"] == "Bearer sk-good"
            body = b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":'
            body += b'{"role":"assistant","content":"yes"}}]}'
            if not good:
                body = b'{"error":{"message":"bad key","type":"invalid_request_error","code":"invalid_api_key"}}'
            self.send_response(200 if good else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    add = ("providers", "add", "custom-llm", "--base-url", url, "--models", "custom-llm/good/m")
    good = trunkline(*add, "--name", "good", stdin="sk-good").strip()
    assert trunkline("providers", "test", good).strip() == "yes"
    assert trunkline("providers", "test", good, "--model", "other").strip() == "yes"
    bad = trunkline(*add, "--name", "bad", stdin="sk-wrong").strip()
    trunkline("providers", "test", bad, "--model", "m", status=1)
    assert "bad key" in trunkline.err
    assert seen == ["Bearer sk-good", "Bearer sk-good", "Bearer sk-wrong"]
    server.shutdown()
