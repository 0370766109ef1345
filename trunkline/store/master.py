"""Where the master key comes from: `storage.master_key` (env:NAME, file:PATH or a literal), else DATA/master.key.

The text may hold several keys, one a line or separated by commas, newest first: during a rotation the old one stays beside
the new until every row is sealed again. Files are replaced, never rewritten in place, so a crash leaves the old or the new one whole.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import OperatorError
from .sealing import MasterKey, fresh_master_key, master_key

FILE = "master.key"


class MasterSource:
    """One place master keys are read from; `path` is the file to write at a rotation, None where it is not ours to write.
    `base` is the folder that `file:` is relative to: the config file's."""

    def __init__(self, configured: str | None, data: Path, environ: Mapping[str, str], base: Path = Path()) -> None:
        self.configured = configured or ""
        self.environ = environ
        self.path: Path | None = None
        if not self.configured:
            self.path = data / FILE
        elif self.configured.startswith("file:"):
            self.path = base / Path(self.configured[5:].strip()).expanduser()

    @property
    def name(self) -> str:
        """For messages; never the key."""
        if self.path is not None:
            return str(self.path)
        return self.configured if self.configured.startswith("env:") else "storage.master_key"

    def load(self) -> list[MasterKey]:
        """Every key there, newest first; [] where there is none yet. OperatorError where it is there and cannot be used."""
        return parse(self._text(), self.name)

    def load_or_make(self, warn: Callable[[str], None]) -> list[MasterKey]:
        """As `load`, but DATA/master.key is made when missing, mode 0600. A configured source that is empty is an error."""
        keys = self.load()
        if keys:
            return keys
        if self.configured:
            raise OperatorError(f"No master key in {self.name}: set it to 32 random bytes in base64 (`openssl rand -base64 32`).")
        assert self.path is not None
        if _write(self.path, [fresh_master_key()], replace=False):
            warn(f"made a new master key in {self.path} (mode 0600): back it up, without it the stored provider keys cannot be read")
        return self.load()

    def write(self, keys: list[MasterKey]) -> None:
        if self.path is None:
            raise OperatorError(f"{self.name} cannot be written from here")
        _write(self.path, keys, replace=True)

    def _text(self) -> str:
        if self.path is not None:
            try:
                return self.path.read_text()
            except FileNotFoundError:
                return ""
            except OSError as error:
                raise OperatorError(f"The master key file {self.path} cannot be read: {error.strerror}.") from None
        if self.configured.startswith("env:"):
            return self.environ.get(self.configured[4:].strip(), "")
        return self.configured


def parse(text: str, name: str) -> list[MasterKey]:
    """The keys in a text, in order. OperatorError naming the source, never the text."""
    try:
        return [master_key(token) for token in re.split(r"[\s,]+", text) if token]
    except ValueError as error:
        raise OperatorError(f"The master key in {name} cannot be used: {error}.") from None


def to_stderr(text: str) -> None:
    print(f"trunkline: warning: {text}", file=sys.stderr, flush=True)


def _write(path: Path, keys: list[MasterKey], *, replace: bool) -> bool:
    """Put a key file in place at once, mode 0600. With `replace=False` an existing one wins and False is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write("".join(key.key.reveal() + "\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(draft, path)
        else:
            try:
                os.link(draft, path)
            except FileExistsError:
                return False
        _sync_folder(path.parent)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
