"""A reproduction is run, stopped, continued and enlarged; its cells are computed from its studies alone."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_reproduction import COUNT, ORACLE, finish, images, small

from sparseattack.data.load import load_images_by_size
from sparseattack.errors import InputError
from sparseattack.experiment.identity import Question
from sparseattack.provenance import digest_image
from sparseattack.report.results import results
from sparseattack.reproduction import metrics, paper
from sparseattack.reproduction.one_pixel import Reproduction
from sparseattack.reproduction.render import publish
from sparseattack.reproduction.run import StudyProgress
from sparseattack.reproduction.studies import PlannedStudy, read_finished
from sparseattack.reproduction.tables import TableCell
from sparseattack.study.record import Record
from sparseattack.study.store import Study


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Reproduction:
    return finish(small(tmp_path_factory.mktemp("done"), pixels=(3,)))


def cells(asked: Reproduction) -> dict[str, TableCell]:
    (table,) = asked.tables
    return {cell.row: cell for cell in table.cells(asked.finished())}


def records(asked: Reproduction, planned: PlannedStudy) -> list[Record]:
    with Study.read(planned.path(asked.options, asked.study_folder)) as study:
        return study.records()


def facts(some: list[Record]) -> list[dict[str, Any]]:
    """Records without times."""
    clocks = {"oracle_seconds": 0, "strategy_seconds": 0}
    return [record.to_dict() | clocks for record in some]


def of(asked: Reproduction, **wanted: object) -> PlannedStudy:
    (planned,) = (
        planned
        for planned in asked.planned
        if all(getattr(planned, name) == value for name, value in wanted.items())
    )
    return planned


def test_a_cell_can_be_recomputed_from_its_study(done: Reproduction) -> None:
    cell = cells(done)[paper.UNTARGETED]
    (name,) = cell.studies
    with Study.read(done.study_folder / name) as study:
        (line,) = results(study).lines
    assert cell.ours and (cell.ours.value, cell.ours.count) == (line.success, line.images) == (
        line.success,
        6,
    )
    assert cell.ours.interval == pytest.approx((line.low, line.high))
    targeted = cells(done)[paper.DERIVED]
    runs = records(done, of(done, targeted=True))
    fooled = {record.image for record in runs if record.success}
    assert len(runs) == 2 * 9 and targeted.ours and targeted.ours.value == len(fooled) / 2


def test_a_cell_can_be_computed_from_the_file_only(done: Reproduction) -> None:
    """Read by SQLite, without anything of this package."""
    found, name = cells(done), ", 3 pixels"
    (study,) = found[f"{paper.UNTARGETED}{name}"].studies
    with closing(sqlite3.connect(done.study_folder / study)) as file:
        ran = file.execute("SELECT first_fooled, verified, budget, after_confidence FROM run").fetchall()
    hits = [(first, sure) for first, verified, _, sure in ran if first and verified]
    costs = [first if first and verified else budget for first, verified, budget, _ in ran]
    wanted = {
        paper.UNTARGETED: len(hits) / len(ran),
        paper.UNTARGETED_CONFIDENCE: sum(sure for _, sure in hits) / len(hits),
        paper.MEAN: sum(costs) / len(ran),
    }
    ours = {row: found[f"{row}{name}"].ours for row in wanted}
    assert {row: one.value for row, one in ours.items() if one} == pytest.approx(wanted)


def test_the_printed_table_has_the_values_of_the_cells(done: Reproduction) -> None:
    (printed,) = publish(done)
    text = (done.folder / "table-8.md").read_text("utf-8")
    by_name = {cell.row: cell for cell in printed.cells}
    accuracy = by_name[paper.ACCURACY].ours
    assert accuracy and (accuracy.value, accuracy.count) == ((COUNT - 1) / COUNT, COUNT)
    assert f"| {paper.ACCURACY} | 93.8 %, 71.7 - 98.9, n 16 |" in text
    assert "Fewer images than in the paper" in text and "800 queries in place of 40,400" in text


def test_success_grows_with_pixels_and_with_everything_tried(done: Reproduction) -> None:
    """This classifier is linear: what one pixel does three can do, and corners are the best colours."""
    found = cells(done)
    one, three = found[paper.UNTARGETED].ours, found[f"{paper.UNTARGETED}, 3 pixels"].ours
    every = found[f"{paper.UNTARGETED}, every pixel in every corner colour"].ours
    assert one and three and every and one.value <= every.value <= three.value
    assert every.value > 0 and three.value == 1
    among = found[paper.CORNERS].ours
    assert among is None or among.value == 1


def test_the_same_images_are_attacked_whatever_the_attack(done: Reproduction) -> None:
    untargeted = {
        planned: {record.image for record in records(done, planned)}
        for planned in done.planned
        if not planned.targeted
    }
    assert len({frozenset(images) for images in untargeted.values()}) == 1
    (drawn,) = {frozenset(images) for images in untargeted.values()}
    assert {record.image for record in records(done, of(done, targeted=True))} < drawn


def progress_of(asked: Reproduction) -> Generator[tuple[PlannedStudy, StudyProgress]]:
    return ((planned, event) for planned, event in asked.run() if isinstance(event, StudyProgress))


def test_what_was_stopped_goes_on_and_ends_like_any_other(done: Reproduction, tmp_path: Path) -> None:
    asked = small(tmp_path, pixels=(3,))
    run = progress_of(asked)
    held = 0
    while held < 9:  # in the second planned, or the third
        held += len(next(run)[1].step.records)
    run.close()
    again = [progress for _, progress in progress_of(asked)]
    assert held + sum(len(progress.step.records) for progress in again) == 4 * 6 + 2 * 9
    for planned, other in zip(asked.planned, done.planned, strict=True):
        assert facts(records(asked, planned)) == facts(records(done, other))


def test_nothing_is_run_twice(done: Reproduction) -> None:
    assert all(not progress.left and not progress.step.records for _, progress in progress_of(done))


def test_more_images_take_over_what_fewer_had(tmp_path: Path) -> None:
    few = finish(small(tmp_path, strategies=(), targeted=0, untargeted=4))
    more = small(tmp_path, strategies=(), targeted=0, untargeted=9)
    (planned,) = more.planned
    first, *rest = [progress for _, progress in progress_of(more)]
    assert first.left == 5 and sum(len(progress.step.records) for progress in rest) == 5
    known, every = facts(records(few, planned)), facts(records(more, planned))
    assert len(every) == 9 and all(fact in every for fact in known)
    fewer = small(tmp_path, strategies=(), targeted=0, untargeted=2)
    assert [progress.left for _, progress in progress_of(fewer)] == [0]
    other = small(tmp_path, strategies=(), targeted=0, untargeted=9, seed=1)
    assert next(progress_of(other))[1].left == 9


def test_an_unfinished_part_is_no_sample(tmp_path: Path) -> None:
    asked = small(tmp_path, strategies=("random(popsize=10)",), targeted=0, untargeted=12)
    run = progress_of(asked)
    planned, _ = next(progress for progress in run if progress[1].step.records and progress[1].left)
    run.close()
    assert 0 < len(records(asked, planned)) < 12
    assert read_finished(planned.path(asked.options, asked.study_folder)) is None
    assert planned not in asked.finished()


def test_too_few_images_are_all_attacked(tmp_path: Path) -> None:
    asked = finish(small(tmp_path, strategies=(), targeted=0, untargeted=None))
    (study,) = asked.finished().values()
    assert study.attacked == COUNT - 1 and study.experiment.num_images == COUNT - 1
    (printed,) = publish(asked)
    assert any("15 in place of 500" in note for note in printed.notes)


def test_in_kaggle_like_tables_the_prediction_is_the_true_class(tmp_path: Path) -> None:
    asked = finish(small(tmp_path, tables="4,6,7", untargeted=0, targeted=COUNT, budget=60))
    assert len(asked.planned) == 2
    runs = records(asked, of(asked, strategy=""))
    assert {record.image for record in runs} == {*range(COUNT)}
    assert all(record.label == record.before_class for record in runs)
    printed = {printed.table.name: printed for printed in publish(asked)}
    four = {cell.row: cell.ours for cell in printed["4"].cells}
    accuracy = four[paper.ACCURACY]
    assert accuracy and accuracy.value == (COUNT - 1) / COUNT  # as the labels say
    assert four[paper.TARGETED] == metrics.success_rate(runs)
    seven = {cell.row: cell.ours for cell in printed["7"].cells}
    assert seven[paper.DERIVED] == four[paper.DERIVED] and seven[paper.RANDOM]
    assert all(any("Kaggle" in note for note in each.notes) for each in printed.values())


def test_a_network_that_cannot_be_loaded_is_left_out(tmp_path: Path) -> None:
    """Its entry point is there and its settings fit, but it refuses the images."""
    refusing = "linear(classes=10,inputs=7)"
    asked = small(tmp_path, networks=(refusing, ORACLE), strategies=(), targeted=0)
    events = list(asked.run())
    said = [event for planned, event in events if planned.network == refusing]
    assert said == ["oracle linear takes 7 numbers, not images of 192"]
    (table,) = asked.tables
    ours = {cell.network: cell.ours for cell in table.cells(asked.finished()) if cell.row == paper.UNTARGETED}
    assert ours[refusing] is None and ours[ORACLE]


def test_images_that_cannot_be_attacked_stop_nothing_else(tmp_path: Path) -> None:
    """One network, before images of which nobody says what they show, and before others."""
    bare = tmp_path / "bare.npz"
    np.savez(bare, images=np.load(images(tmp_path))["images"])
    chosen: dict[str, Any] = {"tables": "8,imagenet", "strategies": (), "targeted": 0, "untargeted": 2}
    asked = small(tmp_path, **chosen, photographs=str(bare), imagenet_networks=(ORACLE,))
    said = [event for planned, event in asked.run() if planned.protocol == "imagenet"]
    assert len(said) == 1 and "image bare-0 has no label" in str(said[0])
    assert {planned.protocol for planned in asked.finished()} == {"original-cifar10"}


def test_a_network_is_attacked_on_the_images_of_each_table(tmp_path: Path) -> None:
    held = np.load(images(tmp_path))
    np.savez(tmp_path / "photographs.npz", images=held["images"][:7], labels=held["labels"][:7])
    chosen: dict[str, Any] = {"tables": "8,imagenet", "strategies": (), "targeted": 0, "untargeted": 2}
    asked = finish(
        small(tmp_path, **chosen, photographs=str(tmp_path / "photographs.npz"), imagenet_networks=(ORACLE,))
    )
    assert {planned.protocol: each.request.num_images for planned, each in asked.finished().items()} == {
        "original-cifar10": COUNT, "imagenet": 7,
    }  # fmt: skip


def test_images_of_one_name_are_resized_as_each_protocol_says(tmp_path: Path) -> None:
    held = np.load(images(tmp_path))
    noise = np.random.default_rng(0).integers(-8, 9, size=(COUNT, 16, 16, 3))
    larger = (held["images"].repeat(2, 1).repeat(2, 2) + noise).astype(np.uint8)
    np.savez(tmp_path / "larger.npz", images=larger, labels=held["labels"])
    spec = f"{tmp_path / 'larger.npz'}@8"
    chosen: dict[str, Any] = {"tables": "8,imagenet", "strategies": (), "targeted": 0, "untargeted": 2}
    asked = small(tmp_path, **chosen, photographs=spec, imagenet_networks=(ORACLE,))
    asked = finish(replace(asked, options=replace(asked.options, images=spec)))
    resizes, shown = {}, {}
    for planned, finished in asked.finished().items():
        with Study.read(finished.path) as study:
            contents = {image.content for image in study.images().values()}
        resizes[planned.protocol] = finished.experiment.resize
        shown[planned.protocol] = frozenset(contents)
    for protocol, resize in resizes.items():
        every = map(digest_image, load_images_by_size(spec, resize).pixels)
        assert shown[protocol] < {*every}, protocol
    assert len({*resizes.values()}) == len({*shown.values()}) == 2


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"networks": ("liner",)}, "no oracle 'liner'"),
        ({"networks": ("linear(sides=3)",)}, "no setting sides"),
        ({"strategies": ("randm",)}, "no strategy 'randm'"),
        ({"images": "nothing.npz"}, "nothing.npz"),
        ({"device": "cuda:99"}, "no device 'cuda:99'"),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_run(
    tmp_path: Path, chosen: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        small(tmp_path, **chosen).check()


def test_other_weights_are_not_mixed_with_what_is_there(tmp_path: Path) -> None:
    asked = finish(small(tmp_path, strategies=(), targeted=0, untargeted=2))
    (path,) = asked.study_folder.iterdir()
    with Study.create(path) as study:
        held = study.get(Question)
        assert held
        study.set(replace(held, oracle="another"))
    with pytest.raises(InputError, match=r"oracle was another one called .* Name another folder with --out"):
        finish(asked)
    assert replace(asked).finished()  # it can be shown all the same
    assert list(islice(asked.study_folder.iterdir(), 2)) == [path]


def test_a_file_without_a_study_is_as_good_as_none(tmp_path: Path) -> None:
    """As one is left by a process that was killed when it had just begun."""
    asked = small(tmp_path, strategies=(), targeted=0, untargeted=2)
    (planned,) = asked.planned
    asked.study_folder.mkdir(parents=True)
    path = planned.path(asked.options, asked.study_folder)
    for file in (path, path.with_name(f"{planned.stem}-older.study")):
        file.touch()
    assert not asked.finished()
    assert finish(asked).finished()
