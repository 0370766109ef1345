"""Why a model's name means nothing here, said so that the caller can fix it.

Odd here: on Opik's paths the same errors are read by clients that know Opik's words, so each has those in `opik` beside ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import CallerError
from ..providers import KINDS, OPTIONS, Kind, Provider

if TYPE_CHECKING:
    from ..config.snapshot import Snapshot

OPIK_NAMES = {"vertex": "vertex-ai", "openai_compatible": "custom-llm", "vllm": "custom-llm"}
"""Kinds that Opik calls otherwise."""
ALSO_BY = {"openai": ("azure",), "anthropic": ("vertex", "bedrock"), "gemini": ("vertex",)}
"""Who else has a vendor's models, under a prefix that must be written."""


class Unresolved(CallerError):
    def __init__(self, message: str, *, status: int, code: str, model: str, provider: str, opik: str) -> None:
        super().__init__(message, status=status, code=code, param="model")
        self.model = model
        self.provider = provider
        """As Opik names it; "" where none is known."""
        self.opik = opik
        """Opik's own words for it."""


class ModelNotFound(Unresolved):
    pass


class ProviderKeyMissing(Unresolved):
    pass


class ModelAmbiguous(Unresolved):
    def __init__(self, model: str, spellings: Sequence[str]) -> None:
        message = f"the model {model!r} could be {' or '.join(repr(name) for name in spellings)} here; write the one you mean"
        super().__init__(message, status=400, code="model_ambiguous", model=model, provider="", opik=message)


def not_found(snapshot: Snapshot, rows: Sequence[Provider], model: str, near: Sequence[str] = ()) -> ModelNotFound:
    near = near or nearest(snapshot, rows, model)
    guess = f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
    prefixes = ", ".join(dict.fromkeys(row.name for row in rows))
    message = f"the model {model!r} is not known here.{guess} Write provider/model; providers here: {prefixes}"
    return ModelNotFound(
        message, status=404, code="model_not_found", model=model, provider="", opik=f"model not supported {model or 'null'}"
    )  # fmt: skip


def key_missing(snapshot: Snapshot, rows: Sequence[Provider], kind: Kind, model: str, through: str = "") -> ProviderKeyMissing:
    """`through`: the kind that Opik would have asked for a key instead."""
    half = snapshot.off.get(kind.name)
    also = [f"{row.name}/{model}" for row in rows if row.kind in ALSO_BY.get(kind.name, ())] if "/" not in model else []
    other = f" Or write {' or '.join(repr(name) for name in also)}." if also else ""
    message = f"the model {model!r} needs the provider {kind.name} ({kind.title}), which has no key here: {half or _fix(kind)}.{other}"
    name = OPIK_NAMES.get(through or kind.name, through or kind.name)
    opik = f"API key not configured for LLM. provider='{name}', model='{model}'"
    return ProviderKeyMissing(message, status=401, code="provider_key_missing", model=model, provider=name, opik=opik)


def _fix(kind: Kind) -> str:
    options = [variables[0] for name in kind.required_options if (variables := OPTIONS.get(kind.name, {}).get(name))]
    names = [*kind.env[:1], *(kind.base_url_env[:1] if "base_url" in kind.required_options else ()), *options]
    by_variable = f"set {' and '.join(names)}, " if names else ""
    return f"{by_variable}add [providers.{kind.name}] to the config, or store a key for it"


def nearest(snapshot: Snapshot, rows: Sequence[Provider], model: str) -> list[str]:
    """Up to three names that the caller may have meant."""
    from difflib import get_close_matches

    if len(model) > 200:
        return []
    known = list(snapshot.aliases) + [name for row in rows for name in row.models]
    known += [row.options.get("alias") or "local" for row in rows if row.kind == "local"]
    found = get_close_matches(model, known, 3, 0.6)
    prefix, slash, rest = model.partition("/")
    if slash:
        found += [f"{name}/{rest}" for name in get_close_matches(prefix, {row.name for row in rows} | KINDS.keys(), 2, 0.7)]
    else:
        heads = {pattern.partition("*")[0].partition("[")[0]: None for kind in KINDS.values() for pattern in kind.prefixes}
        head = model.partition("-")[0] + "-"
        near = get_close_matches(head, [text for text in heads if text.endswith("-") and text != head], 2, 0.7)
        found += [f"{text}{model.partition('-')[2]}" for text in near if "-" in model]
    return list(dict.fromkeys(found))[:3]
