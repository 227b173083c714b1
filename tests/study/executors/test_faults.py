"""Whatever happens to processes, disks and clocks: nothing finished is lost, nothing is counted twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shared_runs import images_file, runs_of, small_experiment

from sparseattack import InputError, SparseattackWarning, StoreError, compare
from sparseattack.cli.main import main
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.study import run
from sparseattack.study.executors.shard import Shard, run_shard, shard_files
from sparseattack.study.merge import merge
from sparseattack.study.run import plan
from sparseattack.study.store import Study

SUPPORT = Path(__file__).parents[2] / "support"
SLOW = ("--oracle", "slow_oracle:slow(pause=0.05)", "--true-class", "prediction", "--budget", "120",
        "-s", ",".join(f"random(popsize={size})" for size in (8, 9, 10, 11)),
        "--stop", "budget", "--study", "a.study")  # fmt: skip


def start(folder: Path, *words: str) -> "subprocess.Popen[bytes]":
    """A command in a process of its own."""
    command = [sys.executable, "-P", "-m", "sparseattack.cli", "compare", *words]
    environment = os.environ | {"PYTHONPATH": str(SUPPORT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)


def stored(folder: Path) -> dict[str, str]:
    """The checksum of every run in the files of shards, by key; empty while they are being made."""
    found: dict[str, str] = {}
    for file in shard_files(folder / "a.study"):
        with suppress(InputError, StoreError, SparseattackWarning), Study.read(file) as study:
            found |= dict(study.connection.execute("SELECT key, checksum FROM run"))
    return found


def children_of(process: int) -> list[int]:
    """The processes that a process has started."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(number) for number in text.split()]


def is_alive(process: int) -> bool:
    with suppress(OSError):
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    return False


def wait_until(holds: "Iterator[bool]", seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not next(holds):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("victims", ["supervisor", "both"])
def test_killed_processes_lose_no_finished_run(victims: str, tmp_path: Path) -> None:
    images_file(tmp_path)
    words = ("--images", "images.npz", *SLOW)
    process = start(tmp_path, *words, "--jobs", "2")
    wait_until(len(stored(tmp_path)) >= 3 for _ in iter(int, 1))
    children = children_of(process.pid)
    killed = [process.pid, *(children if victims == "both" else [])]
    for each in killed:
        os.kill(each, signal.SIGKILL)
    process.wait()
    wait_until(not any(map(is_alive, children)) for _ in iter(int, 1))  # they end by themselves
    before = stored(tmp_path)
    assert len(children) == 2 and 3 <= len(before) < 40
    again = start(tmp_path, *words, "--jobs", "2")
    assert again.wait() == 0
    with Study.read(tmp_path / "a.study") as study:
        after = dict(study.connection.execute("SELECT key, checksum FROM run"))
    assert before.items() <= after.items() and len(after) == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.study", "images.npz"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return small_experiment(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def whole(experiment: Experiment, tmp_path: Path) -> Path:
    """The study of one process."""
    compare(experiment, tmp_path / "whole.study")
    return tmp_path / "whole.study"


def united(experiment: Experiment, out: Path, *files: Path) -> Path:
    with Study.create(out) as study:
        merge(study, files)
        assert plan(prepare(experiment), study).left == 0
    return out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)]
    made = subprocess.run(command, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no file system can be mounted: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_no_finished_run(
    experiment: Experiment, whole: Path, small_disk: Path, tmp_path: Path
) -> None:
    file, rest = small_disk / "a.study", small_disk / "rest"
    finished = 0

    def fill(step: object) -> None:
        nonlocal finished
        finished += step.runs  # type: ignore[attr-defined]
        if finished >= 4 and not rest.exists():
            with suppress(OSError), rest.open("wb", buffering=0) as full:
                while full.write(b"\0" * 512):
                    pass

    with pytest.raises(StoreError, match=r"full.*what was finished before is kept"):
        run_shard(experiment, Shard(1, 1), file, fill)
    rest.unlink()
    with Study.read(file) as study:
        before = study.keys()
    assert len(before) >= 4
    made = list[int]()
    run_shard(experiment, Shard(1, 1), file, lambda step: made.append(step.runs))
    assert sum(made) == 20 - len(before)
    assert runs_of(united(experiment, tmp_path / "out.study", file)) == runs_of(whole)


RUN_SHARD = """
import json, sys
from pathlib import Path
from sparseattack.experiment.settings import Experiment
from sparseattack.study.executors.shard import Shard, run_shard
run_shard(Experiment.from_json(json.loads(sys.argv[1])), Shard(1, 1), Path(sys.argv[2]))
"""


def test_a_shard_that_runs_twice_at_once_is_counted_once(
    experiment: Experiment, whole: Path, tmp_path: Path
) -> None:
    """Once in one file, and once in a file of its own, as a lost task of a cluster does."""
    words = [sys.executable, "-c", RUN_SHARD, json.dumps(experiment.to_json())]
    names = ("one.study", "one.study", "two.study")
    processes = [subprocess.Popen([*words, str(tmp_path / name)]) for name in names]
    assert [process.wait() for process in processes] == [0, 0, 0]
    files = [tmp_path / name for name in names]
    assert runs_of(united(experiment, tmp_path / "out.study", *files)) == runs_of(whole)


def test_a_damaged_shard_is_put_aside_and_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment, study = small_experiment(tmp_path), tmp_path / "a.study"
    compare(experiment, tmp_path / "whole.study")
    for number in (1, 2):
        run_shard(experiment, Shard(2, number), Shard(2, number).file(study))
    damaged = Shard(2, 1).file(study)
    data = bytearray(damaged.read_bytes())
    data[4096:] = b"\7" * (len(data) - 4096)
    damaged.write_bytes(data)
    words = ("compare", "--images", experiment.images, "--oracle", experiment.oracle, "--true-class",
             "prediction", "--budget", "60", "-s", "random(popsize=10),cmaes",
             "--study", str(study))  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main([*words, "--jobs", "1"])
    assert not ended.value.code and f"{damaged} is damaged" in capsys.readouterr().err
    assert runs_of(study) == runs_of(tmp_path / "whole.study")
    assert Path(f"{damaged}.damaged").read_bytes() == data and shard_files(study) == []


def test_a_clock_that_goes_backwards_changes_nothing(
    experiment: Experiment, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    class Backwards(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            now[0] -= timedelta(days=1)
            return now[0]

    monkeypatch.setattr(run, "datetime", Backwards)
    monkeypatch.setattr(time, "time", lambda: Backwards.now().timestamp())
    files = [tmp_path / f"{number}.study" for number in (1, 2)]
    for number, file in enumerate(files, 1):
        for _ in range(2):  # once whole, and once more
            run_shard(experiment, Shard(2, number), file)
    assert runs_of(united(experiment, tmp_path / "out.study", *files)) == runs_of(whole)
