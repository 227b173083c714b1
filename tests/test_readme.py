"""The README's commands, code and links work."""

import re
from pathlib import Path

import pytest

from sparseattack.cli.main import main
from sparseattack.cli.study.tables import _inference
from sparseattack.study.facts import InferenceChoice

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
    assert shown == (ROOT / "tests" / "plugin" / "hill_climbing.py").read_text(encoding="utf-8")


def test_pictures_and_pages_that_are_named_are_there() -> None:
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / name).exists(), name


def test_the_output_shown_has_the_words_of_the_real_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (block,) = (text for text in blocks("text") if "ASR" in text)
    monkeypatch.setenv("COLUMNS", "100")
    command = ["compare", "--strategies", "de,cmaes", "--images", "sample[0:4]", "--budget", "301"]
    with pytest.raises(SystemExit):
        main([*command, "--study", str(tmp_path / "a.study")])
    real, inference = capsys.readouterr().out.replace("sample[0:4]", "sample"), inference_line(block)
    shown = block.replace(inference + "\n", "")  # too few queries in the small one: nothing was measured
    assert inference == _inference(1, InferenceChoice(True, float(re.findall(r"\d\.\d+", inference)[0])))
    (first, *_), (shown_first, *_) = real.splitlines(), shown.splitlines()
    assert shown_first == first
    assert words(shown.partition("Attack success rate")[2]) == words(real.partition("Attack success rate")[2])
    checks = r"(\d+) evaluations to check the oracle"
    assert re.findall(checks, shown) == re.findall(checks, real) != []


def inference_line(block: str) -> str:
    """The line about sparse inference."""
    (line,) = (line for line in block.splitlines() if line.startswith("k = 1: "))
    return line


def words(text: str) -> list[str]:
    """Its words, without numbers, wherever the lines end."""
    return re.findall("[A-Za-z@]+", text)
