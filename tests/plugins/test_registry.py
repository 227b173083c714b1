"""Names are found, or refused with those that exist; a broken or missing plugin is one line."""

import subprocess
import sys
from importlib import metadata
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from problems import attack, scripted_problem, uniform

from sparseattack import InputError, load, margin, register, rgb
from sparseattack.plugins import registry
from sparseattack.plugins.spec import setting_values

MODULES = {
    "fine": "def found(space, *, popsize=3):\n    yield\n\nclass Family:\n    member = found\n\nnumber = 5\n",
    "needy": "import imaginary_optimizer.core\n",
    "needy_in_part": "import json.imaginary\n",
    "prefixed": "import plugin_pre\n",
    "failing": "raise OSError('no licence\\nsecond line')\n",
    "leaving": "import sys\nsys.exit('goodbye')\n",
    "garbled": "def found(:\n",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of all kinds, that can be imported."""
    for name, text in MODULES.items():
        (tmp_path / f"plugin_{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, f"plugin_{name}", raising=False)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def installed(modules: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same modules as somebody's installed strategies, and one that takes a name of ours."""
    values = {name: f"plugin_{name}:found" for name in MODULES} | {"de": "plugin_fine:found"}
    values |= {"gone": "plugin_gone:found", "nameless": "plugin_fine", "odd": "!! ?"}
    foreign = [EntryPoint(name, value, "sparseattack.strategies") for name, value in values.items()]

    def entry_points(*, group: str) -> EntryPoints:
        own = metadata.entry_points(group=group)
        return EntryPoints([*own, *foreign]) if group == "sparseattack.strategies" else own

    monkeypatch.setattr(registry, "entry_points", entry_points)


def test_ours_are_there() -> None:
    assert {"de", "random", "exhaustive", "sparse-rs", "cmaes"} <= set(registry.names("strategies"))
    assert {"rgb", "corners", "index", "delta", "palette", "channels"} == set(registry.names("encodings"))
    assert {"margin", "probability", "cross-entropy", "l0", "l2", "fooling-l0"} == set(
        registry.names("fitness")
    )
    assert {"allconv-small", "linear"} <= set(registry.names("oracles"))


def test_a_name_is_loaded_with_its_settings() -> None:
    assert load("encodings", "rgb") is rgb
    assert load("encodings", "rgb(pixels=3)")().slots == 3
    assert load("fitness", "margin") is margin
    assert load("encodings", "corners", {"pixels": 2})().slots == 2


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (
            "encodings",
            "rbg",
            r"no encoding 'rbg', only channels, corners, delta, index, palette, rgb, module:function or"
            r" file.py:function; did you mean rgb\?",
        ),
        (
            "fitness",
            "zzz",
            "no fitness 'zzz', only cross-entropy, fooling-l0, l0, l2, margin, probability, module:",
        ),
        ("strategies", "sparsers", r"no strategy 'sparsers', only .*; did you mean sparse-rs\?"),
        ("oracles", "allconv-smal", r"no oracle 'allconv-smal', only .*; did you mean allconv-small\?"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_exist(kind: Any, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(kind, name)


def test_an_unknown_setting_is_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="rgb has no setting pixel: only pixels"):
        load("encodings", "rgb(pixel=3)")
    with pytest.raises(InputError, match="margin has no setting level: it has none"):
        load("fitness", "margin(level=3)")


def test_what_is_registered_is_found_and_attacks() -> None:
    register("strategies", "mine", uniform)
    assert load("strategies", "mine") is uniform
    assert "mine" in registry.names("strategies") and "mine" not in registry.names("encodings")
    outcomes = attack(scripted_problem(), load("strategies", "mine(popsize=4)"), 10)
    assert [outcome.queries for outcome in outcomes] == [10] * 3


def test_a_name_is_registered_once_unless_it_is_replaced() -> None:
    register("strategies", "mine", uniform)
    for taken in ("mine", "de"):
        with pytest.raises(InputError, match=f"the strategy '{taken}' exists already: .*replace=True"):
            register("strategies", taken, uniform)
    register("strategies", "de", uniform, replace=True)
    assert load("strategies", "de") is uniform


def test_a_function_is_found_by_its_module(modules: None) -> None:
    found = load("strategies", "plugin_fine:found")
    assert found.__name__ == "found"
    assert load("strategies", "plugin_fine:Family.member") is found
    assert setting_values(load("strategies", "plugin_fine:found(popsize=9)")) == {"popsize": 9}


def test_a_function_is_found_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "folder" / "mine.py"
    file.parent.mkdir()
    file.write_text(MODULES["fine"])
    monkeypatch.chdir(file.parent)
    for place in ("mine.py", "../folder/mine.py", str(file)):
        assert setting_values(load("strategies", f"{place}:Family.member(popsize=2)")) == {"popsize": 2}
    assert load("strategies", "mine.py:found") is load("strategies", f"{file}:found")
    file.write_text(MODULES["needy"])
    with pytest.raises(InputError, match="needs imaginary_optimizer: pip install imaginary_optimizer"):
        load("strategies", "../folder/mine.py:found")
    with pytest.raises(InputError, match=r"^strategy yours\.py:found: there is no file yours\.py$"):
        load("strategies", "yours.py:found")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("plugin_gone:found", "strategy plugin_gone:found: there is no module 'plugin_gone'"),
        ("plugin_fine.gone:found", "there is no module 'plugin_fine.gone'"),
        ("plugin_fine:lost", "plugin_fine has no function 'lost', only "),
        ("plugin_fine:number", "'number' in plugin_fine is not a function"),
        ("plugin_needy:found", "needs imaginary_optimizer: pip install imaginary_optimizer"),
        ("plugin_prefixed:found", "plugin_prefixed:found needs plugin_pre: pip install plugin_pre"),
        (
            "plugin_failing:found",
            r"strategy plugin_failing:found is broken: OSError: no licence \(.*, line 1\)$",
        ),
        ("plugin_leaving:found", "is broken: SystemExit: goodbye"),
        ("plugin_garbled:found", "is broken: SyntaxError: invalid syntax"),
        ("plugin_fine:", "has no function '', only "),
        (":found", "is broken: ValueError: Empty module name"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(modules: None, place: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load("strategies", place)
    assert "\n" not in str(caught.value)


def test_a_missing_package_of_a_like_name_is_not_taken_for_the_plugin(modules: None) -> None:
    with pytest.raises(InputError, match=r"needs json\.imaginary: pip install json"):
        load("strategies", "plugin_needy_in_part:found")


def test_broken_plugins_harm_nothing_else(installed: None) -> None:
    assert {"fine", "needy", "failing", "garbled", "odd", "de"} <= set(registry.names("strategies"))
    assert set(registry.entry_points_of("strategies")) == set(registry.names("strategies"))
    assert load("strategies", "fine").__name__ == "found"
    for broken in ("needy", "failing", "leaving", "garbled", "gone", "nameless", "odd"):
        with pytest.raises(InputError, match=f"strategy {broken}"):
            load("strategies", broken)
    assert attack(scripted_problem(), load("strategies", "random"), 5)[0].queries == 5


def test_built_in_names_cannot_be_taken(installed: None) -> None:
    assert load("strategies", "de").__module__ == "sparseattack.strategies.differential_evolution.de"


HIDING = """
import sys

class Hiding:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(name, name=sys.argv[1])

sys.meta_path.insert(0, Hiding)
from sparseattack import InputError, load
try:
    load("strategies", sys.argv[2])
except InputError as error:
    print(error)
print(load("strategies", "random").__name__)
"""


@pytest.mark.parametrize(("package", "name"), [("pymoo", "nsga2"), ("nevergrad", "nevergrad")])
def test_a_missing_extra_is_refused_with_the_command_that_installs_it(package: str, name: str) -> None:
    command = [sys.executable, "-c", HIDING, package, name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    needed = f'strategy {name} needs {package}: pip install "sparseattack[{package}]"'
    assert done.stdout.splitlines() == [needed, "random_search"]


@pytest.mark.parametrize(
    ("kind", "name", "plugin", "said"),
    [
        ("strategie", "x", uniform, "no kind of plugin 'strategie', only strategies, encodings"),
        ("strategies", "x", 3, "register takes a function .* not 3 and 'x'"),
        ("strategies", "bad name(", uniform, r"without brackets, .* and 'bad name\('"),
    ],
)
def test_what_cannot_be_registered_is_refused(kind: Any, name: str, plugin: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        register(kind, name, plugin)
    with pytest.raises(InputError):
        load(kind, name)
