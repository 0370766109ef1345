"""Everything the request path reads of the config, frozen at one moment: a request sees one snapshot from its start to its end.

Odd here: the one thing in it that changes is `resolved`, the resolver's memory. It lives here so that it ends with the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from msgspec import Struct

from ..access import Access, Grant, TokenVerifier, key_hash
from ..errors import ConfigError
from ..providers import Provider
from ..target import Target
from .check import provider_rows
from .schema import ModelTable, Settings

_versions = count(1)


class Snapshot(Struct, frozen=True, kw_only=True):
    settings: Settings
    providers: tuple[Provider, ...] = ()
    """All of them, of every workspace."""
    aliases: Mapping[str, ModelTable] = {}
    """`[models]`"""
    version: int = 0
    """Grows with each snapshot of this process."""
    access: Access = Access()
    visible: Mapping[str, tuple[Provider, ...]] = {}
    """Workspace → what it may use: its own rows first, then those for everyone that none of its own hides. "" is any other workspace."""
    off: Mapping[str, str] = {}
    """Kind → why the environment only half turns it on."""
    local_installed: bool = False
    """Whether the package that runs the embedded model is there."""
    resolved: dict[tuple[str, str, bool], tuple[Target, ...]] = {}

    def seen_by(self, workspace: str) -> tuple[Provider, ...]:
        found = self.visible.get(workspace)
        return found if found is not None else self.visible[""]


def build(
    settings: Settings,
    environ: Mapping[str, str],
    stored: Iterable[Provider] = (),
    gateway_keys: Mapping[bytes, Grant] | None = None,
    complete: bool = True,
    tokens: TokenVerifier | None = None,
) -> Snapshot:
    """The snapshot of these settings, this environment, and what the store holds. `complete` is False until the store was read once.

    Raises ConfigError where the environment has changed so that the settings, checked when they were loaded, are no longer whole.
    """
    problems: list[str] = []
    rows, off = provider_rows(settings, environ, problems)
    if problems:
        raise ConfigError(problems)
    providers = (*rows, *stored)
    admin = settings.auth.admin_key
    access = Access(
        mode=settings.auth.mode,
        grants=gateway_keys or {},
        complete=complete,
        admin_hash=key_hash(admin.reveal().encode()) if admin is not None else b"",
        local=settings.server.local,
        tokens=tokens,
    )
    return Snapshot(
        settings=settings,
        providers=providers,
        aliases=settings.models,
        version=next(_versions),
        access=access,
        visible=by_workspace(providers),
        off=off,
        local_installed=local_installed(),
        resolved={},
    )


def by_workspace(providers: Iterable[Provider]) -> dict[str, tuple[Provider, ...]]:
    """Which providers each workspace sees. A workspace's own row hides everyone's of the same name."""
    providers = tuple(providers)
    shared = tuple(row for row in providers if not row.workspace)
    visible = {"": shared}
    for workspace in {row.workspace for row in providers if row.workspace}:
        own = tuple(row for row in providers if row.workspace == workspace)
        names = {row.name for row in own}
        visible[workspace] = (*own, *(row for row in shared if row.name not in names))
    return visible


def local_installed() -> bool:
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None
