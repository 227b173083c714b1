"""A comparison on a Ray cluster: the study of one process, though a machine is lost."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from ray_cluster import ray_cluster
from shared_runs import images_file, runs_of, small_experiment
from slurm_cluster import wait_until
from tended_oracle import calls_of

from sparseattack import InputError, compare
from sparseattack.experiment.prepare import prepare
from sparseattack.plugins.registry import load
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.shard import Shard, run_shard
from sparseattack.study.run import plan
from sparseattack.study.store import Study

SUPPORT = str(Path(__file__).parents[2] / "support")

pytestmark = pytest.mark.skipif(not find_spec("ray"), reason="there is no ray: pip install sparseattack[ray]")


def start(folder: Path, address: str, oracle: str, name: str) -> "subprocess.Popen[str]":
    """Start the command that compares on a cluster, in shards of one core each."""
    command = [
        sys.executable, "-m", "sparseattack.cli", "compare", "--oracle", oracle, "--images",
        str(images_file(folder)), "-s", "random(popsize=10),cmaes", "--true-class", "prediction",
        "--budget", "60", "--seeds", "0,1,2", "--study", name,
        "--executor", f"ray(address={address},shards=4)",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": SUPPORT}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.mark.parametrize(
    ("settings", "device", "sentence"),
    [
        ("shards=-1", "cpu", "shards is a number of tasks, or 0, not -1"),
        ("cpus=0", "cpu", "needs cores"),
        ("device=cuda", "cpu", "tasks on the device cuda need GPUs"),
        ("", "cuda", "tasks on the device cuda need GPUs, as in ray(gpus=1)"),
        ("address=auto", "cpu", "there is no Ray cluster at auto: `ray start --head` starts one here"),
    ],
)
def test_what_cannot_be_run_is_said(settings: str, device: str, sentence: str, tmp_path: Path) -> None:
    with Study.create(tmp_path / "a.study") as study:
        planned = plan(prepare(small_experiment(tmp_path)), study)
        experiment = replace(planned.setup.experiment, device=device)
        division = Division(
            replace(planned, setup=replace(planned.setup, experiment=experiment)), lambda step: None, print
        )
        with pytest.raises(InputError, match=re.escape(sentence)):
            load("executors", f"ray({settings})")(division)


def test_a_task_needs_nothing_but_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sparseattack.study.executors.ray import Job, run_job

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    experiment = small_experiment(tmp_path)
    with Study.create(tmp_path / "a.study"):
        pass
    content = (tmp_path / "a.study").read_bytes()
    done = run_job(Job(experiment, Shard(2, 1), content, "/no such folder", ("/added",)))
    assert sys.path[-1] == "/added"
    (tmp_path / "a.study").write_bytes(done.content)
    run_shard(experiment, Shard(2, 1), tmp_path / "b.study")
    assert runs_of(tmp_path / "a.study") == runs_of(tmp_path / "b.study") != []
    assert sum(step.runs for step in done.steps) == len(runs_of(tmp_path / "a.study"))


@pytest.mark.skipif(not shutil.which("setpriv"), reason="there is no setpriv")
def test_a_machine_and_a_process_that_are_lost(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("slow", "0.kill"):
        (files / name).touch()
    oracle = f"tended_oracle:tended(folder={files})"
    with ray_cluster() as cluster:
        with start(tmp_path, cluster.address, "slow_oracle:failing(calls=15)", "failing") as failing:
            said, _ = failing.communicate(timeout=180)
            assert failing.returncode == 1 and "NaN" in said
        with start(tmp_path, cluster.address, oracle, "a.study") as running:
            wait_until(
                lambda: sum(calls > 25 for calls in calls_of(files, "0-0")) >= 2, "for two tasks to run"
            )
            cluster.lose()
            (files / "slow").unlink()
            said, _ = running.communicate(timeout=180)
            assert running.returncode == 0, said
    assert not (files / "0.kill").exists()
    compare(small_experiment(tmp_path, oracle=oracle, seeds=(0, 1, 2)), tmp_path / "b.study")
    assert runs_of(tmp_path / "a.study") == runs_of(tmp_path / "b.study")
