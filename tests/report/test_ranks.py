"""Average ranks and their tests against SciPy and values by hand; the diagram."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from records import record
from scikit_posthocs import posthoc_wilcoxon
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from sparseattack import compare
from sparseattack.report.figures.collection import figures, not_drawn
from sparseattack.report.results import Results
from sparseattack.report.statistics.ranks import compare_ranks, mean_queries, signed_rank_p
from sparseattack.study.columns import Columns

BUDGET = 100


def test_queries_are_the_mean_of_the_runs_of_an_image_and_failures_are_tied_as_the_worst() -> None:
    first = Columns.of(
        [record(0, 4, budget=BUDGET), record(0, 8, seed=1, budget=BUDGET), record(1, 0, budget=BUDGET)]
    )
    other = Columns.of(
        [record(1, 100, budget=BUDGET), record(0, 0, seed=1, budget=BUDGET), record(2, 3, budget=BUDGET)]
    )
    assert mean_queries([first, other], BUDGET).tolist() == [[8, 101], [101, 100]]  # of the common cases
    assert mean_queries([first, other], 50).tolist() == [[8, 51], [51, 51]]


def test_ranks_by_hand() -> None:
    """Four images; ties share the mean of their ranks. Friedman's statistic with ties, by its formula."""
    queries = np.array([[1, 5, 5, 9], [2, 5, 3, 9], [3, 1, 4, 9]], float)
    found = compare_ranks(queries)
    ranks = np.array([[1, 2.5, 3, 2], [2, 2.5, 1, 2], [3, 1, 2, 2]])
    assert found.images == 4 and found.ranks.tolist() == pytest.approx(ranks.mean(axis=1).tolist())
    k, n = ranks.shape
    ties = sum(2**3 - 2 for _ in range(1)) + (
        3**3 - 3
    )  # two are alike on the second image, three on the last
    statistic = (12 / (n * k * (k + 1)) * (ranks.sum(axis=1) ** 2).sum() - 3 * n * (k + 1)) / (
        1 - ties / (n * k * (k * k - 1))
    )
    assert friedmanchisquare(*queries).statistic == pytest.approx(statistic)
    assert found.friedman == pytest.approx(np.exp(-statistic / 2))  # chi-squared of two degrees of freedom


def test_pairs_are_those_of_wilcoxon_and_holm() -> None:
    queries = np.minimum(np.random.default_rng(1).geometric([[0.02], [0.03], [0.05]], (3, 80)), 101).astype(
        float
    )
    found = compare_ranks(queries)
    plain = [
        wilcoxon(queries[a], queries[b], zero_method="pratt", method="approx").pvalue
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    order = np.argsort(plain)
    held = np.minimum(np.maximum.accumulate(np.array(plain)[order] * [3, 2, 1]), 1)
    ours = [found.pairs[a, b] for a, b in ((0, 1), (0, 2), (1, 2))]
    assert np.array(ours)[order] == pytest.approx(held) and (found.pairs == found.pairs.T).all()
    theirs = posthoc_wilcoxon(queries.tolist(), zero_method="pratt", method="approx", p_adjust="holm")
    assert found.pairs == pytest.approx(theirs.to_numpy())


def test_with_few_images_a_pair_is_tested_over_all_signs_of_its_ranks() -> None:
    """With ties and zeros against all signs one by one; without, and with many, against SciPy."""
    differences = np.array([3, -1, 0, 3, 4, -1, 8, 0, 2.5, 6, 7])
    ranks = rankdata(np.abs(differences))[differences != 0]
    signs = np.array(list(product((-1, 1), repeat=len(ranks))))
    least = abs((np.sign(differences[differences != 0]) * ranks).sum())
    assert signed_rank_p(differences) == (np.abs(signs @ ranks) >= least).mean()
    assert signed_rank_p(-differences) == signed_rank_p(differences)
    assert signed_rank_p(np.arange(1.0, 15)) == 2 / 2**14 and signed_rank_p(np.zeros(3)) == 1
    for count in (20, 50):
        plain = np.random.default_rng(count).normal(0.4, 1, count)
        assert signed_rank_p(plain) == pytest.approx(wilcoxon(plain, method="exact").pvalue)
    many = np.random.default_rng(0).integers(-4, 6, 90).astype(float)
    normal = wilcoxon(many, zero_method="pratt", method="approx").pvalue
    assert signed_rank_p(many) == pytest.approx(normal)


def test_one_that_is_ahead_on_each_of_few_images_is_told_from_all_others() -> None:
    queries = np.array([np.arange(12), *np.full((8, 12), 101)], float)
    assert (compare_ranks(queries).pairs[0, 1:] < 0.05).all()


def test_methods_that_are_alike_everywhere_have_no_difference() -> None:
    found = compare_ranks(np.full((3, 5), 101.0))
    assert found.friedman == 1 and (found.pairs == 1).all() and found.ranks.tolist() == [2, 2, 2]


def test_the_diagram_is_the_same_every_time_and_says_what_it_shows(three: Results) -> None:
    (figure,) = (one for one in figures(three) if one.kind == "ranks")
    assert figure.name == "ranks-k2" and len(figure.rows) == 6
    assert "Friedman's test: p" in figure.caption and "12 images within 20 queries" in figure.caption
    text = figure.svg()
    assert text == figure.svg() and all(
        f">\u00a0\u00a0{name} (" in text for name in ("sparse-rs", "one-plus-one")
    )
    ranks = {str(row[0]): float(row[1] or 0) for row in figure.rows}
    assert sum(ranks.values()) == pytest.approx(6, abs=1e-5) and not_drawn(three) == ""


def test_without_the_extra_there_is_one_sentence(
    three: Results, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sparseattack.report.figures.ranks.find_spec", lambda _: None)
    assert not [one for one in figures(three) if one.kind == "ranks"]
    assert "sparseattack[stats]" in three.to_html()
    compare(three.experiment, tmp_path / "a.study")
    answer = run("report", str(tmp_path / "a.study"), "--plots", str(tmp_path))
    assert answer.code == 0 and "needs scikit-posthocs" in answer.err and not list(tmp_path.glob("ranks*"))


def test_two_methods_have_no_diagram(three: Results) -> None:
    two = [method for method in three.methods if method.strategy != "sparse-rs"]
    fewer = replace(three, subject=replace(three.subject, methods=tuple(two)))
    assert not [one for one in figures(fewer) if one.kind == "ranks"] and not_drawn(fewer) == ""
