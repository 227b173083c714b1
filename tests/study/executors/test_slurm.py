"""A comparison as a job array of Slurm: the study of one process, whatever becomes of the tasks."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared_runs import runs_of, small_experiment
from slurm_cluster import Slurm, missing, slurm_cluster, wait_until
from tended_oracle import calls_of

from sparseattack import InputError, compare
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.slurm import job_name, slurm
from sparseattack.study.run import plan
from sparseattack.study.store import Study


def submit(experiment: Experiment, path: Path, **settings: Any) -> tuple[bool, str]:
    """What the executor returns, and all that it prints."""
    said = list[str]()
    with Study.create(path) as study:
        division = Division(plan(prepare(experiment), study), lambda step: None, said.append)
        return slurm(division, **settings), "\n".join(said)


def bash(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run bash without what Slurm sets, but for these variables."""
    return subprocess.run(
        ["bash", *arguments], env=os.environ | variables, capture_output=True, text=True, check=False
    )


def test_the_script_is_written_with_the_command_that_submits_it(tmp_path: Path) -> None:
    study = tmp_path / "it's a study"
    settings = {
        "shards": 3,
        "submit": False,
        "device": "cuda",
        "sbatch": "--partition=gpu --comment='two words'",
    }
    whole, said = submit(small_experiment(tmp_path), study, **settings)
    script = tmp_path / "it's a study.slurm" / "array.sh"
    assert not whole and said == f"Submit shards 1-3 of 3 with:\n  sbatch {shlex.quote(str(script))}"
    head = [line for line in script.read_text().splitlines() if line.startswith("#SBATCH")]
    assert head[:2] == [f"#SBATCH --job-name={job_name(study)}", "#SBATCH --array=1-3"]
    assert head[3:] == [
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        "#SBATCH --signal=B:USR1@120",
        "#SBATCH --partition=gpu",
        "#SBATCH '--comment=two words'",
    ]
    assert bash("-n", str(script)).stderr == ""
    assert json.loads(script.with_name("experiment.json").read_text())["device"] == "cuda"


def test_a_task_without_slurm_is_a_shard_and_the_rest_is_submitted(tmp_path: Path) -> None:
    """The script is run by bash: what it copies back is collected; the shards that lack runs are named."""
    study, experiment = tmp_path / "a.study", small_experiment(tmp_path)
    submit(experiment, study, shards=3, submit=False)
    script = tmp_path / "a.study.slurm" / "array.sh"
    done = bash(str(script), SLURM_ARRAY_TASK_ID="2", SLURM_ARRAY_JOB_ID="7", TMPDIR=str(tmp_path / "disk"))
    assert done.returncode == 1 and "disk" in done.stderr  # there is no such folder
    (tmp_path / "disk").mkdir()
    done = bash(str(script), SLURM_ARRAY_TASK_ID="2", SLURM_ARRAY_JOB_ID="7", TMPDIR=str(tmp_path / "disk"))
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "disk").iterdir())
    assert [path.name for path in script.parent.glob("shard*")] == ["shard-2-of-3.job-7-0"]
    half = script.with_name("shard-2-of-3.job-7-0").read_bytes()[:-8192]
    script.with_name("shard-1-of-3.job-7-0").write_bytes(half)
    _, said = submit(experiment, study, shards=3, submit=False)
    assert "is put aside as" in said and "Submit shards 1,3 of 3" in said
    assert script.with_name("shard-1-of-3.job-7-0.damaged").exists()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"shards": 0}, "at least 1, not 0"),
        ({"sbatch": "--array=1-5"}, "cannot have --array=1-5: the shards are the array"),
        ({}, "there is no sbatch here"),
    ],
)
def test_what_cannot_be_submitted_is_said(
    settings: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=sentence):
        submit(small_experiment(tmp_path), tmp_path / "a.study", **settings)


@pytest.fixture(scope="module")
def running() -> Iterator[Slurm]:
    if lacking := missing():
        pytest.skip(f"there is no {lacking}: apt-get install slurmctld slurmd slurm-client munge")
    with slurm_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, running.environment[name])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "support"))
    return running


def test_tasks_that_are_lost_killed_and_out_of_time(cluster: Slurm, tmp_path: Path) -> None:
    study, files = tmp_path / "a study", tmp_path / "files"
    files.mkdir()
    for name in ("slow", "2.kill"):
        (files / name).touch()
    experiment = small_experiment(tmp_path, oracle=f"tended_oracle:tended(folder={files})", seeds=(0, 1, 2))
    with pytest.raises(InputError, match=r"sbatch refuses .*array.sh: .*partition"):
        submit(experiment, study, shards=3, sbatch="--partition=nowhere")
    whole, said = submit(experiment, study, shards=3, sbatch="--time=10 --comment='two words'")
    job = said.partition("job ")[2].partition(":")[0]
    assert not whole and job.isdecimal()

    def calls(task: str) -> int:
        return max(calls_of(files, task), default=0)

    wait_until(lambda: min(calls("1-0"), calls("3-0")) > 30, "for two tasks to run")
    cluster.lose(job, 1)
    cluster.run("scontrol", "requeue", f"{job}_1")
    cluster.run("scancel", "--signal=USR1", "--batch", f"{job}_3")
    wait_until(lambda: cluster.release(job) == {1, 3}, "for two tasks to be requeued")
    assert "tasks are in the queue" in submit(experiment, study, shards=3)[1]
    (files / "slow").unlink()
    wait_until(lambda: cluster.release(job) and not cluster.queue(), "for the tasks to end")
    assert [path.name for path in sorted((tmp_path / "a study.slurm").glob("shard-*"))] == [
        f"shard-1-of-3.job-{job}-0",
        f"shard-1-of-3.job-{job}-1",
        f"shard-3-of-3.job-{job}-0",
        f"shard-3-of-3.job-{job}-1",
    ]
    whole, said = submit(experiment, study, shards=3, wait=True)
    assert whole and "shards 2 of 3" in said
    compare(experiment, tmp_path / "b.study")
    assert runs_of(study) == runs_of(tmp_path / "b.study")
