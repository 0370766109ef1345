"""The house is in order: what the documents say is there, and what is there is in the documents."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trunkline import __version__
from trunkline.cli import parser
from trunkline.config.check import TABLES, check
from trunkline.config.schema import ModelTable, OAuthTable, Oidc, PriceTable, ProviderTable
from trunkline.local.settings import OPTIONS as LOCAL_OPTIONS
from trunkline.local.settings import Settings as Local
from trunkline.provider_page import page
from trunkline.providers import OPTIONS
from trunkline.secret import Secret

ROOT = Path(__file__).parents[1]
LONGEST = 400
"""Lines of a file: a subject that needs more is two subjects, or a package."""
LONGER: dict[str, int] = {}
"""Those that have outgrown it, and how far they may."""
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
]


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def tracked() -> list[Path]:
    """Files that git knows, or would take; every file of the source tree where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    return [
        path
        for top in ("trunkline", "tests", "docs", "bench")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


# ── source ───────────────────────────────────────────────────────────────────────────────────────────────

MODULES = [path for path in sorted((ROOT / "trunkline").rglob("*.py")) if path.read_text("utf-8").strip()]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_by_saying_what_it_is_for_and_is_not_too_long(path: Path) -> None:
    source = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(source)), "no docstring opens it"
    lines = source.count("\n")
    assert lines <= LONGER.get(path.relative_to(ROOT).as_posix(), LONGEST), f"{lines} lines"


def test_no_file_names_a_place_of_the_machine_it_was_written_on() -> None:
    places = re.compile(rb"(?<![\w./~-])/(?:" + rb"work|" + rb"root|" + rb"tmp/x" + rb")(?:/[\w.]|\b(?=[\s\"'`)]))")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip().decode(errors='replace')}"
        for path in tracked()
        if path.suffix not in (".png", ".gguf")
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if places.search(line)
    ]
    assert found == []


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────


def test_there_is_one_version() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    assert project["project"].get("version", __version__) == __version__
    assert project["tool"]["hatch"]["version"]["path"] == "trunkline/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab.-]\w+)*", __version__)


def test_the_changelog_knows_this_version_or_what_comes_next() -> None:
    titles = re.findall(r"^## \[?([^\]\n ]+)", text("CHANGELOG.md"), re.MULTILINE)
    assert titles
    assert titles[0] in ("Unreleased", __version__)


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────


def commands() -> dict[str, Any]:
    """The parsers of the subcommands."""
    return next(action.choices for action in parser()._actions if isinstance(action.choices, dict))


def shell_lines() -> list[str]:
    """What the documents say to type: `$ …` lines of consoles, and `trunkline …` or `make …` in the text."""
    found = []
    for document in DOCUMENTS:
        body = text(document)
        for block in re.findall(r"```(?:console|sh|shell)\n(.*?)```", body, re.DOTALL):
            found += re.findall(r"^\$ (.+)$", block, re.MULTILINE)
        found += re.findall(r"`((?:trunkline|make) [^`\n]+)`", body)
    return found


def test_the_documents_name_only_commands_and_options_that_exist() -> None:
    known = commands()
    seen = set()
    for line in shell_lines():
        for words in re.findall(r"\btrunkline ([a-z]+[^|;&<>#]*)", line.split("  #")[0]):
            name, *rest = words.split()
            if name not in known and not words.startswith("ready on "):
                assert name == "trunkline", f"{line!r}: there is no command {name!r}"
                continue
            if name not in known:
                continue
            seen.add(name)
            options = known[name]._option_string_actions.keys()
            actions = next((action.choices for action in known[name]._actions if isinstance(action.choices, dict)), {})
            if actions and rest:
                action = rest[0].rstrip("…").partition("|")[0]
                assert action in actions, f"{line!r}: {name} has no action {action!r}"
                options = actions[action]._option_string_actions.keys()
            for option in re.findall(r"(?<!\S)(--[a-z-]+)", " ".join(rest)):
                assert option in options, f"{line!r}: {name} has no option {option}"
    assert {"serve", "chat", "keys", "providers", "models", "check", "explain"} <= seen


def test_the_documents_name_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    named = {target for line in shell_lines() for target in re.findall(r"\bmake ([a-z]+)", line)}
    assert named
    assert named <= targets
    assert {"install", "run", "test", "check", "bench"} <= targets
    phony = re.findall(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)
    assert set(phony[0].split()) <= targets


def test_ci_runs_what_make_check_runs() -> None:
    assert re.search(r"^make check\b", text(".ci/run"), re.MULTILINE)
    assert os.access(ROOT / ".ci/run", os.X_OK)
    (check_line,) = re.findall(r"^check: (.+)$", text("Makefile"), re.MULTILINE)
    assert {"format", "lint", "types", "test"} <= set(check_line.split())


def test_links_between_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text(document)):
            assert (ROOT / document).parent.joinpath(link).exists(), f"{document} links to {link}"


def test_the_page_of_providers_is_as_new_as_the_rows() -> None:
    assert text("docs/providers.md") == page(), "run `make docs`"


# ── the config's description ─────────────────────────────────────────────────────────────────────────────


def toml_blocks() -> list[tuple[str, str]]:
    return [(document, block) for document in DOCUMENTS for block in re.findall(r"```toml\n(.*?)```", text(document), re.DOTALL)]


@pytest.mark.parametrize(("document", "block"), toml_blocks(), ids=[document for document, _ in toml_blocks()])
def test_a_config_in_the_documents_passes_the_check(document: str, block: str) -> None:
    named = dict.fromkeys(re.findall(r"env:(\w+)", block), "value-of-a-key")
    settings = check(tomllib.loads(block), named, ROOT)
    assert settings.providers or settings.models or document != "README.md"


def config_tables() -> dict[str, dict[str, str]]:
    """docs/config.md's tables: heading → field → default as written."""
    tables: dict[str, dict[str, str]] = {}
    heading = ""
    for line in text("docs/config.md").splitlines():
        if title := re.fullmatch(r"#+ (.+)", line):
            heading = title[1]
        elif row := re.fullmatch(r"\| `([a-z_]+)` \| (.+?) \| (.+) \|", line):
            assert row[3].strip()
            tables.setdefault(heading, {})[row[1]] = row[2].strip("`")
    return tables


def written(value: object) -> str:
    """A default as TOML has it."""
    if isinstance(value, Secret):
        value = value.reveal()
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f'"{value}"' if isinstance(value, str) else str(value)


EXPECTED: dict[str, tuple[type[msgspec.Struct], set[str]]] = {
    **{f"[{name}]": (cls, {"oidc"} if name == "auth" else set()) for name, cls in TABLES.items()},
    "[auth.oidc]": (Oidc, set()),
    "[providers.NAME]": (ProviderTable, {"options", "secrets"}),
    "[providers.NAME.oauth]": (OAuthTable, set()),
    "[providers.local]": (Local, set()),
    "[models.NAME]": (ModelTable, set()),
    '[prices."PROVIDER/MODEL"]': (PriceTable, set()),
}
"""Heading → the table's type, and fields of it that are not the file's to set, or have a heading of their own."""


@pytest.mark.parametrize("heading", EXPECTED)
def test_every_field_of_the_config_is_described_with_its_default(heading: str) -> None:
    cls, hidden = EXPECTED[heading]
    fields = {
        field.name: written(field.default if field.default is not msgspec.NODEFAULT else field.default_factory())  # type: ignore[operator]
        for field in msgspec.structs.fields(cls)
        if field.name not in hidden
    }
    assert config_tables()[heading] == fields


def test_what_only_some_kinds_take_is_described() -> None:
    options = {option for kind, names in OPTIONS.items() if kind != "local" for option in names}
    section = text("docs/config.md").partition("### What only some kinds take\n")[2].partition("\n#")[0]
    assert (
        set(re.findall(r"`([a-z_]+)`", "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `")))) == options
    )
    assert set(OPTIONS["local"]) == LOCAL_OPTIONS
