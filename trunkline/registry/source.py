"""What genai-prices knows: loaded when first asked for, and looked up by our kinds and our spellings of models.

Odd here: the package is found but never imported (see `types`). Loading takes some 20 ms and is for a thread, or for whoever prints a
list; nothing on the way of a request calls it. Where the package is missing, or a newer one has a shape that we cannot read, everything
goes on without prices and the log says so once.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from ..providers import KINDS
from .types import Model, Vendor

log = logging.getLogger("trunkline.registry")

PACKAGE = "genai_prices"


class Source(Struct, frozen=True, kw_only=True):
    """Where a kind's models stand in the data."""

    vendor: str
    """Its provider id there."""
    listed: str = ""
    """The vendor whose models are listed, where that is another."""
    prefixes: tuple[str, ...] = ("",)
    """What the API's own name may have before the data's; the first that the data reads as that model is taken."""
    only: tuple[str, ...] = ("*",)
    never: tuple[str, ...] = ()
    """Names, as fnmatch patterns, that this kind does or does not take."""


_NOT_OPENAI = ("gpt-oss-*", "ft:*", "*.ft-", "*:*", "gpt-*-image*", "gpt-image*", "chatgpt-image*", "gpt-3.5-0301")

SOURCES: dict[str, Source] = {
    "openai": Source(vendor="openai", never=_NOT_OPENAI),
    # a deployment has the name that its owner gave it, usually the model's
    "azure": Source(vendor="azure", listed="openai", never=_NOT_OPENAI),
    "anthropic": Source(vendor="anthropic"),
    "gemini": Source(vendor="google", only=KINDS["gemini"].prefixes, never=("*-maas", "gemini-flash-1.5*", "gemini-pro-1.5*")),
    "vertex": Source(vendor="google", only=("gemini-*", "claude-*"), never=("gemini-flash-1.5*", "gemini-pro-1.5*", "claude-4-*")),
    "bedrock": Source(vendor="aws"),
    "cohere": Source(vendor="cohere"),
    "mistral": Source(vendor="mistral", never=("*:free",)),
    "groq": Source(vendor="groq"),
    "xai": Source(vendor="x-ai"),
    "deepseek": Source(vendor="deepseek"),
    "openrouter": Source(vendor="openrouter", only=("*/*",), never=("*:batch",)),
    "together": Source(vendor="together"),
    "fireworks": Source(vendor="fireworks", prefixes=("accounts/fireworks/models/", "accounts/fireworks/routers/")),
    "cerebras": Source(vendor="cerebras"),
    "perplexity": Source(vendor="perplexity", only=("sonar*", "r1-1776")),
    "databricks": Source(vendor="databricks"),
    "cloudflare": Source(vendor="cloudflare"),
    "zai": Source(vendor="zai"),
    "moonshot": Source(vendor="moonshotai"),
}

HUGGING_FACE = "huggingface_"
"""The router's vendors are the data's `huggingface_HOST`, and a model there is named MODEL:HOST."""

NOT_CHAT = (
    "*embed*", "bge-*", "gte-*", "*rerank*", "*-tts*", "*transcribe*", "*whisper*", "*realtime*", "*-live*", "*sonic*", "*-voice-*",
    "*orpheus*", "*ocr*", "*moderation*", "*-streaming-*", "m2m100*", "indictrans*", "dall-e*", "sora*", "ada", "babbage*", "curie",
    "davinci*", "text-davinci*", "gpt-3.5-turbo-instruct*",
)  # fmt: skip
"""Models of other APIs than chat, which the data lists among the rest."""

GEOGRAPHIES = ("us-gov", "us", "eu", "apac", "au", "jp", "in", "ca", "global")
"""What an inference profile's name begins with: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html"""
_OF_REGION = {
    "ap-southeast-2": "au",
    "ap-northeast-1": "jp",
    "ap-south-1": "in",
    "ca-central-1": "ca",
    "us-gov": "us-gov",
    "us": "us",
    "eu": "eu",
}


@lru_cache(maxsize=1)
def vendors() -> Mapping[str, Vendor]:
    """Every vendor of the data, by its id; {} where there is no readable data. Blocks for some 20 ms the first time."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        log.warning("%s is not installed: models are listed without prices and context windows", PACKAGE)
        return {}
    path = Path(next(iter(spec.submodule_search_locations))) / "data.py"
    try:
        code = SourceFileLoader(f"{__package__}.data", str(path)).get_code(f"{__package__}.data")
        module: dict[str, object] = {"__name__": f"{__package__}.data", "__package__": __package__}
        exec(code, module)  # type: ignore[arg-type]  # the installed package's own module, by our types
        found = module["providers"]
        assert isinstance(found, list)
        return {vendor.id: vendor for vendor in found}
    except Exception as error:
        log.warning("the data of %s cannot be read, so prices are unknown (%s: %s)", PACKAGE, type(error).__name__, error)
        return {}


@lru_cache(maxsize=4096)
def find(kind: str, model: str, base_url: str = "") -> Model | None:
    """What the data knows of a model as this gateway names it. `base_url` tells apart the hosts of kind openai_compatible."""
    vendor, name = _place(kind, model, base_url)
    if vendor is None:
        return None
    found = _matching(vendor, name)
    if found is None and kind == "bedrock":
        geography, dot, rest = name.partition(".")
        found = _matching(vendor, rest) if dot and geography in GEOGRAPHIES else None
    return found


def _place(kind: str, model: str, base_url: str) -> tuple[Vendor | None, str]:
    """The vendor to look at, and the model's name as the data's clauses expect it."""
    name = model.lower()
    if kind == "huggingface":
        name, colon, host = name.rpartition(":")
        return (vendors().get(HUGGING_FACE + host) if colon else None), name
    if kind in ("gemini", "vertex"):
        name = name.rpartition("/")[2]  # models/…, publishers/anthropic/models/…
    source = SOURCES.get(kind)
    return (vendors().get(source.vendor) if source is not None else vendor_of_url(base_url)), name


@lru_cache(maxsize=256)
def vendor_of_url(base_url: str) -> Vendor | None:
    """The vendor whose API stands at this URL."""
    return next((vendor for vendor in vendors().values() if base_url and re.match(vendor.api_pattern, base_url)), None)


def _matching(vendor: Vendor, name: str) -> Model | None:
    for each in (vendor, *(vendors()[id] for id in vendor.fallbacks if id in vendors())):
        for model in each.models:
            if model.match.matches(name):
                return model
    return None


@lru_cache(maxsize=64)
def listed(kind: str, region: str = "", base_url: str = "") -> tuple[tuple[str, Model], ...]:
    """The chat models of a kind in use today, each with the name its API takes. Left out: deprecated ones, and those whose own name the
    data reads as another model."""
    if kind == "huggingface":
        hosts = [vendor for id, vendor in vendors().items() if id.startswith(HUGGING_FACE)]
        return tuple(
            (f"{model.id}:{host.id.removeprefix(HUGGING_FACE)}", model) for host in hosts for model in host.models if _is_chat(model)
        )
    source = SOURCES.get(kind)
    vendor = vendors().get(source.listed or source.vendor) if source is not None else vendor_of_url(base_url)
    if vendor is None:
        return ()
    source = source or Source(vendor=vendor.id)
    found: dict[str, Model] = {}
    for model in vendor.models:
        if not _is_chat(model) or not _takes(source, model.id):
            continue
        for name in _in_region(model.id, region) if kind == "bedrock" else [prefix + model.id for prefix in source.prefixes]:
            known = find(kind, name, base_url)
            if known is model or (source.listed and known is not None):
                found.setdefault(name, known)
                break
    return tuple(found.items())


def _takes(source: Source, id: str) -> bool:
    return any(fnmatchcase(id, pattern) for pattern in source.only) and not any(fnmatchcase(id, pattern) for pattern in source.never)


def _is_chat(model: Model) -> bool:
    """The data does not say what a model is for; its name and what is charged do. No prices at all: a free or unpriced chat model."""
    name = model.id.lower().rpartition("/")[2]
    if model.deprecated or any(fnmatchcase(name, pattern) for pattern in NOT_CHAT):
        return False
    return not model.prices or any(not entry.prices or "output_mtok" in entry.prices for entry in model.prices)


def _in_region(id: str, region: str) -> list[str]:
    """The data's `regional.NAME` stands for a name per geography, or one without any."""
    if not id.startswith("regional."):
        return [id]
    rest = id.removeprefix("regional.")
    geography = next((geography for start, geography in _OF_REGION.items() if region.startswith(start)), "")
    return [f"{geography}.{rest}", rest] if geography else [rest]


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
