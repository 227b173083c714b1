"""The comparison of query efficiency, on eight images of the sample."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.query_efficiency import EfficiencyOptions, fooled, lines, measure, table
from sparseattack import compare

OPTIONS = EfficiencyOptions(
    "allconv-small", "sample", 9, 17, strategies=("sparse-rs",), pixels=(3,), seeds=(0, 1), budget=40
)


def test_shares_of_the_union(tmp_path: Path) -> None:
    results = compare(OPTIONS.experiment(), tmp_path / "a.study")
    union = {3: fooled([results], 3)}
    assert union[3] == {run.image for run in results.records if run.success}
    line = next(iter(lines(results, union)))
    hits = [run.success and run.first_fooled <= 10 for run in line.runs]
    assert line.within(10) == sum(hits) / len(hits) and len(hits) == 2 * line.images
    assert f"{len(union[3])} with k = 3" in table(results, union, 40)


def test_images_that_nothing_fools_are_searched_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.query_efficiency.LONG", 60)
    text = measure(OPTIONS, tmp_path / "a.study", reach=True)
    short = compare(OPTIONS.experiment(), tmp_path / "a.study")
    left = {run.image for run in short.records} - fooled([short], 3)
    longer = compare(OPTIONS.longer(sorted(left), 3), tmp_path / "a.study")
    assert left and {run.image for run in longer.records} <= left
    union = {3: fooled([short, longer], 3)}
    assert table(short, union, 40) == text


def test_one_pixel_is_searched_exhaustively() -> None:
    experiment = replace(OPTIONS, pixels=(1, 3)).experiment()
    every = [one for one in experiment.configurations if one.strategy == "exhaustive"]
    assert [(one.pixels, one.budget, one.seeds) for one in every] == [((1,), 8192, (0,))]
