"""Help, lists and reports start fast: torch and the optimizers are not imported for them."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import sparseattack

HEAVY = {"torch", "numpy", "scipy", "PIL", "cma", "nevergrad", "pymoo", "sklearn", "onnxruntime"}
ASK = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def imported(program: str) -> set[str]:
    """Top-level packages in memory after ``program``."""
    command = [sys.executable, "-c", f"{program}\n{ASK}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


DESCRIBING = """
from sparseattack.plugins import registry
from sparseattack.plugins.requirements import describe
for kind in registry.KINDS:
    for point in registry.entry_points_of(kind).values():
        assert describe(point.module, point.attr).summary
"""
COMMAND = """
import sys
from sparseattack.cli.main import main
sys.argv = ["sparseattack", {}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize(
    "program",
    [
        "import sparseattack.plugins.registry, sparseattack.plugins.spec, sparseattack.errors",
        DESCRIBING,
        COMMAND.format("'--help'"),
        COMMAND.format("'list'"),
    ],
    ids=["import", "describe", "help", "list"],
)
def test_nothing_heavy_is_imported(program: str) -> None:
    assert imported(program) & HEAVY == set()


@pytest.mark.parametrize(
    "command",
    [
        ("report",),
        ("report", "--json"),
        ("report", "--html", "page.html"),
        ("export", "--to", "csv"),
    ],
)
def test_a_study_is_reported_without_torch(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    oracle = "linear(classes=10,inputs=64)"
    chosen = sparseattack.Experiment(
        oracle=oracle, images="digits[0:3]", true_class="prediction", strategies=("random",), budget=9
    )
    sparseattack.compare(chosen, path := tmp_path / "a.study")
    name, *options = command
    program = COMMAND.format(", ".join(map(repr, [name, str(path), *options])))
    assert imported(program) & HEAVY <= {"numpy", "scipy", "PIL"}


PREPARING = """
from sparseattack import Experiment
from sparseattack.experiment.prepare import prepare
assert not prepare(Experiment(oracle='allconv-small', images='sample[0:{}]', strategies=('random',))).notes
import sparseattack.cli.study.compare
"""


@pytest.mark.parametrize("images", [3, 30])
def test_statistics_and_pages_are_not_imported_before_the_first_query(images: int) -> None:
    """Of 20 images and more guessing is excluded, for which a bound will do where nearly all are right."""
    program = f"{PREPARING.format(images)}\nimport sys; assert 'sparseattack.report.page' not in sys.modules"
    found = imported(program)
    assert "torch" in found and not found & {"scipy", "matplotlib", "jinja2"}


def test_the_tests_above_can_fail() -> None:
    assert "torch" in imported("from sparseattack import Problem")


def test_every_public_name_is_there() -> None:
    for name in sparseattack.__all__:
        assert getattr(sparseattack, name) is not None
    assert sorted(sparseattack.__all__) == sorted(sparseattack._HOME)
    assert sparseattack.attack is import_module("sparseattack.search.loop").attack


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="module 'sparseattack' has no attribute 'attak'"):
        sparseattack.attak  # noqa: B018
