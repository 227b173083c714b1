"""Other people's strategies: installed, by module:function, or registered in a notebook."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from problems import attack, scripted_problem, uniform

from sparseattack import InputError, load, register
from sparseattack.plugins.registry import names

PLUGIN = Path(__file__).parents[1] / "plugin"
INSTALL = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
           "--disable-pip-version-check", "--target")  # fmt: skip
BROKEN = """[sparseattack.strategies]
broken = broken_plugin:search
lost = no_such_plugin:search
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example distribution, installed, and one that breaks when it is imported."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for path in PLUGIN.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    subprocess.run([sys.executable, *INSTALL, str(target), str(source)], check=True, timeout=120)
    (target / "broken_plugin.py").write_text("raise OSError('no such licence')\n")
    told = target / "broken_plugin-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(BROKEN)
    return target


def call(folder: Path, *arguments: str, code: int = 0) -> str:
    """What the command line says where the plugins are installed."""
    command = [sys.executable, "-m", "sparseattack.cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "100"}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_an_installed_plugin_is_listed_and_broken_ones_beside_it(installed: Path) -> None:
    listed = {each["name"]: each for each in json.loads(call(installed, "list", "--json"))["strategies"]}
    assert listed["hill-climbing-example"]["state"] == "installed"
    assert listed["hill-climbing-example"]["summary"] == "Gaussian steps from the best candidate so far."
    assert listed["hill-climbing-example"]["distribution"] == "sparseattack-hill-climbing 0.1.0"
    assert listed["lost"]["state"] == "broken"
    assert set(names("strategies")) <= set(listed)


def test_an_installed_plugin_satisfies_the_contract(installed: Path) -> None:
    said = call(installed, "check", "hill-climbing-example(popsize=5)")
    assert "FAIL" not in said and "satisfies 14 of 14 clauses" in said


def test_an_installed_plugin_is_compared_beside_broken_ones(installed: Path) -> None:
    strategies = "hill-climbing-example,hill-climbing-example(sigma=0.3),random"
    told = json.loads(
        call(installed, "compare", "-s", strategies, "--images", "sample[0:4]", "--budget", "40", "--json")
    )
    assert [row["strategy"] for row in told["table"]] == strategies.split(",")


def test_a_broken_plugin_is_one_sentence(installed: Path) -> None:
    said = call(installed, "check", "broken", code=2)
    place = "broken_plugin.py, line 1"
    assert said == f"sparseattack: strategy broken is broken: OSError: no such licence ({place})\n"


def test_module_and_function_need_no_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    strategy = load("strategies", "hill_climbing:hill_climbing(popsize=3)")
    outcomes = attack(scripted_problem(), strategy, budget=10)
    assert [outcome.queries for outcome in outcomes] == [10, 10, 10]
    with pytest.raises(InputError, match="hill_climbing has no function 'nothing', only hill_climbing"):
        load("strategies", "hill_climbing:nothing")
    with pytest.raises(InputError, match="there is no module 'nowhere'"):
        load("strategies", "nowhere:search")


def test_a_notebook_registers_its_own() -> None:
    register("strategies", "mine", uniform)
    assert "mine" in names("strategies")
    outcomes = attack(scripted_problem(), load("strategies", "mine(popsize=4)"), budget=9)
    assert [outcome.queries for outcome in outcomes] == [9, 9, 9]
    with pytest.raises(InputError, match="the strategy 'de' exists already"):
        register("strategies", "de", uniform)
    register("strategies", "de", uniform, replace=True)
    assert load("strategies", "de") is uniform
