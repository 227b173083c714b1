"""Imports go in the directions of the layers."""

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

AROUND = "reproduction", "strategies", "oracles", "oracles.sparse_inference", "oracles.training", "cli"
FOLDERS = {"core": "sparseattack"} | {name: f"sparseattack.{name}" for name in AROUND}
LIBRARIES = {"core": {"torch", "numpy", "scipy", "PIL"}}
LIBRARIES["reproduction"] = LIBRARIES["core"] | {"matplotlib"}
TERMINAL = {"typer", "rich"}
PLUGINS = {f"sparseattack.{name}" for name in ("strategies", "oracles", "cli")}
FORBIDDEN = {
    "core": {"sparseattack.reproduction", *PLUGINS, *TERMINAL},
    "reproduction": {*PLUGINS, *TERMINAL},
    "strategies": {"sparseattack.oracles", "sparseattack.cli", *TERMINAL},
    "oracles": {"sparseattack.strategies", "sparseattack.cli", *TERMINAL},
    "oracles.sparse_inference": {"sparseattack.strategies", "sparseattack.cli", *TERMINAL},
    "cli": {"sparseattack.strategies", "sparseattack.oracles", "torch", "numpy", "scipy"},
}
TRAINING = {f"sparseattack.oracles.{name}" for name in ("recipe", "shipping", "training")}  # no plugin


def files(folder: str) -> list[Path]:
    spec = find_spec(FOLDERS[folder])
    assert spec and spec.submodule_search_locations
    roots = [Path(root) for root in spec.submodule_search_locations]
    found = sorted(
        path for root in roots for path in (root.rglob("*.py") if folder == "core" else root.glob("*.py"))
    )
    assert len(found) > 1
    return [path for path in found if folder != "core" or path.parent.name != "reproduction"]


SOURCES = [(folder, path) for folder in FOLDERS for path in files(folder)]
NAMES = [f"{folder}/{path.name}" for folder, path in SOURCES]


def imported(path: Path) -> Iterator[str]:
    """Full names of everything that is imported anywhere in a file; relative ones begin with a dot."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = "." * node.level + (f"{node.module}." if node.module else "")
            yield from (home + alias.name for alias in node.names)


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(("folder", "path"), SOURCES, ids=NAMES)
def test_imports_go_in_the_directions_of_the_layers(folder: str, path: Path) -> None:
    names = list(imported(path))
    allowed = TRAINING if folder == "cli" else set()
    assert [name for name in names if within(name, FORBIDDEN[folder]) and not within(name, allowed)] == []
    if folder in LIBRARIES:
        known = LIBRARIES[folder] | {"", "sparseattack"} | set(sys.stdlib_module_names)
        assert {name.split(".")[0] for name in names} <= known
    if folder != "core":  # siblings are imported relatively, the core absolutely
        assert [name for name in names if within(name, {FOLDERS[folder]}) or name.startswith("..")] == []


def test_only_what_is_forbidden_is_found(tmp_path: Path) -> None:
    """The test above can fail."""
    (tmp_path / "bad.py").write_text("import typer\ndef f():\n    from sparseattack.cli.main import main\n")
    bad = [name for name in imported(tmp_path / "bad.py") if within(name, FORBIDDEN["core"])]
    assert bad == ["typer", "sparseattack.cli.main.main"]
    assert not within("sparseattack.client", {"sparseattack.cli"})
