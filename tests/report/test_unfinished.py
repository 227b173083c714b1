"""Results of a study whose runs are not all done, or are not those of its experiment."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sparseattack import compare
from sparseattack.cli.study.tables import print_results
from sparseattack.errors import InputError
from sparseattack.experiment.settings import Experiment
from sparseattack.report.page.fragility import fragility
from sparseattack.report.page.wording import resistance_text
from sparseattack.report.results import Results, results
from sparseattack.study.facts import StudyRequest, decode, encode
from sparseattack.study.store import Study

EXPERIMENT = Experiment(
    strategies=("random(popsize=5)", "sparse-rs"),
    oracle="linear(classes=10,inputs=64)",
    images="digits[0:12]",
    true_class="prediction",
    budget=40,
)
KEPT = 4  # runs of the second strategy


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs of one strategy, and the first successes of the other."""
    path = tmp_path_factory.mktemp("studies") / "a.study"
    whole = compare(EXPERIMENT, path)
    with Study.create(path) as study:
        second = [one for one in whole.records if one.strategy == "sparse-rs"]
        for one in sorted(second, key=lambda one: one.cost)[KEPT:]:
            study.connection.execute("DELETE FROM run WHERE key = ?", (one.key,))
    return path


@pytest.fixture
def found(path: Path) -> Iterator[Results]:
    with Study.read(path) as study:
        yield results(study)


def test_an_unfinished_method_has_bounds_and_no_rate(found: Results) -> None:
    assert [line.method.strategy for line in found.lines] == ["random(popsize=5)"]
    (line,) = found.unfinished
    assert (line.method.strategy, line.planned, line.runs, line.successes) == ("sparse-rs", 12, KEPT, KEPT)
    assert (line.least, line.most) == (KEPT / 12, 1.0) and found.pairs == []


def test_the_strongest_may_be_one_that_lacks_runs(found: Results) -> None:
    (level,), (finished,) = fragility(found).resistances, found.lines
    assert finished.success > KEPT / 12 and not level.is_known
    assert (level.strongest, level.rate) == ((finished.method,), finished.success)
    (line,) = found.unfinished
    ahead = replace(found, unfinished=[replace(line, least=0.9)], lines=[replace(finished, success=0.5)])
    (level,) = fragility(ahead).resistances
    assert (level.strongest, level.rate, level.is_known) == ((line.method,), 0.9, False)
    assert "Strongest by itself so far: sparse-rs/rgb, at least 90.0 %." in resistance_text(level)
    (level,) = fragility(replace(ahead, lines=[replace(finished, success=1.0)])).resistances
    assert level.is_known and "Strongest by itself: random" in resistance_text(level)


def test_exports_hold_bounds_in_place_of_a_rate(found: Results) -> None:
    held = json.loads(found.to_json())
    assert held["runs"] == {"planned": 24, "finished": 12 + KEPT}
    assert [line["strategy"] for line in held["table"]] == ["random(popsize=5)"]
    assert held["unfinished"][0]["least"] == KEPT / 12
    first, second = csv.DictReader(io.StringIO(found.to_csv()))
    assert first["success"] and first["median_queries"] and not first["least"]
    assert second["strategy"] == "sparse-rs" and second["most"] == "1.0" and second["planned"] == "12"
    assert not (second["success"] or second["median_queries"] or second["mean_queries"] or second["low"])


@pytest.mark.parametrize("width", [40, 80])
def test_the_table_shows_bounds_and_no_rate(
    found: Results, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_results(found, "table")
    printed = capsys.readouterr().out
    assert "Unfinished: 16 of 24 runs done" in printed.replace("\n", " ")
    rows = [line for line in printed.splitlines() if "4 of 12" in line or "33.3 %" in line]
    assert rows and not [line for line in printed.splitlines() if "sparse-rs" in line and "ASR@" in line]
    assert printed.count("sparse-rs") == 1


def test_a_study_without_runs_has_bounds_of_nothing_and_everything(tmp_path: Path) -> None:
    whole = compare(EXPERIMENT, tmp_path / "a.study")
    with Study.create(tmp_path / "a.study") as study:
        study.connection.execute("DELETE FROM run")
        found = results(study)
    assert len(whole.lines) == 2 and not found.lines
    assert [(line.runs, line.least, line.most) for line in found.unfinished] == [(0, 0.0, 1.0)] * 2


@pytest.mark.parametrize("change", [{"method": "0" * 32}, {"seed": 1}, {"target": 3}])
def test_runs_that_nobody_asked_for_are_refused(
    path: Path, change: dict[str, object], tmp_path: Path
) -> None:
    copied = Path(shutil.copy(path, tmp_path / "a.study"))
    with Study.create(copied) as study:
        study.add(replace(study.records()[0], key="0" * 32, **change))  # type: ignore[arg-type]
        with pytest.raises(InputError, match="damaged: it holds runs that its experiments do not have"):
            results(study)


def test_a_run_of_an_image_that_is_not_there_is_refused(path: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(path, tmp_path / "a.study"))
    with Study.create(copied) as study:
        study.add(replace(study.records()[0], key="0" * 32, image_key="0" * 32))
        with pytest.raises(InputError, match=r"damaged: the image 0000.* of a run is missing"):
            results(study)


def test_the_planned_runs_are_stored(found: Results) -> None:
    (request,) = found.requests
    assert request.runs == {"0": (1,) * 12} and found.subject.attacked == 12
    assert decode(StudyRequest, encode(request)) == request
