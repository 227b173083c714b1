"""Pictures in a comparison: folders with the names of the oracle's classes are their labels."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle, load, load_images, register
from sparseattack.comparison import compare
from sparseattack.experiment.clean import evaluate_clean
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.study.pictures import prepare_pictures


def pictures(folder: Path, names: list[str]) -> Experiment:
    """The first images of the sample, filed under ``names``."""
    for name, pixels in zip(names, load_images("sample").pixels, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / name)
    return Experiment(strategies=("random(popsize=8)",), images=str(folder), budget=8)


def test_sub_folders_are_the_oracles_classes(tmp_path: Path) -> None:
    experiment = pictures(tmp_path, ["cat/0.png", "ship/1.png", "ship/2.png", "airplane/3.png"])
    setup = prepare(experiment)
    assert setup.clean.images.labels.tolist() == [0, 1, 2, 2]  # airplane, cat, ship
    assert [setup.images.classes[label] for label in setup.images.labels.tolist()] == [
        Path(id).parent.name for id in setup.images.ids
    ]
    assert torch.equal(setup.images.labels, setup.clean.predictions.classes)  # these are classified correctly
    (request,) = compare(experiment).requests
    assert (request.num_images, request.correct) == (4, 4)


def test_true_classes_are_labels_predictions_or_one_class(tmp_path: Path) -> None:
    experiment = pictures(tmp_path, ["cat/0.png", "ship/1.png", "frog/2.png"])
    clean = evaluate_clean(experiment)
    chosen = prepare(experiment, label="frog", clean=clean).images
    assert [chosen.classes[label] for label in chosen.labels.tolist()] == ["frog"] * 3
    predicted = prepare(replace(experiment, true_class="prediction"), clean=clean).images.labels
    assert torch.equal(predicted, clean.predictions.classes)
    assert not torch.equal(predicted, prepare(experiment, clean=clean).images.labels)
    with pytest.raises(InputError, match="no class 'dodo', only 0 to 9 or airplane"):
        prepare(experiment, label="dodo", clean=clean)


def test_a_clean_evaluation_of_other_settings_is_refused(tmp_path: Path) -> None:
    experiment = pictures(tmp_path, ["cat/0.png", "ship/1.png"])
    clean = evaluate_clean(experiment)
    assert prepare(replace(experiment, budget=7), clean=clean).clean is clean
    for changed in (
        replace(experiment, resize="nearest,squash"),
        replace(experiment, images="sample[0:2]"),
        replace(experiment, noisy_oracle=True),
    ):
        with pytest.raises(InputError, match=r"clean= is of (resize|images|noisy_oracle)="):
            prepare(changed, clean=clean)


def test_strange_names_are_no_obstacle_where_predictions_are_the_true_classes(tmp_path: Path) -> None:
    experiment = replace(pictures(tmp_path, ["cat/0.png", "holiday/1.png"]), true_class="prediction")
    assert compare(experiment).requests[0].correct is None


TEN = "linear(classes=10,inputs=3072)"


def unnamed(folder: Path, *names: str, strategy: str = "random(popsize=8)") -> Experiment:
    """Pictures in folders of these names, and an oracle of ten classes without names."""
    chosen = pictures(folder, [f"{name}/{place}.png" for place, name in enumerate(names)])
    return replace(chosen, oracle=TEN, strategies=(strategy,))


def test_names_are_numbers_only_where_there_are_as_many_as_classes(tmp_path: Path) -> None:
    three = unnamed(tmp_path / "three", "apple", "bee", "cow")
    with pytest.raises(
        InputError,
        match=r"of 3 classes by name \(apple, bee, cow\), but oracle linear has 10 .*classes=\[\.\.\.\]",
    ):
        prepare(three)
    predicted = prepare(replace(three, true_class="prediction"))
    assert predicted.clean.classes == ("",) * 10 and predicted.clean.correct is None
    ten = prepare(unnamed(tmp_path / "ten", *"jabcdefghi"))
    assert ten.images.labels.tolist() == list(range(10)) and ten.clean.classes == tuple("abcdefghij")
    table = tmp_path / "ten" / "labels.csv"
    table.write_text("file,label\na/1.png,a\nb/2.png,b\n")
    with pytest.raises(InputError, match="of 2 classes by name"):
        prepare(replace(three, images=str(table)))


def named(count: int) -> Oracle:
    oracle: Oracle = load("oracles", TEN)()
    return replace(Classifier.of(oracle), classes=tuple(f"c{place}" for place in range(count)))


@pytest.mark.parametrize("count", [2, 9, 11])
def test_names_of_classes_are_as_many_as_scores(count: int) -> None:
    name = f"named-{count}"
    register("oracles", name, partial(named, count))
    with pytest.raises(InputError, match=f"gives scores of 10 classes, but classes= names {count}: c0, c1"):
        prepare(Experiment(oracle=name, images="sample[0:2]", true_class="prediction"))


def doubtful(folder: Path, labels: Tensor) -> tuple[str, ...]:
    """What is said of images of the sample with other labels, for the embedded network."""
    sample = load_images("sample[0:20]")
    np.savez(folder / "s.npz", images=sample.pixels.numpy(), labels=labels.numpy())
    experiment = Experiment(strategies=("random(popsize=8)",), images=str(folder / "s.npz"), budget=8)
    setup = prepare(experiment)
    assert not prepare(replace(experiment, true_class="prediction")).notes
    return setup.notes


def test_low_accuracy_is_reported_with_likely_causes(tmp_path: Path) -> None:
    right = load_images("sample[0:20]").labels
    assert doubtful(tmp_path, right) == ()
    (note,) = doubtful(tmp_path, (right + 5) % 10)
    assert note.startswith(
        "without an attack the oracle gives only 0 of 20 images their own label: the labels may"
    )
    assert "classes=[...]" in note and "mean=" in note and "not trained" in note
    below = load_images("sample[0:20]").labels.clamp(max=8) + 1
    (note,) = doubtful(tmp_path, below)
    assert re.search(
        r"only \d of 20 .*, but 1\d of them their label less 1: labels and classes may count", note
    )


def test_pictures_of_a_folder_have_its_class(tmp_path: Path) -> None:
    experiment = pictures(tmp_path, ["dog/0.png", "ship/1.png", "2.png"])
    setup = prepare_pictures(experiment, label=None)
    predicted = setup.clean.predictions.classes
    names = [setup.images.classes[label] for label in setup.images.labels.tolist()]
    assert setup.images.ids == ("2.png", "dog/0.png", "ship/1.png") and names[1:] == ["dog", "ship"]
    assert setup.images.labels[0] == predicted[0]
    assert prepare_pictures(experiment, label="cat").images.labels.tolist() == [3, 3, 3]
    free = prepare_pictures(replace(experiment, true_class="prediction"), label=None)
    assert torch.equal(free.images.labels, predicted)


def test_unknown_names_and_lacking_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class holiday, only airplane"):
        compare(pictures(tmp_path / "named", ["cat/0.png", "holiday/1.png"]))
    with pytest.raises(InputError, match=r"image 0\.png has no label .*: give sub-folders .*CSV"):
        compare(pictures(tmp_path / "bare", ["0.png"]))


@pytest.mark.parametrize(("right", "said"), [(12, True), (30, False)])
def test_an_oracle_at_chance_level_is_noticed(right: int, said: bool) -> None:
    """Ten classes and 100 images: guessing gives 10 of them their label."""
    clean = evaluate_clean(Experiment(oracle="digits-forest(trees=5)", images="digits[0:100]"))
    labels = clean.images.labels
    wrong = (labels + 1 + torch.arange(100) % 8) % 10
    predicted = torch.where(torch.arange(100) < right, labels, wrong)
    guessing = replace(clean, predictions=clean.predictions._replace(classes=predicted))
    assert bool(guessing.doubt) == said
    assert not said or "is not trained" in guessing.doubt[0]
