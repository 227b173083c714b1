"""Files and functions stay small."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

PARTS = "", ".reproduction", ".strategies", ".oracles", ".oracles.sparse", ".cli"
PACKAGES = [*(f"sparseattack{part}" for part in PARTS), "benchmarks"]
LINES, BODY = 100, 20


def files(package: str) -> list[Path]:
    spec = find_spec(package)
    assert spec and spec.submodule_search_locations
    return sorted(path for root in spec.submodule_search_locations for path in Path(root).glob("*.py"))


def body(function: ast.FunctionDef) -> int:
    """Lines after the signature and the docstring."""
    described = ast.get_docstring(function) is not None and len(function.body) > 1
    return (function.end_lineno or 0) - function.body[described].lineno + 1


@pytest.mark.parametrize("package", PACKAGES)
def test_files_are_short(package: str) -> None:
    lengths = {path.name: path.read_text("utf-8").count("\n") for path in files(package)}
    assert {name: length for name, length in lengths.items() if length >= LINES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short(package: str) -> None:
    trees = [(path.name, ast.parse(path.read_bytes())) for path in files(package)]
    nodes = [(name, node) for name, tree in trees for node in ast.walk(tree)]
    functions = [(name, node) for name, node in nodes if isinstance(node, ast.FunctionDef)]
    assert [(name, node.name) for name, node in functions if body(node) >= BODY] == []
