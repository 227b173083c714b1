"""A study is printed in one output format at a time."""

import pytest
from command_line import Run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "--json", "--csv"), "--json and --csv are different output formats: choose one"),
        (
            ("report", "none.study", "--csv", "--runs"),
            "--csv and --runs are different output formats: choose one",
        ),
    ],
)
def test_two_formats_at_once_are_refused(arguments: tuple[str, ...], words: str, run: Run) -> None:
    assert run(*arguments) == (2, "", f"sparseattack: {words}\n")
