"""``report --plots`` and ``--latex``, as a person runs them."""

import json
from pathlib import Path

import pytest

from sparseattack import Experiment, compare
from sparseattack.cli.main import main


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = Experiment(
        oracle="linear(classes=10,inputs=64)",
        images="digits[0:4]",
        true_class="prediction",
        strategies=("random",),
        budget=20,
    )
    compare(chosen, path := tmp_path_factory.mktemp("studies") / "a.study")
    return path


def report(study: Path, *options: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", str(study), *options])
    assert not ended.value.code


def test_figures_are_written_and_json_stays_json(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(study, "--json", "--plots", str(study.parent / "plots"))
    told = capsys.readouterr()
    assert json.loads(told.out)["table"] and "files of figures in" in told.err
    assert {"success-k1.svg", "success-k1.pdf", "success-k1.png", "success-k1.csv"} <= {
        path.name for path in (study.parent / "plots").iterdir()
    }


def test_the_table_for_latex_is_that_of_the_export(
    study: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report(study, "--latex")
    printed = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["export", str(study), "--to", "latex", "--out", str(tmp_path / "comparison.tex")])
    assert printed == (tmp_path / "comparison.tex").read_text("utf-8")


def test_a_file_in_the_way_is_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", str(study), "--plots", str(study)])
    assert ended.value.code == 2 and "cannot be written" in capsys.readouterr().err
