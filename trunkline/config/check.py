"""A decoded TOML document into `Settings`, or every problem it has: each with its path and the fix.

Odd here: nothing stops at the first problem. A table that cannot be read stands with its defaults while the rest is checked, and what
follows only from an earlier problem is not reported again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..errors import ConfigError
from ..providers import KINDS, OPTIONS, QUIRKS, SECRET_OPTIONS, SPELLINGS, Provider
from ..secret import Secret
from ..target import NoAuth
from .reading import Reader, nearest, shown
from .rows import Row, discovered, url_fault
from .schema import AuthTable, Egress, ModelTable, PriceTable, ProviderTable, Server, Settings, Storage, Telemetry

TABLES: dict[str, Any] = {"server": Server, "storage": Storage, "auth": AuthTable, "egress": Egress, "telemetry": Telemetry}
"""Tables that are one Struct each."""
NAMED = ("providers", "models", "prices")
"""Tables of tables: `[providers.NAME]`."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
DATABASES = ("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")


def check(
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    base: Path,
    *,
    path: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of a config whose `file:` paths are relative to `base`. `overrides` are the command line's host, port, workers, data.

    Raises ConfigError with every problem.
    """
    reader = Reader(environ, base)
    tables: dict[str, Any] = {}
    for name, value in document.items():
        if name == "storage":
            tables[name] = _storage(reader, value)
        elif name in TABLES:
            tables[name] = reader.table(TABLES[name], value, name)
        elif name not in NAMED:
            reader.unknown(name, [*TABLES, *NAMED], "")
    settings = _overridden(Settings(path=path, **tables), dict(overrides or {}), reader)
    settings = _auth(settings, document.get("auth"), environ, reader)
    settings = _providers(settings, document.get("providers", {}), reader)
    provider_rows(settings, environ, reader.problems)
    models = _models(document.get("models", {}), settings.providers, reader)
    settings = replace(settings, models=models, prices=_prices(document.get("prices", {}), reader))
    if reader.problems:
        raise ConfigError(reader.problems)
    return settings


def provider_rows(settings: Settings, environ: Mapping[str, str], problems: list[str]) -> tuple[list[Provider], dict[str, str]]:
    """The config's providers and the environment's; the embedded model's is always among them, so that asking for it says how to get it.

    Also why a kind that the environment half turns on stays off. Problems are added to `problems`.
    """
    rows: list[Provider] = []
    for name, table in settings.providers.items():
        if table.kind not in KINDS:
            continue
        row = Row(name, table, environ, settings.server, f"providers.{name}")
        provider = row.provider()
        reported = {problem.partition(" ")[0] for problem in problems}  # what could not be read is not missing too
        problems += [problem for problem in row.problems if problem.partition(" ")[0] not in reported]
        if provider is not None:
            rows.append(provider)
    named = frozenset(table.kind for table in settings.providers.values()) | settings.providers.keys()
    found, off = discovered(environ, settings.server, frozenset(named)) if settings.from_env else ([], {})
    rows += found
    if "local" not in settings.providers:
        rows.append(Provider(name="local", kind="local", auth=NoAuth(), base_url=KINDS["local"].base_url))
    return rows, off


def _storage(reader: Reader, value: object) -> Storage:
    """`master_key` stays the reference it is, but what it refers to must be there."""
    if not isinstance(value, dict):
        return reader.table(Storage, value, "storage")
    plain = {name: item for name, item in value.items() if name != "master_key"}
    storage = reader.table(Storage, plain, "storage", more=("master_key",))
    if "url" in plain and (url := storage.url.reveal()) and not url.startswith(DATABASES):
        reader.problems.append("storage.url must begin with sqlite:/// or postgresql://")
    if storage.redis is not None and not storage.redis.reveal().startswith(("redis://", "rediss://", "unix://")):
        reader.problems.append("storage.redis must begin with redis://, rediss:// or unix://")
    if "master_key" in value and reader.text(value["master_key"], "storage.master_key", secret=True) is not None:
        reference = str(value["master_key"])
        if reference.startswith("file:"):
            reference = f"file:{reader.at(reference[5:].strip())}"
        storage = replace(storage, master_key=Secret(reference))
    return storage


def _overridden(settings: Settings, given: dict[str, Any], reader: Reader) -> Settings:
    """The command line wins over the file, under the same rules."""
    data = given.pop("data", None)
    wanted = {name: value for name, value in given.items() if value is not None}
    server = reader.table(Server, {**_as_dict(settings.server), **wanted}, "server")
    return replace(settings, server=server, data=str(data) if data else settings.data)


def _as_dict(server: Server) -> dict[str, Any]:
    return {name: getattr(server, name) for name in server.__struct_fields__}


def _auth(settings: Settings, raw: object, environ: Mapping[str, str], reader: Reader) -> Settings:
    auth = settings.auth
    if (
        auth.admin_key is None
        and (key := environ.get("TRUNKLINE_ADMIN_KEY", "").strip())
        and not (isinstance(raw, dict) and "admin_key" in raw)
    ):
        auth = replace(auth, admin_key=Secret(key))
    if auth.mode == "oidc":
        if auth.oidc is None:
            reader.problems.append('auth.mode is "oidc", which needs a table [auth.oidc] with issuer and audience')
        else:
            for name in ("issuer", "audience"):
                if not getattr(auth.oidc, name):
                    reader.problems.append(f"auth.oidc.{name} is missing")
    if auth.oidc is not None:
        for name in ("issuer", "jwks_url"):
            url = getattr(auth.oidc, name)
            if url and (fault := url_fault(url)):
                reader.problems.append(f"auth.oidc.{name} is {url!r}: it {fault}")
    return replace(settings, auth=auth)


# ── providers ────────────────────────────────────────────────────────────────────────────────────────────


def _providers(settings: Settings, raw: object, reader: Reader) -> Settings:
    if not isinstance(raw, dict):
        reader.problems.append(f"providers is {shown(raw)}; write one table a provider: [providers.NAME]")
        return settings
    tables: dict[str, ProviderTable] = {}
    from_env = True
    for name, value in raw.items():
        if name == "from_env" and not isinstance(value, dict):
            read = reader.value(bool, value, "providers.from_env")
            from_env = read if isinstance(read, bool) else True
            continue
        table = _provider(name, value, reader)
        if table is not None:
            tables[name] = table
    return replace(settings, providers=tables, from_env=from_env)


def _provider(name: str, raw: object, reader: Reader) -> ProviderTable | None:
    path, problems = f"providers.{name}", reader.problems
    if not NAME.fullmatch(name) or name == "custom-llm":
        problems.append(f"{path}: a provider's name is the prefix of its models; use letters, digits, - _ and . (and not custom-llm)")
    if not isinstance(raw, dict):
        problems.append(f"{path} is {shown(raw)}; it must be a table: [{path}]")
        return None
    kind = raw.get("kind", name if name in KINDS else None)
    if isinstance(kind, str):
        kind = SPELLINGS.get(kind, kind)
    if kind is None:
        problems.append(f"{path}.kind is missing; kinds: {', '.join(KINDS)}")
    elif kind not in KINDS:
        problems.append(f"{path}.kind is {shown(kind)}, which is no kind; {nearest(str(kind), KINDS, 'kinds')}")
    known = OPTIONS.get(kind, {}) if kind in KINDS else {option: () for options in OPTIONS.values() for option in options}
    table = reader.table(ProviderTable, raw, path, hidden=("options", "secrets"), more=known)
    options, secrets = _kind_options(raw, known, path, reader)
    for header in [*table.headers, *filter(None, [table.auth_header])]:
        if not HEADER.fullmatch(header):
            problems.append(f"{path}.headers: {header!r} is not a header's name")
    problems += [f"{path}.headers.{header} has a line break" for header, value in table.headers.items() if "\n" in value or "\r" in value]
    for quirk in table.quirks:
        if quirk not in QUIRKS:
            problems.append(f"{path}.quirks has {quirk!r}, which is no quirk; {nearest(quirk, QUIRKS, 'quirks')}")
    if kind == "local":
        _local(options, path, reader)
    return replace(table, kind=kind if kind in KINDS else "", options=options, secrets=secrets)


def _kind_options(
    raw: Mapping[str, Any], known: Mapping[str, object], path: str, reader: Reader
) -> tuple[dict[str, str], dict[str, Secret]]:
    options: dict[str, str] = {}
    secrets: dict[str, Secret] = {}
    for option in known:
        value = raw.get(option)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        text = reader.text(value, f"{path}.{option}", secret=option in SECRET_OPTIONS)
        if text is None:
            continue
        if option in SECRET_OPTIONS:
            secrets[option] = Secret(text)
        else:
            options[option] = text
    return options, secrets


def _local(options: dict[str, str], path: str, reader: Reader) -> None:
    from ..local.settings import problems

    if model := options.get("model"):
        options["model"] = str(reader.at(model.removeprefix("file:")))
    reader.problems += problems(options, path)


# ── names for models ─────────────────────────────────────────────────────────────────────────────────────


def _models(raw: object, providers: Iterable[str], reader: Reader) -> dict[str, ModelTable]:
    if not isinstance(raw, dict):
        reader.problems.append(f"models is {shown(raw)}; write one table a name: [models.NAME]")
        return {}
    names = {*providers, *KINDS, *SPELLINGS, "custom-llm"}  # a kind's name means something without a key here: the store may have one
    tables: dict[str, ModelTable] = {}
    for name, value in raw.items():
        path = f"models.{name}"
        table = reader.table(ModelTable, value, path)
        if isinstance(value, dict) and not value.get("targets"):
            reader.problems.append(f"{path}.targets is missing; it is a list of provider/model")
        if table.weights and len(table.weights) != len(table.targets):
            reader.problems.append(f"{path}.weights has {len(table.weights)} entries for {len(table.targets)} targets")
        if table.weights and table.strategy != "weighted":
            reader.problems.append(f'{path}.weights means something with strategy = "weighted" only')
        for index, target in enumerate(value.get("targets") or () if isinstance(value, dict) else ()):
            if isinstance(target, str) and (fault := _target_fault(target, names, raw)):
                reader.problems.append(f"{path}.targets[{index}] is {target!r}, {fault}")
        tables[name] = table
    return tables


def _target_fault(target: str, names: set[str], aliases: Mapping[str, Any]) -> str:
    if target in aliases:
        return "which is a name of [models] itself; list provider/model"
    prefix, slash, model = target.partition("/")
    if slash and not model:
        return "which has no model after the slash"
    if (slash and prefix in names) or any(fnmatchcase(target, pattern) for kind in KINDS.values() for pattern in kind.prefixes):
        return ""
    if slash:
        return f"and there is no provider {prefix!r}; {nearest(prefix, names, 'providers')}"
    return "which names no provider; write provider/model"


def _prices(raw: object, reader: Reader) -> dict[str, PriceTable]:
    if not isinstance(raw, dict):
        reader.problems.append(f'prices is {shown(raw)}; write one table a model or pattern: [prices."provider/model"]')
        return {}
    return {name: reader.table(PriceTable, value, f"prices.{name}") for name, value in raw.items()}
