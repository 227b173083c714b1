"""Keras files against the model that was written: range, layout and scale are read from them."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from adapted import library
from framework_files import some_images

from sparseattack import Classifier, InputError
from sparseattack.plugins.registry import oracle_plugin

HOW = 'pip install "sparseattack[keras]"'
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = library("keras", HOW)
layers = keras.layers
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # keras and numpy


def write(path: Path, *first: Any, activation: str | None = None, last: bool = True) -> Any:
    """A small convolutional network with random weights, in a file."""
    form = "channels_last" if last else "channels_first"
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3) if last else (3, 8, 8)),
            *first,
            layers.Conv2D(4, 3, activation="relu", data_format=form),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(data_format=form),
            layers.Dense(5, activation=activation),
        ]
    )
    model.save(path)
    return model


def load(path: Path, settings: str = "") -> Classifier:
    made = oracle_plugin(f"{path}({settings})" if settings else str(path))()
    assert isinstance(made, Classifier)
    return made


def scores(model: Any, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(model(images, training=False)).cpu()


@pytest.mark.parametrize("last", [True, False])
def test_scores_are_those_of_the_model(tmp_path: Path, last: bool) -> None:
    model, images = write(tmp_path / "net.keras", last=last), some_images(5)
    oracle = load(tmp_path / "net.keras", "range=1")
    arranged = images.permute(0, 2, 3, 1) if last else images
    assert (oracle.shape, oracle.scale) == ((3, 8, 8), "auto")
    assert torch.allclose(oracle(images), scores(model, arranged), atol=1e-5)


def test_a_rescaling_says_the_range_and_a_softmax_the_scale(tmp_path: Path) -> None:
    model = write(tmp_path / "net.keras", layers.Rescaling(1 / 255), activation="softmax")
    images = some_images(5)
    oracle = load(tmp_path / "net.keras")
    assert oracle.scale == "probabilities"
    assert torch.allclose(oracle(images), scores(model, (images * 255).permute(0, 2, 3, 1)), atol=1e-5)


def test_a_range_that_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    model, images = write(tmp_path / "net.keras"), some_images(3)
    with pytest.raises(InputError, match=r"net.keras does not say which colours it takes"):
        load(tmp_path / "net.keras")
    normalised = load(tmp_path / "net.keras", "mean=[0.5,0.4,0.3],std=0.25")
    mean = torch.tensor([0.5, 0.4, 0.3]).view(-1, 1, 1)
    assert torch.allclose(
        normalised(images), scores(model, ((images - mean) / 0.25).permute(0, 2, 3, 1)), atol=1e-5
    )


def test_code_and_what_is_no_model_are_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Lambda(lambda x: x * 2), layers.Flatten()])
    model.save(tmp_path / "net.keras")
    (tmp_path / "none.keras").write_bytes(b"nothing of the kind")
    for name in ("net", "none"):
        with pytest.raises(InputError, match=f"{name}.keras is no Keras 3 model that can be read"):
            load(tmp_path / f"{name}.keras", "range=1")
