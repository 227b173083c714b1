"""Tests of two methods against brute force, SciPy, statsmodels and simulation."""

from dataclasses import replace
from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import method, record
from scipy.stats import CensoredData, binom, logrank

from sparseattack import Experiment, compare
from sparseattack.report.page.cells import pair_table
from sparseattack.report.results import Results
from sparseattack.report.statistics.comparisons import Comparison, compare_two, comparisons
from sparseattack.report.statistics.intervals import difference_band, holm, mcnemar
from sparseattack.report.statistics.paired import (
    cumulative_hazard,
    images_needed,
    logrank_scores,
    sign_flip_p,
    smallest_lead,
)
from sparseattack.study.columns import Columns

BUDGET = 100


def paired_logrank(first: Columns, second: Columns) -> float:
    """p-value of the log-rank test of two methods on the same cases."""
    return sign_flip_p(logrank_scores(first, second))


def runs_of(costs: list[list[int]], budget: int = BUDGET) -> Columns:
    """The runs of each image, one a seed; 0 is a failure."""
    return Columns.of(
        [
            record(image, cost, seed=seed, budget=budget, queries=cost or budget)
            for image, each in enumerate(costs)
            for seed, cost in enumerate(each)
        ]
    )


some_costs = st.lists(st.integers(0, BUDGET), min_size=2, max_size=30)


@given(some_costs, some_costs)
def test_the_scores_of_a_group_sum_to_scipys_log_rank_statistic(first: list[int], second: list[int]) -> None:
    """SciPy's is (O - E) / sqrt(V), V the hypergeometric variance, here by hand."""
    one, other = runs_of([[cost] for cost in first]), runs_of([[cost] for cost in second])
    cost, event = np.concatenate([one.cost, other.cost]), np.concatenate([one.success, other.success])
    hazard = cumulative_hazard(cost, event)[np.searchsorted(np.unique(cost), cost)]
    excess, variance, size = float((event - hazard)[: len(one)].sum()), 0.0, len(one)
    for time in np.unique(cost[event]):
        risk, mine = (cost >= time).sum(), (cost[:size] >= time).sum()
        died = (event & (cost == time)).sum()
        if risk > 1:
            variance += died * (mine / risk) * (1 - mine / risk) * (risk - died) / (risk - 1)
    if variance > 0:
        left, right = (_censored(runs) for runs in (one, other))
        assert excess / sqrt(variance) == pytest.approx(logrank(left, right).statistic, abs=1e-9)


def _censored(runs: Columns) -> CensoredData:
    return CensoredData.right_censored(runs.cost, ~runs.success)


@given(st.lists(st.floats(-3, 3).filter(lambda x: abs(x) > 0.01), min_size=1, max_size=9))
def test_random_signs_are_enumerated(sums: list[float]) -> None:
    totals = [
        sum(s * x for s, x in zip(signs, sums, strict=True)) for signs in product((1, -1), repeat=len(sums))
    ]
    by_hand = np.mean([abs(total) >= abs(sum(sums)) - 1e-9 for total in totals])
    assert sign_flip_p(np.array(sums)) == pytest.approx(by_hand)


def test_with_many_images_random_signs_are_nearly_normal() -> None:
    sums = np.random.default_rng(1).normal(0.2, 1, 60)
    signs = np.random.default_rng(2).choice([1.0, -1.0], (40_000, 60))
    assert sign_flip_p(sums) == pytest.approx((abs(signs @ sums) >= abs(sums.sum())).mean(), abs=0.01)


def test_a_curve_is_not_different_from_itself_and_the_order_does_not_matter() -> None:
    one, other = runs_of([[5], [9], [0], [70]]), runs_of([[6], [90], [0], [0]])
    assert paired_logrank(one, one) == 1
    assert paired_logrank(one, other) == pytest.approx(paired_logrank(other, one))


def test_several_seeds_of_an_image_find_no_difference_where_there_is_none() -> None:
    """The usual log-rank test, which takes seeds for independent observations, finds one far too often."""
    random, ours, usual = np.random.default_rng(3), [], []
    for _ in range(300):
        both = []
        for _ in range(2):  # each method has images of its own that it can do, whatever the seed
            each = random.geometric(0.02, 40)
            costs = [[int(cost) if cost <= BUDGET else 0] * 5 for cost in each]
            both.append(runs_of(costs))
        ours.append(paired_logrank(*both))
        usual.append(logrank(*map(_censored, both)).pvalue)
    assert 0.02 < np.mean(np.array(ours) < 0.05) < 0.09
    assert np.mean(np.array(usual) < 0.05) > 0.25


def test_the_number_of_images_gives_the_power_it_promises() -> None:
    """Exactly, for the test without continuity correction: discordant images, then wins among them."""
    discordant, gap = 0.3, 0.12
    count = images_needed(discordant, gap)
    assert count is not None
    power = 0.0
    for both in range(1, count + 1):
        wins = np.arange(both + 1)
        rejects = np.abs(2 * wins - both) / sqrt(both) >= 1.959964
        chance = binom.pmf(wins, both, (discordant + gap) / 2 / discordant)
        power += binom.pmf(both, count, discordant) * float((chance * rejects).sum())
    assert power == pytest.approx(0.8, abs=0.03)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 12))
def test_the_smallest_lead_is_the_first_that_the_exact_test_shows(
    count: int, differing: int, tests: int
) -> None:
    differing = min(differing, count)
    leads = [lead for lead in range(count + 1) if (differing - lead) % 2 == 0 or lead > differing]
    seen = {lead: mcnemar(lead + behind, behind) * tests < 0.05 for lead in leads
            for behind in [max(0, differing - lead) // 2]}  # fmt: skip
    found = smallest_lead(differing, count, tests)
    if found is None:
        assert not any(seen.values())
    else:
        assert all(shown == (lead >= found) for lead, shown in seen.items())


def test_one_of_several_tests_needs_more_images() -> None:
    one, ten = (images_needed(0.3, 0.12, tests) for tests in (1, 10))
    assert one and ten and ten > 1.5 * one
    least = [smallest_lead(0, 100, tests) for tests in (1, 2, 9)]
    assert least == [6, 7, 9] == [images_needed(0.0, 1.0, tests) for tests in (1, 2, 9)]


def test_so_few_images_that_nothing_can_be_significant_are_said_to_be_so() -> None:
    six = replace(pair([[10]] * 6, [[0]] * 6), tests=2)
    assert six.detectable is None and six.needed == 7
    few = replace(six, marks=(six.marks[-1]._replace(adjusted=0.0625),), logrank_adjusted=0.0625)
    assert few.in_words().endswith(
        "So few images cannot show any difference; the one observed would need 7 images."
    )
    twenty = replace(pair([[10]] * 4 + [[0]] * 16, [[0]] * 20), tests=9)
    assert twenty.detectable == 9 / 20


def test_a_difference_that_enough_images_would_show_is_shown_by_so_many() -> None:
    """18 tests, as of three pairs at six marks: what is not significant needs more images than there are."""
    found = pair([[10]] * 7 + [[0]] * 13, [[0]] * 20)
    alone, among = found, replace(found, tests=18)
    assert found.images == 20 and alone.needed and among.needed
    assert alone.needed <= 20 < among.needed
    assert (alone.detectable, among.detectable) == (6 / 20, 10 / 20)


def test_no_difference_needs_more_than_any_number_of_images() -> None:
    assert images_needed(0.3, 0) is None and images_needed(0.3, 1e-7) is None
    assert images_needed(0.0, 1.0) == images_needed(1.0, 1.0) == 6


def pair(first: list[list[int]], second: list[list[int]], budget: int = BUDGET) -> Comparison:
    one, other = method("de", budget=budget), method("cmaes", budget=budget)
    return compare_two((one, runs_of(first, budget)), (other, runs_of(second, budget)))


def test_a_comparison_by_hand() -> None:
    found = pair([[20], [40], [0], [80], [0]], [[10], [20], [30], [40], [0]])
    assert (found.first.strategy, found.second.strategy, found.images) == ("cmaes", "de", 5)
    assert found.difference.value == pytest.approx(0.2)
    assert found.level == pytest.approx(0.3) and found.ratio and found.ratio.value == 20 / 40
    assert found.difference.low <= 0.2 <= found.difference.high and found.ratio.low <= 0.5 <= found.ratio.high
    (mark,) = found.marks
    assert (mark.queries, mark.only_first, mark.only_second, mark.p) == (100, 1, 0, 1.0)
    assert "cmaes fools 20.0 percentage points more than de" in found.in_words()
    assert "Not significant" in found.in_words() and "0.50 times the queries" in found.in_words()


def test_a_difference_is_in_favour_of_the_one_that_the_test_shows_better() -> None:
    """One fools half at once and no more, the other all later: each is the better one at its time."""
    found = pair([[10]] * 20 + [[0]] * 20, [[400]] * 40, budget=1000)
    assert found.first.strategy == "cmaes" and found.favoured == found.first
    whole, early = [(one.strategy, how, other.strategy) for one, how, other in found.findings]
    assert whole == ("cmaes", "fools significantly more images than", "de")
    assert early == ("de", "fools significantly more images within 100 queries than", "cmaes")


def test_curves_that_cross_within_the_budget_have_both_differences() -> None:
    """All late beside four fifths at once, within a budget that has no mark before."""
    found = pair([[90]] * 40, [[5]] * 32 + [[0]] * 8)
    assert len(found.marks) == 1 and found.marks[0].p < 0.05 and found.logrank < 0.05
    told = {(one.strategy, how) for one, how, _ in found.findings}
    assert told == {
        ("de", "fools significantly more images than"),
        ("cmaes", "fools images significantly sooner than"),
    }
    shown = pair_table([found], [found.first, found.second])
    assert shown and "significant, for each at its time" in [cell.text for cell in shown.rows[0]]


def test_a_difference_may_be_against_the_one_of_fewer_queries() -> None:
    found = pair([[10]] * 20 + [[0]] * 20, [[150]] * 20 + [[10]] * 3 + [[0]] * 17, budget=1000)
    assert found.first.strategy == "cmaes" and found.favoured == found.second and found.significant
    assert not found.logrank_for_first and "cmaes" not in [one.strategy for one, _, _ in found.findings]
    assert "Significant, in favour of de: the lowest p" in found.in_words()
    shown = pair_table([found], [found.first, found.second])
    assert shown and "significant, for de" in [cell.text for cell in shown.rows[0]]


def test_of_several_runs_an_image_it_is_said_what_was_tested() -> None:
    """One succeeds once on twelve images, the other always on three: a higher rate on fewer images."""
    once, always = [[90, 0, 0, 0, 0]] * 12 + [[0] * 5] * 28, [[0] * 5] * 12 + [[90] * 5] * 3 + [[0] * 5] * 25
    found = pair(once, always)
    told = [(one.strategy, how, other.strategy) for one, how, other in found.findings]
    assert told == [("de", "succeeds more often on significantly more images than", "cmaes")]
    words = found.in_words()
    assert "Of 40 images, attacked several times each, cmaes succeeds in 1.5 percentage points more" in words
    assert "Within 100 queries cmaes succeeds more often on 3 images, de on 12; McNemar's test" in words
    assert "Significant, in favour of de" in words
    alike = pair(once[10:], always[:2] + always[12:])
    assert alike.needed == images_needed(5 / 30, 1 / 30) == 1175
    assert alike.in_words().endswith(
        "With so many images these numbers have to differ by about 6 to be seen; their difference would"
        " need 1,175 images."
    )


def test_a_difference_of_none_has_an_interval_with_a_width() -> None:
    """No image of 24 differs: a score interval, as wide as Wilson's of no success."""
    for runs in (1, 2):
        found = pair([[10] * runs] * 20 + [[0] * runs] * 4, [[20] * runs] * 20 + [[0] * runs] * 4)
        assert found.difference.value == 0
        assert (
            found.difference.high
            == -found.difference.low
            == pytest.approx(1.96**2 / (24 + 1.96**2), abs=1e-4)
        )


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 40))
def test_the_interval_of_a_difference_has_the_differences_that_a_score_test_keeps(
    ahead: int, behind: int, same: int
) -> None:
    """The nuisance parameter, the share of images on which only the second succeeds, by its likelihood."""
    count = ahead + behind + same
    (low,), (high,) = difference_band(np.array([float(ahead)]), np.array([float(behind)]), count)
    assert -1 <= low <= (ahead - behind) / count <= high <= 1
    for end in (low, high):
        share = np.linspace(max(0, -end), (1 - end) / 2, 20_001)[1:-1]
        parts = [(ahead, share + end), (behind, share), (same, 1 - 2 * share - end)]
        likelihood = sum(number * np.log(part) for number, part in parts if number)
        likeliest = float(share[np.argmax(likelihood)])
        deviation = sqrt(count * (2 * likeliest + end * (1 - end)))
        assert abs(ahead - behind - count * end) / deviation == pytest.approx(1.96, abs=0.02)


def test_images_are_only_needed_where_a_difference_is_not_significant() -> None:
    few, many = (pair([[10]] * count + [[0]] * 20, [[0]] * (20 + count)) for count in (3, 15))
    for found, images in ((few, few.needed), (many, None)):
        shown = pair_table([found], [found.first, found.second])
        assert shown and found.significant == (images is None)
        assert shown.rows[0][-1].text == (f"{images}" if images else "-")


def test_the_log_rank_test_is_for_the_one_that_succeeds_sooner() -> None:
    found = pair([[10]] * 30, [[40]] * 30)
    assert found.logrank_for_first and found.first.strategy == "de"
    assert found.findings == [(found.first, "fools images significantly sooner than", found.second)]


def test_without_a_success_there_is_no_ratio() -> None:
    found = pair([[0], [0]], [[0], [0]])
    assert found.ratio is None and found.level is None and found.needed is None and not found.significant
    assert found.logrank == 1 and found.in_words()


@pytest.fixture(scope="module")
def results() -> Results:
    return compare(
        Experiment(
            strategies=("random(popsize=5)", "sparse-rs", "de(popsize=8)"),
            oracle="linear(classes=10,inputs=64)",
            images="digits[0:15]",
            true_class="prediction",
            pixels=(1, 2),
            budget=120,
        )
    )


def test_all_tests_are_adjusted_together_and_agree_with_the_table(results: Results) -> None:
    found = comparisons(results)
    assert len(found) == len(results.pairs) == 6
    values = [p for one in found for p in (one.logrank, *(mark.p for mark in one.marks))]
    adjusted = [p for one in found for p in (one.logrank_adjusted, *(mark.adjusted for mark in one.marks))]
    assert adjusted == pytest.approx(holm(values)) and len(values) == 18
    for one, known in zip(found, results.pairs, strict=True):
        wins = (known.only_first_wins, known.only_second_wins)
        mine = (one.marks[-1].only_first, one.marks[-1].only_second)
        assert mine == (wins if one.first == known.first else wins[::-1])
        assert one.marks[-1].p == pytest.approx(mcnemar(*wins))
        rates = {line.method: line.success for line in results.lines}
        assert one.difference.value == pytest.approx(rates[one.first] - rates[one.second])
