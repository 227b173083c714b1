"""Rows of the benchmarks, computed by hand."""

from collections import Counter
from dataclasses import replace

from benchmarks.peer_comparison import TOGETHER, AttackCost, PeerSearchRow, compare_costs
from benchmarks.results import Benchmark
from benchmarks.scaling import PointCosts, ScalingPoint, ScalingRow
from benchmarks.strategy_time import StrategyTimeRow, costs
from benchmarks.throughput import (
    ModeRatio,
    ThroughputSubject,
    against_target,
    images_at_once,
    shares,
    throughput_row,
)
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
    subject = ThroughputSubject("allconv", "trained", 8, "eager", 16, 50.0, "de", 1, {"dense": 3})
    row = throughput_row(subject, runs)
    assert row.dense.ratio == Spread(1.0, 0.5, 1.0) and row.rows == 100
    assert row.dense.outside == 0.25 and row.dense.sizes == {32: 2, 64: 3}
    assert row.sparse.ratio is None and row.sparse.target == 4.0
    assert row.record() == {
        "network": "allconv", "weights": "trained", "images": 8, "raw_library": "eager", "raw_batch": 16,
        "raw_rows_per_second": 50.0, "strategy": "de", "k": 1, "ready_in_rows": {"dense": 3}, "rows": 100,
        "repeats": 0, "dense": {"median": 1.0, "low": 0.5, "high": 1.0}, "dense_target": 0.95,
        "dense_outside": 0.25, "dense_sizes": {32: 2, 64: 3}, "library": None, "library_target": 0.95,
        "library_outside": None, "library_sizes": None, "sparse": None, "sparse_target": 4.0,
        "sparse_outside": None, "sparse_sizes": None,
    }  # fmt: skip


def test_beside_a_faster_library_the_target_is_that_of_attacks_by_it() -> None:
    runs = {"raw": [TimedRun(100, 1.0)], "dense": [TimedRun(100, 2.0)], "library": [TimedRun(100, 1.25)]}
    subject = ThroughputSubject("allconv", "trained", 8, "openvino", 16, 50.0, "de", 1, {})
    row = throughput_row(subject, runs)
    assert list(row.modes) == ["dense", "library"]
    assert against_target(row.dense) == "0.5 (0.5 - 0.5)"
    assert against_target(row.library) == "0.8 (0.8 - 0.8) below 0.95"


def test_a_missed_target_is_marked() -> None:
    dense = ModeRatio(Spread(0.9, 0.8, 1.0), 0.95, None, None)
    assert against_target(dense) == "0.9 (0.8 - 1) below 0.95"
    assert against_target(ModeRatio(None, 4.0, None, None)) == "-"
    assert against_target(replace(dense, target=0.9)) == "0.9 (0.8 - 1)"


def test_sizes_of_calls_have_shares_of_the_rows() -> None:
    assert shares({64: 3, 32: 2}) == "64: 75.0 %, 32: 25.0 %"
    assert shares(None) == "-"


def test_images_side_by_side_fill_the_batch() -> None:
    assert images_at_once(64, 1) == 128  # a strategy that asks for one candidate
    assert images_at_once(64, 400) == 8


def test_a_table() -> None:
    columns = {"value": lambda row: row.value, "in the first": lambda row: row.against_first}
    part = Benchmark[ScalingRow]("", "", lambda options: iter(()), columns)
    row = ScalingRow("k", 2, ScalingPoint(k=2), PointCosts(7, 8, 9, Spread(1.0, 0.5, 2.0)))
    table = part.markdown([replace(row, value=1, against_first=2.0), row])
    assert table == "| value | in the first |\n| --- | --- |\n| 1 | 2.0 |\n| 2 | - |\n"
    assert row.record() == {
        "axis": "k", "value": 2, "images": 10, "popsize": 50, "k": 2, "side": 32, "budget": 100,
        "network": "allconv-small", "mode": "dense", "repeats": 1, "rows": 7, "memory": 8, "process": 9,
        "time": {"median": 1.0, "low": 0.5, "high": 2.0}, "against_first": None,
    }  # fmt: skip


def test_other_libraries_are_compared_where_both_succeed_and_on_all() -> None:
    theirs = [
        AttackCost(10, 100, 2, 4.0, saved=False),
        AttackCost(0, 400, 4, 8.0),
        AttackCost(30, 100, 2, 2.0),
    ]
    ours = [AttackCost(5, 50, 1, 1.0), AttackCost(7, 50, 1, 1.0), AttackCost(15, 100, 2, 2.0)]
    found = compare_costs([{"library": theirs, "sparse": ours}], "sparse")
    assert [found.solved_by_library, found.solved_by_ours, found.solved_by_both] == [2, 3, 2]
    assert found.library_saved == 1 and found.attacks == 3
    assert found.rows and found.rows.median == 40 / 20 and found.time and found.time.median == 6 / 3
    assert found.total_time.median == 14 / 4
    assert found.rate.median == (14 / 600) / (4 / 200) and found.calls.median == 8 / 4
    row = PeerSearchRow("nin", 1, "ART", "de", "sparse", found).record()
    assert list(row)[:6] == ["network", "k", "library", "ours", "mode", "attacks"]
    assert row["calls"] == {"median": 2.0, "low": 2.0, "high": 2.0} and "costs" not in row


def test_side_by_side_no_image_has_a_time_of_its_own() -> None:
    cases = [AttackCost(10, 100, 2, 4.0)]
    found = compare_costs([{"library": cases, TOGETHER: cases}], TOGETHER)
    assert found.time is None and found.rows
    assert found.total_time.median == found.rows.median == 1.0


def test_without_a_common_success_there_is_no_ratio_of_rows() -> None:
    found = compare_costs(
        [{"library": [AttackCost(0, 9, 1, 1.0)], "dense": [AttackCost(3, 3, 1, 1.0)]}], "dense"
    )
    assert found.rows is None and found.time is None and found.solved_by_both == 0


def test_costs_of_a_strategy_are_in_raw_rows() -> None:
    found = costs([TimedRun(10, 4.0, inside=1.0, strategy=2.0)], [TimedRun(100, 50.0)])
    assert found.strategy_time.median == 0.4 and found.rest.median == 0.2
    assert found.microseconds.median == 2e5
    row = StrategyTimeRow("allconv", "de", 1, 10, found).record()
    assert list(row) == ["network", "strategy", "k", "rows", "strategy_time", "rest", "microseconds"]
