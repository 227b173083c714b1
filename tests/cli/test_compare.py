"""The compare and report commands, run in processes of their own."""

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sparseattack.cli.main import main
from sparseattack.errors import SparseattackWarning
from sparseattack.study.store import Study

TESTS = Path(__file__).parents[1] / "support"
Call = Callable[..., tuple[str, str]]
TIMES = ("oracle_seconds", "strategy_seconds", "queries_per_second")


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The command line in a process of its own, in ``folder``."""
    environment = os.environ | {"PYTHONPATH": str(TESTS), "COLUMNS": "100"}
    command = [sys.executable, "-m", "sparseattack.cli", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def call(folder: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What it printed, and what it said beside."""
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, (out, err)
    assert "Traceback" not in out + err
    return out, err


@pytest.fixture
def inside(folder: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """The same, in this process."""

    def call(*arguments: str, code: int = 0) -> tuple[str, str]:
        with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code, (out, err)
        return out, err

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with sixteen 8x8 images."""
    images = np.random.default_rng(3).integers(256, size=(16, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(16) % 4)
    return tmp_path


LINEAR = ("compare", "--oracle", "linear(classes=4,inputs=192)", "--images", "images.npz", "--budget", "60")
SLOW = ("compare", "--oracle", "slow_oracle:slow", "--images", "images.npz", "--budget", "400",
        "-s", "random(popsize=8)", "--stop", "budget", "--target", "all", "--seeds", "0,1")  # fmt: skip


def lines(text: str) -> list[dict[str, str]]:
    """CSV without what depends on the clock, and on the number of threads."""
    apart = {*TIMES, "environment"}
    return [{k: v for k, v in row.items() if k not in apart} for row in csv.DictReader(io.StringIO(text))]


def test_a_comparison_ends_with_a_table_and_can_be_shown_again(folder: Path) -> None:
    out, err = call(folder, *LINEAR, "-s", "de(popsize=20),cmaes")
    for word in (
        "de(popsize=20)",
        "cmaes",
        "rgb",
        "ASR",
        "median",
        "queries",
        "the oracle misclassifies",
    ):
        assert word in out
    (study,) = folder.glob("*.study")
    assert study.name in err
    again, _ = call(folder, "report", study.name)
    assert again.strip() == out.strip()


def test_machines_get_json_and_csv(folder: Path, inside: Call) -> None:
    out, _ = inside(*LINEAR, "-s", "random,cmaes", "--encodings", "rgb,corners", "--json")
    told = json.loads(out)
    assert len(told["table"]) == 4 and all(
        each["versions"]["torch"] for each in told["environments"].values()
    )
    assert told["runs"]["planned"] == told["runs"]["finished"]
    (study,) = folder.glob("*.study")
    rows = lines(inside("report", str(study), "--csv")[0])
    assert [row["strategy"] for row in rows] == ["random", "cmaes", "random", "cmaes"]
    runs = lines(inside("report", str(study), "--runs")[0])
    assert len(runs) == told["runs"]["planned"] and json.loads(runs[0]["positions"])


def test_names_are_printed_as_they_are(inside: Call) -> None:
    out, err = inside(
        *LINEAR, "--images", "images.npz[random:9:3]", "-s", "random", "--study", "a[red].study"
    )
    assert "images.npz[random:9:3]" in out and "sparseattack report 'a[red].study'" in err
    assert inside("report", "a[red].study")[0] == out


def test_confidence_is_a_column_of_its_own(inside: Call) -> None:
    rule = ("--stop", "confidence:0.99", "-k", "20", "--encodings", "corners", "--json")
    (line,) = json.loads(inside(*LINEAR, "-s", "random", *rule)[0])["table"]
    assert 0 < line["met"] <= line["success"]
    printed = " ".join(inside(*LINEAR, "-s", "random", *rule[:-1])[0].split())
    assert "stops at a success of confidence 0.99" in printed


def test_the_same_command_twice_runs_nothing_twice(inside: Call) -> None:
    first, _ = inside(*LINEAR, "-s", "random")
    second, err = inside(*LINEAR, "-s", "random")
    assert first == second and "already" in err


def wait_for(path: Path, count: int) -> None:
    """Until a study that another process writes holds so many runs."""

    for _ in range(600):
        time.sleep(0.1)
        if path.exists():
            try:
                with Study.read(path) as study:
                    if len(study.keys()) >= count:
                        return
            except Exception:  # it is being made at this moment
                continue
    raise AssertionError(f"never {count} runs in {path}")


def test_a_killed_comparison_continues_to_the_same_result(folder: Path, inside: Call) -> None:
    process = start(folder, *SLOW, "--study", "a.study")
    wait_for(folder / "a.study", 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = lines(inside("report", "a.study", "--runs")[0])
    assert 5 <= len(kept) < 72
    assert f"{len(kept)} runs already in a.study" in inside(*SLOW, "--study", "a.study")[1]
    inside(*SLOW, "--study", "b.study")
    for form in ("--runs", "--csv"):
        resumed, whole = (lines(inside("report", name, form)[0]) for name in ("a.study", "b.study"))
        assert resumed == whole
    assert len(whole) == 1


def test_no_command_that_would_fail_again_is_printed(folder: Path) -> None:
    (folder / "odd.py").write_text("def fitness(queries): return queries.margin * float('nan')\n")
    digits = ("--oracle", "digits-forest", "--images", "digits[0:2]", "--study", "a.study", "-s", "random")
    out, err = call(folder, "compare", *digits, "--fitness", "odd.py:fitness", code=2)
    assert "is NaN" in err and "resumes" not in err and not out


def test_ctrl_c_prints_the_command_that_continues(folder: Path) -> None:
    process = start(folder, *SLOW, "--study", "a.study")
    wait_for(folder / "a.study", 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    assert "stored in a.study" in err and "the same command resumes" in err
    assert not out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-s", "dee"), "no strategy 'dee', only"),
        (("-s", "de(popsiz=5)"), "no setting popsiz: only"),
        (("-s", "de(popsize=many)"), "whole number"),
        (("-s", "de("), "not of the form"),
        (("-k", "two"), "--pixels takes whole numbers"),
        (("-k", "100"), "have no 100 pixels"),
        (("-s", "random,exhaustive", "-k", "1,3"), "needs pixels=1"),
        (("--encodings", "rgb(pixels=3)"), "set by --pixels"),
        (("--objectives", "l0"), "no strategy here searches"),
        (("-s", "nsga2", "--objectives", "zz"), "no fitness 'zz'"),
        (("--images", "nothing.npz"), "nothing.npz"),
        (("--oracle", "nothing.onnx"), "nothing.onnx"),
        (("--target", "dog"), "no class 'dog'"),
        (("--device", "cuda:9"), "cuda"),
        (("--study", "no/folder/a.study"), "no/folder"),
    ],
)
def test_bad_input_is_one_line(inside: Call, arguments: tuple[str, ...], said: str) -> None:
    out, err = inside(*LINEAR, *arguments, code=2)
    assert said in err and len(err.strip().splitlines()) == 1 and not out


def test_another_question_is_refused_with_the_difference(inside: Call) -> None:
    inside(*LINEAR, "-s", "random", "--study", "a.study")
    _, err = inside(*LINEAR, "-s", "random", "--stop", "budget", "--study", "a.study", code=2)
    assert "a.study is about another question: stop was success, is budget" in err


def test_a_study_grows_and_a_table_is_about_what_was_asked(folder: Path, inside: Call) -> None:
    """Without --study, all that is about one question stands in one file."""
    inside(*LINEAR, "--images", "images.npz[0:8]", "-s", "random")
    out, err = inside(*LINEAR, "-s", "cmaes,random", "--seeds", "0,1")
    (study,) = folder.glob("*.study")
    assert study.name.startswith("sparseattack-linear-") and "runs already in" in err
    out, _ = inside(*LINEAR, "-s", "sparse-rs", "--csv")
    assert [row["strategy"] for row in lines(out)] == ["sparse-rs"]
    out, _ = inside("report", study.name)
    assert [name for name in ("random", "cmaes", "sparse-rs") if name in out] == [
        "random",
        "cmaes",
        "sparse-rs",
    ]
    out, _ = inside("report", study.name, "--only", "random,cmaes,seed=1", "--csv")
    rows = lines(out)
    assert [row["strategy"] for row in rows] == ["random", "cmaes"]
    assert {row["runs"] for row in rows} == {row["images"] for row in rows}
    _, err = inside("report", study.name, "--only", "rundom", code=2)
    assert (
        "there are no runs of strategy 'rundom', only of random, cmaes, sparse-rs; did you mean random" in err
    )
    _, err = inside("report", study.name, "--only", "k=3", code=2)
    assert "there are no runs of k '3', only of 1" in err


def test_finished_runs_are_stored_when_an_oracle_fails(inside: Call) -> None:
    broken = ("-s", "random(popsize=10)", "--budget", "600", "--oracle", "slow_oracle:failing(calls=25)")
    with pytest.warns(SparseattackWarning, match="fails on clean images now"):
        _, err = inside(*LINEAR, *broken, "--study", "a.study", code=1)
    assert (
        "NaN" in err and re.search(r"[1-9]\d* finished runs? stored", err) and "failed: 0 finished" not in err
    )
    out, _ = inside("report", "a.study")
    assert "Unfinished" in out


def test_no_study_is_one_line(inside: Call) -> None:
    assert "there is no study x.study" in inside("report", "x.study", code=2)[1]


@pytest.mark.parametrize("width", [40, 59, 60, 80, 100, 120])
def test_tables_fit_and_no_word_is_broken(inside: Call, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = ["de(popsize=20,f=0.5)", "de(popsize=30)", "cmaes(popsize=20)", "random(popsize=25)", "sparse-rs"]
    monkeypatch.setenv("COLUMNS", str(width))
    out, _ = inside(*LINEAR, "--budget", "20", "-s", ",".join(specs))
    assert all(spec in out for spec in specs) and "…" not in out
    assert max(map(len, out.splitlines())) <= width
    titles = [line.strip() for line in out.splitlines()]
    assert titles.count("Query cost per image") == (5 if width < 60 else 1)
    assert [line for line in titles if line.startswith("Attack success rate")] == (
        ["Attack success rate"] * 5 if width < 60 else ["Attack success rate (share of attacked images)"]
    )


def test_labels_change_names_and_nothing_else(inside: Call) -> None:
    few = (*LINEAR, "--images", "images.npz[0:4]")
    inside(*few, "-s", "random(popsize=20),cmaes", "--csv")
    labelled, err = inside(*few, "-s", "quick one=random(popsize=20),cmaes")
    assert "already in" in err and "quick one = random(popsize=20)" in labelled
    out, _ = inside(*few, "-s", "quick one=random(popsize=20),cmaes", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["strategy"] for row in rows] == ["random(popsize=20)", "cmaes"]
    assert [row["strategy_label"] for row in rows] == ["quick one", "cmaes"]
    assert "quick one" not in inside(*few, "-s", "random(popsize=20),cmaes")[0]


def test_what_each_strategy_sees_is_in_every_table(inside: Call) -> None:
    few = (*LINEAR, "--images", "images.npz[0:4]", "--study", "sees.study", "-s")
    out, _ = inside(*few, "random(popsize=20),sparse-rs")
    rates = out.split("Attack success rate (share")[1].split("Query cost")[0]
    cells = {line.split()[0]: line.split()[1] for line in rates.splitlines()[1:] if len(line.split()) > 2}
    assert cells["strategy"] == "sees"
    assert (cells["random(popsize=20)"], cells["sparse-rs"]) == ("value", "image")
    assert "sees: what a strategy knows beside the values of its candidates" in " ".join(out.split())
    for option in ("--csv", "--runs"):
        rows = list(csv.DictReader(io.StringIO(inside("report", "sees.study", option)[0])))
        assert {(row["strategy"], row["sees"]) for row in rows} == {
            ("random(popsize=20)", "value"),
            ("sparse-rs", "image"),
        }
    table = json.loads(inside("report", "sees.study", "--json")[0])["table"]
    assert [row["sees"] for row in table] == ["value", "image"]


def test_where_all_see_values_only_there_is_no_column_for_it(inside: Call) -> None:
    out, _ = inside(*LINEAR, "--images", "images.npz[0:4]", "-s", "random(popsize=20),de(popsize=5)")
    assert "sees" not in out


def test_runs_under_a_label_are_those_without(folder: Path, inside: Call) -> None:
    few = (*LINEAR, "--images", "images.npz[0:4]", "--study")
    _, err = inside(*few, "a.study", "-s", "quick=random(popsize=20)")
    assert err.startswith("quick/rgb k=1: ")
    inside(*few, "b.study", "-s", "random(popsize=20)")
    a, b = (lines(inside("report", name, "--runs")[0]) for name in ("a.study", "b.study"))
    assert {row.pop("strategy_label") for row in a} == {"quick"}
    assert {row.pop("strategy_label") for row in b} == {"random(popsize=20)"}
    assert a == b and a[0]["key"]


PRINTING = """
import torch

def make():
    def scores(images):
        print("predicting")
        return images.flatten(1)[:, :3] * 9 - 4
    return scores

def three(space):
    print("three candidates")
    for _ in range(3):
        yield space.uniform(1)
    while True:
        yield space.uniform(1) * torch.nan
"""


def test_what_plugins_print_is_no_part_of_json(folder: Path, inside: Call) -> None:
    """And of a search that ended early, a table says that it did."""
    (folder / "printing.py").write_text(PRINTING)
    images = "--images", "sample[0:2]", "--true-class", "prediction", "--encodings", "corners"
    asked = "compare", "--oracle", "printing.py:make", "-s", "printing.py:three", *images, "--budget", "9"
    out, err = inside(*asked, "--json")
    (row,) = json.loads(out)["table"]
    assert "predicting" in err and "three candidates" in err
    assert row["queries"] == 6 and row["successes"] == 0 and row["ended_early"] == 2
    out, _ = inside(*asked)
    assert "2 searches ended without success and with queries left" in " ".join(out.split())
