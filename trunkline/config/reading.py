"""A TOML table into a Struct, with every problem found, not the first.

Odd here: any text may stand elsewhere: `env:NAME` is a variable's value, `file:PATH` a file's (relative to the config file). What a
problem says about a secret is never its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct

from ..secret import Secret

T = TypeVar("T", bound=Struct)

MOST_FILE_BYTES = 1 << 20


class Reader:
    """Reads one config. `base` is the folder that `file:` is relative to."""

    def __init__(self, environ: Mapping[str, str], base: Path) -> None:
        self.environ = environ
        self.base = base
        self.problems: list[str] = []

    def table(self, cls: type[T], raw: object, path: str, *, hidden: Iterable[str] = (), more: Iterable[str] = ()) -> T:
        """`raw` as a `cls`; fields with a problem keep their default. `hidden` fields are not for the file to set; `more` are known names
        that someone else reads."""
        fields = {field.name: field.type for field in msgspec.structs.fields(cls) if field.name not in hidden}
        given: dict[str, Any] = {}
        if not isinstance(raw, dict):
            self.problems.append(f"{path} is {shown(raw)}; it must be a table: [{path}]")
            return cls()
        known = {*fields, *more}
        for name, value in raw.items():
            if name in fields:
                read = self.value(fields[name], value, f"{path}.{name}")
                if read is not UNSET:
                    given[name] = read
            elif name not in known:
                self.unknown(name, known, path)
        return cls(**given)

    def unknown(self, name: str, known: Iterable[str], path: str) -> None:
        where = f"{path}.{name}" if path else name
        self.problems.append(f"{where} is not a setting; {nearest(name, known)}")

    def value(self, kind: Any, value: object, path: str) -> Any:
        """`value` as `kind`, or UNSET where it is none."""
        kind = _required(kind)
        if isinstance(kind, type) and issubclass(kind, Struct):
            return self.table(kind, value, path)
        if kind is Secret:
            text = self.text(value, path, secret=True)
            return UNSET if text is None else Secret(text)
        if get_origin(kind) is Mapping:
            return self.mapping(value, path, secret=get_args(kind)[1] is Secret)
        if get_origin(kind) is tuple and isinstance(value, list):
            items = (self.value(get_args(kind)[0], item, f"{path}[{index}]") for index, item in enumerate(value))
            return tuple(item for item in items if item is not UNSET)
        lax = False
        if isinstance(value, str) and value.startswith(("env:", "file:")):
            value, lax = self.text(value, path), True
            if value is None:
                return UNSET
        try:
            return msgspec.convert(value, kind, strict=not lax)
        except msgspec.ValidationError as error:
            wanted = f"one of {', '.join(get_args(kind))}" if get_origin(kind) is Literal else _wanted(error)
            self.problems.append(f"{path} is {shown(value)}; it must be {wanted}")
            return UNSET

    def mapping(self, value: object, path: str, *, secret: bool) -> Any:
        if not isinstance(value, dict):
            self.problems.append(f'{path} is {shown(value)}; it must be a table of texts: {path} = {{ name = "value" }}')
            return UNSET
        texts = {name: self.text(item, f"{path}.{name}", secret=secret) for name, item in value.items()}
        return {name: Secret(text) if secret else text for name, text in texts.items() if text is not None}

    def text(self, value: object, path: str, *, secret: bool = False) -> str | None:
        """A text, or what its `env:` or `file:` refers to. None, and a problem, where there is none."""
        if not isinstance(value, str):
            self.problems.append(f"{path} is {_type(value) if secret else shown(value)}; it must be a text in quotes")
        elif value.startswith("env:"):
            name = value[4:].strip()
            if found := self.environ.get(name, "").strip():
                return found
            self.problems.append(f"{path} takes the variable {name}, which is not set; set it, or remove {path}")
        elif value.startswith("file:"):
            return self.file(value[5:].strip(), path)
        else:
            return value
        return None

    def file(self, name: str, path: str) -> str | None:
        where = self.at(name)
        try:
            if where.stat().st_size > MOST_FILE_BYTES:
                self.problems.append(f"{path} names the file {where}, which is too large for a setting")
                return None
            return where.read_text("utf-8").strip()
        except OSError as error:
            self.problems.append(f"{path} names the file {where}, which cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.problems.append(f"{path} names the file {where}, which is not UTF-8 text")
        return None

    def at(self, name: str) -> Path:
        """A path as the config means it."""
        return self.base / Path(name).expanduser()


def nearest(name: str, known: Iterable[str], say: str = "known here") -> str:
    """ "did you mean 'x'?", or what is known."""
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(name, names, 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else f"{say}: {', '.join(names)}"


def shown(value: object) -> str:
    """A value as TOML has it, cut short."""
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if not isinstance(value, dict) else "a table"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _type(value: object) -> str:
    return {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}.get(type(value), "a date")


def _required(kind: Any) -> Any:
    """`X | None` as X."""
    return next(arm for arm in get_args(kind) if arm is not type(None)) if isinstance(kind, UnionType) else kind


_SAYS = {"`int`": "a whole number", "`float`": "a number", "`str`": "a text in quotes", "`bool`": "true or false", "`array`": "a list"}


def _wanted(error: msgspec.ValidationError) -> str:
    """msgspec's message in a config writer's words."""
    text = str(error).partition(", got")[0]
    for word, plain in _SAYS.items():
        text = text.replace(word, plain)
    return text.removeprefix("Expected ").replace("<=", "of at most").replace(">=", "of at least").replace(">", "above").replace("`", "")
