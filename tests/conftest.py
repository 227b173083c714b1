"""Fixtures and settings of all tests."""

import os
import signal
from pathlib import Path

import pytest
import torch
from command_line import Answer, Run
from hypothesis import HealthCheck, settings
from pages import small_study, three_strategies

from sparseattack.cli.main import main
from sparseattack.plugins import registry
from sparseattack.report.results import Results

torch.set_num_threads(1)  # the images are small: a second thread costs more than it does
settings.register_profile("no-deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-deadline")  # a busy machine may be slow


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data folder beside the checkout, or the folder in SPARSEATTACK_SHARED."""
    root = Path(__file__).resolve().parents[1]
    chosen = os.environ.get("SPARSEATTACK_SHARED")
    folder = Path(chosen) if chosen else root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"there is no data folder {folder}: see CONTRIBUTING.md")
    return folder


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws from the generator of torch is the same in every run and order of the tests."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is registered for that test only."""
    monkeypatch.setattr(registry, "_registered", {})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that failed is repeated after a hundredth of the time."""
    from sparseattack.oracles.remote import client

    monkeypatch.setattr(client, "FIRST", client.FIRST / 100)


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


@pytest.fixture(scope="session")
def small_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the small study that pages are made of, which `small_results` fills."""
    return tmp_path_factory.mktemp("studies") / "a.study"


@pytest.fixture(scope="session")
def small_results(small_path: Path) -> Results:
    """Its results."""
    return small_study(small_path)


@pytest.fixture(scope="session")
def small_page(small_results: Results) -> str:
    """Its page."""
    return small_results.to_html()


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The results of three strategies."""
    return three_strategies(tmp_path_factory.mktemp("studies") / "three.study")


def pytest_configure() -> None:
    """Handle Ctrl-C as usual, also in processes that tests start; a background job would ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
