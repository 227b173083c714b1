"""Options of sparse inference in compare, attack and reproduce; the study stores which inference was used."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Run

from sparseattack.oracles.sparse_inference.sparse_edits import SparseEdits
from sparseattack.reproduction.studies import read_finished
from sparseattack.search import inference

OFF = "--no-sparse-inference"
SMALL = ("--images", "sample[0:4]", "--budget", "80", "-s", "random(popsize=40)")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of edits in the calls of the network; sparse inference is used for any number."""
    sizes = list[int]()
    answer = SparseEdits.__call__

    def watched(self: SparseEdits, *asked: Any) -> Any:
        sizes.append(len(asked[1]))
        return answer(self, *asked)

    monkeypatch.setattr(SparseEdits, "__call__", watched)
    monkeypatch.setattr(inference, "WORTH", 0.0)
    monkeypatch.setattr(inference, "CALLS", 0)
    return sizes


@pytest.mark.parametrize(("options", "used"), [((), True), ((OFF,), False)])
def test_a_comparison(
    tmp_path: Path, run: Run, asked: list[int], options: tuple[str, ...], used: bool
) -> None:
    code, out, err = run("compare", *SMALL, *options, "--study", str(tmp_path / "s"), "--json")
    assert code == 0, err
    seen = json.loads(out)
    assert seen["experiments"][0]["experiment"]["sparse_inference"] == bool(asked) == used
    assert set(seen["sparse_inference"]) == ({"1"} if used else set())
    assert ("sparse inference" in run("report", str(tmp_path / "s")).out) == used


def test_pictures(tmp_path: Path, run: Run, asked: list[int]) -> None:
    told = []
    for options in ((), (OFF,)):
        asked.clear()
        arguments = ("attack", "sample[0:4]", "--budget", "80", "--out", str(tmp_path), *options)
        told.append((run(*arguments).out, bool(asked)))
    (sparse, used), (whole, unused) = told
    assert used and not unused and sparse == whole and "of 4 attacked pictures" in whole


def test_a_reproduction_has_a_study_for_each_inference(tmp_path: Path, run: Run, asked: list[int]) -> None:
    command = ("reproduce", "one-pixel", "--networks", "allconv-small", "--data", "sample", "--images", "1")
    few = ("--targeted-images", "0", "--budget", "400", "-s", "", "--out", str(tmp_path))
    for options, used in ((OFF,), False), ((), True):
        known = set(tmp_path.glob("studies/*"))
        assert run(*command, *few, *options).code == 0 and bool(asked) == used
        (path,) = set(tmp_path.glob("studies/*.study")) - known
        found = read_finished(path)
        assert found and found.experiment.sparse_inference == used
