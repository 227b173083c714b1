"""A warning of our own is one line on the terminal."""

import warnings

import pytest
from command_line import Run

from sparseattack.cli.warned import said
from sparseattack.errors import SparseattackWarning


def test_our_own_is_one_line_and_another_says_where_it_comes_from() -> None:
    ours = said("it is slow", SparseattackWarning, "file.py", 3)
    theirs = said("it is old", DeprecationWarning, "file.py", 3, "import old")
    assert ours == "sparseattack: it is slow\n"
    assert theirs == "file.py:3: DeprecationWarning: it is old\n  import old\n"


def test_commands_say_warnings_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    assert run("list").code == 0
    assert warnings.formatwarning is said
