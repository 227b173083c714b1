"""The house rules: which package may import which, and how large modules and functions may be."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LEVELS = (  # from the bottom up: a package imports from lower levels, and from itself
    {"errors", "files"},
    {"plugins", "data"},
    {"problem", "provenance"},
    {"search"},
    {"experiment", "conformance"},
    {"study"},
    {"report"},
    {"comparison", "reproduction"},
    {"strategies", "oracles", "cli", "adapters"},
)
LEVEL = {package: level for level, packages in enumerate(LEVELS) for package in packages}
FACE = "sparseattack"  # the public names, imported when they are first used
ABOVE = {"strategies", "oracles", "cli", "adapters"}  # nobody imports these; the first two are found by name
EXCEPTIONS = {
    ("cli", "oracles.training")
}  # `sparseattack train` runs the recipe of the networks in the package

LIBRARIES = {  # beside the standard library
    "adapters.torchattacks": {"torch", "torchattacks"},  # an adapter imports the library that it serves
    "adapters.art": {"torch", "numpy", "art"},
    "adapters.foolbox": {"torch", "foolbox", "eagerpy"},
    "cli.download": {"pooch", "rich"},  # the only module that reads from the internet
    "cli": {"typer", "rich"},
    "study.executors.ray": {"ray"},
    "report.console": {"rich"},  # what is printed in a terminal or a notebook
    "report.progress": {"rich"},
    "report.data_frame": {"pandas"},
    "report.results": {"pandas", "numpy"},  # the type of what it returns
    "report.export.parquet": {"pyarrow"},
    "report.figures": {"numpy", "matplotlib"},
    "report.figures.ranks": {"numpy", "matplotlib", "pandas", "scikit_posthocs"},
    "report.page.document": {"jinja2"},
    "reproduction": {"torch", "numpy", "scipy", "PIL", "matplotlib"},
    "core": {"torch", "numpy", "scipy", "PIL"},
}
MODULES, LINES, BODY = 12, 320, 40  # in a package, in a module, in a function

FOLDERS = {"sparseattack": "", "strategies": "strategies", "oracles": "oracles", "cli": "cli"}


def sources() -> dict[str, Path]:
    """Every module of the installed package by its name below ``sparseattack``; ``""`` is its face."""
    found: dict[str, Path] = {}
    for folder, prefix in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = [prefix, *path.relative_to(ROOT / folder).with_suffix("").parts]
            found[".".join(part for part in parts if part not in ("", "__init__"))] = path
    return found


SOURCES = sources()
PACKAGES = sorted({name.rpartition(".")[0] for name in SOURCES} - {""})
TREES = {name: ast.parse(path.read_bytes()) for name, path in SOURCES.items()}


def _in_order(tree: ast.Module) -> bool:
    """Whether a package's docstring names its modules; not that of the commands, which are listed by name."""
    text = (ast.get_docstring(tree) or "").lower()
    return ("reading order" in text or "in this order" in text) and "one module per command" not in text


def top(name: str) -> str:
    return name.partition(".")[0]


def imported(name: str, tree: ast.Module) -> Iterator[str]:
    """Full names of all that a module imports, anywhere in it."""
    path = SOURCES.get(name)
    package = name if path is not None and path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = [FACE, *filter(None, package.split("."))]
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def ours(name: str, tree: ast.Module) -> set[str]:
    """The modules of this project that a module imports, by their names below ``sparseattack``."""
    found = set()
    for full in imported(name, tree):
        if full.startswith(f"{FACE}."):
            inner = full.removeprefix(f"{FACE}.")
            found |= {one for one in (inner, inner.rpartition(".")[0]) if one and one in SOURCES}
    packages = {one for one in found if SOURCES[one].name == "__init__.py"}
    return found - packages - {name}


def allowed(name: str, other: str) -> bool:
    """Whether module ``name`` may import module ``other``."""
    if top(name) == top(other) or any(
        top(name) == who and other.startswith(what) for who, what in EXCEPTIONS
    ):
        return True
    return top(other) not in ABOVE and LEVEL[top(other)] < LEVEL[top(name)]


@pytest.mark.parametrize("name", [name for name in SOURCES if name])
def test_packages_import_downwards_only(name: str) -> None:
    assert [other for other in sorted(ours(name, TREES[name])) if not allowed(name, other)] == []


@pytest.mark.parametrize("name", [name for name in SOURCES if top(name) not in {"", "strategies", "oracles"}])
def test_the_core_needs_few_libraries(name: str) -> None:
    roots = {top(full) for full in imported(name, TREES[name])} - {FACE} - set(sys.stdlib_module_names)
    nearest = next(one for one in (name, name.rpartition(".")[0], top(name), "core") if one in LIBRARIES)
    assert roots <= LIBRARIES[nearest]


def test_no_two_modules_import_each_other() -> None:
    graph = {name: ours(name, tree) for name, tree in TREES.items() if name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_the_tests_above_can_fail() -> None:
    bad = ast.parse(
        "from sparseattack.cli.main import main\nfrom ..study.run import run\nimport sparseattack.search.loop"
    )
    assert ours("problem.bad", bad) == {"cli.main", "study.run", "search.loop"}
    assert not any(allowed("problem.bad", other) for other in ours("problem.bad", bad))
    assert allowed("search.loop", "problem.problem") and allowed("cli.train", "oracles.training.training")
    assert not allowed("cli.train", "oracles.zoo") and not allowed("problem.space", "provenance")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_few_modules(package: str) -> None:
    inside = [name for name, path in SOURCES.items() if name.rpartition(".")[0] == package]
    modules = [name for name in inside if SOURCES[name].name not in {"__init__.py", "__main__.py"}]
    assert len(modules) <= MODULES


@pytest.mark.parametrize("package", [*PACKAGES])
def test_a_package_has_a_docstring_and_imports_nothing(package: str) -> None:
    body = TREES[package].body
    assert ast.get_docstring(TREES[package]) and len(body) == 1


def measured() -> list[tuple[str, Path]]:
    benchmarks = sorted((ROOT / "benchmarks").glob("*.py"))
    return [*SOURCES.items(), *((f"benchmarks.{path.stem}", path) for path in benchmarks)]


def test_modules_are_one_idea_long() -> None:
    lengths = {name: path.read_text("utf-8").count("\n") for name, path in measured()}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}


def body(function: ast.FunctionDef) -> int:
    """Lines after the signature and the docstring."""
    described = ast.get_docstring(function) is not None and len(function.body) > 1
    return (function.end_lineno or 0) - function.body[described].lineno + 1


def test_functions_are_one_step_long() -> None:
    nodes = [(name, node) for name, path in measured() for node in ast.walk(ast.parse(path.read_bytes()))]
    functions = [(name, node) for name, node in nodes if isinstance(node, ast.FunctionDef)]
    assert [(name, node.name) for name, node in functions if body(node) > BODY] == []


def test_a_class_name_means_one_thing() -> None:
    trees = [ast.parse(path.read_bytes()) for _, path in measured()]
    names = Counter(node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1 and not name.startswith("_")] == []


@pytest.mark.parametrize("package", [name for name, tree in TREES.items() if _in_order(tree)])
def test_a_reading_order_names_every_module(package: str) -> None:
    text = ast.get_docstring(TREES[package]) or ""
    modules = [path.stem for path in SOURCES[package].parent.glob("*.py") if path.stem != "__init__"]
    assert sorted(modules) == sorted(one for one in modules if f"``{one}``" in text)
