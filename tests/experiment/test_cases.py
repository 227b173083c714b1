"""Which images are attacked, and what is taken as their true class."""

from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparseattack import compare
from sparseattack.errors import InputError
from sparseattack.experiment.cases import Case, Selection, class_number, sample_images
from sparseattack.experiment.clean import evaluate_clean
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.report.results import Results

COUNT, WRONG, CLASSES = 12, {2, 7, 8}, 4


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Twelve 8x8 images, three of them with a label that the oracle does not give them."""
    chosen = Experiment(
        strategies=("random(popsize=20)",),
        encodings=("corners",),
        oracle=f"linear(classes={CLASSES},inputs=192)",
        images=str(tmp_path / "images.npz"),
        budget=60,
    )
    images = np.random.default_rng(5).integers(256, size=(COUNT, 8, 8, 3), dtype=np.uint8)
    np.savez(chosen.images, images=images)
    labels = evaluate_clean(chosen).predictions.classes.numpy()
    labels[list(WRONG)] = (labels[list(WRONG)] + 1) % CLASSES
    np.savez(chosen.images, images=images, labels=labels)
    return chosen


def attacked(experiment: Experiment, **changes: Any) -> list[int]:
    """The images of all cases that are chosen, in order."""
    choice = prepare(replace(experiment, **changes)).selection
    return [case.image for some in choice.cases.values() for case in some]


def facts(seen: Results) -> list[tuple[object, ...]]:
    """What was found of every image, whatever its label was."""
    return [(one.image, one.target, one.label, one.first_fooled, one.positions) for one in seen.records]


def test_fewer_are_among_more_and_another_seed_draws_others(experiment: Experiment) -> None:
    right = set(range(COUNT)) - WRONG
    draws = [set(attacked(experiment, num_images=count)) for count in range(1, 10)]
    assert [len(one) for one in draws] == list(range(1, 10)) and draws[-1] == right
    assert all(few < more for few, more in pairwise(draws))
    assert set(attacked(experiment)) == right
    assert len({tuple(attacked(experiment, num_images=4, sample_seed=seed)) for seed in range(6)}) > 1


def test_the_place_of_an_image_does_not_decide(experiment: Experiment, tmp_path: Path) -> None:
    held, order = dict(np.load(experiment.images)), np.random.default_rng(0).permutation(COUNT)
    np.savez(tmp_path / "turned.npz", **{name: array[order] for name, array in held.items()})
    turned = attacked(experiment, images=str(tmp_path / "turned.npz"), num_images=4)
    assert {int(order[place]) for place in turned} == set(attacked(experiment, num_images=4))


def test_a_draw_of_more_than_there_are_names_the_numbers(experiment: Experiment) -> None:
    with pytest.raises(InputError, match=r"a sample of 10 images .*, but of 12 only 9 may be attacked"):
        compare(replace(experiment, num_images=10))


def test_sampled_images_are_attacked_and_all_others_are_counted(experiment: Experiment) -> None:
    seen = compare(replace(experiment, num_images=4))
    assert [record.image for record in seen.records] == attacked(experiment, num_images=4)
    subject = seen.subject
    assert (subject.images, subject.eligible, subject.left_out, subject.runs) == (COUNT, 9, 3, 4)
    whole = {record.image: record for record in compare(experiment).records}
    assert all(whole[one.image].first_fooled == one.first_fooled for one in seen.records)


def test_a_drawn_image_has_all_its_targets_and_is_drawn_for_every_seed(experiment: Experiment) -> None:
    chosen = attacked(experiment, target="all", correct_only=True, num_images=5)
    assert {chosen.count(place) for place in set(chosen)} == {CLASSES - 1} and len(set(chosen)) == 5
    cases = prepare(
        replace(experiment, target="random", seeds=(0, 1, 2), correct_only=True, num_images=5)
    ).selection
    drawn = [{case.image for case in some} for some in cases.cases.values()]
    assert drawn[0] == drawn[1] == drawn[2] == set(chosen)
    assert len({tuple(some) for some in cases.cases.values()}) > 1


def test_further_seeds_change_no_sample_and_no_random_target(experiment: Experiment) -> None:
    """Though an image is misclassified as the class that a seed would draw for it."""

    def cases(*seeds: int) -> dict[int, list[Case]]:
        chosen = replace(experiment, target="random", seeds=seeds, num_images=10)
        return prepare(chosen).selection.cases

    every = cases(*range(8))
    predicted = evaluate_clean(experiment).predictions.classes.tolist()
    for seed, found in every.items():
        assert found == cases(seed)[seed] and len(found) == 10
        assert all(case.target != predicted[case.image] for case in found)


def test_images_alike_with_two_labels_are_sampled_by_label() -> None:
    images = [("a", 1), ("b", 0), ("a", 0)]
    for one in permutations(images):
        first = sample_images(one, [0, 1, 2], 1, 3)
        assert {one[place] for place in first} == {("a", 0)}


def counted(experiment: Experiment, **changes: Any) -> Selection:
    return prepare(replace(experiment, target="all", **changes)).selection


def test_misclassified_images_have_targets_unless_only_correct_ones_are_wanted(
    experiment: Experiment,
) -> None:
    every, correct = counted(experiment), counted(experiment, correct_only=True)
    assert {case.image for case in every.cases[0]} == set(range(COUNT))
    assert {case.image for case in correct.cases[0]} == set(range(COUNT)) - WRONG
    for choice in (every, correct):
        assert len(choice.cases[0]) + choice.left_out == COUNT * (CLASSES - 1)
    assert (every.left_out, every.eligible) == (len(WRONG), COUNT)  # the target they are called already
    assert (correct.left_out, correct.eligible) == (3 * len(WRONG), COUNT - len(WRONG))


@pytest.mark.parametrize("target", ["none", "all", "random", "1"])
def test_a_prediction_taken_as_truth_is_like_a_label(experiment: Experiment, target: str) -> None:
    experiment = replace(experiment, target=target, pixels=(8,), budget=300)
    by_oracle = compare(replace(experiment, true_class="prediction"))
    assert all(record.label == record.before_class for record in by_oracle.records)
    held = dict(np.load(experiment.images))
    np.savez(
        experiment.images,
        images=held["images"],
        labels=evaluate_clean(experiment).predictions.classes.numpy(),
    )
    by_label = compare(experiment)
    assert facts(by_oracle) == facts(by_label) and any(record.success for record in by_oracle.records)
    (one,), (other,) = by_oracle.requests, by_label.requests
    assert (one.eligible, one.left_out) == (other.eligible, other.left_out)


def test_with_predictions_as_truth_every_image_is_attacked_and_none_needs_a_label(
    experiment: Experiment, tmp_path: Path
) -> None:
    held = np.load(experiment.images)["images"]
    labelled_ = compare(replace(experiment, true_class="prediction"))
    np.savez(experiment.images, images=held)
    bare = compare(replace(experiment, true_class="prediction"))
    assert facts(labelled_) == facts(bare) and len(bare.records) == COUNT and bare.subject.left_out == 0
    np.savez(tmp_path / "part.npz", images=held, y=np.arange(COUNT) - 1)
    for images in (experiment.images, str(tmp_path / "part.npz")):
        with pytest.raises(
            InputError,
            match=r"-0 has no label \(-1 and .* none\): give .* array labels \(or y\).*--true-class pred",
        ):
            compare(replace(experiment, images=images))


def test_success_is_measured_from_the_truth_that_was_taken(experiment: Experiment) -> None:
    """A misclassified image is fooled once it leaves the class that the oracle gave it, not its label."""
    seen = compare(replace(experiment, true_class="prediction", budget=2000, pixels=(8,)))
    hit = [record for record in seen.records if record.image in WRONG and record.success]
    assert hit and all(record.after_class != record.before_class == record.label for record in hit)


@pytest.mark.parametrize(
    ("text", "classes", "expected"),
    [
        ("3", ("1", "2", "3"), 2),
        ("b", ("a", "b", ""), 1),
        ("2", ("a", "b", ""), 2),
        ("0", ("1", "2", "3"), "there is no class '0', only 1, 2, 3"),
        ("7", ("a", "b", ""), "there is no class '7', only 0 to 2 or a, b"),
        ("a", ("a", "b", "a"), "class 'a' is the name of several classes: numbers 0, 2"),
    ],
)
def test_a_class_is_meant_in_one_way(text: str, classes: tuple[str, ...], expected: int | str) -> None:
    """Where all names are numbers, a number is a name; a name of several classes is none."""
    if isinstance(expected, int):
        assert class_number(text, classes) == expected
    else:
        with pytest.raises(InputError, match=expected):
            class_number(text, classes)
