"""The command line as a person meets it, in this process."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from sparseattack.cli.main import main


class Answer(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int) or ended.value.code is None
        return Answer(ended.value.code or 0, *capsys.readouterr())

    return run
