"""The command as a shell meets it: light, with statuses that mean something, and quiet where its reader has gone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import BEGIN, END, Held, at_once, provider, run, trunkline, wait_until
from tests.serving import Upstream, clean_environment, gateway
from trunkline import __version__
from trunkline.cli import main, parser

COMMANDS = ["serve", "demo", "chat", "models", "check", "explain", "providers", "keys", "rotate"]


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s", done.stdout, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([command, "--help"])
    assert ended.value.code == 0


def test_version_is_the_packages() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"trunkline {__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["serve", "--port", "x"], ["chat"], ["keys"]])
def test_a_wrong_call_is_2_with_how_it_is_called(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["chat", "--help"], ["models", "--url", "http://127.0.0.1:9"]])
def test_what_does_not_serve_imports_nothing_of_a_server(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "trunkline", *arguments],
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "trunkline.cli" in imported
    heavy = {"asyncio", "uvicorn", "httptools", "sqlalchemy", "starlette", "cryptography"}
    assert not {name for name in imported if name in heavy or name.startswith(("trunkline.server", "trunkline.store", "trunkline.config"))}


def test_serving_imports_nothing_that_answering_does_not_need(tmp_path: Path) -> None:
    """What is imported before the ready line: the start's time is mostly this."""
    command = [sys.executable, "-X", "importtime", "-m", "trunkline", "serve", "--port", "0", "--data", str(tmp_path / "data")]
    errors = tmp_path / "imports"
    with (
        errors.open("w") as written,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=written, text=True, env=clean_environment()) as process,
    ):
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        text = errors.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    imported = {line.rpartition("|")[2].strip() for line in text.splitlines() if line.startswith("import time:")}
    late = {"alembic", "starlette", "httpx", "pydantic", "jsonschema", "genai_prices", "tomllib", "trunkline.explain"}
    late |= {
        f"trunkline.dialects.{name}" for name in ("anthropic_messages", "bedrock_converse", "gemini_generate", "cohere_chat", "ollama_chat")
    }
    late |= {f"trunkline.server.{name}" for name in ("workers", "routes", "api", "describe", "pages")}
    assert late & imported == set()


# ── a reader who has gone, and Ctrl-C ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["chat", "Hi", "--model", "up/m"]])
def test_a_reader_who_has_gone_is_no_noise(arguments: list[str], tmp_path: Path) -> None:
    with Upstream(at_once_streamed) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        more = ["--url", gw.url] if arguments[0] == "chat" else []
        with trunkline(*arguments, *more, environment={"PYTHONUNBUFFERED": ""}) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == ""
            assert process.wait(20) == 141


async def at_once_streamed(connection, asked) -> None:  # type: ignore[no-untyped-def]
    await connection.begin()
    await connection.chunk(BEGIN + END)
    await connection.end()


def test_ctrl_c_ends_a_chat_with_130_and_stops_the_model(tmp_path: Path) -> None:
    async def script(connection, asked) -> None:  # type: ignore[no-untyped-def]
        await connection.begin()
        await connection.chunk(BEGIN)
        await connection.gone()

    with (
        Upstream(script) as upstream,
        gateway(tmp_path, provider(upstream.url)) as gw,
        trunkline("chat", "Hi", "--model", "up/m", "--url", gw.url) as chat,
    ):
        assert chat.stdout is not None
        assert chat.stdout.read(3) == "one"
        chat.send_signal(signal.SIGINT)
        assert chat.wait(20) == 130
        assert chat.stderr is not None
        assert chat.stderr.read() == ""
        assert upstream.hung_up.wait(20)


# ── against a real gateway ───────────────────────────────────────────────────────────────────────────────


def test_chat_prints_the_answer_and_models_what_may_be_named(tmp_path: Path) -> None:
    with Upstream(at_once_streamed) as upstream, gateway(tmp_path, provider(upstream.url)) as gw:
        done = run("chat", "Hi", "--model", "up/m", "--url", gw.url)
        assert (done.returncode, done.stdout, done.stderr) == (0, "one two\n", "")
        listed = run("models", "--url", gw.url)
        assert listed.returncode == 0
        assert "local/smollm2-135m-instruct" in listed.stdout


def test_chat_says_why_there_is_no_answer(tmp_path: Path) -> None:
    with gateway(tmp_path, "[providers.openai]\napi_key = 'sk-x'\n") as gw:
        unknown = run("chat", "Hi", "--model", "opnai/gpt-4o", "--url", gw.url)
        assert unknown.returncode == 1
        assert unknown.stderr.startswith("trunkline: ")
        assert "openai" in unknown.stderr
        url = gw.url
    nobody = run("chat", "Hi", "--url", url)
    assert (nobody.returncode, nobody.stderr) == (1, f"trunkline: nothing answers at {url}; start it with `trunkline serve`\n")


def test_the_gateway_can_be_named_by_a_variable(tmp_path: Path) -> None:
    with gateway(tmp_path) as gw:
        assert run("models", environment={"TRUNKLINE_URL": gw.url}).returncode == 0


def test_a_chat_that_breaks_off_is_a_failure(tmp_path: Path) -> None:
    with (
        Upstream(Held()) as upstream,
        gateway(tmp_path, "[server]\ndrain_seconds = 0\n" + provider(upstream.url)) as gw,
        trunkline("chat", "Hi", "--model", "up/m", "--url", gw.url) as chat,
    ):
        assert chat.stdout is not None
        assert chat.stdout.read(3) == "one"
        gw.process.send_signal(signal.SIGTERM)
        assert chat.wait(20) == 1
        assert chat.stderr is not None
        assert "shutting down" in chat.stderr.read()


# ── check, explain ───────────────────────────────────────────────────────────────────────────────────────


def test_check_tells_every_problem_and_is_1(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[server]\nport = "x"\nwrkers = 2\n[providers.p]\nkind = "openai_compatible"\n')
    done = run("check", "--config", str(config))
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["server.port", "server.wrkers", "providers.p.base_url"]


def test_check_tells_what_a_good_config_turns_on(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        '[providers.lab]\nkind = "vllm"\nbase_url = "http://lab:8000/v1"\n[models.fast]\ntargets = ["lab/m", "openai/gpt-4o-mini"]\n'
    )
    done = run("check", "--config", str(config), environment={"OPENAI_API_KEY": "sk-x", "AZURE_OPENAI_API_KEY": "x"})
    assert done.returncode == 0
    assert re.search(r"^provider +lab +vllm +http://lab:8000/v1$", done.stdout, re.MULTILINE)
    assert re.search(r"^provider +openai ", done.stdout, re.MULTILINE)
    assert re.search(r"^off +azure .*AZURE_OPENAI_ENDPOINT", done.stdout, re.MULTILINE)
    assert re.search(r"^model +fast +fallback +lab/m, openai/gpt-4o-mini$", done.stdout, re.MULTILINE)
    assert "sk-x" not in done.stdout


def test_explain_shows_the_upstream_request_without_its_key_and_calls_nobody(tmp_path: Path) -> None:
    body = json.dumps(
        {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "Hi"}], "logit_bias": {"1": 1}, "max_tokens": 5}
    )
    with Upstream(at_once) as upstream:
        variables = {"ANTHROPIC_API_KEY": "sk-secret", "ANTHROPIC_BASE_URL": upstream.url}
        done = run("explain", "--data", str(tmp_path / "data"), input=body, environment=variables)
        assert upstream.asked == []
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["target"] == "anthropic/claude-haiku-4-5"
    assert said["request"]["url"] == f"{upstream.url}/v1/messages"
    assert said["request"]["body"]["max_tokens"] == 5
    assert [note["param"] for note in said["dropped"]] == ["logit_bias"]
    assert "sk-secret" not in done.stdout
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("body", ["{bad", '{"model": "nobody/knows", "messages": [{"role": "user", "content": "Hi"}]}', '{"model": "m"}'])
def test_explain_refuses_what_a_request_would_be_refused_for(body: str, tmp_path: Path) -> None:
    done = run("explain", "--data", str(tmp_path / "data"), input=body)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("trunkline: ")
    assert "Traceback" not in done.stderr


def test_explain_knows_the_keys_in_the_store(tmp_path: Path) -> None:
    data = ["--data", str(tmp_path)]
    assert run("providers", "add", "openai", *data, input="sk-stored").returncode == 0
    body = '{"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}'
    done = run("explain", *data, input=body)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["request"]["headers"]["authorization"] == "Bearer ***"
    elsewhere = run("explain", *data, "--workspace", "other", input=body)
    assert elsewhere.returncode == 1


def test_a_command_waits_for_its_reader_no_longer_than_it_must(tmp_path: Path) -> None:
    """Ctrl-C while standard input is awaited is 130, without a trace."""
    with trunkline("explain", "--data", str(tmp_path / "data"), stdin=subprocess.PIPE) as process:
        wait_until(lambda: b"explain" in Path(f"/proc/{process.pid}/cmdline").read_bytes(), "it runs")
        wait_until(lambda: blocked_on_input(process.pid), "it reads")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""


def blocked_on_input(pid: int) -> bool:
    """Whether the process waits in read(0, …): its system call as the kernel tells it."""
    try:
        fields = Path(f"/proc/{pid}/syscall").read_text().split()
    except OSError:
        pytest.skip("this kernel does not tell what a process waits for")
    return len(fields) > 1 and fields[1] == "0x0" and fields[0] in ("0", "63")
