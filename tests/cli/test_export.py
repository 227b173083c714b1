"""`sparseattack export`: where it writes, and what it says."""

import csv
import io
from pathlib import Path

import pytest

from sparseattack import Experiment, compare
from sparseattack.cli.main import main
from sparseattack.study.store import Study

EXPERIMENT = Experiment(
    oracle="linear(classes=10,inputs=64)",
    images="digits[0:4]",
    true_class="prediction",
    strategies=("random", "quick=de(popsize=5)"),
    budget=9,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("studies") / "a.study"
    compare(EXPERIMENT, path)
    return path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["export", *arguments])
    return int(ended.value.code or 0)


def test_it_is_written_beside_the_study_and_over_nothing(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(path), "--to", "csv", "--only", "quick") == 0
    out = path.with_suffix(".csv")
    assert capsys.readouterr().out.splitlines() == [f"written: {out}", f"written: {out}-metadata.json"]
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert {row["strategy_label"] for row in rows} == {"quick"} and len(rows) == 4
    before = out.read_bytes()
    assert run(str(path), "--to", "csv") == 2
    assert capsys.readouterr().err == (
        f"sparseattack: {out} is there already: remove it, or name another place with --out\n"
    )
    assert out.read_bytes() == before


def test_what_is_unfinished_is_said(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare(EXPERIMENT, tmp_path / "b.study")
    with Study.create(tmp_path / "b.study") as study:
        study.connection.execute("DELETE FROM run WHERE key IN (SELECT key FROM run LIMIT 1)")
    assert run(str(tmp_path / "b.study"), "--to", "robustness.json", "--out", str(tmp_path / "x.json")) == 0
    said = capsys.readouterr()
    assert said.out == f"written: {tmp_path / 'x.json'}\n"
    assert said.err == "sparseattack: the study is unfinished: 7 of 8 runs done\n"


def test_an_unknown_format_is_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("none.study", "--to", "exel") == 2
    assert "there is no format 'exel', only csv, jsonl, parquet, latex" in capsys.readouterr().err
