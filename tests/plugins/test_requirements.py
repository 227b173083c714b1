"""A plugin's description, settings and imports read from its source, which is not run."""

import sys
from pathlib import Path

import pytest

from sparseattack import uses_of
from sparseattack.plugins import registry
from sparseattack.plugins.catalogue import entries
from sparseattack.plugins.requirements import describe, install_command, required_packages, source_of

SOURCE = '''
"""A module."""
import imaginary_optimizer.core
import json, numpy.linalg
from typing import TYPE_CHECKING
from other_package.sub import thing
from .sibling import more as again
if TYPE_CHECKING:
    import for_checkers
try:
    import perhaps
except ImportError:
    perhaps = None
raise SystemExit("it was run")

def first(space, *, popsize: int = 3, name: str = "x", needed: float):
    """Summary of the first.

    More.
    """

def plain(space):
    pass

@cached
@sparseattack.uses("scores", "image")
def sees(space):
    pass

@uses(*NAMES)
def computed(space):
    pass

assigned = plain
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose own file must not be run either."""
    folder = tmp_path / "plugin_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('it was run')")
    (folder / "inner.py").write_text(SOURCE)
    (folder / "garbled.py").write_text("def found(:")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_function_is_described_and_not_run(package: None) -> None:
    told = describe("plugin_package.inner", "first")
    assert told.summary == "Summary of the first."
    assert told.settings == {"popsize": "3", "name": "'x'", "needed": ""}
    assert told.missing == ("imaginary_optimizer", "other_package")
    assert told.problem == ""
    assert "plugin_package" not in sys.modules


@pytest.mark.parametrize(
    ("name", "uses"),
    [("plain", ()), ("sees", ("image", "scores")), ("computed", None), ("assigned", None), ("again", None)],
)
def test_what_a_strategy_uses_is_read_and_not_guessed(
    package: None, name: str, uses: tuple[str, ...] | None
) -> None:
    assert describe("plugin_package.inner", name).uses == uses


def test_what_our_strategies_use_is_read_as_it_is_declared() -> None:
    absent = {entry.name for entry in entries("strategies") if entry.state == "not installed"}
    for name, point in registry.entry_points_of("strategies").items():
        if name in absent:
            continue
        declared = uses_of(registry.find("strategies", name))
        assert describe(point.module, point.attr).uses == tuple(sorted(declared)), name


def test_without_a_docstring_the_modules_stands_in(package: None) -> None:
    assert describe("plugin_package.inner", "plain").summary == "A module."


@pytest.mark.parametrize("name", ["assigned", "again", "thing"])
def test_what_is_assigned_or_imported_is_no_problem(package: None, name: str) -> None:
    assert describe("plugin_package.inner", name).problem == ""


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("plugin_package.inner", "lost", "there is no lost in plugin_package.inner"),
        ("plugin_package.gone", "first", "ModuleNotFoundError: there is no module plugin_package.gone"),
        ("gone.inner", "first", "ModuleNotFoundError: there is no module gone"),
        ("plugin_package.garbled", "found", "SyntaxError: invalid syntax"),
    ],
)
def test_what_cannot_be_read_has_a_reason(package: None, module: str, name: str, said: str) -> None:
    assert describe(module, name).problem.startswith(said)


def test_required_imports_are_those_that_are_not_optional(package: None) -> None:
    needed = ["imaginary_optimizer", "json", "numpy", "typing", "other_package"]
    assert required_packages(source_of("plugin_package.inner")) == needed
    assert required_packages("def (") == required_packages("") == []


def test_advice_names_the_extra_where_there_is_one() -> None:
    assert (
        install_command("sparseattack.strategies.nsga2", "pymoo.core") == 'pip install "sparseattack[pymoo]"'
    )
    needed = install_command("sparseattack.oracles.efficientnet", "efficientnet_lite_pytorch.model")
    assert needed == 'pip install "sparseattack[imagenet]"'
    assert install_command("sparseattack.strategies.mine", "scikit_optimize") == "pip install scikit_optimize"
    assert install_command("nobody.knows", "pymoo") == "pip install pymoo"


@pytest.mark.parametrize("kind", registry.KINDS)
def test_all_of_ours_can_be_described(kind: registry.Kind) -> None:
    for name, point in registry.entry_points_of(kind).items():
        told = describe(point.module, point.attr)
        assert told.problem == "" and told.summary, name
