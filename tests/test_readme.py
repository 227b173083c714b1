"""The README's commands, code and links work."""

import re
from pathlib import Path

import pytest

from sparseattack.cli.main import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The fenced blocks whose first line is marked ``kind``."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_there_are_two_set_up_commands_of_one_line_each() -> None:
    commands = blocks("sh setup")
    assert len(commands) == 2 and all(len(command.splitlines()) == 1 for command in commands)
    assert all("-c constraints.txt" in command for command in commands)


def test_the_python_example_runs_and_finds_something(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    assert len([line for line in example.splitlines() if line]) <= 10
    exec(compile(example, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 15 and any("not fooled" not in line for line in lines)


def test_the_plugin_shown_is_the_one_that_is_tested() -> None:
    (shown,) = blocks("python plugin")
    assert shown == (ROOT / "tests" / "plugin" / "local_search.py").read_text(encoding="utf-8")


def test_pictures_and_pages_that_are_named_are_there() -> None:
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / name).exists(), name


def test_the_output_shown_has_the_words_of_the_real_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (block,) = (text for text in blocks("text") if "ASR" in text)
    monkeypatch.setenv("COLUMNS", "100")
    command = ["compare", "--strategies", "de,cmaes", "--images", "sample[0:3]", "--budget", "301"]
    with pytest.raises(SystemExit):
        main([*command, "--study", str(tmp_path / "a.study")])
    real, shown = (
        [re.findall("[A-Za-z@]+", line) for line in text.partition("Not counted")[0].splitlines()]
        for text in (capsys.readouterr().out.replace("sample[0:3]", "sample"), block)
    )
    assert shown[3:] == real[3:] and shown[0] == real[0]
    assert [line for line in shown if line[:1] == ["strategy"]]
