"""Shards in processes of this machine: the results of one process, whatever dies meanwhile."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shared_runs import images_file, runs_of, small_experiment

from sparseattack import InputError, OracleError, SparseattackError, compare
from sparseattack.errors import ChangedError, UnansweredError
from sparseattack.experiment.prepare import prepare
from sparseattack.plugins.registry import load
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.local import cores, environment_of, local, number_of_jobs
from sparseattack.study.executors.shard import Shard, run_shard
from sparseattack.study.progress import Advance
from sparseattack.study.run import plan
from sparseattack.study.store import Study


def run_locally(folder: Path, jobs: str, **settings: Any) -> list[Advance]:
    """Run a small comparison in several processes; the steps that they report."""
    steps = list[Advance]()
    experiment = small_experiment(folder, **settings)
    with Study.create(folder / "a.study") as study:
        assert local(Division(plan(prepare(experiment), study), steps.append, print), jobs=jobs)
    return steps


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".study" in path.name)


def dying(folder: Path, deaths: int) -> str:
    return f"dying_oracle:dying(folder={folder},deaths={deaths})"


def test_two_processes_make_the_study_of_one_although_one_dies(tmp_path: Path) -> None:
    oracle = dying(tmp_path, 1)
    steps = run_locally(tmp_path, "2", oracle=oracle)
    assert len(list(tmp_path.glob("*.died"))) == 1
    compare(small_experiment(tmp_path, oracle=oracle), tmp_path / "b.study")
    assert runs_of(tmp_path / "a.study") == runs_of(tmp_path / "b.study")
    assert 18 <= sum(step.runs for step in steps) <= 20  # one may be stored, but not reported
    assert files(tmp_path) == ["a.study", "b.study"]


def test_one_that_dies_three_times_is_named(tmp_path: Path) -> None:
    with pytest.raises(SparseattackError, match="process of shard 1/1 ended by signal 9 3 times"):
        run_locally(tmp_path, "1", oracle=dying(tmp_path, 5))
    assert len(list(tmp_path.glob("*.died"))) == 3 and files(tmp_path) == ["a.study"]


def test_an_error_of_an_oracle_is_the_error_of_the_comparison(tmp_path: Path) -> None:
    with pytest.raises(OracleError, match="NaN"):
        run_locally(tmp_path, "2", oracle="slow_oracle:failing(calls=15)")
    assert files(tmp_path) == ["a.study"]


def test_images_that_an_oracle_does_not_answer_end_no_other_shard(tmp_path: Path) -> None:
    """All other runs are finished, as with one process, however often the command is given."""
    oracle = f"slow_oracle:silent(images={images_file(tmp_path)},places=[4])"
    for _ in range(2):
        with pytest.raises(UnansweredError, match=r"^2 runs are not finished, all others are: no answer"):
            run_locally(tmp_path, "2", oracle=oracle)
        with Study.read(tmp_path / "a.study") as study:
            assert {run.image for run in study.records()} == {*range(10)} - {4}


def test_an_exception_of_another_module_is_the_nearest_of_this_package(tmp_path: Path) -> None:
    oracle = f"slow_oracle:silent(images={images_file(tmp_path)},refused=yes)"
    with pytest.raises(OracleError, match=r"^host answered 401$"):
        run_locally(tmp_path, "2", oracle=oracle)


def test_of_an_oracle_that_changes_no_shard_keeps_a_run(tmp_path: Path) -> None:
    """One process notices it; the others, which have an oracle of their own, are ended before they can."""
    small = small_experiment(tmp_path, oracle="slow_oracle:changing(calls=16)")
    with Study.create(tmp_path / "a.study") as study:
        held = plan(prepare(replace(small, oracle="slow_oracle:changing(calls=900)", budget=30)), study)
        assert [*held.run()]
        before = study.keys()
        division = Division(plan(prepare(replace(small, seeds=(1, 2))), study), lambda step: None, print)
        with pytest.raises(ChangedError), division.taking_back():
            local(division, jobs="3")
        assert study.keys() == before != frozenset()


def test_shards_of_a_noisy_oracle_are_united(tmp_path: Path) -> None:
    """Its predictions may differ from process to process, too."""
    noisy = small_experiment(tmp_path, oracle="slow_oracle:tempered", noisy_oracle=True)
    run_locally(tmp_path, "2", oracle=noisy.oracle, noisy_oracle=True)
    compare(noisy, tmp_path / "a.study")
    assert len(runs_of(tmp_path / "a.study")) == 20


def test_a_shard_that_another_command_has_open_stays(tmp_path: Path) -> None:
    """It may write to it still: what it writes to a file that is removed would be lost."""
    shard = Shard(2, 1)
    file = shard.file(tmp_path / "a.study")
    run_shard(small_experiment(tmp_path), shard, file)
    with Study.create(file) as other:
        run_locally(tmp_path, "1")
        assert file.exists() and other.keys() < {run["key"] for run in runs_of(tmp_path / "a.study")}
    run_locally(tmp_path, "1")
    assert files(tmp_path) == ["a.study"]


def test_jobs_are_a_number_or_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert number_of_jobs("3", "cpu") == 3 and number_of_jobs("auto", "cpu") == cores() >= 1
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert number_of_jobs("auto", "cuda") == 4
    for wrong in ("0", "-1", "two", "1.5", ""):
        with pytest.raises(InputError, match="at least 1, or auto"):
            number_of_jobs(wrong, "cpu")
    assert load("executors", "local(jobs=2)").keywords == {"jobs": "2"}  # type: ignore[attr-defined]


def test_processes_share_the_cores_and_have_a_gpu_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparseattack.study.executors.local.cores", lambda: 8)
    assert environment_of(0, 3, "cpu")["OMP_NUM_THREADS"] == "2"
    assert environment_of(0, 16, "cpu")["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-7")
    found = [environment_of(place, 3, "cuda")["CUDA_VISIBLE_DEVICES"] for place in range(3)]
    assert found == ["2", "GPU-7", "2"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert environment_of(1, 2, "cuda")["CUDA_VISIBLE_DEVICES"] == "1"
