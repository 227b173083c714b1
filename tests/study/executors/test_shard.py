"""Shards: each run belongs to one of them, and their union is the study of one process."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_runs import runs_of, small_experiment

from sparseattack import InputError, compare
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.search import inference
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.shard import Shard, run_shard, shard_files, shard_of
from sparseattack.study.facts import InferenceChoice
from sparseattack.study.merge import merge
from sparseattack.study.progress import Advance
from sparseattack.study.run import plan
from sparseattack.study.store import Study

KEYS = st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}")


def shards(count: int) -> list[Shard]:
    """All shards of ``count``."""
    return [Shard(count, number) for number in range(1, count + 1)]


@given(KEYS, st.integers(1, 50))
def test_every_run_belongs_to_one_shard(key: str, count: int) -> None:
    assert [shard.holds(key) for shard in shards(count)].count(True) == 1


def test_shards_are_written_as_number_and_count() -> None:
    shard = Shard.parse("2/8")
    assert str(shard) == "2/8" and shard.file(Path("x/a.study")) == Path("x/a.study.shard-2-of-8")
    assert shard_of(Path("x/a.study.shard-2-of-8")) == shard and shard_of(Path("a.study")) is None


@pytest.mark.parametrize("text", ["0/8", "9/8", "2", "2/0", "-1/8", "1/8/9", "a/b", ""])
def test_another_shard_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match="a shard is NUMBER/COUNT, from 1/8 to 8/8 for eight shards"):
        Shard.parse(text)


def test_the_files_of_shards_are_found_in_order(tmp_path: Path) -> None:
    for name in ("a.study", "a.study.shard-10-of-10", "a.study.shard-2-of-10", "b.study.shard-1-of-2"):
        (tmp_path / name).touch()
    (tmp_path / "a.study.shard-1-of-10-wal").touch()
    found = shard_files(tmp_path / "a.study")
    assert [path.name for path in found] == ["a.study.shard-2-of-10", "a.study.shard-10-of-10"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return small_experiment(tmp_path_factory.mktemp("shards"))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_union_of_shards_is_the_study_of_one_process(
    experiment: Experiment, count: int, tmp_path: Path
) -> None:
    compare(experiment, tmp_path / "whole.study")
    steps = list[Advance]()
    for shard in reversed(shards(count)):
        run_shard(experiment, shard, shard.file(tmp_path / "a.study"), steps.append)
    with Study.create(tmp_path / "a.study") as study:
        plan(prepare(experiment), study)
        files = shard_files(tmp_path / "a.study")
        merge(study, [*files, files[0]])
    assert runs_of(tmp_path / "a.study") == runs_of(tmp_path / "whole.study")
    assert sum(step.runs for step in steps) == 20 and {step.condition for step in steps} == {0, 1}


def test_a_shard_that_is_run_again_runs_nothing(experiment: Experiment, tmp_path: Path) -> None:
    first, again = list[Advance](), list[Advance]()
    for steps in (first, again):
        run_shard(experiment, Shard(2, 1), tmp_path / "a.study", steps.append)
    assert first and not again


def test_inference_is_decided_once_for_all_shards(experiment: Experiment, tmp_path: Path) -> None:
    """Shards have what the study holds: its runs, and its choice of inference, whatever they would choose."""
    run_shard(experiment, Shard(4, 1), tmp_path / "a.study")
    with Study.create(tmp_path / "a.study") as study:
        choice = InferenceChoice(used=True, speedup=7.0)
        study.set(choice, "k=1")
        held = study.keys()
        division = Division(plan(prepare(experiment), study), lambda step: None, print)
        parts = division.start(3)
        assert [str(part.shard) for part in parts] == ["1/3", "2/3", "3/3"]
        for part in parts:
            with Study.read(part.file) as other:
                assert other.get(InferenceChoice, "k=1") == choice
                assert other.keys() == {key for key in held if part.shard.holds(key)}
    assert held


def test_a_division_that_has_no_choice_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "WORTH", 0.0)
    monkeypatch.setattr(inference, "CALLS", 0)
    sparse = small_experiment(
        tmp_path, oracle="allconv-small", images="sample[0:4]", strategies=("random(popsize=40)",)
    )
    with Study.create(tmp_path / "a.study") as study:
        division = Division(plan(prepare(sparse), study), lambda step: None, print)
        parts = division.start(2)
        choice = study.get(InferenceChoice, "k=1")
        assert choice and choice.speedup
        for part in parts:
            with Study.read(part.file) as other:
                assert other.get(InferenceChoice, "k=1") == choice


def test_only_shards_that_lack_runs_are_started(experiment: Experiment, tmp_path: Path) -> None:
    for number in (1, 3):
        run_shard(experiment, Shard(3, number), tmp_path / "a.study")
    with Study.create(tmp_path / "a.study") as study:
        division = Division(plan(prepare(experiment), study), lambda step: None, print)
        assert division.lacking(3) == [Shard(3, 2)] and len(division.start(3)) == 1
        run_shard(experiment, Shard(3, 2), tmp_path / "a.study.shard-2-of-3")
        division.collect(shard_files(tmp_path / "a.study"))
        assert Division(plan(prepare(experiment), study), lambda step: None, print).lacking(3) == []
