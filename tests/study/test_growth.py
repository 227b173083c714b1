"""Studies grow: whatever is added, what is there is not run again, and what is missing is."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from registered import registered

from sparseattack import Configuration, Experiment, InputError, compare
from sparseattack.experiment.prepare import prepare
from sparseattack.plugins.registry import find
from sparseattack.plugins.spec import uses_of
from sparseattack.report.results import results
from sparseattack.report.tables import headline, sections
from sparseattack.study.executors.shard import Shard, share_of
from sparseattack.study.record import Record
from sparseattack.study.run import plan
from sparseattack.study.store import Study

ORACLE = "linear(classes=4,inputs=192)"
TIMES = {"oracle_seconds": 0, "strategy_seconds": 0}


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Ten 8x8 images."""
    images = np.random.default_rng(3).integers(256, size=(10, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.zeros(10, np.int64))
    return Experiment(
        strategies=("random(popsize=5)",),
        oracle=ORACLE,
        images=f"{tmp_path / 'images.npz'}[0:6]",
        true_class="prediction",
        budget=40,
    )


def added(experiment: Experiment, path: Path) -> int:
    """How many runs the study at a path lacks of an experiment; they are made."""
    with Study.create(path) as study:
        planned = plan(prepare(experiment), study)
        left = planned.left
        assert sum(len(step.records) for _, step in planned.run()) == left
        return left


def facts(records: list[Record]) -> list[dict[str, Any]]:
    return [record.to_dict() | TIMES for record in records]


GROWTH: dict[str, tuple[dict[str, Any], int]] = {
    "the same again": ({}, 0),
    "a strategy": ({"strategies": ("cmaes", "random(popsize=5)")}, 6),
    "a label": ({"strategies": ("quick=random(popsize=5)",)}, 0),
    "a setting": ({"strategies": ("random(popsize=6)",)}, 6),
    "a seed": ({"seeds": (1, 0)}, 6),
    "an encoding": ({"encodings": ("corners", "rgb")}, 6),
    "a number of pixels": ({"pixels": (1, 3)}, 6),
    "a fitness": ({"fitness": "probability"}, 6),
    "a configuration": (
        {"strategies": ("random(popsize=5)", Configuration("de", pixels=(2,), seeds=(4,)))},
        6,
    ),
    "a smaller budget": ({"budget": 20}, 0),
    "a sample": ({"num_images": 3, "sample_seed": 5}, 0),
}


def test_a_table_of_different_images_says_so(experiment: Experiment, tmp_path: Path) -> None:
    """The same number of images, but others: a rate beside a rate says nothing."""
    everything = str(experiment.images).partition("[")[0]
    for strategy, images in {"random": "[0:4]", "cmaes": "[2:6]"}.items():
        chosen = replace(experiment, strategies=(strategy,), images=f"{everything}{images}")
        one = compare(chosen, tmp_path / "a.study")
        assert one.subject.same_images and "same of these images" not in " ".join(headline(one.subject))
    with Study.read(tmp_path / "a.study") as study:
        found = results(study)
    assert not found.subject.same_images and "same of these images" in " ".join(headline(found.subject))
    rates = sections(found.subject, found.lines, found.unfinished)[0]
    assert rates.headings[0] == "images" and [row[0] for row in rates.rows.values()] == ["4", "4"]


def test_names_of_several_images_are_said(experiment: Experiment, tmp_path: Path) -> None:
    added(experiment, tmp_path / "a.study")
    path = str(experiment.images).partition("[")[0]
    held = dict(np.load(path))
    held["images"][:3] = 255 - held["images"][:3]
    np.savez(path, **held)
    assert added(experiment, tmp_path / "a.study") == 3
    with Study.read(tmp_path / "a.study") as study:
        every, last = results(study), results(study, study.requests()[-1])
    assert "9 of 9 images attacked" in headline(every.subject)[-1] and last.notes == []
    (note,) = every.notes
    assert note.startswith("images-0, images-1 and images-2: not one image each but several, as of files")


def test_a_part_of_a_study_has_no_counts_of_the_whole(experiment: Experiment, tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    compare(experiment, path)
    sampled = compare(replace(experiment, num_images=3), path)
    assert "3 of 6 images attacked, sampled from 6" in " ".join(headline(sampled.subject))
    with Study.read(path) as study:
        assert "sampled" not in " ".join(headline(results(study).subject))
    whole = compare(replace(experiment, target="random", seeds=(0, 1, 2)), tmp_path / "b.study")
    assert whole.subject.left_out is not None
    with Study.read(tmp_path / "b.study") as study:
        assert results(study).subject.left_out == whole.subject.left_out
        assert results(study, chosen="seed=1").subject.left_out is None  # it is of all seeds


@pytest.mark.parametrize("what", GROWTH)
def test_only_what_is_missing_is_run(what: str, experiment: Experiment, tmp_path: Path) -> None:
    assert added(experiment, tmp_path / "a.study") == 6
    change, missing = GROWTH[what]
    changed = replace(experiment, **change)
    assert added(changed, tmp_path / "a.study") == missing
    assert added(changed, tmp_path / "a.study") == added(experiment, tmp_path / "a.study") == 0


def test_images_are_known_by_their_content_wherever_they_stand(
    experiment: Experiment, tmp_path: Path
) -> None:
    path = tmp_path / "a.study"
    assert added(experiment, path) == 6
    everything = str(experiment.images).partition("[")[0]
    assert added(replace(experiment, images=f"{everything}[3:10]"), path) == 4
    held = dict(np.load(everything))
    np.savez(tmp_path / "turned.npz", **{name: values[::-1] for name, values in held.items()})
    assert added(replace(experiment, images=str(tmp_path / "turned.npz")), path) == 0
    with Study.read(path) as study:
        found = results(study)
        assert found.subject.attacked == 10 and found.finished == 10
        assert sorted(record.image for record in found.records) == [*range(10)]
    np.savez(tmp_path / "other.npz", images=held["images"], labels=np.ones(10, np.int64))
    labelled = replace(experiment, images=str(tmp_path / "other.npz"), true_class="label")
    with pytest.raises(InputError, match="true_class was prediction, is label"):
        added(labelled, path)


def test_an_image_that_is_there_twice_is_attacked_once_and_that_is_said(
    experiment: Experiment, tmp_path: Path
) -> None:
    held = np.load(str(experiment.images).partition("[")[0])["images"][[0, 1, 0, 2, 1]]
    np.savez(tmp_path / "twice.npz", images=held, labels=np.zeros(5, np.int64))
    found = compare(replace(experiment, images=str(tmp_path / "twice.npz")))
    assert [record.image for record in found.records] == [0, 1, 3] and found.subject.attacked == 3
    assert found.notes == ["2 images are the same as others and have their labels: each is taken once"]


STRATEGY = '''
from sparseattack import Space


def search(space: Space, *, popsize: int = 5, rate: float = 1.0):
    """Uniform."""
    while True:
        yield space.uniform(popsize)  # all of them
'''
SAME = {
    "a comment": STRATEGY.replace("# all of them", "# each of them"),
    "a docstring": STRATEGY.replace("Uniform.", "Uniform random search, as everybody knows it."),
    "a line that is broken": STRATEGY.replace("space: Space, *,", "\n    space: Space,\n    *,"),
}
OTHER = {"code": STRATEGY.replace("while True", "while 1"), "a default": STRATEGY.replace("= 5", "= 6")}


@pytest.mark.parametrize("what", [*SAME, *OTHER])
def test_a_strategy_is_its_code_without_comments(what: str, experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STRATEGY)
    mine = replace(experiment, strategies=(f"{tmp_path / 'mine.py'}:search",))
    assert added(mine, tmp_path / "a.study") == 6
    (tmp_path / "mine.py").write_text((SAME | OTHER)[what])
    assert added(mine, tmp_path / "a.study") == (0 if what in SAME else 6)
    if what in OTHER:  # the runs before are still there, and told apart
        with Study.read(tmp_path / "a.study") as study:
            first, second = results(study).lines
        assert (
            first.method.name != second.method.name and "other code" in first.method.name + second.method.name
        )


def test_a_strategy_in_a_file_that_was_moved_is_the_same(experiment: Experiment, tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(STRATEGY)
        mine = replace(experiment, strategies=(f"{tmp_path / folder / 'mine.py'}:search",))
        assert added(mine, tmp_path / "a.study") == (6 if folder == "here" else 0)
    apart = compare(mine).records
    with Study.read(tmp_path / "a.study") as study:
        assert [one.first_fooled for one in results(study).records] == [one.first_fooled for one in apart]


def test_two_methods_of_one_label_are_told_apart_by_what_they_differ_in(
    experiment: Experiment, tmp_path: Path
) -> None:
    for size in (5, 6):
        added(replace(experiment, strategies=(f"x=random(popsize={size})",)), tmp_path / "a.study")
    for more in ("l0", "l2"):
        chosen = replace(experiment, strategies=("nsga2(popsize=8)",), objectives=(more,))
        added(chosen, tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        names = [method.name for method in results(study).methods]
    assert names == ["x (random(popsize=5))", "x", "nsga2(popsize=8) (margin and l0)", "nsga2(popsize=8)"]


def test_a_label_is_one_strategy_whatever_the_number_of_pixels(
    experiment: Experiment, tmp_path: Path
) -> None:
    for size, k in ((5, 1), (6, 2)):
        added(replace(experiment, strategies=(f"x=random(popsize={size})",), pixels=(k,)), tmp_path / "a")
    with Study.read(tmp_path / "a") as study:
        names, chosen = (
            [method.name for method in results(study, chosen=part).methods] for part in ("", "x")
        )
    assert names == chosen == ["x (random(popsize=5))", "x"]


@pytest.mark.parametrize(
    "written", ["search(popsize=5)", "search(rate=1.0,popsize=5)", "search(popsize=5,rate=1)", "search()"]
)
def test_settings_may_be_written_in_any_way(written: str, experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STRATEGY)
    plain = f"{tmp_path / 'mine.py'}:search"
    added(replace(experiment, strategies=(plain,)), tmp_path / "a.study")
    again = replace(experiment, strategies=(f"{tmp_path / 'mine.py'}:{written}",))
    assert added(again, tmp_path / "a.study") == 0
    with pytest.raises(InputError, match="are the same strategy: name it once"):
        prepare(replace(experiment, strategies=(plain, f"{tmp_path / 'mine.py'}:{written}")))


def test_another_version_of_python_or_numpy_runs_nothing_again(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(experiment, tmp_path / "a.study")
    monkeypatch.setattr("platform.python_version", lambda: "3.99.1")
    assert added(experiment, tmp_path / "a.study") == 0
    found = compare(replace(experiment, seeds=(0, 1)), tmp_path / "a.study")
    assert len(found.environments) == 2 and len(found.records) == 12
    assert [
        sentence for sentence in found.mixtures if "2 versions of python" in sentence and "3.99.1" in sentence
    ]
    alone = compare(experiment, tmp_path / "a.study")
    assert not alone.mixtures and len(alone.environments) == 1


def test_what_is_left_out_stays_in_the_file_and_out_of_the_table(
    experiment: Experiment, tmp_path: Path
) -> None:
    whole = compare(replace(experiment, strategies=("random(popsize=5)", "cmaes")), tmp_path / "a.study")
    part = compare(replace(experiment, strategies=("cmaes",), seeds=(0, 1)), tmp_path / "a.study")
    assert [line.method.name for line in part.lines] == ["cmaes"] and len(part.records) == 12
    with Study.read(tmp_path / "a.study") as study:
        found = results(study)
    assert [line.method.name for line in found.lines] == ["random(popsize=5)", "cmaes"]
    assert found.finished == 18 and [line.runs for line in found.lines] == [6, 12]
    assert facts(compare(whole.experiment, tmp_path / "a.study").records) == facts(whole.records)


@pytest.mark.parametrize("strategy", registered(any_colours=True, budget=False))
def test_the_first_queries_are_the_same_under_a_larger_budget(
    strategy: str, experiment: Experiment, tmp_path: Path
) -> None:
    """What is known of a run at a smaller budget is what a run of that budget is."""
    small, stop = 24, "budget"
    chosen = replace(experiment, strategies=(strategy,), encodings=("corners",), stop=stop, budget=small)
    alone = compare(chosen).records
    added(replace(chosen, budget=2 * small), tmp_path / "a.study")
    assert added(chosen, tmp_path / "a.study") == 0
    seen = compare(chosen, tmp_path / "a.study").records
    assert len(seen) == len(alone) == 6
    assert (
        any(record.success for record in alone) or strategy == "pointwise"
    )  # its noise has more pixels still
    for one, other in zip(alone, seen, strict=True):
        for name in ("key", "budget", "queries", "first_fooled", "success", "cost"):
            assert getattr(one, name) == getattr(other, name), name
        assert [step[0] for step in one.trace] == [step[0] for step in other.trace]
        assert [step[1] for step in one.trace] == pytest.approx([step[1] for step in other.trace], rel=1e-4)
        if other.repeats == -1:  # it went on
            assert other.l2 is None and other.positions == [] and other.oracle_seconds is None


@pytest.mark.parametrize("stop", ["success", "budget", "confidence:0.9"])
@pytest.mark.parametrize("fitness", ["margin", "probability"])
def test_the_best_edit_at_a_smaller_budget_is_known_or_said_to_be_unknown(
    stop: str, fitness: str, experiment: Experiment, tmp_path: Path
) -> None:
    """A success of fewer pixels, or one found after a lower value, is the best edit: no trace shows that."""
    chosen = replace(experiment, stop=stop, fitness=fitness, pixels=(3,), encodings=("corners",), budget=24)
    alone = compare(chosen).records
    added(replace(chosen, budget=48), tmp_path / "a.study")
    seen = compare(chosen, tmp_path / "a.study").records
    for one, other in zip(alone, seen, strict=True):
        assert other.value is None or other.value == pytest.approx(one.value, rel=1e-4)
        if one.success and stop == "success":
            assert facts([replace(one, repeats=0, verifications=0)]) == facts(
                [replace(other, repeats=0, verifications=0)]
            )
    assert any(other.repeats == -1 for other in seen)  # some went on


def test_a_strategy_that_uses_the_budget_is_another_one_under_each(
    experiment: Experiment, tmp_path: Path
) -> None:
    budgeted = replace(experiment, strategies=("sparse-rs",))
    assert "budget" in uses_of(find("strategies", "sparse-rs"))
    assert added(budgeted, tmp_path / "a.study") == 6
    assert added(replace(budgeted, budget=41), tmp_path / "a.study") == 6
    with Study.read(tmp_path / "a.study") as study:
        assert [line.method.budget for line in results(study).lines] == [40, 41]


def test_a_condition_that_is_shown_with_its_larger_budget_only_is_named(
    experiment: Experiment, tmp_path: Path
) -> None:
    both = replace(experiment, strategies=("random(popsize=5)", "sparse-rs"), pixels=(1,))
    for budget in (20, 30):
        compare(replace(both, budget=budget), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        found, part = results(study), results(study, chosen="budget=20")
    assert [(one.name, one.budget) for one in found.continued] == [("random(popsize=5)", 20)]
    assert found.notes[-1] == (
        "not shown with a budget of 20 queries, as their runs are shown with a larger one:"
        " random(popsize=5)/rgb, k = 1 (--only budget=20 shows all of that budget)"
    )
    assert len(part.lines) == 2 and part.notes == found.notes[:-1] and not part.continued


def test_a_larger_budget_runs_what_failed_and_the_largest_is_kept(
    experiment: Experiment, tmp_path: Path
) -> None:
    path = tmp_path / "a.study"
    first = compare(replace(experiment, budget=6), path)
    failed = sum(not record.success for record in first.records)
    assert 0 < failed < 6
    larger = replace(experiment, budget=60)
    assert failed <= added(larger, path) <= 6  # a success that the budget cut within its generation as well
    assert facts(compare(larger, path).records) == facts(compare(larger).records)
    with Study.create(path) as study:
        held = {record.key: record for record in study.records()}
        assert len(held) == 6
        for record in first.records:  # a smaller budget never replaces a larger one
            study.add(record)
        assert {record.key: record for record in study.records()} == held
        (line,) = results(study).lines
        assert line.method.budget == 60  # those of the smaller budget are the first queries of these
    again = compare(replace(experiment, budget=6), path).records
    known = ("key", "success", "first_fooled", "cost", "queries", "budget")
    assert [[getattr(one, name) for name in known] for one in again] == [
        [getattr(one, name) for name in known] for one in first.records
    ]


@pytest.mark.parametrize("strategy", ["random(popsize=20)", "de(popsize=30)", "cmaes"])
def test_a_grown_table_is_that_of_a_study_made_at_once(
    strategy: str, experiment: Experiment, tmp_path: Path
) -> None:
    """A budget within a generation cuts it: a run that succeeds there is made again under a larger one."""
    chosen = replace(experiment, strategies=(strategy,), pixels=(5,), budget=10)
    small = compare(chosen, tmp_path / "a.study")
    assert any(record.success and record.queries == 10 for record in small.records)
    larger = replace(chosen, budget=50)
    grown, whole = compare(larger, tmp_path / "a.study"), compare(larger)
    assert facts(grown.records) == facts(whole.records)
    assert [asdict(line) | TIMES for line in grown.lines] == [asdict(line) | TIMES for line in whole.lines]
    assert grown.verifications == whole.verifications


def test_a_complete_budget_is_reported_while_a_larger_one_lacks_runs(
    experiment: Experiment, tmp_path: Path
) -> None:
    path = tmp_path / "a.study"
    small = compare(experiment, path)
    with Study.create(path) as study:
        next(plan(prepare(replace(experiment, budget=400)), study).run())
        found = results(study)
    assert found.lines[0].method.budget == 40 and found.lines[0].success == small.lines[0].success
    assert [line.method.budget for line in found.unfinished] == [400]
    with Study.create(path) as study:
        list(plan(prepare(replace(experiment, budget=400)), study).run())
        found = results(study)
    assert [line.method.budget for line in found.lines] == [400] and not found.unfinished


def test_runs_that_a_larger_budget_will_make_are_not_said_to_be_there(
    experiment: Experiment, tmp_path: Path
) -> None:
    both = tuple(Configuration("random(popsize=5)", f"b{budget}", budget=budget) for budget in (20, 40))
    with Study.create(tmp_path / "a.study") as study:
        planned = plan(prepare(replace(experiment, strategies=both)), study)
        assert planned.left == 6 and planned.done == 0
        assert not share_of(planned, Shard(2, 1)).done
        list(planned.run())
        again = plan(prepare(replace(experiment, strategies=both)), study)
        assert again.left == 0 and again.done == 12


def test_evaluations_of_single_images_that_are_not_known_are_not_counted(
    experiment: Experiment, tmp_path: Path
) -> None:
    whole = compare(replace(experiment, budget=40), tmp_path / "a.study")
    assert whole.verifications and f"and {whole.verifications} of single images" in whole.uncharged[0]
    part = compare(replace(experiment, budget=20), tmp_path / "a.study")
    rows = [row for row in part.rows() if row["success"] and row["repeats"] == -1]
    assert all(row["after_class"] == -1 and row["after_confidence"] is None for row in rows)
    assert part.verifications is None and "how many is not known" in part.uncharged[0]
    assert '"single_images": null' in part.to_json()


def test_both_ways_of_cutting_a_run_short_are_the_same(experiment: Experiment) -> None:
    """`Record.at_budget` of one, `Columns.at_budget` of all."""
    from sparseattack.study.columns import Columns

    records = compare(replace(experiment, strategies=("cmaes", "de(popsize=7)"), budget=60)).records
    for stop in ("success", "confidence:0.9"):
        for budget in (1, 5, 7, 20, 60, 90):
            come = [one for one in records if one.ended or one.budget >= budget]
            cut = Columns.of([one.at_budget(budget, stop) for one in come])
            whole = Columns.of(records).at_budget(budget, stop)
            assert len(come) == len(whole)
            for name in (
                "first_fooled",
                "verified",
                "met",
                "queries",
                "repeats",
                "pixels",
                "cost",
                "after_class",
            ):
                assert np.array_equal(getattr(cut, name), getattr(whole, name)), (name, budget)
            assert np.array_equal(cut.oracle_seconds, whole.oracle_seconds, equal_nan=True)
    failed = next(one for one in records if not one.ended)
    with pytest.raises(InputError, match="ended by its budget of 60, below 61"):
        failed.at_budget(61, "success")


def test_another_oracle_is_noticed_by_an_image_that_the_study_has(
    experiment: Experiment, tmp_path: Path
) -> None:
    added(experiment, tmp_path / "a.study")
    with Study.create(tmp_path / "a.study") as study:
        images = list(study.images().values())
        study.connection.execute("DELETE FROM image")
        study.add_images(replace(one, confidence=one.confidence / 2) for one in images)
    with pytest.raises(InputError, match=r"made with another oracle: it gives image .* class \d at"):
        added(replace(experiment, seeds=(0, 1)), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:  # what is refused was not asked of the study
        assert [asked.experiment.seeds for asked in study.requests()] == [(0,)]


def test_a_mixture_of_inference_is_said(experiment: Experiment, tmp_path: Path) -> None:
    added(experiment, tmp_path / "a.study")
    with Study.create(tmp_path / "a.study") as study:
        one, *_ = study.records()
        study.connection.execute("DELETE FROM run WHERE key = ?", (one.key,))
        study.add(replace(one, sparse=True))
        assert any("1 of 6 runs were made by sparse inference" in each for each in results(study).mixtures)


def test_strict_refuses_a_mixture(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sparseattack.report.mixtures import require_alike

    added(experiment, tmp_path / "a.study")
    monkeypatch.setattr("sparseattack.provenance._processor", lambda: "Another One")
    found = compare(replace(experiment, seeds=(0, 1)), tmp_path / "a.study")
    with pytest.raises(InputError, match=r"2 processors: .*Another One"):
        require_alike(found.mixtures)
    require_alike(compare(experiment, tmp_path / "a.study").mixtures)


def test_images_of_runs_that_went_on_after_the_budget_are_not_exported(
    experiment: Experiment, tmp_path: Path
) -> None:
    from sparseattack.report.export.formats import export_results

    spent = replace(experiment, stop="budget", strategies=("random(popsize=20)",), pixels=(5,))
    compare(spent, tmp_path / "a.study")
    part = compare(replace(spent, budget=20), tmp_path / "a.study")
    assert any(record.success for record in part.records)
    with pytest.raises(InputError, match="within budget 20 the edit is not known"):
        export_results(part, "images", tmp_path / "images")
