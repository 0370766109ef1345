"""What is promised of the model's process: it is started once, missed when it dies, and never left behind."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from trunkline.errors import ConfigError, OperatorError, UpstreamError
from trunkline.local import LocalModel, manager, models

from .conftest import Client, Loop, gone


def test_wrong_options_are_all_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        LocalModel({"context": "many", "slots": "0", "load": "never"}, tmp_path)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "providers.local.context", "providers.local.slots", "providers.local.load",
    ]  # fmt: skip


def test_what_is_missing_is_named_with_the_command_that_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Loop) -> None:
    monkeypatch.delenv(models.VARIABLE, raising=False)
    monkeypatch.setattr(models, "packaged", lambda: None)
    with pytest.raises(OperatorError, match="trunkline models fetch") as caught:
        loop.run(LocalModel({}, tmp_path).ready())
    assert (caught.value.status, caught.value.code) == (503, "local_model_missing")
    monkeypatch.setattr(manager, "find_spec", lambda name: None)
    with pytest.raises(OperatorError, match=r"pip install 'trunkline\[local\]'"):
        loop.run(LocalModel({}, tmp_path).ready())


def test_a_broken_model_file_is_reported_and_not_tried_for_ever(tmp_path: Path, loop: Loop) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF, not really")
    model = LocalModel({"model": str(broken)}, tmp_path)
    for _ in range(manager.CRASHES):
        with pytest.raises(UpstreamError, match=r"before it was ready: .*broken\.gguf") as caught:
            loop.run(model.ready())
        assert (caught.value.status, caught.value.code) == (502, "local_model_crashed")
    with pytest.raises(UpstreamError, match="left alone") as refused:
        loop.run(model.ready())
    assert refused.value.retry_after is not None
    assert model.status()["state"] == "failed"


def test_a_model_that_takes_too_long_is_a_timeout_and_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Loop, model_file: str
) -> None:
    monkeypatch.setattr(manager.child.sys, "executable", slow_python(tmp_path))
    model = LocalModel({"model": model_file, "start_timeout": "1"}, tmp_path)
    with pytest.raises(UpstreamError, match="within 1 s") as caught:
        loop.run(model.ready())
    assert (caught.value.status, caught.value.code) == (504, "local_model_timeout")
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_caller_who_hangs_up_during_the_start_does_not_stop_it(tmp_path: Path, loop: Loop, model_file: str) -> None:
    model = LocalModel({"model": model_file}, tmp_path)

    async def hang_up_then_ask_again() -> None:
        hasty = asyncio.create_task(model.ready())
        await asyncio.sleep(0)
        hasty.cancel()
        await model.ready()

    loop.run(hang_up_then_ask_again())
    assert model.status()["crashes"] == 0
    pid = model.status()["pid"]
    loop.run(model.stop())
    assert gone(pid)


def test_a_stop_during_the_start_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: Loop, model_file: str
) -> None:
    monkeypatch.setattr(manager.child.sys, "executable", slow_python(tmp_path))
    model = LocalModel({"model": model_file}, tmp_path)

    async def stop_early() -> int:
        asking = asyncio.create_task(model.ready())
        while model._process is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        pid = model._process.pid
        await model.stop()
        assert asking.cancelled() or isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
        return pid

    assert gone(loop.run(stop_early()))


def slow_python(folder: Path) -> str:
    """An interpreter that reads its key and then does nothing."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\necho $$ > {folder}/pid\nexec sleep 60\n")
    script.chmod(0o755)
    return str(script)


def test_a_killed_child_is_a_clean_error_and_the_next_request_works(tmp_path: Path, loop: Loop, model_file: str) -> None:
    model = LocalModel({"model": model_file}, tmp_path)
    client = Client(loop.run(model.ready()))
    pid = model.status()["pid"]
    answer = client.open({"messages": [{"role": "user", "content": "Tell a long story."}], "stream": True, "ignore_eos": True})
    assert answer.readline().startswith(b"data:")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises((http.client.HTTPException, OSError)):
        answer.read()
    told = loop.run(model.explain(UpstreamError("connection reset")))
    assert (told.status, told.code) == (502, "local_model_crashed")
    assert model.status()["state"] == "crashed"

    again = Client(loop.run(model.ready()))
    assert again.whole(messages=[{"role": "user", "content": "Hi"}], max_tokens=2)["usage"]["completion_tokens"] == 2
    status = model.status()
    assert status["pid"] != pid
    assert status["crashes"] == 1
    error = UpstreamError("something else")
    assert loop.run(model.explain(error)) is error
    loop.run(model.stop())
    assert gone(status["pid"])


WORKER = """
import asyncio, sys
from pathlib import Path
from trunkline.local import LocalModel

async def main():
    model = LocalModel({"model": sys.argv[1]}, Path(sys.argv[2]))
    await model.ready()
    print(model.status()["pid"], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_workers_share_one_child_which_ends_with_the_last_of_them_however_they_die(tmp_path: Path, loop: Loop, model_file: str) -> None:
    command = [sys.executable, "-c", WORKER, model_file, str(tmp_path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    pids = {int(worker.stdout.readline()) for worker in workers if worker.stdout}
    assert len(pids) == 1
    workers[0].kill()
    workers[0].wait()

    third = LocalModel({"model": model_file}, tmp_path)
    client = Client(loop.run(third.ready()))
    assert third.status()["pid"] in pids
    loop.run(third.stop())
    answer = client.open({"messages": [{"role": "user", "content": "Hi"}], "stream": True, "ignore_eos": True})
    workers[1].kill()
    workers[1].wait()
    seen: list[bytes] = []
    with suppress(http.client.HTTPException, OSError):
        seen += iter(answer.readline, b"")
    assert b"data: [DONE]\n" not in seen  # cut off: the child does not outlive its grace for an answer nobody waits for
    assert gone(pids.pop(), within=5)


def test_the_place_of_the_child_is_for_its_user_alone(loop: Loop, local: LocalModel) -> None:
    loop.run(local.ready())
    (place,) = (local._data / "local").glob("*.json")
    assert place.stat().st_mode & 0o077 == 0
