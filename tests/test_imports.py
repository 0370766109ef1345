"""Imports point up this list, never down: values know nothing of pipelines, pipelines nothing of the server."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "trunkline"

LAYERS = [
    {"secret", "errors", "wire", "chat", "stamp", "slowdown", "drive", "outbox", "known", "unwrap", "rekey"},
    {"target"},
    {"fold", "providers", "framing"},
    {"dialects"},
    {"access", "signing"},
    {"upstream"},
    {"credentials", "store", "local"},
    {"config", "oidc"},
    {"routing"},
    {"registry", "plan", "meter"},
    {"vault", "emulate", "gateway"},
    {"prepare"},
    {"flow", "repair", "unasked"},
    {"fanout"},
    {"pipeline"},
    {"explain", "losses"},
    {"provider_page"},
    {"server"},
    {"cli"},
    {"__main__"},
]
"""Top-level modules and packages, lowest first. Within a set nothing may import another of the set at run time but by name here."""

HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)


def run_time_imports(path: Path) -> set[str]:
    """The top-level parts of this package that a file imports when it is imported or run, not those for type checkers only."""
    here = path.relative_to(ROOT).parts[:-1]
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in node.orelse:
                visit(other)
            return
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else [])]
            found.update([base[0]] if base else [alias.name for alias in node.names])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found - {"__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_up(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in HEIGHT, f"{own} has no place in the layers"
    for name in run_time_imports(path) - {own}:
        assert HEIGHT[name] <= HEIGHT[own], f"{own} imports {name}, which stands below it"


def test_the_request_path_imports_nothing_heavy() -> None:
    """A gateway starts and answers without SQL, Starlette, cryptography, cloud SDKs or an HTTP client library."""
    heavy = [
        "sqlalchemy",
        "alembic",
        "starlette",
        "cryptography",
        "botocore",
        "google.auth",
        "genai_prices",
        "jsonschema",
        "httpx",
        "pydantic",
    ]
    code = f"import sys, trunkline.server.run, trunkline.pipeline; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
