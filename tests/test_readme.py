"""What the README says, done."""

import re
from pathlib import Path

import pytest

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
