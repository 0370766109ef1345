"""docs/providers.md, written from the rows and the dialects: `python -m trunkline.provider_page FILE`, which is `make docs`.

Odd here: nothing is told that the program does not do. The rows are put in words, and what becomes of a request is asked of the dialects
(`losses`); a test keeps the file as new as both.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import fields

from .losses import Fate, fates, models
from .providers import KINDS, QUIRKS, Capabilities, Kind

INTRO = """# Providers

Written by `make docs` from the rows in `trunkline/providers/` and from what the dialects do; change those.

A provider is on when one of its variables is set, or when the config has a table for it ([config.md](config.md)).
What a provider cannot take is named in the answer's `x-trunkline-dropped`; `?explain=true` says of one request what would be dropped,
emulated or approximated, and why.

- **speaks**: the format of the provider's own API. `openai_chat` is OpenAI's, relayed byte for byte but for what must change.
- **can**: what the API can do at all; a single model may do less. In brackets: not known to be there, passed on all the same.
- **bare names**: models that mean this provider without a prefix.
- **works**, **done otherwise**, **dropped** (named, or a 400 where the caller is strict), **refused** (a 400 naming the field):
  what becomes of a request, for the model named. What works is sent as the provider has it; whether a single model heeds it is the
  model's to know.
"""
QUIRKS_INTRO = """## Quirks

How hosts deviate from OpenAI's format. A config's `quirks` adds them to a provider.

| quirk | meaning |
|---|---|
"""
WITHOUT_VARIABLE = {"local": "none; the embedded model is always there"}
HEADINGS = {"passed": "works", "otherwise": "done otherwise", "dropped": "dropped", "refused": "refused"}


def page() -> str:
    """The whole page."""
    kinds = "\n".join(section(kind) for kind in KINDS.values())
    rows = "\n".join(f"| `{name}` | {means} |" for name, means in QUIRKS.items())
    return f"{INTRO}\n{kinds}\n{QUIRKS_INTRO}{rows}\n"


def section(kind: Kind) -> str:
    lines = {
        "variables": ", ".join(f"`{name}`" for name in kind.env) or WITHOUT_VARIABLE.get(kind.name, "none; name it in the config"),
        "address": f"`{kind.base_url}`" if kind.base_url else "set `base_url`" if "base_url" in kind.required_options else "by its options",
        "address from": ", ".join(f"`{name}`" for name in kind.base_url_env),
        "signed": SIGNED[kind.auth],
        "needs": ", ".join(f"`{name}`" for name in kind.required_options),
        "speaks": f"`{kind.dialect}`",
        "bare names": ", ".join(f"`{pattern}`" for pattern in kind.prefixes),
        "can": able(kind.capabilities),
        "quirks": ", ".join(f"`{name}`" for name in sorted(kind.quirks)),
        "note": kind.notes,
        "its own page": f"<{kind.docs}>" if kind.docs else "",
    }
    body = "\n".join(f"- {name}: {text}" for name, text in lines.items() if text)
    asked = models(kind.name)
    becomes = "\n\n".join(fate_lines(fates(kind.name, model), model if len(asked) > 1 or kind.prefixes else "") for model in asked)
    return f"## {kind.title}: `{kind.name}`\n\n{body}\n\n{becomes}\n"


SIGNED = {
    "bearer": "`Authorization: Bearer KEY`",
    "x-api-key": "`x-api-key: KEY`",
    "x-goog-api-key": "`x-goog-api-key: KEY`",
    "api-key": "`api-key: KEY`, or a token of Entra ID",
    "sigv4": "AWS signature version 4, or `Authorization: Bearer KEY`",
    "google": "a token of a service account or of the machine, or `x-goog-api-key: KEY`",
    "none": "not at all, or `Authorization: Bearer KEY` where a key is set",
}


def able(capabilities: Capabilities) -> str:
    """What it can, and in brackets what is not known."""
    said = {field.name: getattr(capabilities, field.name) for field in fields(Capabilities)}
    sure = [name for name, can in said.items() if can]
    perhaps = [name for name, can in said.items() if can is None]
    return ", ".join(sure) + (f" ({', '.join(perhaps)})" if perhaps else "")


def fate_lines(found: dict[str, Fate], model: str) -> str:
    """What becomes of a request, one line a fate; with a heading where the model matters."""
    lines = [f"With `{model}`:\n"] if model else []
    for how, heading in HEADINGS.items():
        names = [name for name, fate in found.items() if fate.how == how]
        if names:
            lines.append(f"- **{heading}**: {said(names, found)}")
    return "\n".join(lines)


def said(names: Sequence[str], found: dict[str, Fate]) -> str:
    """The names, those with one reason together: `a`, `b` (why); `c` (why)."""
    together: dict[str, list[str]] = {}
    for name in names:
        together.setdefault("" if found[name].how == "refused" else found[name].why, []).append(name)
    return "; ".join(", ".join(listed) + (f" ({why.rstrip('.')})" if why else "") for why, listed in together.items())


def main(path: str) -> None:
    """Write the page there."""
    Path(path).write_text(page(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
