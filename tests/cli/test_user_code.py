"""Code of a user that fails in a command: one sentence with its name, file and line; --debug has the rest."""

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Answer, Run

CODE = """
import sys
import torch

class Odd(BaseException): pass

def start_exits(space):
    sys.exit(0)
    yield

def exits(space):
    yield space.uniform(3)
    sys.exit(0)

def ends(space):
    try:
        while True: yield space.uniform(3)
    finally: sys.exit(0)

def odd(space):
    yield space.uniform(3)
    raise Odd("one")

def leaves(space):
    yield space.uniform(3)
    raise GeneratorExit

def divides(space):
    yield space.uniform(3)
    helper()

def helper(): 1 / 0

def oracle(exits=False):
    def scores(images):
        if exits: sys.exit(0)
        return torch.stack([1 + images.flatten(1).mean(1), images.flatten(1).std(1)], 1)
    return scores

def silent(): return oracle(exits=True)

def made(): sys.exit(0)

def fitness(queries): sys.exit(0)

class Encoding:
    slots = 1
    def genes(self, shape): sys.exit(0)

def encoding(*, pixels=1): return Encoding()

def no(*, pixels=1): sys.exit(0)
"""


@pytest.fixture
def attack(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Attack a digit with names in a file of the user's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CODE)

    def attack(*options: str) -> Answer:
        oracle = () if "--oracle" in options else ("--oracle", "mine.py:oracle")
        label = () if "silent" in str(options) else ("--label", "0")
        return run("attack", "digits[0]", *oracle, *label, "--budget", "9", *options)

    return attack


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        ("-s mine.py:start_exits", "strategy mine.py:start_exits failed: SystemExit: 0 (mine.py, line 8)", 1),
        ("-s mine.py:exits", "strategy mine.py:exits failed: SystemExit: 0 (mine.py, line 13)", 1),
        ("-s mine.py:ends", "strategy mine.py:ends failed: SystemExit: 0 (mine.py, line 18)", 1),
        ("-s mine.py:odd", "strategy mine.py:odd failed: Odd: one (mine.py, line 22)", 1),
        ("-s mine.py:leaves", "strategy mine.py:leaves failed: GeneratorExit (mine.py, line 26)", 1),
        (
            "-s mine.py:divides",
            "strategy mine.py:divides failed: ZeroDivisionError: division by zero (mine.py, line 32)",
            1,
        ),
        (
            "--oracle mine.py:silent",
            "oracle mine.py:silent failed on image 0: SystemExit: 0 (mine.py, line 36)",
            1,
        ),
        ("--oracle mine.py:made", "oracle mine.py:made cannot be made: SystemExit: 0 (mine.py, line 42)", 1),
        ("--fitness mine.py:fitness", "fitness fitness failed: SystemExit: 0 (mine.py, line 44)", 2),
        ("--encoding mine.py:encoding", "SystemExit: 0 (mine.py, line 48)", 1),
        ("--encoding mine.py:no", "encoding mine.py:no cannot be made: SystemExit: 0 (mine.py, line 52)", 1),
    ],
)  # fmt: skip
def test_what_fails_is_one_sentence_and_never_a_silent_end(
    options: str, said: str, code: int, attack: Run
) -> None:
    answer = attack(*options.split())
    assert (answer.code, answer.out, answer.err) == (code, "", f"sparseattack: {said}\n")


def test_the_users_own_traceback_is_shown_on_demand(attack: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = attack("-s", "mine.py:divides")
    assert "Traceback" not in usual.err
    for answer in (attack("-s", "mine.py:divides", "--debug"), _with_variable(attack, monkeypatch)):
        assert answer.code == 1 and answer.err.endswith(usual.err)
        assert 'mine.py", line 30, in divides\n    helper()' in answer.err.replace("\n             ", "")
        assert answer.err.count("Traceback") == 1  # the cause's alone


def _with_variable(attack: Run, monkeypatch: pytest.MonkeyPatch) -> Answer:
    monkeypatch.setenv("SPARSEATTACK_DEBUG", "1")
    return attack("-s", "mine.py:divides")


def test_a_plugin_whose_import_exits_is_broken(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ends.py").write_text("import sys\nclass Odd(BaseException): pass\nraise Odd(3)\n")
    said = "strategy ends.py:search is broken: Odd: 3 (ends.py, line 3)"
    assert run("attack", "digits[0]", "-s", "ends.py:search") == (2, "", f"sparseattack: {said}\n")


def test_ctrl_c_in_a_users_code_stays_an_interruption(attack: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CODE.replace("1 / 0", "raise KeyboardInterrupt"))
    code, out, err = attack("-s", "mine.py:divides")
    assert (code, out) == (130, "") and err.endswith("nothing was written\nsparseattack: interrupted\n")


def test_completion_of_the_shell_still_ends_the_process() -> None:
    """It calls sys.exit itself: that is no failure of anybody's code."""
    from os import environ

    asked = {"_SPARSEATTACK_COMPLETE": "complete_bash", "COMP_WORDS": "sparseattack li", "COMP_CWORD": "1"}
    program = [sys.executable, "-c", "from sparseattack.cli.main import main; main()"]
    done = subprocess.run(program, env={**environ, **asked}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "list")
