"""Pictures compared: what they show is told by the oracle's names."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from sparseattack import InputError, load_images
from sparseattack.comparison import compare
from sparseattack.study.experiment import Experiment
from sparseattack.study.prepare import evaluate_clean, prepare


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
    scope = compare(experiment).scope
    assert (scope.images, scope.correct) == (4, 4)


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


def test_strange_names_are_no_obstacle_where_predictions_are_the_true_classes(tmp_path: Path) -> None:
    experiment = replace(pictures(tmp_path, ["cat/0.png", "holiday/1.png"]), true_class="prediction")
    assert compare(experiment).scope.correct is None


def test_unknown_names_and_lacking_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class holiday, only airplane"):
        compare(pictures(tmp_path / "named", ["cat/0.png", "holiday/1.png"]))
    with pytest.raises(InputError, match=r"image 0\.png has no label: sub-folders named by class give one"):
        compare(pictures(tmp_path / "bare", ["0.png"]))
