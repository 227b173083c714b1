"""What cannot be written is found before anything is loaded, and the sentence names it and its option."""

import sys
from pathlib import Path

import pytest
from command_line import Run

from sparseattack import Experiment, compare
from sparseattack.errors import InputError

LATE = "--oracle", "lacking:oracle"  # is refused when it is loaded


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A file where a folder is needed."""
    (tmp_path / "notes.txt").write_text("no folder")
    return tmp_path / "notes.txt"


@pytest.fixture
def closed() -> Path:
    """A folder in which nobody, not even root, can write."""
    if sys.platform != "linux":
        pytest.skip("Linux has such a folder")
    return Path("/proc")


def test_a_study_that_cannot_be_written(run: Run, blocked: Path, closed: Path, tmp_path: Path) -> None:
    for path in (blocked / "a.study", closed / "a.study", tmp_path / "none" / "a.study", blocked, tmp_path):
        answer = run("compare", *LATE, "--study", str(path))
        assert answer.code == 2 and str(path) in answer.err, answer.err
        assert "--study" in answer.err or "is no study" in answer.err


def test_the_default_study_that_cannot_be_written(
    run: Run, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(closed)
    answer = run("compare", *LATE)
    assert answer.code == 2 and "the study cannot be written" in answer.err and "--study" in answer.err


def test_a_folder_of_outputs_that_cannot_be_written(run: Run, blocked: Path, closed: Path) -> None:
    for out in (blocked, blocked / "deep" / "er", closed / "a"):
        for command in (("attack", "sample[0]", *LATE), ("reproduce", "one-pixel", "--networks", "lacking")):
            answer = run(*command, "--out", str(out))
            assert answer.code == 2 and "cannot be written" in answer.err and "--out" in answer.err


def test_a_check_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er"
    assert run("attack", "sample[0]", *LATE, "--out", str(out)).code == 2
    assert run("compare", *LATE, "--study", str(tmp_path / "a.study")).code == 2
    assert list(tmp_path.iterdir()) == []


def test_in_python_too(blocked: Path) -> None:
    with pytest.raises(InputError, match=r"notes\.txt is no folder\. Give compare\(\) another path"):
        compare(Experiment(oracle="lacking:oracle"), blocked / "a.study")
