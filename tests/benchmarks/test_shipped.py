"""The verdict on a ratio beside the shipped one, and the file of those; no time is asserted."""

import json
from pathlib import Path
from time import perf_counter

import pytest

from benchmarks import timing
from benchmarks.__main__ import main
from benchmarks.shipped import ComparedRow, shipped
from benchmarks.timing import Spread
from sparseattack import InputError


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.5, 0.7, "slower"),
        (0.5, 0.77, "as shipped"),
        (0.85, 0.9, "as shipped"),
        (1.04, 1.2, "as shipped"),
        (1.06, 1.2, "faster"),
    ],
)
def test_spreads_that_meet_or_nearly_meet_are_as_shipped(low: float, high: float, verdict: str) -> None:
    here, known = Spread(low, low, high), Spread(0.9, 0.8, 1.0)
    assert ComparedRow("net", 1, "de", "dense", here, known).verdict == verdict
    assert ComparedRow("net", 1, "de", "dense", here, None).verdict == "not shipped"


def test_quick_prints_what_is_shipped_beside_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ("--repeats", "1", "--seconds", "0.05", "--strategies", "random")
    main(["--quick", *short, "--out", str(tmp_path)])
    assert timing.COUNTED.get() is perf_counter  # put back
    (rows,) = json.loads((tmp_path / "results.json").read_text())["results"].values()
    known, lines = shipped(), capsys.readouterr().out.splitlines()
    assert [row["mode"] for row in rows] == ["dense", "sparse"] and len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        held = known[row["network"], row["k"], row["strategy"], row["mode"]]
        assert row["shipped"]["median"] == held.median
        assert str(held) in line and line.endswith(row["verdict"])


def test_a_file_without_figures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shipped.json").write_text("{}")
    with pytest.raises(InputError, match="holds no figures to compare with"):
        shipped(tmp_path / "shipped.json")
