"""A picture attacked by itself has the outcome of a comparison; every picture written fools the oracle."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from sparseattack import OracleError
from sparseattack.data.png import read_png, read_texts
from sparseattack.experiment.prepare import Setup, prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import Environment
from sparseattack.study.pictures import (
    Attempt,
    PictureFiles,
    attempts,
    caption,
    enlargement,
    prepare_pictures,
    sheet_of,
    stems,
)
from sparseattack.study.record import Record
from sparseattack.study.run import plan
from sparseattack.study.store import Study

DIGITS = Experiment(
    strategies=("random(popsize=20)",), oracle="digits-forest", images="digits[0:6]", pixels=(2,), budget=300
)


@pytest.fixture(scope="module")
def setup() -> Setup:
    return prepare_pictures(DIGITS, label=None)


@pytest.fixture(scope="module")
def found(setup: Setup) -> list[Attempt]:
    return list(attempts(setup))


def known(record: Record | None) -> dict[str, object]:
    """A record without what depends on the clock, and on how the experiment is called."""
    assert record
    others = ("key", "image", "oracle_seconds", "strategy_seconds")
    return {name: value for name, value in record.to_dict().items() if name not in others}


def test_a_comparison_has_the_same_outcomes(found: list[Attempt], tmp_path: Path) -> None:
    with Study.create(tmp_path / "any.study") as study:
        steps = plan(prepare(DIGITS), study).run()
        records = [record for _, step in steps for record in step.records]
    assert records
    alone = {attempt.place: attempt.record for attempt in found}
    for record in records:
        assert known(alone[record.image]) == known(record)


def test_a_picture_attacked_alone_has_the_same_outcome(found: list[Attempt]) -> None:
    (alone,) = attempts(prepare_pictures(replace(DIGITS, images="digits[3]"), label=None))
    (beside,) = [attempt for attempt in found if attempt.place == 3]
    assert known(alone.record) == known(beside.record)


def test_every_picture_is_reported_once(found: list[Attempt]) -> None:
    assert sorted(attempt.place for attempt in found) == list(range(6))
    assert any(attempt.after is not None for attempt in found)


def test_those_with_nothing_to_attack_come_first() -> None:
    told = list(attempts(prepare_pictures(replace(DIGITS, budget=1), label="8")))
    nothing = [attempt.record is None for attempt in told]
    assert nothing == sorted(nothing, reverse=True) and len(set(nothing)) == 2
    assert all(attempt.after is None for attempt in told if attempt.record is None)


def made_with(setup: Setup) -> Environment:
    return setup.environment(next(setup.experiment.conditions()))


def test_a_picture_says_how_it_was_made_and_its_pixels_are_those_scored(
    setup: Setup, found: list[Attempt], tmp_path: Path
) -> None:
    attempt = next(attempt for attempt in found if attempt.after is not None)
    record = attempt.record
    assert record and attempt.after is not None
    writer = PictureFiles(setup, made_with(setup), "sparseattack attack 'digits[0:6]'", None)
    adversarial, beside, large = writer.write(attempt, tmp_path / "a")
    assert torch.equal(read_png(adversarial), attempt.after)
    assert read_texts(adversarial) == read_texts(beside) == read_texts(large)
    held = json.loads(read_texts(adversarial)["sparseattack"])
    assert held["command"] == "sparseattack attack 'digits[0:6]'"
    assert held["settings"]["strategy"] == "random(popsize=20)" and held["settings"]["k"] == 2
    assert held["queries"] == {"to_success": record.first_fooled, "in_all": record.queries}
    assert held["image"]["id"] == setup.images.ids[attempt.place]
    assert held["made_with"]["versions"]["torch"] == version("torch")
    before, after = attempt.before.clone(), attempt.after
    for change in held["changed"]:  # is enough to make the picture again
        before[:, change["row"], change["column"]] = torch.tensor(change["after"]) / 255
    assert torch.equal(before, after)
    small, whole = read_png(adversarial), read_png(large)
    assert whole.shape == (1, 256, 256) and torch.equal(whole[:, 16::32, 16::32], small)


def test_only_small_images_are_enlarged() -> None:
    sizes = {side: enlargement(torch.zeros(3, side, side)) for side in (8, 28, 32, 64, 65, 224)}
    assert sizes == {8: 32, 28: 9, 32: 8, 64: 8, 65: 0, 224: 0}


def test_a_sheet_shows_the_successes_and_none_is_made_without_one(setup: Setup, found: list[Attempt]) -> None:
    success = next(attempt for attempt in found if attempt.after is not None)
    one, most, more = (sheet_of(setup, [success] * count) for count in (1, 100, 101))
    assert one and most and more and most.height > 10 * (one.height // 2)
    assert more.height - most.height < 30 and more.tobytes() != most.tobytes()  # the title says what lacks
    assert sheet_of(setup, [replace(one, after=None) for one in found]) is None


def test_an_oracle_whose_scores_change_is_refused(setup: Setup, found: list[Attempt], tmp_path: Path) -> None:
    attempt = next(attempt for attempt in found if attempt.after is not None)
    assert attempt.record and attempt.after is not None
    files = PictureFiles(setup, made_with(setup))
    fooling, beside = files.write(attempt, tmp_path / "good")
    assert fooling.exists() and beside.exists()
    other = replace(attempt.record, after_class=(attempt.record.after_class + 1) % 10)
    with pytest.raises(OracleError, match="classifies the same picture differently each time"):
        files.write(replace(attempt, record=other), tmp_path / "bad")
    assert not list(tmp_path.glob("bad*"))


def test_only_the_changes_that_count_are_painted(found: list[Attempt]) -> None:
    for attempt in found:
        if attempt.after is not None and attempt.record:
            changed = (attempt.before != attempt.after).any(0)
            assert int(changed.sum()) == attempt.record.pixels <= 2
            assert set(changed.flatten().nonzero()[:, 0].tolist()) <= set(attempt.record.positions)
            assert torch.equal(attempt.before[:, ~changed], attempt.after[:, ~changed])


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["a.png", "b.jpeg", "cat/a.PNG"], ["a", "b", "cat/a"]),
        (["a.png", "a.bmp"], ["a.png", "a.bmp"]),
        (["cifar10-test-3", "version-1.5"], ["cifar10-test-3", "version-1.5"]),
        (["/far/away/a.png", "../../b.png"], ["far/away/a", "b"]),
        (["same", "same"], ["0-same", "1-same"]),
    ],
)
def test_files_are_named_after_the_pictures_inside_the_folder(ids: list[str], names: list[str]) -> None:
    assert stems(ids) == names


def test_a_class_without_a_name_has_its_number() -> None:
    assert caption(("cat", ""), 0, 0.5) == "cat 50.0 %" and caption(("cat", ""), 1, 1) == "class 1 100.0 %"
