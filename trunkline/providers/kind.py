"""What a row of the table of kinds holds."""

from __future__ import annotations

from msgspec import Struct


class Capabilities(Struct, frozen=True):
    """What the vendor's API can do at all; a single model may do less. None is unknown."""

    tools: bool | None = True
    vision: bool | None = None
    audio: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    logprobs: bool | None = None
    n: bool | None = None
    seed: bool | None = None


class Kind(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    """For people."""
    env: tuple[str, ...] = ()
    """Customary variables that hold the key; the first one set wins."""
    base_url: str = ""
    """What the vendor's own SDK uses. `{option}` is filled in from the provider's options; "" where there is no default."""
    base_url_env: tuple[str, ...] = ()
    auth: str = "bearer"
    """bearer, x-api-key, x-goog-api-key, api-key, sigv4, google or none (then a key is optional and a bearer)."""
    dialect: str = "openai_chat"
    quirks: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    """Bare model names this vendor owns, as fnmatch patterns."""
    capabilities: Capabilities = Capabilities()
    docs: str = ""
    required_options: tuple[str, ...] = ()
    """`base_url` among them means that one must be given."""
    notes: str = ""


def words(text: str) -> tuple[str, ...]:
    """A tuple of names, written as one text."""
    return tuple(text.split())
