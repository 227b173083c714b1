"""compare and attack with --stop fewest: the table, the record, its figure, and resuming."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from command_line import Run

from sparseattack import Experiment, InputError, compare
from sparseattack.report.export import iohprofiler
from sparseattack.report.figures.collection import figures
from sparseattack.report.results import Results

CHOSEN = [
    "--oracle", "linear(classes=10,inputs=64)", "--images", "digits[0:8]",
    "--true-class", "prediction", "--encodings", "corners",
    "--strategies", "random(popsize=5),sparse-rs", "--pixels", "4", "--seeds", "0,1",
    "--budget", "60", "--stop", "fewest",
]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Results:
    return compare(
        Experiment(
            strategies=("random(popsize=5)", "sparse-rs"),
            oracle="linear(classes=10,inputs=64)",
            images="digits[0:8]",
            true_class="prediction",
            encodings=("corners",),
            pixels=(4,),
            seeds=(0, 1),
            budget=60,
            stop="fewest",
        )
    )


def test_the_table_has_the_median_and_an_interrupted_run_resumes(tmp_path: Path, run: Run) -> None:
    study = str(tmp_path / "fewest.study")
    code, out, err = run("compare", *CHOSEN, "--study", study, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [row["k"] for row in rows] == ["4", "4"]
    assert all(1 <= float(row["mean_pixels"]) <= 4 for row in rows)
    assert all(row["median_pixels"] == "" or 1 <= float(row["median_pixels"]) <= 4 for row in rows)
    code, again, err = run("compare", *CHOSEN, "--study", study, "--csv")
    assert code == 0 and again == out and "32 runs already in" in err
    code, out, _ = run("report", study)
    assert "goes on with fewer pixels after each success" in " ".join(out.split())
    code, out, err = run("report", study, "--runs")
    traces = [json.loads(row["trace"]) for row in csv.DictReader(io.StringIO(out))]
    assert code == 0 and any(len(trace) > 1 for trace in traces)


def test_shards_make_the_same_runs(tmp_path: Path, run: Run) -> None:
    run("compare", *CHOSEN, "--study", str(tmp_path / "one.study"))
    for shard in ("1/2", "2/2"):
        assert (
            run("compare", *CHOSEN, "--study", str(tmp_path / f"{shard[0]}.study"), "--shard", shard).code
            == 0
        )
    merged = str(tmp_path / "all.study")
    assert run("merge", merged, *(str(tmp_path / f"{number}.study") for number in "12")).code == 0
    both = [run("report", path, "--runs").out for path in (str(tmp_path / "one.study"), merged)]
    results = [
        sorted(
            (row["key"], row["trace"], row["queries"], row["pixels"])
            for row in csv.DictReader(io.StringIO(out))
        )
        for out in both
    ]
    assert results[0] == results[1] and len(results[0]) == 32


def test_the_record_has_the_fewest_pixels(found: Results) -> None:
    for record in found.records:
        assert record.success == bool(record.trace)
        if record.success:
            assert record.trace[-1][1] == record.pixels <= record.k == len(record.positions)
            assert record.trace[0][0] == record.first_fooled
            assert record.verified and len(set(record.positions)) >= record.pixels


def test_the_figure_is_the_median_of_the_runs(found: Results) -> None:
    (figure,) = [one for one in figures(found) if one.kind == "fewest"]
    assert "margin" not in {one.kind for one in figures(found)}
    for name in ("random(popsize=5)", "sparse-rs"):
        runs = [record for record in found.records if record.strategy == name]
        for strategy, queries, _, middle, _ in figure.rows:
            if strategy == name and isinstance(queries, int):
                best = sorted(
                    min((pixels for query, pixels in one.trace if query <= queries), default=99)
                    for one in runs
                )
                expected = best[(len(best) - 1) // 2]
                assert middle == (None if expected == 99 else expected)
    assert figure.svg().startswith("<svg ")


def test_there_is_no_course_of_the_fitness_for_iohprofiler(found: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hold the fewest pixels over queries"):
        iohprofiler.write(found, tmp_path / "ioh")


def test_a_picture_is_attacked_with_fewer_pixels(tmp_path: Path, run: Run) -> None:
    code, out, _ = run(
        "attack", "sample[3]", "--encoding", "corners", "--pixels", "5", "--strategy", "sparse-rs",
        "--budget",
        "80", "--stop", "fewest", "--out", str(tmp_path),
    )  # fmt: skip
    changed = re.search(r"changed +(\d) pixel", out)
    assert code == 0 and changed and int(changed[1]) < 5 and ", 80 in all" in out


def test_a_line_about_a_picture_does_not_say_that_its_edit_is_the_first(tmp_path: Path, run: Run) -> None:
    code, out, _ = run(
        "attack", "sample[3:5]", "--encoding", "corners", "--pixels", "5", "--strategy", "sparse-rs",
        "--budget", "40", "--stop", "fewest", "--out", str(tmp_path),
    )  # fmt: skip
    assert code == 0
    assert re.search(r" %, first fooled after \d+ quer\w+, here with its best edit, \d pixels?$", out, re.M)


def test_the_word_is_in_the_sentence_about_criteria(run: Run) -> None:
    code, _, err = run("compare", "--stop", "least")
    assert code == 2 and "only success, budget, fewest or confidence:LEVEL" in " ".join(err.split())
