"""The demonstration ends with a picture and a page, and prints the commands that make them."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from command_line import Run

from sparseattack.cli import demo


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer images and queries than in the demonstration itself."""
    monkeypatch.setattr(demo, "IMAGES", "sample[3:6]")
    monkeypatch.setattr(demo, "BUDGET", 40)


@pytest.mark.usefixtures("short")
def test_it_ends_with_a_picture_and_a_page(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "some where"
    code, told, _ = run("demo", "--out", str(out))
    assert code == 0
    *_, page, pictures = told.splitlines()
    assert page.startswith(f"Page: {out}/report.html, ") and str(out) in pictures
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>") and "sparse-rs" in html and 'src="http' not in html
    assert (out / "attack.contact-sheet.png").is_file() and (out / "demo.study").is_file()
    commands = [shlex.split(line[2:]) for line in told.splitlines() if line.startswith("$ ")]
    assert [command[:2] for command in commands] == [
        ["sparseattack", "attack"],
        ["sparseattack", "compare"],
        ["sparseattack", "report"],
    ]
    _, _, err = run(*commands[1][1:])
    assert re.search(r"^18 runs already in ", err, re.MULTILINE)  # the command is what was done


@pytest.mark.usefixtures("short")
def test_without_matplotlib_it_says_what_the_page_needs(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it were not installed
    code, told, _ = run("demo", "--out", str(tmp_path))
    assert code == 0 and not (tmp_path / "report.html").exists()
    assert re.search(r"^Page: figures need matplotlib.*: pip install .*; then the command above", told, re.M)


def test_a_place_that_cannot_be_written_is_refused_at_once(run: Run) -> None:
    code, told, err = run("demo", "--out", __file__)
    assert (code, told) == (2, "") and "another folder with --out" in err
