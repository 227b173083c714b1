"""Exports of a study, each read back by a reader of its format."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from records import record

from sparseattack import Experiment, InputError, compare, load
from sparseattack.data.images import levels
from sparseattack.experiment.file import read_experiment
from sparseattack.experiment.settings import Configuration
from sparseattack.report.columns import RUN_COLUMNS, table_columns
from sparseattack.report.export.formats import FORMATS, export_results
from sparseattack.report.export.iohprofiler import write as write_iohprofiler
from sparseattack.report.export.latex import escaped
from sparseattack.report.export.robustness import command_of
from sparseattack.report.figures.collection import figures
from sparseattack.report.results import Results, results
from sparseattack.report.summary import Pair, Summary
from sparseattack.study.facts import Method
from sparseattack.study.record import Record
from sparseattack.study.store import Study

QUICK = "random(popsize=5)"
ORACLE = "linear(classes=10,inputs=64)"
EXPERIMENT = Experiment(
    strategies=(f"quick={QUICK}", "nsga2(popsize=8)"),
    oracle=ORACLE,
    images="digits[0:8]",
    true_class="prediction",
    pixels=(1, 3),
    seeds=(0, 1),
    budget=40,
)


@pytest.fixture(scope="module")
def found() -> Results:
    return compare(EXPERIMENT)


def labelled(found: Results, label: str) -> Results:
    """The same with another label of the first strategy, such as no experiment may have."""

    def named(method: Method) -> Method:
        return replace(method, label=label) if method.strategy == QUICK else method

    return replace(
        found,
        subject=replace(found.subject, methods=tuple(map(named, found.methods))),
        columns={named(method): runs for method, runs in found.columns.items()},
        planned={named(method): runs for method, runs in found.planned.items()},
        lines=[replace(line, method=named(line.method)) for line in found.lines],
        pairs=[pair._replace(first=named(pair.first), second=named(pair.second)) for pair in found.pairs],
    )


def exported(found: Results, form: str, folder: Path) -> Path:
    """The export, which is the only thing that was written, but for a description beside it."""
    out = folder / f"a{FORMATS[form].ending}"
    written = export_results(found, form, out)
    assert written[0] == out and sorted(written) == sorted(folder.iterdir())
    return out


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_every_field_of_a_run_is_a_column_with_a_meaning() -> None:
    names = [column.name for column in RUN_COLUMNS]
    assert {field.name for field in fields(Record)} <= set(names) and len(names) == len(set(names))
    assert all(column.meaning for column in RUN_COLUMNS)
    described = {column.name for column in table_columns([])}
    assert {field.name for field in fields(Summary)} - {"method", "success_at"} <= described


def test_csv_has_every_run_and_a_description_of_each_column(found: Results, tmp_path: Path) -> None:
    out = exported(found, "csv", tmp_path)
    rows = read_csv(out)
    assert [row["key"] for row in rows] == [each.key for each in found.records] and len(rows) == 64
    for row, each in zip(rows, found.records, strict=True):
        assert (row["success"], int(row["cost"])) == (str(each.success), each.cost)
        assert json.loads(row["trace"]) == each.trace and row["strategy_label"] == found.method_of(each).name
    described = json.loads(Path(f"{out}-metadata.json").read_text("utf-8"))
    assert described["url"] == out.name
    assert [column["name"] for column in described["tableSchema"]["columns"]] == list(rows[0])
    (cost,) = (each for each in described["tableSchema"]["columns"] if each["name"] == "cost")
    assert cost["dc:description"].endswith("(queries)") and cost["datatype"] == "integer"


def test_json_lines_hold_the_runs_as_they_are(found: Results, tmp_path: Path) -> None:
    lines = exported(found, "jsonl", tmp_path).read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows == json.loads(json.dumps(list(found.rows())))
    assert all(row["success"] == (row["first_fooled"] > 0 and row["verified"]) for row in rows)


def test_parquet_is_read_back_with_types_units_and_the_experiments(found: Results, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(exported(found, "parquet", tmp_path))
    for held, row in zip(table.to_pylist(), found.rows(), strict=True):
        trace = [[step["query"], step["value"]] for step in held.pop("trace")]
        assert trace == row.pop("trace") and held == row
    assert str(table.schema.field("positions").type) == "list<element: int64>"
    assert table.schema.field("l2").metadata[b"unit"] == b"colours in [0, 1]"
    assert table.schema.metadata[b"sparseattack.study"].decode() == found.to_json()


def test_data_frames_have_the_columns_and_units(found: Results) -> None:
    pytest.importorskip("pandas")
    runs, conditions = found.to_pandas(), found.to_pandas("conditions")
    assert list(runs.columns) == [column.name for column in RUN_COLUMNS] and len(runs) == 64
    assert runs.attrs["units"]["cost"] == "queries" and runs.success.dtype == bool
    rates = runs.groupby(["strategy", "k"]).success.mean()
    for line in found.lines:
        assert rates[line.method.strategy, line.method.k] == pytest.approx(line.success)
    assert conditions.success_at_40.tolist() == [line.success for line in found.lines]
    assert np.isnan(conditions.planned).all()
    with pytest.raises(InputError, match='"runs" and "conditions", not'):
        found.to_pandas("run")  # type: ignore[arg-type]


def test_latex_has_a_row_per_condition_between_the_rules(found: Results, tmp_path: Path) -> None:
    text = exported(found, "latex", tmp_path).read_text("utf-8")
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    rows = [line.removesuffix(r" \\").split(" & ") for line in body.splitlines() if line.endswith(r"\\")]
    columns = re.search(r"\\begin\{tabular\}\{(l?r+)\}", text)
    assert columns and {len(row) for row in rows} == {len(columns[1])}
    assert [row[:2] for row in rows[1:]] == [[line.method.name, str(line.method.k)] for line in found.lines]
    assert body.count(r"\midrule") == 2  # below the headings, and between two numbers of pixels
    assert rf"quick: \texttt{{{QUICK}}}." in text
    for k in (1, 3):
        best = max(line.success for line in found.lines if line.method.k == k)
        assert rf"\textbf{{{100 * best:.1f}}}" in body


def test_where_nothing_succeeds_nothing_is_bold(found: Results) -> None:
    none = replace(found, lines=[replace(line, success=0.0) for line in found.lines])
    assert r"\textbf" not in none.to_latex() and r"\textbf" in found.to_latex()


def test_bold_is_told_for_each_budget(found: Results) -> None:
    """The one that loses a test is not bold because another has a higher rate with a larger budget."""
    slow, fast, large = (replace(found.lines[0].method, label=name) for name in ("slow", "fast", "large"))
    large = replace(large, budget=80)
    rates = {slow: 0.2, fast: 0.5, large: 0.8}
    lines = [replace(found.lines[0], method=method, success=rate) for method, rate in rates.items()]
    lost = replace(found, lines=lines, pairs=[Pair(slow, fast, 0, 10, 0.01)])
    assert re.findall(r"textbf\{([0-9.]+)\}", lost.to_latex()) == ["50.0", "80.0"]
    assert "the highest rate for each k and budget, and" in lost.to_latex()
    won = replace(lost, pairs=[Pair(slow, fast, 10, 0, 0.01)])  # better on more images, with a lower rate
    assert re.findall(r"textbf\{([0-9.]+)\}", won.to_latex()) == ["20.0", "50.0", "80.0"]


def test_names_are_escaped_for_latex() -> None:
    assert escaped("50 % of a_b & {c}\x1b^~\\<") == (
        r"50 \% of a\_b \& \{c\} \textasciicircum{}\textasciitilde{}\textbackslash{}\textless{}"
    )


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_latex_compiles(found: Results, tmp_path: Path) -> None:
    odd = labelled(found, "50 % of a_b & {c}^~\\<")
    table = exported(odd, "latex", tmp_path)
    document = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}\input{{{table.name}}}"
    (tmp_path / "d.tex").write_text(rf"{document}\end{{document}}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "d.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and (tmp_path / "d.pdf").exists(), done.stdout[-2000:]


def test_a_leaderboard_entry_says_what_was_measured(found: Results, tmp_path: Path) -> None:
    entries = json.loads(exported(found, "robustness.json", tmp_path).read_text("utf-8"))
    for entry, line in zip(entries, found.lines, strict=True):
        assert entry["success"] == line.success and entry["ci"] == [line.low, line.high]
        assert entry["restricted_mean"] == line.mean_queries and entry["threat_model"] == f"k={line.method.k}"
        assert (entry["n"], entry["budget"], entry["dataset"]) == (8, 40, "digits[0:8]")
    assert entries[0]["settings"] == {"popsize": 5} and entries[0]["strategy_label"] == "quick"


def test_conditions_of_other_budgets_fitness_and_images_stay_apart(tmp_path: Path) -> None:
    """A study that has grown: each export says which condition and which images a number is about."""
    path = tmp_path / "a.study"
    grown = Configuration(QUICK, fitness="probability", budget=30)
    compare(replace(EXPERIMENT, strategies=(QUICK, grown), pixels=(1,), seeds=(0,)), path)
    compare(replace(EXPERIMENT, strategies=(QUICK,), images="digits[6:12]", pixels=(1,), seeds=(0,)), path)
    small = replace(EXPERIMENT, strategies=(QUICK,), images="digits[0:2]", pixels=(1,), seeds=(1,))
    compare(replace(small, budget=9), path)
    with Study.read(path) as study:
        found = results(study)
    names = Counter((name, listed["instance"]) for name, _, listed, _ in courses_of(found, tmp_path / "ioh"))
    assert {name for name, _ in names} == {f"{QUICK}, budget 40", f"{QUICK}, budget 9", QUICK}
    assert max(names.values()) == 1
    functions = {json.loads(each.read_text())["function_name"] for each in (tmp_path / "ioh").rglob("*.json")}
    assert {name.split("-target")[0].rsplit("-", 1)[1] for name in functions} == {"margin", "probability"}
    export_results(found, "robustness.json", tmp_path / "a.robustness.json")
    entries = json.loads((tmp_path / "a.robustness.json").read_text("utf-8"))
    said = {(entry["budget"], entry["fitness"]): (entry["dataset"], entry["n"]) for entry in entries}
    assert said == {
        (40, "margin"): ("digits[0:8] and digits[6:12]", 12),
        (30, "probability"): ("digits[0:8]", 8),
        (9, "margin"): ("digits[0:2]", 2),
    }
    (one,) = (entry for entry in entries if entry["budget"] == 30)
    assert one["command"] == "sparseattack compare experiment.json"
    (tmp_path / "experiment.json").write_text(json.dumps({"experiments": one["experiments"]}))
    assert grown in read_experiment(tmp_path / "experiment.json").experiment.strategies


def courses_of(
    found: Results, out: Path
) -> Iterator[tuple[str, int, dict[str, Any], list[tuple[int, float]]]]:
    write_iohprofiler(found, out)
    return courses(out)


def test_the_command_of_an_entry_is_the_experiment() -> None:
    chosen = replace(EXPERIMENT, sparse_inference=False, strategies=(QUICK, "nsga2"))
    assert command_of(chosen) == (
        "sparseattack compare --strategies 'random(popsize=5),nsga2' --pixels 1,3 --seeds 0,1"
        " --oracle 'linear(classes=10,inputs=64)' --images 'digits[0:8]' --budget 40"
        " --true-class prediction --no-sparse-inference"
    )


Course = tuple[str, int, dict[str, Any], list[tuple[int, float]]]


def courses(folder: Path) -> Iterator[Course]:
    """Algorithm, k, listed run and course of every run, told apart as readers do: by evaluation 1."""
    for path in folder.rglob("*.json"):
        described = json.loads(path.read_text("utf-8"))
        for scenario in described["scenarios"]:
            lines = (path.parent / scenario["path"]).read_text("utf-8").splitlines()
            steps = [(int(a), float(b)) for a, b in map(str.split, lines) if a != "evaluations"]
            starts = [place for place, (query, _) in enumerate(steps) if query == 1]
            parts = [steps[a:b] for a, b in zip(starts, [*starts[1:], len(steps)], strict=True)]
            for listed, course in zip(scenario["runs"], parts, strict=True):
                yield described["algorithm"]["name"], scenario["dimension"], listed, course


def test_iohprofiler_has_the_course_of_every_run(found: Results, tmp_path: Path) -> None:
    out = exported(found, "iohprofiler", tmp_path)
    rows = read_csv(out / "instances.csv")
    images = {int(row["instance"]): int(row["image"]) for row in rows}
    wanted = sorted(
        (found.method_of(one).name, one.k, one.image, one.queries, one.trace[-1][1]) for one in found.records
    )
    seen = list(courses(out))
    assert wanted == sorted(
        (name, k, images[listed["instance"]], listed["evals"], listed["best"]["y"])
        for name, k, listed, _ in seen
    )
    for _, _, listed, course in seen:
        assert course[-1] == (listed["evals"], listed["best"]["y"])
        assert course == sorted(course, key=lambda step: (step[0], -step[1]))


def test_a_run_without_a_value_at_first_stays_apart(found: Results, tmp_path: Path) -> None:
    odd = labelled(found, "../x")
    method = odd.methods[0]
    runs = [
        record(0, strategy=QUICK, trace=[[1, 1e-07], [9, -1.5e-300]]),
        record(1, strategy=QUICK, trace=[[3, 0.1]]),
        record(2, strategy=QUICK, trace=[], queries=0),
    ]
    mine = [replace(one, method=method.key, budget=method.budget) for one in runs]
    write_iohprofiler(replace(odd, records=mine), tmp_path / "out")
    seen = {listed["instance"]: course for _, _, listed, course in courses(tmp_path / "out")}
    assert seen == {
        1: [(1, 1e-07), (9, -1.5e-300), (1000, -1.5e-300)],
        2: [(1, np.inf), (3, 0.1), (1000, 0.1)],
    }
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == ["1-x"]


def test_iohinspector_reads_the_folder(found: Results, tmp_path: Path) -> None:
    inspector = pytest.importorskip("iohinspector", reason="iohinspector is not installed")
    out = exported(found, "iohprofiler", tmp_path)
    data = inspector.DataManager()
    data.add_folder(str(out))
    assert len(data.overview) == len(found.records)
    assert set(data.overview["algorithm_name"]) == {"quick", "nsga2(popsize=8)"}
    best = (
        data.load(monotonic=True, include_meta_data=True)
        .group_by("data_id")
        .agg(inspector.data.pl.col("raw_y").min(), inspector.data.pl.col("best_y").first())
    )
    assert best["raw_y"].to_list() == best["best_y"].to_list()
    assert sorted(best["raw_y"]) == sorted(one.trace[-1][1] for one in found.records)


def test_images_are_written_that_fool(found: Results, tmp_path: Path) -> None:
    out = exported(found, "images", tmp_path)
    rows = read_csv(out / "images.csv")
    successes = [one for one in found.records if one.success]
    assert len(rows) == len(successes) > 0
    oracle = load("oracles", ORACLE)()
    from PIL import Image

    for row, one in zip(rows, successes, strict=True):
        path = out / row["adversarial"]
        original = path.with_name(path.name.replace(".adversarial.", ".original."))
        read = [np.asarray(Image.open(each)) for each in (original, path)]
        assert int((read[0] != read[1]).sum()) == one.pixels == int(row["pixels"])
        shown = levels(torch.from_numpy(np.stack(read)))[:, None]
        assert oracle(shown).argmax(1).tolist() == [one.before_class, one.after_class]
        assert path.with_name(path.name.replace(".adversarial.", ".side-by-side.")).exists()


def test_images_of_another_oracle_are_refused(found: Results, tmp_path: Path) -> None:
    other = replace(found.subject, question=replace(found.question, oracle="f" * 32))
    with pytest.raises(InputError, match="the oracle is another one now: oracle was ffff"):
        export_results(replace(found, subject=other), "images", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_nothing_left_behind(found: Results, tmp_path: Path) -> None:
    (tmp_path / "a.csv-metadata.json").write_text("mine")
    with pytest.raises(InputError, match=r"a\.csv-metadata\.json is there already: remove it"):
        export_results(found, "csv", tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv-metadata.json"]
    with pytest.raises(InputError, match=r"there is no folder .*none for an export"):
        export_results(found, "csv", tmp_path / "none" / "a.csv")
    with pytest.raises(InputError, match=r"there is no format 'cvs', only csv, .*; did you mean csv"):
        export_results(found, "cvs", tmp_path / "a.cvs")


def test_results_show_themselves_in_a_notebook(found: Results) -> None:
    odd = labelled(found, "<script>")
    text = odd._repr_html_()
    assert "&lt;script&gt;" in text and "<script>" not in text
    assert text.count("<tr>") == 2 * (1 + len(found.lines)) and "ASR@" not in text
    assert f"{100 * found.lines[0].success:.1f} %" in text
    assert repr(found).startswith("<Results: Oracle linear, images digits") and len(repr(found)) < 400
    shown = figures(found)[0]
    assert f'alt="{escape(shown.sentence)}"' in found._repr_html_() and len(text) < 300_000
    assert text.count("data:image/png;base64,") == sum(one.kind == "success" for one in figures(found))
