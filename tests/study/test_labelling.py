"""Pictures compared: what they show is told by the oracle's names."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from sparseattack import InputError, load_images
from sparseattack.comparison import compare
from sparseattack.study.experiment import Experiment
from sparseattack.study.prepare import labelled, prepare


def pictures(folder: Path, names: list[str]) -> Experiment:
    """The first images of the sample, filed under ``names``."""
    for name, pixels in zip(names, load_images("sample").pixels, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / name)
    return Experiment(strategies=("random(popsize=8)",), images=str(folder), budget=8)


def test_sub_folders_are_the_oracles_classes(tmp_path: Path) -> None:
    experiment = pictures(tmp_path, ["cat/0.png", "ship/1.png", "ship/2.png", "airplane/3.png"])
    setup = prepare(experiment)
    assert setup.images.labels.tolist() == [0, 1, 2, 2]  # airplane, cat, ship
    named = labelled(setup)
    assert [named.images.classes[label] for label in named.images.labels.tolist()] == [
        Path(one).parent.name for one in named.images.ids
    ]
    assert torch.equal(named.images.labels, named.predictions.classes)  # which the network sees in these
    assert compare(experiment).images == 4


def test_unknown_names_and_lacking_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class holiday, only airplane"):
        compare(pictures(tmp_path / "named", ["cat/0.png", "holiday/1.png"]))
    with pytest.raises(InputError, match=r"image 0\.png has no label: sub-folders named by class give one"):
        compare(pictures(tmp_path / "bare", ["0.png"]))
