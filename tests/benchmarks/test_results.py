"""Rows of the benchmarks, computed by hand."""

from collections import Counter

from benchmarks.peer_comparison import TOGETHER, AttackCost, compare_costs
from benchmarks.results import Benchmark, cell
from benchmarks.strategy_time import costs
from benchmarks.throughput import against_target, images_at_once, ratios, shares
from benchmarks.timing import Spread, TimedRun


def test_ratios_are_those_of_paired_runs() -> None:
    sizes = Counter({64: 3, 32: 2})
    runs = {
        "raw": [TimedRun(100, 1.0), TimedRun(100, 2.0), TimedRun(100, 4.0)],
        "dense": [
            TimedRun(100, 2.0, inside=1.5, sizes=sizes),
            TimedRun(100, 2.0, inside=1.8),
            TimedRun(100, 4.0, inside=2),
        ],
    }
    found = ratios(runs, "allconv", 1)
    assert found["dense"] == Spread(1.0, 0.5, 1.0) and found["rows"] == 100
    assert found["dense_outside"] == 0.25 and found["dense_sizes"] == {32: 2, 64: 3}
    assert found["sparse"] is None and found["sparse_target"] == 4.0


def test_a_missed_target_is_marked() -> None:
    record = {"dense": Spread(0.9, 0.8, 1.0), "dense_target": 0.95, "sparse": None, "sparse_target": 4.0}
    assert against_target("dense")(record) == "0.9 (0.8 - 1) below 0.95"
    assert against_target("sparse")(record) == "-"
    assert against_target("dense")(record | {"dense_target": 0.9}) == "0.9 (0.8 - 1)"


def test_sizes_of_calls_have_shares_of_the_rows() -> None:
    assert shares({64: 3, 32: 2}) == "64: 75.0 %, 32: 25.0 %"
    assert shares(None) == "-"


def test_images_side_by_side_fill_the_batch() -> None:
    assert images_at_once(64, 1) == 128  # a strategy that asks for one candidate
    assert images_at_once(64, 400) == 8


def test_a_table() -> None:
    part = Benchmark("", "", lambda options: iter(()), {"name": cell("name"), "cost": cell("cost")})
    table = part.markdown([{"name": "one", "cost": 2}, {"name": "two", "cost": None}])
    assert table == "| name | cost |\n| --- | --- |\n| one | 2 |\n| two | - |\n"


def test_other_libraries_are_compared_where_both_succeed_and_on_all() -> None:
    theirs = [
        AttackCost(10, 100, 2, 4.0, saved=False),
        AttackCost(0, 400, 4, 8.0),
        AttackCost(30, 100, 2, 2.0),
    ]
    ours = [AttackCost(5, 50, 1, 1.0), AttackCost(7, 50, 1, 1.0), AttackCost(15, 100, 2, 2.0)]
    found = compare_costs([{"library": theirs, "sparse": ours}], "sparse")
    solved = [found[f"solved_by_{name}"] for name in ("library", "ours", "both")]
    assert solved == [2, 3, 2] and found["library_saved"] == 1 and found["attacks"] == 3
    assert found["rows"].median == 40 / 20 and found["time"].median == 6 / 3
    assert found["total_time"].median == 14 / 4
    assert found["rate"].median == (14 / 600) / (4 / 200) and found["calls"].median == 8 / 4


def test_side_by_side_no_image_has_a_time_of_its_own() -> None:
    cases = [AttackCost(10, 100, 2, 4.0)]
    found = compare_costs([{"library": cases, TOGETHER: cases}], TOGETHER)
    assert found["time"] is None and found["total_time"].median == found["rows"].median == 1.0


def test_without_a_common_success_there_is_no_ratio_of_rows() -> None:
    found = compare_costs(
        [{"library": [AttackCost(0, 9, 1, 1.0)], "dense": [AttackCost(3, 3, 1, 1.0)]}], "dense"
    )
    assert found["rows"] is None and found["time"] is None and found["solved_by_both"] == 0


def test_costs_of_a_strategy_are_in_raw_rows() -> None:
    found = costs([TimedRun(10, 4.0, inside=1.0, strategy=2.0)], [TimedRun(100, 50.0)])
    assert found["strategy_time"].median == 0.4 and found["rest"].median == 0.2
    assert found["microseconds"].median == 2e5
