"""The reproduce command, run from the command line."""

import csv
import io
import json
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import Answer, Run, start

from sparseattack.cli.reproduce import duration
from sparseattack.reproduction.studies import read_finished

TESTS = Path(__file__).parents[1] / "support"
TINY = ("reproduce", "one-pixel", "--networks", "allconv-small", "--data", "sample", "--images", "4",
        "--budget", "400", "-s", "random", "-k", "1,3", "--out")  # fmt: skip
SLOW = ("reproduce", "one-pixel", "--networks", "slow_oracle:slow(pause=0.05)", "--data", "images.npz",
        "--images", "12", "--targeted-images", "0", "--budget", "500", "-s", "random(popsize=20)",
        "--out", "out")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reproduced") / "out"


@pytest.fixture(scope="module")
def told(folder: Path) -> Answer:
    """What it printed, in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        process = start(folder.parent, *TINY, str(folder))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return Answer(0, out, err)


def test_tables_and_figures_are_written_and_shown(told: Answer, folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "table-8.md", "table-8.csv", "table-8.json", "figures", "studies", "one-pixel.html"
    }  # fmt: skip
    assert len(list((folder / "studies").glob("*.study"))) == 4
    for words in ("Table VIII", "allconv-small", "untargeted success, 3 pixels", "in place of 500"):
        assert words in told.out
    assert str(folder) in told.err.replace("\n", "")
    text = (folder / "one-pixel.html").read_text("utf-8")
    assert "untargeted success, 3 pixels" in text and "<code>sparseattack reproduce one-pixel --" in text
    for path in re.findall(r"\]\((.*?)\)", (folder / "table-8.md").read_text("utf-8")):
        assert (folder / path).stat().st_size > 1000


def test_cells_are_functions_of_the_studies(told: Answer, folder: Path) -> None:
    cells = json.loads((folder / "table-8.json").read_text("utf-8"))["cells"]
    success = next(cell for cell in cells if cell["row"] == "untargeted success, 3 pixels")
    finding = read_finished(folder / "studies" / success["studies"])
    assert finding
    fooled = sum(record.success for record in finding.records)
    assert success["ours"] == fooled / 4 and f"{100 * fooled / 4:.1f} %" in told.out
    rows = list(csv.DictReader(io.StringIO((folder / "table-8.csv").read_text("utf-8"))))
    assert [row["row"] for row in rows] == [cell["row"] for cell in cells]


def test_what_is_there_is_shown_again_without_running(told: Answer, folder: Path, run: Run) -> None:
    again = run(*TINY, str(folder), "--no-run")
    assert again.out == told.out and "finished" not in again.err
    report = run("report", str(next((folder / "studies").glob("*random*.study"))))
    assert report.code == 0 and "random" in report.out


def test_nothing_there_is_a_table_of_the_papers_figures(tmp_path: Path, run: Run) -> None:
    answer = run(
        "reproduce", "one-pixel", "--table", "4", "--data", "sample", "--out", str(tmp_path / "o"), "--no-run"
    )
    assert answer.code == 0 and "Nothing of this table has been run yet." in answer.out
    assert "68.7 %" in answer.out and "Kaggle" in answer.out


def test_networks_without_weights_are_left_out_with_a_message(tmp_path: Path, run: Run) -> None:
    lacking = f"allconv(weights={tmp_path}/none.safetensors)"
    options = ("--data", "sample", "--images", "1", "--targeted-images", "0", "--budget", "10", "-s", "")
    command = ("reproduce", "one-pixel", *options, "--out", str(tmp_path / "o"), "--networks")
    answer = run(*command, f"{lacking},allconv-small")
    assert answer.code == 0 and answer.err.count("is left out") == 1
    assert "Traceback" not in answer.err and "allconv-small" in answer.out
    answer = run(*command, lacking)
    assert answer.code == 2 and "none of the networks can be attacked" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "9"), "there is no table '9', only 4, 5, 6, 7, 8, imagenet and all"),
        (("--table", "imagenet"), "needs photographs"),
        (("--networks", "alconv"), "no oracle 'alconv', only"),
        (("-k", "two"), "--pixels takes whole numbers"),
        (("-k", "3,0"), "at least 1 pixel changes, not 0"),
        (("--images", "0"), "nothing to run: every number of images is 0"),
        (("--table", "5", "--networks", "vgg16"), "in the paper's table 5 there is no vgg16"),
        (("--seed", str(10**20)), "at most 9007199254740992"),
        (("-s", "dee"), "no strategy 'dee'"),
        (("--data", "nothing.npz"), "nothing.npz"),
        (("--images", "-1"), "a number of images"),
        (("--budget", "0"), "at least 1"),
        (("--device", "cuda:9"), "cuda:9"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, run: Run, arguments: tuple[str, ...], said: str) -> None:
    answer = run("reproduce", "one-pixel", "--data", "sample", "--out", str(tmp_path / "o"), *arguments)
    assert answer.code == 2 and said in " ".join(answer.err.split()), answer.err
    assert len(answer.err.strip().splitlines()) == 1 and not answer.out and not (tmp_path / "o").exists()


def test_another_paper_is_unknown(run: Run) -> None:
    answer = run("reproduce", "two-pixel")
    assert answer.code == 2 and "no paper 'two-pixel' to reproduce, only one-pixel" in answer.err


def started(folder: Path) -> "subprocess.Popen[str]":
    """A slow one, in a process of its own."""
    images = np.random.default_rng(3).integers(256, size=(12, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(12) % 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))
        return start(folder, *SLOW)


def wait_for_a_study(folder: Path, name: str) -> None:
    for _ in range(600):
        time.sleep(0.1)
        if list(folder.glob(f"out/studies/*{name}*.study")):
            return
    raise AssertionError(f"never a study {name}")


def test_ctrl_c_shows_finished_cells_and_the_command_that_continues(tmp_path: Path) -> None:
    process = started(tmp_path)
    wait_for_a_study(tmp_path, "random")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    assert "the same command resumes" in err and "Table VIII" in out
    assert (tmp_path / "out" / "table-8.csv").exists()


def test_a_killed_reproduction_continues(tmp_path: Path) -> None:
    process = started(tmp_path)
    wait_for_a_study(tmp_path, "random")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "out" / "table-8.csv").exists()  # written after the first part
    again = started(tmp_path)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0 and "Table VIII" in out, err
    assert all(read_finished(path) for path in (tmp_path / "out" / "studies").glob("*.study"))


@pytest.mark.parametrize(
    ("seconds", "said"), [(40.4, "40 s"), (60, "1 min"), (1999, "33 min"), (7800, "2 h 10 min")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said
