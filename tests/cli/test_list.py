"""The list command: what there is, whether it works, and what to install; nothing is imported."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, python
from plugin_distribution import PLUGINS, imported, install

from sparseattack.experiment.protocols import PROTOCOLS
from sparseattack.plugins import registry
from sparseattack.plugins.spec import settings_of, uses_of

HEAVY = ("torch", "numpy", "cma", "nevergrad", "pymoo", "scipy", "sklearn", "onnxruntime", "PIL")


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with plugins of all sorts, installed for one test."""
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("plugins_of_all_sorts")]:
        del sys.modules[name]


@pytest.fixture
def wide(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A terminal so wide that no line is broken."""
    monkeypatch.setenv("COLUMNS", "120")
    return run


def listed(run: Run, *options: str) -> dict[str, dict[str, Any]]:
    """Strategies by name, as JSON tells."""
    return {each["name"]: each for each in json.loads(run("list", "--json", *options).out)["strategies"]}


def present(run: Run) -> dict[str, dict[str, Any]]:
    """Those whose libraries are there: of ours, only attacks of other libraries may be absent."""
    every = listed(run)
    absent = {name for name, told in every.items() if told["state"] == "not installed"}
    assert all("external" in every[name]["uses"] for name in absent - set(PLUGINS))
    return {name: told for name, told in every.items() if name not in absent}


def test_everything_registered_is_listed(run: Run) -> None:
    code, out, err = run("list")
    assert (code, err) == (0, "")
    for kind in registry.KINDS:
        assert f"{kind}: " in out
        for name in registry.names(kind):
            assert f"\n  {name} " in out, name


def test_protocols_are_listed(run: Run) -> None:
    told = json.loads(run("list", "--json").out)["protocols"]
    assert [each["name"] for each in told] == list(PROTOCOLS)
    assert told[0]["settings"]["targeted"]["num_images"] == 300
    assert all(f"\n  {name} " in run("list").out for name in PROTOCOLS)


def test_the_table_fits_a_terminal_and_a_pipe(run: Run) -> None:
    out = run("list").out
    assert max(map(len, out.splitlines()[:-4])) <= 80
    assert "\x1b" not in out and "…" not in out


def test_settings_and_defaults_are_those_of_the_function(run: Run) -> None:
    for name, told in present(run).items():
        known = settings_of(registry.find("strategies", name))
        assert told["settings"] == {key: str(each.default) for key, each in known.items()}, name
        assert told["distribution"].startswith("sparseattack ") and told["state"] == "installed"


def test_a_list_says_what_each_strategy_sees(wide: Run) -> None:
    for name, told in present(wide).items():
        assert told["uses"] == sorted(uses_of(registry.find("strategies", name))), name
    lines = {line.split()[0]: line for line in wide("list").out.splitlines() if line.strip()}
    assert " image " in lines["brusle"] and " image " in lines["sparse-rs"] and " value " in lines["de"]
    assert "sees" in wide("list").out.splitlines()[2] and wide("list").out.count(" sees ") == 1
    assert "sees             image" in wide("show", "sparse-rs").out
    assert "uses the budget  yes" in wide("show", "sparse-rs").out
    assert "uses the budget" not in wide("show", "brusle").out


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["attack", "--help"]])
def test_help_and_list_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    lines = (
        "import sys",
        "from sparseattack.cli.main import main",
        f"try: main({arguments})",
        f"finally: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)",
    )
    code, out, err = python("\n".join(lines), tmp_path)
    assert (code, err) == (0, "[]\n") and out


def test_a_plugin_is_described_from_its_source(plugins: Path, wide: Run) -> None:
    fine = listed(wide)["fine"]
    assert fine["summary"] == "Searches well [0, 1], says ``fine``."
    assert fine["settings"] == {"step": "0.25", "rule": "[any]", "needed": ""}
    assert fine["distribution"] == "plugins-of-all-sorts 2.5"
    out = wide("list").out
    assert "Searches well [0, 1], says fine." in out and "step=0.25, rule=[any], needed=..." in out
    assert not imported(plugins)


@pytest.mark.parametrize(
    ("name", "state", "remedy"),
    [
        ("fine", "installed", ""),
        ("wanting", "not installed", "pip install imaginary_optimizer"),
        ("garbled", "broken", "SyntaxError: '(' was never closed"),
        ("lost", "broken", "there is no search in plugins_of_all_sorts.lost"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason(
    name: str, state: str, remedy: str, plugins: Path, wide: Run
) -> None:
    told = listed(wide)[name]
    assert told["state"] == state and told["remedy"].startswith(remedy)
    assert " ".join(remedy.split()[:2]) in wide("list").out
    assert not imported(plugins)


def test_what_fails_only_when_it_runs_is_found_on_request(plugins: Path, run: Run) -> None:
    assert listed(run)["raising"]["state"] == "installed"
    told = listed(run, "--try")
    assert told["raising"]["state"] == told["leaving"]["state"] == "broken"
    assert "OSError: no licence" in told["raising"]["remedy"]
    assert told["wanting"]["remedy"] == "pip install imaginary_optimizer"
    others = present(run).keys() - PLUGINS
    assert others and all(told[name]["state"] == "installed" for name in others)
