"""A comparison is planned, run, interrupted, resumed and refused."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparseattack import compare
from sparseattack.errors import ChangedError, InputError, OracleError, SparseattackWarning
from sparseattack.experiment.clean import evaluate_clean
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.report.results import results
from sparseattack.study.pictures import attempts
from sparseattack.study.record import Record
from sparseattack.study.run import plan
from sparseattack.study.store import Study


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Nine 8x8 images with the labels that the oracle gives them, but for one."""
    images = np.random.default_rng(1).integers(256, size=(9, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.zeros(9, np.int64))
    chosen = Experiment(
        strategies=("random(popsize=20)", "cmaes"),
        encodings=("corners",),
        oracle="linear(classes=4,inputs=192)",
        images=str(tmp_path / "images.npz"),
        budget=90,
    )
    labels = evaluate_clean(chosen).predictions.classes.numpy()
    labels[4] = (labels[4] + 1) % 4
    np.savez(tmp_path / "images.npz", images=images, labels=labels)
    return chosen


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with Study.create(tmp_path / "a.study") as study:
        yield study


def finish(experiment: Experiment, study: Study) -> list[Record]:
    """Run all that is left; what was run now."""
    return [record for _, step in plan(prepare(experiment), study).run() for record in step.records]


def facts(records: list[Record]) -> list[dict[str, Any]]:
    """All but how long it took."""
    return [record.to_dict() | {"oracle_seconds": 0, "strategy_seconds": 0} for record in records]


def test_every_correct_image_is_attacked_under_every_condition(experiment: Experiment, study: Study) -> None:
    records = finish(experiment, study)
    assert len(records) == 2 * 8 and {record.image for record in records} == {*range(9)} - {4}
    assert all(record.queries <= 90 for record in records) and any(record.success for record in records)
    assert results(study).subject.left_out == 1 and results(study).subject.runs == 16


def test_finished_runs_are_not_run_again(experiment: Experiment, study: Study) -> None:
    assert finish(experiment, study) and not finish(experiment, study)


def test_an_interrupted_comparison_continues_to_the_same_result(
    experiment: Experiment, study: Study, tmp_path: Path
) -> None:
    part = plan(prepare(experiment), study).run()
    while not study.keys():
        next(part)
    del part
    held = len(study.keys())
    assert 0 < held < 16
    assert len(finish(experiment, study)) == 16 - held
    with Study.create(tmp_path / "whole.study") as whole:
        finish(experiment, whole)
        assert facts(study.records()) == facts(whole.records())


def test_images_in_another_order_get_the_same_results(
    experiment: Experiment, study: Study, tmp_path: Path
) -> None:
    held = dict(np.load(experiment.images))
    order = np.array([5, 0, 8, 2])
    np.savez(tmp_path / "some.npz", images=held["images"][order], labels=held["labels"][order])
    fewer = finish(replace(experiment, images=str(tmp_path / "some.npz")), study)
    some = {record.image: record for record in fewer if record.strategy == "cmaes"}
    with Study.create(tmp_path / "all.study") as every:
        finish(experiment, every)
        same = ("first_fooled", "queries", "value", "positions", "colours", "trace", "restarts")
        for one in (record for record in every.records() if record.strategy == "cmaes"):
            if one.image in order:
                twin = some[int(np.flatnonzero(order == one.image)[0])]
                assert all(getattr(one, name) == getattr(twin, name) for name in same)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"oracle": "linear(classes=4,inputs=192,seed=1)"},
            r"oracle was linear\(.*, is linear\(.*seed=1\)\. Name another file with --study; .* report A B",
        ),
        ({"target": "random"}, "another question: target was none, is random"),
        ({"target": "3", "stop": "budget"}, "target was none, is 3; stop was success, is budget"),
        ({"true_class": "prediction"}, "true_class was label, is prediction"),
        ({"correct_only": True}, "correct_only was False, is True"),
    ],
)
def test_a_study_about_another_question_is_refused(
    experiment: Experiment, study: Study, change: dict[str, Any], said: str
) -> None:
    finish(experiment, study)
    with pytest.raises(InputError, match=said):
        finish(replace(experiment, **change), study)
    assert len(study.requests()) == 1  # it is as it was


@pytest.mark.parametrize(("target", "cases"), [("all", 9 * 3), ("random", 2 * 9), ("2", 9)])
def test_targets(experiment: Experiment, study: Study, target: str, cases: int) -> None:
    seeds = (0, 1) if target == "random" else (0,)
    experiment = replace(experiment, target=target, strategies=("random(popsize=20)",), seeds=seeds)
    records = finish(experiment, study)
    assert len(records) + (results(study).subject.left_out or 0) == cases
    for record in records:
        assert record.target not in (record.label, record.before_class)
        assert not record.success or record.after_class == record.target
    assert (results(study).lines[0].any_target is not None) == (target == "all")


def test_an_oracle_that_fails_loses_nothing_that_was_finished(experiment: Experiment, study: Study) -> None:
    broken = replace(experiment, oracle="slow_oracle:failing(calls=17)", strategies=("random(popsize=20)",))
    whole = {record.image: record for record in finish(experiment, study) if record.strategy != "cmaes"}
    with Study.create(Path(":memory:")) as part:
        unknown = pytest.warns(SparseattackWarning, match="fails on clean images now")
        with unknown, pytest.raises(OracleError, match=r"oracle .*NaN .*image"):
            finish(replace(broken, budget=600), part)
        kept = part.records()
    assert 0 < len(kept) < len(whole)
    assert all(record.first_fooled == whole[record.image].first_fooled for record in kept)


def test_runs_made_while_an_oracle_changes_are_taken_back(experiment: Experiment, study: Study) -> None:
    """Every candidate may fool after the change, and is verified: clean images alone show it."""
    same = replace(experiment, oracle="slow_oracle:changing(calls=1000)", strategies=("random(popsize=20)",))
    held = {record.key for record in finish(same, study)}
    changing = replace(same, oracle="slow_oracle:changing(calls=16)", strategies=("cmaes",))
    with pytest.raises(ChangedError, match=r"oracle \S+ has changed while it was attacked: its scores"):
        finish(changing, study)
    assert len(held) == 8 and study.keys() == held
    with pytest.raises(ChangedError):
        list(attempts(prepare(changing)))
    assert len(finish(replace(changing, noisy_oracle=True), Study.create(Path(":memory:")))) == 8


def test_they_are_taken_back_where_a_comparison_is_stopped(experiment: Experiment, study: Study) -> None:
    def stop(experiment: Experiment, count: int) -> None:
        """Interrupt it once it has made so many runs."""
        steps, made = plan(prepare(experiment), study).run(), 0
        assert isinstance(steps, Generator)
        while made < count:
            made += len(next(steps)[1].records)
        steps.throw(KeyboardInterrupt())

    same = replace(experiment, oracle="slow_oracle:changing(calls=1000)", strategies=("random(popsize=20)",))
    with pytest.raises(KeyboardInterrupt):
        stop(same, 1)
    held = study.keys()
    with pytest.raises(ChangedError):
        stop(replace(same, oracle="slow_oracle:changing(calls=16)", strategies=("cmaes",)), 7)
    assert study.keys() == held != frozenset()


def test_several_objectives_have_a_front(experiment: Experiment, study: Study) -> None:
    records = finish(replace(experiment, strategies=("nsga2", "random"), budget=60), study)
    fronts = {record.strategy: record.front for record in records}
    assert fronts["random"] == [] and all(len(point.values) == 2 for point in fronts["nsga2"])
    assert fronts["nsga2"]


def test_unknown_names_are_refused_before_anything_runs(experiment: Experiment) -> None:
    for change in ({"strategies": ("d",)}, {"encodings": ("hsv",)}, {"fitness": "f"}, {"oracle": "none"}):
        with pytest.raises(InputError, match=r"no .* only "):
            prepare(replace(experiment, **change))


def test_a_comparison_in_one_call_is_the_same(experiment: Experiment, study: Study, tmp_path: Path) -> None:
    records = finish(experiment, study)
    seen = compare(experiment)
    assert facts(seen.records) == facts(study.records()) and len(records) == len(seen.records)
    assert facts(compare(experiment, tmp_path / "b.study").records) == facts(seen.records)


def test_an_oracle_of_the_same_name_with_other_scores_is_refused(
    experiment: Experiment, study: Study, tmp_path: Path
) -> None:
    experiment = replace(experiment, oracle=f"torch(module={tmp_path / 'net.py'}:make)")
    for seed, fresh in ((0, True), (1, False)):
        (tmp_path / "net.py").write_text(
            "import torch\n\n\ndef make():\n"
            f"    torch.manual_seed({seed})\n"
            "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))\n"
        )
        if fresh:
            finish(experiment, study)
        else:
            with pytest.raises(InputError, match="oracle was"):
                finish(experiment, study)


def test_a_study_names_the_oracle_and_versions(experiment: Experiment, study: Study) -> None:
    experiment = replace(experiment, oracle="digits-forest", images="digits[0:9]", strategies=("random",))
    records = finish(experiment, study)
    (request,) = study.requests()
    assert request.experiment == experiment and "trees" in request.oracle_settings
    ((key, environment),) = study.environments().items()
    assert {one.environment for one in records} == {key} and environment.versions["scikit-learn"]
    finish(experiment, study)
    assert study.requests() == [request]  # asked twice, stored once


def test_a_study_in_the_home_folder(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compare(replace(experiment, budget=20), "~/x.study").records
    assert (tmp_path / "x.study").is_file()
