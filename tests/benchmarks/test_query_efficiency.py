"""The comparison of query efficiency, on eight images of the sample."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.query_efficiency import EfficiencyOptions, fooled, lines, measure, ranks, shown, table
from sparseattack import compare
from sparseattack.report.results import results
from sparseattack.report.statistics.comparisons import comparisons
from sparseattack.study.store import Study

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


def test_in_a_study_of_other_images_too_the_same_ones_are_searched_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are numbered as they came into the study, which is not their place among those asked for now."""
    monkeypatch.setattr("benchmarks.query_efficiency.LONG", 60)
    compare(replace(OPTIONS, start=0, stop=4).experiment(), tmp_path / "a.study")
    measure(OPTIONS, tmp_path / "a.study", reach=True)
    measure(OPTIONS, tmp_path / "b.study", reach=True)
    longer = [
        {run.image_id for run in results(study).records if run.budget == 60}
        for study in map(Study.read, (tmp_path / "a.study", tmp_path / "b.study"))
    ]
    assert longer[0] == longer[1] != set()


def test_one_pixel_is_searched_exhaustively() -> None:
    experiment = replace(OPTIONS, pixels=(1, 3)).experiment()
    every = [one for one in experiment.configurations if one.strategy == "exhaustive"]
    assert [(one.pixels, one.budget, one.seeds) for one in every] == [((1,), 8192, (0,))]


def test_a_ranking_is_in_order_of_queries_and_counts_what_is_significant(tmp_path: Path) -> None:
    options = replace(OPTIONS, start=0, stop=24, strategies=("pixle", "additive-gp"), seeds=(0,), budget=100)
    found = compare(options.experiment(), tmp_path / "a.study")
    pairs = [pair for pair in comparisons(found) if pair.logrank_adjusted < 0.05]
    significant = {(pair.first.strategy, pair.second.strategy) for pair in pairs}
    assert ("additive-gp", "pixle") in significant
    for method, (ahead, behind) in ranks(found).items():
        assert ahead == sum(first == method.strategy for first, _ in significant)
        assert behind == sum(second == method.strategy for _, second in significant)
    rows = [
        row.strip("| ").split(" | ") for row in shown(tmp_path / "a.study", 100, ranking=True).splitlines()
    ]
    assert rows[0][-3:] == ["log q", "ahead of", "behind"]
    logarithms = [float(row[-3]) for row in rows[2:5]]
    assert rows[2][1] == "additive-gp" and logarithms == sorted(logarithms)
    assert int(rows[2][-2]) >= int(rows[4][-2]) and int(rows[2][-1]) <= int(rows[4][-1])
