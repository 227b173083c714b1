"""`sparseattack compare FILE`: the file says what, options say where and how it is printed."""

import json
from pathlib import Path

import pytest

from sparseattack.cli.main import main

TEXT = """\
oracle = "linear(classes=10,inputs=64)"
images = "digits[in:chosen.txt]"
true-class = "prediction"
pixels = [1, 2]
budget = 30
study = "b.study"

[[strategies]]
strategy = "de(popsize=10)"
label = "DE"
generations = 2

[[strategies]]
strategy = "exhaustive"
encodings = "corners"
pixels = 1
budget = 128
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.toml").write_text(TEXT)
    (tmp_path / "chosen.txt").write_text("3\ndigits-test-0\n7\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_a_strategy_has_its_own_encodings_pixels_and_budget(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", "a.toml", "--json") == 0
    held = json.loads(capsys.readouterr().out)
    conditions = [(row["strategy_label"], row["encoding"], row["k"], row["budget"]) for row in held["table"]]
    assert conditions == [("DE", "rgb", 1, 20), ("exhaustive", "corners", 1, 128), ("DE", "rgb", 2, 20)]
    assert {row["images"] for row in held["table"]} == {3}
    assert (folder / "b.study").exists()
    assert run("report", "b.study") == 0
    shown = capsys.readouterr().out
    assert "budget 20 and 128 queries" in shown and "DE: 20 queries are 2 generations of 10." in shown
    (folder / "again.json").write_text(json.dumps(held))
    assert run("compare", "again.json", "--study", "b.study") == 0
    assert "9 runs already in b.study" in capsys.readouterr().err


def test_what_is_compared_is_all_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compare", "a.toml", "--budget", "9", "--num-images", "2", "--study", "c.study") == 2
    assert "--budget, --num-images cannot stand beside a.toml" in capsys.readouterr().err
    assert run("compare", "a.toml", "--device", "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
    assert list(folder.glob("*.study")) == []


def test_a_mistake_in_the_file_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.toml").write_text("bugdet = 3")
    assert run("compare", "a.toml") == 2
    error = capsys.readouterr().err
    assert error.startswith("sparseattack: a.toml, line 1: no key 'bugdet'") and error.count("\n") == 1
