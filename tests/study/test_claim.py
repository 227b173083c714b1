"""Several processes run one study together: real ones, which are killed, and claims of ones that are gone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shared_runs import runs_of, small_experiment

from sparseattack import compare
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.study.claim import PORTION, SMALLEST, TIMEOUT, Claims, Owner, claims
from sparseattack.study.run import plan
from sparseattack.study.store import Study

SUPPORT = Path(__file__).parents[1] / "support"
KEYS = [f"{number:032x}" for number in range(1000)]


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Two strategies on ten images, one call of the oracle after another."""
    return small_experiment(tmp_path, oracle="slow_oracle:slow(pause=0.02)", stop="budget", budget=80)


def started(experiment: Experiment, path: Path, count: int, back: Sequence[float] = (0, 0)) -> list[Any]:
    """Processes that all begin at once."""
    environment = os.environ | {"PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"}
    start = path.with_suffix(".start")
    found = [
        subprocess.Popen(
            [
                sys.executable,
                str(SUPPORT / "claiming.py"),
                json.dumps(experiment.to_json()),
                path,
                start,
                str(back[n]),
            ],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for n in range(count)
    ]
    while len(list(path.parent.glob(f"{start.name}.ready-*"))) < count:
        assert all(process.poll() is None for process in found)
        time.sleep(0.02)
    start.touch()
    return found


def ended(process: Any) -> dict[str, int]:
    """What a process has made."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    told: dict[str, int] = json.loads(out.splitlines()[-1])
    return told


@pytest.mark.parametrize("back", [(0, 0), (0, 3600)])
def test_two_processes_share_the_runs_of_one_file(
    experiment: Experiment, tmp_path: Path, back: tuple[float, float]
) -> None:
    """Also where the clock of one goes backwards."""
    told = [ended(process) for process in started(experiment, tmp_path / "a.study", 2, back)]
    assert sum(one["made"] for one in told) == 20 and all(one["made"] for one in told)
    for one in told:
        assert one["made"] + one["elsewhere"] + one["held"] == 20
    compare(replace(experiment, oracle="slow_oracle:slow(pause=0.0)"), tmp_path / "b.study")
    names = ("image", "seed", "strategy", "first_fooled", "queries", "positions", "trace")
    both = [
        [{name: run[name] for name in names} for run in runs_of(tmp_path / f"{file}.study")] for file in "ab"
    ]
    assert both[0] == both[1]
    with Study.read(tmp_path / "a.study") as study:
        assert study.connection.execute("SELECT count(*) FROM claim").fetchone() == (0,)


def test_what_a_killed_process_had_claimed_is_made_by_the_other(
    experiment: Experiment, tmp_path: Path
) -> None:
    killed, other = started(experiment, tmp_path / "a.study", 2)
    killed.stdout.readline()  # its first step
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    told = ended(other)
    assert told["made"] + told["elsewhere"] + told["held"] == 20
    assert len(runs_of(tmp_path / "a.study")) == 20


def test_a_killed_command_goes_on_at_once(experiment: Experiment, tmp_path: Path) -> None:
    (killed,) = started(experiment, tmp_path / "a.study", 1)
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with Study.create(tmp_path / "a.study") as study:
        assert study.connection.execute("SELECT count(*) FROM claim").fetchone() != (0,)
        planned = plan(prepare(experiment), study)
        assert sum(len(step.records) for _, step in planned.run()) == planned.left
        assert len(study.keys()) == 20


def test_portions_are_small_where_others_are_at_work(tmp_path: Path) -> None:
    with Study.create(tmp_path / "a.study") as one, Study.create(tmp_path / "a.study") as other:
        with claims(one) as alone:
            first, _ = alone.take(KEYS, 10)
            assert first == KEYS[:PORTION]
            with claims(other) as second:
                size = -(-(1000 - PORTION) // 4)
                mine, stored = second.take(KEYS, 10)
                assert mine == KEYS[PORTION : PORTION + size] and stored == []
                assert second.take(KEYS[-SMALLEST - 3 :], 10)[0] == KEYS[-SMALLEST - 3 : -3]
                alone.release()
                assert second.take(first, 10)[0] == first[: PORTION // 4]
        assert one.connection.execute("SELECT count(*) FROM claim").fetchone() == (0,)


def test_claims_of_another_machine_end_with_its_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is how long this process has seen no sign, whatever any clock says."""
    now = [1000.0]
    monkeypatch.setattr("sparseattack.study.claim.monotonic", lambda: now[0])
    far = str(Owner("elsewhere", 7, "12", "a"))
    with Study.create(tmp_path / "a.study") as study:
        rows = [(far, far, 0), (KEYS[0], far, 0), (KEYS[1], "nonsense", 0)]
        study.connection.executemany("INSERT INTO claim VALUES (?, ?, ?)", rows)
        mine = Claims(study)
        assert mine.take(KEYS[:2], 10)[0] == KEYS[1:2]
        now[0] += TIMEOUT - 1
        assert mine.take(KEYS[:1], 10)[0] == []
        study.connection.execute("UPDATE claim SET beat = 1 WHERE key = owner")
        now[0] += TIMEOUT - 1
        assert mine.take(KEYS[:1], 10)[0] == []  # it has given a sign
        now[0] += TIMEOUT + 1
        assert mine.take(KEYS[:1], 10)[0] == KEYS[:1]


def test_an_owner_is_a_process_and_when_it_was_started() -> None:
    this = Owner.this()
    assert Owner.parse(str(this)) == this and this.is_here and this.runs
    assert not this._replace(started="1").runs  # another process of the same number
    assert not this._replace(process=2**22 + 1).runs and not Owner.parse("a b") and not Owner.parse("")
