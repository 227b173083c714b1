"""What all tests share."""

import os
import signal
from pathlib import Path

import pytest
import torch
from command_line import Answer, Run
from hypothesis import HealthCheck, settings

from sparseattack.cli.main import main

torch.set_num_threads(1)  # the images are small: a second thread costs more than it does
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # a machine may have other things to do


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data folder beside the checkout, or where SPARSEATTACK_SHARED says."""
    root = Path(__file__).resolve().parents[1]
    told = os.environ.get("SPARSEATTACK_SHARED")
    folder = Path(told) if told else root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no data folder {folder}: see CONTRIBUTING.md")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert isinstance(ended.value.code, int | None)
        return Answer(ended.value.code or 0, *capsys.readouterr())

    return run


def pytest_configure() -> None:
    """Ctrl-C is heard, also by what tests start, where a job in the background would ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
