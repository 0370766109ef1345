"""A model's name → the targets it means. Pure; remembered by the snapshot it was asked of.

The order in which a name is understood: a name of `[models]`; the exact name of a row (Opik's `configuration.models`); a provider's name
before the slash; `custom-llm/…` as Opik has it; another spelling of a kind (`vertex_ai/`); a bare name whose vendor is known; and at last
OpenRouter's vendor/model, where OpenRouter is configured and the vendor is not.

Odd here: a name is never guessed. What could mean two providers is refused, naming both; what means a vendor without a key says which
variable to set; what means nothing says what it may have been meant to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..errors import CallerError
from ..providers import CLAUDE_ON_VERTEX, KINDS, LOCAL_ALIAS, RESPONSES_ONLY, SPELLINGS, Kind, Provider
from ..target import Target
from .unresolved import ModelAmbiguous, ProviderKeyMissing, key_missing, not_found

if TYPE_CHECKING:
    from ..config.snapshot import Snapshot

REMEMBERED = 4096
LONGEST = 512
ON_OPENROUTER = frozenset({"openai", "anthropic", "deepseek", "cohere", "perplexity", "nvidia"})
"""Kinds that OpenRouter's catalogue has under the same prefix; the others' prefixes mean the vendor itself."""
IN_A_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
SAFE_IN_A_PATH = "/:@!$'()*+,;=~"
GROQ_OWN = ("compound", "compound-mini")
"""Groq's own models, whose ids really begin with groq/ (https://console.groq.com/docs/compound)."""


def resolve(snapshot: Snapshot, model: str, workspace: str = "default", opik: bool = False) -> tuple[Target, ...]:
    """The targets of a model's name, best first, for a caller of that workspace. `opik`: asked on one of Opik's paths.

    Raises CallerError: 404 `model_not_found`, 401 `provider_key_missing`, 400 `model_ambiguous`. Each has Opik's own words in `opik`.
    """
    key = (model, workspace if workspace in snapshot.visible else "", opik)
    found = snapshot.resolved.get(key)
    if found is None:
        found = tuple(_Names(snapshot, *key).targets(model))
        if len(snapshot.resolved) >= REMEMBERED:
            snapshot.resolved.clear()
        snapshot.resolved[key] = found
    return found


class _Names:
    """The names one workspace can use."""

    def __init__(self, snapshot: Snapshot, model: str, workspace: str, opik: bool) -> None:
        self.snapshot = snapshot
        self.asked = model
        self.opik = opik
        self.rows = snapshot.seen_by(workspace)

    def targets(self, model: str) -> list[Target]:
        if not model or len(model) > LONGEST:
            raise not_found(self.snapshot, self.rows, model[:64])
        alias = self.snapshot.aliases.get(model)
        if alias is None:
            return [self.target(model)]
        found: list[Target] = []
        missing: list[CallerError] = []
        for name in alias.targets:
            self.asked = name
            try:
                found.append(self.target(name))
            except ProviderKeyMissing as error:
                missing.append(error)
        if not found:
            raise missing[0]
        return found

    def target(self, model: str) -> Target:
        provider, name = (
            self.exact(model) or self.prefixed(model) or self.bare(model) or self.through_openrouter(model) or self.nothing(model)
        )
        return build_target(provider, name)

    # ── one way to read a name each; None where it is not that ───────────────────────────────────────────

    def exact(self, model: str) -> tuple[Provider, str] | None:
        rows = [row for row in self.rows if model in row.models]
        if not rows:
            return None
        row = self.only(rows, model, model)
        return row, stripped(model, row)

    def prefixed(self, model: str) -> tuple[Provider, str] | None:
        prefix, slash, rest = model.partition("/")
        if not slash or not rest:
            return None
        if prefix == "custom-llm":
            return self.custom(model, rest)
        named = [row for row in self.rows if row.name == prefix]
        if not named and prefix in SPELLINGS and not any(row.kind == "openrouter" and prefix in ("x-ai", "z-ai") for row in self.rows):
            prefix = SPELLINGS[prefix]
            named = [row for row in self.rows if row.name == prefix] or [row for row in self.rows if row.kind == prefix]
        elif not named and prefix in KINDS:
            named = [row for row in self.rows if row.kind == prefix]
        if not named:
            return None
        row = self.only(named, rest, model)
        if row.kind == "local":
            return self.embedded(row, rest)
        if row.kind == "openrouter" and "/" not in rest:
            rest = f"openrouter/{rest}"  # its own models: openrouter/auto
        if row.kind == "groq" and rest in GROQ_OWN:
            rest = f"groq/{rest}"
        return row, rest

    def custom(self, model: str, rest: str) -> tuple[Provider, str]:
        """`custom-llm/<provider_name>/<model>`, or a row without a name: `custom-llm/<model>`."""
        name, slash, model_of = rest.partition("/")
        named = [row for row in self.rows if row.name == name] if slash and model_of else []
        if named:
            return self.only([row for row in named if row.kind != name] or named, model_of, model), model_of
        unnamed = [row for row in self.rows if row.name in ("custom-llm", "openai_compatible")]
        if unnamed:
            return self.only(unnamed, rest, model), rest
        raise key_missing(self.snapshot, self.rows, KINDS["openai_compatible"], self.asked)

    def bare(self, model: str) -> tuple[Provider, str] | None:
        locals_ = [row for row in self.rows if row.kind == "local"]
        called = [row for row in locals_ if model in (row.name, alias_of(row))]
        if called:
            return called[0], alias_of(called[0])
        kind = vendor(model)
        if kind is None:
            return None
        rows = [row for row in self.rows if row.kind == kind.name]
        if not rows:
            raise key_missing(self.snapshot, self.rows, kind, self.asked)
        row = self.only(rows, model, model)
        return self.embedded(row, model) if kind.name == "local" else (row, model)

    def through_openrouter(self, model: str) -> tuple[Provider, str] | None:
        vendor_name, slash, rest = model.partition("/")
        rows = [row for row in self.rows if row.kind == "openrouter"]
        if not slash or not rest or not rows or (vendor_name in KINDS and vendor_name not in ON_OPENROUTER):
            return None
        return self.only(rows, model, model), model

    def nothing(self, model: str) -> tuple[Provider, str]:
        prefix = model.partition("/")[0]
        prefix = SPELLINGS.get(prefix, prefix)
        if prefix in KINDS and "/" in model:
            through = "openrouter" if self.opik and prefix in ON_OPENROUTER else ""  # so Opik reads vendor/model
            raise key_missing(self.snapshot, self.rows, KINDS[prefix], self.asked, through)
        raise not_found(self.snapshot, self.rows, self.asked)

    # ── help ─────────────────────────────────────────────────────────────────────────────────────────────

    def embedded(self, row: Provider, name: str) -> tuple[Provider, str]:
        alias = alias_of(row)
        if name != alias and not (alias == LOCAL_ALIAS and fnmatchcase(name, "smollm2*")):
            raise not_found(self.snapshot, self.rows, self.asked, [f"{row.name}/{alias}"])
        return row, alias

    def only(self, rows: list[Provider], rest: str, asked: str) -> Provider:
        """The one row that is meant: a workspace's own beat everyone's, one named as its kind beats those with a name that happens to be
        the same. 400 naming the spellings where two are left."""
        own = [row for row in rows if row.workspace] or rows
        if len(own) > 1:
            same = {row.name for row in own}
            if len(same) == 1:
                own = [row for row in own if row.kind == row.name] or own
        if len(own) == 1:
            return own[0]
        raise ModelAmbiguous(asked, list(dict.fromkeys(f"{row.name}/{stripped(rest, row)}" for row in own)))


def vendor(model: str) -> Kind | None:
    """The kind that owns a bare name."""
    return next((kind for kind in KINDS.values() if matches(model, kind.prefixes)), None)


def matches(model: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def alias_of(row: Provider) -> str:
    """What an embedded model is called."""
    return row.options.get("alias") or LOCAL_ALIAS


def stripped(model: str, row: Provider) -> str:
    """A full name as its upstream knows it: without `custom-llm/` and the provider's name."""
    return model.removeprefix("custom-llm/").removeprefix(f"{row.name}/")


def placed(base_url: str, model: str) -> str:
    """A base URL with the model's name where it has `{model}`, as one part of the path or label of the host whatever the name holds.

    Raises CallerError for a name that would lead elsewhere: whoever asks does not choose where the key is sent.
    """
    if "{model}" not in base_url:
        return base_url
    scheme, _, rest = base_url.partition("://")
    host, slash, path = rest.partition("/")
    if ("{model}" in host and not IN_A_HOST.fullmatch(model)) or {".", ".."} & set(model.split("/")):
        raise CallerError("this provider's base_url has the model's name in it, and this name cannot stand there", param="model")
    return f"{scheme}://{host.replace('{model}', model)}{slash}{path.replace('{model}', quote(model, safe=SAFE_IN_A_PATH))}"


def build_target(row: Provider, model: str) -> Target:
    """A provider and a model as everything the request path needs."""
    kind = KINDS[row.kind]
    dialect = kind.dialect
    if row.kind == "vertex" and matches(model, CLAUDE_ON_VERTEX):
        dialect, model = "anthropic_messages", model.rpartition("/")[2]
    elif row.kind in ("openai", "azure") and matches(model, RESPONSES_ONLY):
        dialect = "openai_responses"
    return Target(
        provider=row.name,
        kind=row.kind,
        model=model,
        dialect=dialect,
        base_url=placed(row.base_url, model),
        auth=row.auth,
        headers=row.headers,
        query=row.query,
        quirks=kind.quirks | row.quirks,
        options=row.options,
        timeouts=row.timeouts,
        trusted=row.trusted,
    )
