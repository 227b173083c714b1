"""sparseattack tabulate writes a table of scores, resumes it, and a comparison uses it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import Run

from sparseattack.errors import OracleError
from sparseattack.experiment.score_table import ScoreTable
from sparseattack.experiment.tabulation import TabulatedImage, Tabulation

ORACLE = """
import torch

def make():
    weights = torch.randn(48, 3, generator=torch.Generator().manual_seed(1))
    def scores(images):
        return images.flatten(1) @ weights
    return scores
"""


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """Four 4x4 images and a linear oracle that is a user's own."""
    (tmp_path / "own.py").write_text(ORACLE)
    drawn = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3), np.uint8)
    np.savez(tmp_path / "four.npz", images=drawn, labels=np.array([0, 1, 2, 0]))
    oracle, images = f"{tmp_path / 'own.py'}:make", str(tmp_path / "four.npz")
    return ["tabulate", "--oracle", oracle, "--images", images, "--out", str(tmp_path / "t.npz")]


def test_a_comparison_needs_nothing_but_the_table(asked: list[str], tmp_path: Path, run: Run) -> None:
    file = str(tmp_path / "t.npz")
    code, out, err = run(*asked)
    assert code == 0 and "4 images, 128 candidates each: 512 evaluations" in err
    assert f"{file}: 4 images, 512 candidates" in out
    for path in ("own.py", "four.npz"):
        (tmp_path / path).unlink()
    compare = out.splitlines()[-1].split()[1:]
    code, out, err = run(
        *compare, "--strategies", "exhaustive", "--study", str(tmp_path / "a.study"), "--csv"
    )
    assert code == 0 and out.count("\n") == 2
    code, _, err = run(*compare, "--pixels", "2", "--strategies", "random", "--study", ":memory:")
    assert (
        code == 2
        and "knows the answers to its 4 images with one pixel" in err
        and "\n" not in err.strip()[-99:]
    )


def test_it_resumes_with_the_images_that_are_lacking(asked: list[str], tmp_path: Path, run: Run) -> None:
    run(*asked)
    whole = ScoreTable.read(file := tmp_path / "t.npz")
    whole.at([0, 1]).write(file)
    code, _, err = run(*asked)
    assert code == 0 and "2 of 4 images already in" in err and "256 evaluations" in err
    assert ScoreTable.read(file).digest == whole.digest
    code, _, err = run(*asked)
    assert code == 0 and "0 evaluations" in err


def test_ctrl_c_writes_what_is_done(
    asked: list[str], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Tabulation.ask

    def interrupted(
        self: Tabulation, places: list[int], done: Callable[[int], None]
    ) -> Iterator[TabulatedImage]:
        yield from ask(self, places[:3], done)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Tabulation, "ask", interrupted)
        code, _, err = run(*asked)
    assert code == 130
    assert "stopped: 3 of 4 images in" in err and "the same command resumes" in err
    assert len(ScoreTable.read(tmp_path / "t.npz")) == 3
    assert run(*asked).code == 0 and len(ScoreTable.read(tmp_path / "t.npz")) == 4


def test_where_the_oracle_fails_what_is_done_is_written(
    asked: list[str], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Tabulation.ask

    def failing(
        self: Tabulation, places: list[int], asked: Callable[[int], None]
    ) -> Iterator[TabulatedImage]:
        yield from ask(self, places[:2], asked)
        raise OracleError("it is gone")

    monkeypatch.setattr(Tabulation, "ask", failing)
    code, _, err = run(*asked)
    assert code == 1 and "it is gone" in err
    assert len(ScoreTable.read(tmp_path / "t.npz")) == 2


def test_a_table_of_another_oracle_is_kept(asked: list[str], tmp_path: Path, run: Run) -> None:
    run(*asked)
    (tmp_path / "own.py").write_text(ORACLE.replace("manual_seed(1)", "manual_seed(2)"))
    before = (tmp_path / "t.npz").read_bytes()
    code, _, err = run(*asked)
    assert code == 2 and "holds answers of another oracle" in err
    assert (tmp_path / "t.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--out", "table.csv"], "--out is a file that ends in .npz, not table.csv"),
        (["--max-images", "-1"], "--max-images is a number of images"),
        (["--out", "nowhere/t.npz"], "there is no folder nowhere"),
    ],
)
def test_wrong_options_are_refused(asked: list[str], run: Run, options: list[str], reason: str) -> None:
    code, _, err = run(*asked, *options)
    assert code == 2 and reason in " ".join(err.split())


def test_only_correct_images_and_the_first_of_them(asked: list[str], tmp_path: Path, run: Run) -> None:
    run(*asked, "--correct-only", "--max-images", "1")
    table = ScoreTable.read(tmp_path / "t.npz")
    assert len(table) == 1 and table.clean_scores.argmax(1).tolist() == table.labels.tolist()
