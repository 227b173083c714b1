"""Printed text shows control characters in place of passing them to the terminal."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from sparseattack.cli.terminal import print_text, stderr
from sparseattack.report.console import VisibleConsole, visible, visible_lines

NAMES = {
    "\x1b[31mred": r"\u001b[31mred",
    "a\nb\tc": r"a\u000ab\u0009c",
    "\x9b2J": r"\u009b2J",
    "txt.\u202egnp": r"txt.\u202egnp",
    "half \ud800": r"half \ud800",
    "katze é 猫 [red]:cat:": "katze é 猫 [red]:cat:",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_character_of_a_name_is_visible(name: str) -> None:
    assert visible(name) == visible(visible(name)) == NAMES[name]


def test_lines_and_tabs_stay() -> None:
    assert visible_lines("a\tb\n\x1b]0;title\x07\n") == "a\tb\n\\u001b]0;title\\u0007\n"


def table(name: str) -> Table:
    made = Table(title=name)
    made.add_column(name)
    made.add_row(name, Text(name), end_section=True)
    return made


@pytest.mark.parametrize("make", [str, Text, table])
def test_a_console_passes_no_command_on(
    make: Callable[[str], object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = VisibleConsole(width=60)
    console.print(make("a\x1b[2Jb\x9bc[link=x]d[/y]:cat:"), style="bold")
    out = capsys.readouterr().out
    assert "\x1b[2J" not in out and "\x9b" not in out
    assert r"\u001b[2J" in out and "[link=x]d[/y]:cat:" in out


def test_progress_and_status_pass_no_command_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress(console=stderr()) as progress:
        progress.add_task("a\x1b[2Jb")
    with stderr().status(Text("a\x1b[2Jc")):
        pass
    printed = capsys.readouterr()
    assert "\x1b[2J" not in printed.out + printed.err and r"\u001b[2J" in printed.err


def test_errors_and_text_are_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("a\n\x1bc")
    print_text("b\x07", error=True)
    assert capsys.readouterr() == ("a\n\\u001bc\n", "b\\u0007\n")


HOSTILE = '''"""X"""
def search(space):
    raise ValueError("bad \\x1b[2J name")
    yield


def net(images):
    return 5 * images.flatten(1)[:, :2] - 2


net.name, net.classes = "net\\x1bc", ("a\\x1b[5m\\nb", "b")


def make():
    return net
'''


def test_names_of_files_oracles_classes_and_plugins_are_made_visible(run: Run, tmp_path: Path) -> None:
    images, plugin = tmp_path / "im\x1b[31mages.npz", tmp_path / "my\x1bc.py"
    pixels = np.random.default_rng(0).integers(256, size=(3, 8, 8, 3), dtype=np.uint8)
    np.savez(images, images=pixels, labels=np.zeros(3, np.int64))
    plugin.write_text(HOSTILE)
    common = "--oracle", f"{plugin}:make", "--budget", "5"
    study = "--study", str(tmp_path / "a.study")
    answers = [
        run(
            "compare", "--images", str(images), "-s", "random", *common, *study, "--true-class", "prediction"
        ),
        run(
            "compare",
            "--images",
            str(images),
            "-s",
            f"{plugin}:search",
            *common,
            "--study",
            str(tmp_path / "b.study"),
        ),
        run("attack", str(images), *common, "--out", str(tmp_path / "o\x1bcut")),
        run("check", f"{plugin}:search"),
        run("show", "\x1bc"),
    ]
    assert [answer.code for answer in answers] == [0, 1, 0, 1, 2]
    for answer in answers:
        printed = answer.out + answer.err
        assert "\x1b" not in printed and (r"\u001b" in printed or r"\x1b" in printed)
    assert "\nb" not in answers[2].out
