"""Reading the config file, or none: the environment alone makes a gateway.

With a file, kinds it does not name are still turned on by their customary variables, unless `[providers] from_env = false`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .check import check
from .schema import Settings


def load(path: str | Path | None, environ: Mapping[str, str], *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the file at `path`, or of no file. `overrides`: the command line's host, port, workers, data; None where not given.

    Raises ConfigError with every problem of the config, each with its path and the fix.
    """
    if path is None:
        return check({}, environ, Path(), overrides=overrides)
    path = Path(path).expanduser()
    return check(document(path), environ, path.absolute().parent, path=str(path), overrides=overrides)


def document(path: Path) -> dict[str, Any]:
    """The file as TOML. ConfigError where it cannot be read or is not TOML."""
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([f"the config file {path} cannot be read: {error.strerror or error}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"the config file {path} is not UTF-8 text"]) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"the config file {path} is not valid TOML: {error}"]) from None
