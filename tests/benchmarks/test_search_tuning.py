"""The sweep over variants of additive-gp, on four training images."""

from pathlib import Path

import pytest

from benchmarks import search_tuning
from benchmarks.search_tuning import VARIANTS, TuningOptions, TuningRuns, changed, measure, paired, table
from sparseattack.strategies.additive_gp import proposals


def runs(variant: str, *queries: int) -> TuningRuns:
    return TuningRuns("net", 3, variant, 0, 100, 0.001, list(queries))


def test_failures_count_as_twice_the_budget() -> None:
    first, other = runs("a", 10, 0), runs("b", 100, 0)
    assert first.logarithms == pytest.approx([1.0, 2.301], abs=1e-3)
    assert paired([other], [first]) == "+0.500 +- 0.500"
    rows = table([first, other]).splitlines()
    assert rows[2] == "| net | 3 | a | 0.00 | 0.50 | 0.50 | 0.50 | 1.651 |  | 1.0 |"
    assert rows[3] == "| net | 3 | b | 0.00 | 0.00 | 0.00 | 0.50 | 2.151 | +0.500 +- 0.500 | 1.0 |"


@pytest.mark.parametrize("name", VARIANTS)
def test_the_constants_of_a_variant_are_there_and_put_back(name: str) -> None:
    before = {key: value for key, value in vars(proposals).items() if key.isupper()}
    with changed(VARIANTS[name].constants):
        now = {key: value for key, value in vars(proposals).items() if key.isupper()}
        others = [constant for module, constant, _ in VARIANTS[name].constants if module == "proposals"]
        assert [key for key in now if now[key] != before[key]] == others
    assert {key: value for key, value in vars(proposals).items() if key.isupper()} == before


@pytest.mark.shared
def test_runs_are_read_again(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEATTACK_SHARED", str(shared))
    options = TuningOptions(("allconv-small",), ("additive-gp", "sparse-rs"), (3,), 4, budget=5, seeds=(0,))
    first = list(measure(options, tmp_path))
    assert [len(each.queries) for each in first] == [4, 4] and all(each.seconds > 0 for each in first)
    monkeypatch.setattr(search_tuning, "attack", None)
    assert list(measure(options, tmp_path)) == first
