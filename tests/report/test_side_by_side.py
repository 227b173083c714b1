"""Several studies in one table, each line with the name of its study."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sparseattack import Experiment, InputError, compare
from sparseattack.cli.main import main
from sparseattack.report.results import Results
from sparseattack.report.side_by_side import common_explanation, common_sections, of_study, study_names

CHOSEN = {"images": "digits[0:6]", "true_class": "prediction", "budget": 20, "strategies": ("random", "de")}
ORACLES = {"a": "linear(classes=10,inputs=64)", "b": "linear(classes=10,inputs=64,seed=1)"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same comparison of two oracles, and for the second with other stops, in a file each."""
    folder = tmp_path_factory.mktemp("studies")
    for name, oracle in ORACLES.items():
        stop = "success" if name == "a" else "confidence:0.5"
        compare(Experiment(oracle=oracle, stop=stop, **CHOSEN), folder / f"{name}.study")  # type: ignore[arg-type]
    return folder


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["report", str(folder / "a.study"), str(folder / "b.study"), *options])
    assert not ended.value.code
    return capsys.readouterr().out


def test_each_line_of_the_table_says_its_study(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(folder, capsys)
    for heading in ("a:\n", "b:\n", " a: random ", " b: random ", " a: de ", " b: de ", "Nothing is tested"):
        assert heading in text
    assert "stops at the first success" in text and "a success of confidence 0.5" in text
    assert "a: random = random" not in text
    assert printed(folder, capsys, "--only", "de").count(" a: random ") == 0


def test_csv_and_json_hold_what_each_study_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(folder, capsys, "--csv"))))
    assert [(row["study"], row["strategy"]) for row in rows] == [
        ("a", "random"),
        ("a", "de"),
        ("b", "random"),
        ("b", "de"),
    ]
    runs = list(csv.DictReader(io.StringIO(printed(folder, capsys, "--runs"))))
    assert {row["study"] for row in runs} == {"a", "b"} and len(runs) == 24
    held = json.loads(printed(folder, capsys, "--json"))["studies"]
    assert [line["success"] for name in held for line in held[name]["table"]] == [
        float(row["success"]) for row in rows
    ]


def test_the_met_rate_is_left_out_where_criteria_differ(folder: Path) -> None:
    found = {name: results_of(folder, name) for name in ORACLES}
    rates, _ = common_sections([of_study(name, one) for name, one in found.items()])
    alone, _ = common_sections([of_study("b", found["b"])])
    assert "confidence:0.5" in alone.headings and "confidence:0.5" not in rates.headings
    assert len(rates.rows) == 4


def test_pixels_of_searches_for_the_fewest_are_told_apart(folder: Path) -> None:
    one = results_of(folder, "a")
    question = replace(one.question, stop="fewest")
    other = replace(one, subject=replace(one.subject, question=question))
    assert "Pixels of b are the fewest found" in common_explanation({"a": one, "b": other})
    assert "fewest" not in common_explanation({"a": one}) + common_explanation({"a": other, "b": other})


def results_of(folder: Path, name: str) -> Results:
    stop = "success" if name == "a" else "confidence:0.5"
    chosen = Experiment(oracle=ORACLES[name], stop=stop, **CHOSEN)  # type: ignore[arg-type]
    return compare(chosen, folder / f"{name}.study")


def test_names_are_as_short_as_they_can_be() -> None:
    assert study_names([Path("x/a.study"), Path("x/b.study")]) == ["a", "b"]
    assert study_names([Path("x/a.study"), Path("y/a.study")]) == ["x/a.study", "y/a.study"]
    with pytest.raises(InputError, match=r"study x/a\.study is named twice"):
        study_names([Path("x/a.study"), Path("x/a.study")])
