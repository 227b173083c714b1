"""A Keras 3 model in a .keras file, computed by torch."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras reads it when it is imported

import keras as library
import torch
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.errors import brief
from sparseattack.problem.inference import PAD
from sparseattack.problem.scale import ScaleSetting
from sparseattack.provenance import digest

from ..dense_inference.blocks import of_size
from ..dense_inference.scores import choosing, without_sides
from ..weights import required, sha256
from .image_input import MOST, Layout, NetworkInput, preparation

SCALES: dict[str, ScaleSetting] = {"softmax": "probabilities"}  # of scores, by the last layer's activation


def keras(
    *,
    path: str,
    output: str | None = None,
    range: float | None = None,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    layout: Layout = "auto",
    scale: ScaleSetting = "auto",
    classes: tuple[str, ...] = (),
    batch: int = 256,
) -> Oracle:
    """A Keras 3 model (.keras) with one batch of images as its input, with torch as its backend.

    A model whose layers hold Python code is refused, as Keras does by default.

    path: the file
    output: key, or number from 0, of the scores in a dictionary or list that the model returns
    range: greatest colour that it takes: 1 or 255; by default 255 where its first layer rescales 0 to 255
    mean: mean colour in [0, 1] of the images that it was trained with, one value or one per channel
    std: standard deviation of those colours, one value or one per channel
    layout: where the channels are; auto is what its layers say, else read off the input's shape
    scale: of its scores; auto reads the last layer's activation, and else recognises probabilities
    classes: names of the classes, in the order of the scores
    batch: images per call at most
    """
    file = required(path)
    model = _loaded(file)
    shapes = model.input_shape
    if isinstance(shapes, list | dict):
        raise InputError(f"{file} takes {len(shapes)} inputs, not one batch of images")
    taken = NetworkInput.of(shapes, layout, file, _channels_last(model))
    prepare = preparation(file, range, mean, std, _rescaled(model))
    chosen = choosing(lambda images: model(images, training=False), output)

    @torch.inference_mode()
    def scores(images: Tensor) -> Tensor:
        answer: Any = chosen(taken.arranged(prepare(images)))
        return without_sides(answer).float().to(images.device)

    known = digest([sha256(file), output, range, mean, std, layout, scale, library.__version__])
    blocks = of_size(scores, taken.fixed)
    return Classifier(file.name, blocks, known, _scale(model, scale), batch, classes, taken.shape, block=PAD)


def _loaded(file: Path) -> Any:
    """The model in a file."""
    if library.backend.backend() != "torch":
        raise InputError(
            f"Keras runs on {library.backend.backend()} here: set KERAS_BACKEND=torch before it is imported"
        )
    try:
        return library.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # of zipfile, json or a layer
        raise InputError(f"{file} is no Keras 3 model that can be read: {brief(error)}") from error


def _layers(model: Any) -> Iterator[Any]:
    """The layers of a model in their order, those of models inside it too."""
    for layer in getattr(model, "layers", ()):
        yield from _layers(layer) if getattr(layer, "layers", ()) else [layer]


def _channels_last(model: Any) -> bool | None:
    """Whether the first layer that depends on it has the channels last; None if none does."""
    formats = (getattr(layer, "data_format", None) for layer in _layers(model))
    known = next((one for one in formats if one in {"channels_last", "channels_first"}), None)
    return None if known is None else known == "channels_last"


def _rescaled(model: Any) -> float | None:
    """255 where the first layer rescales whole colours; None where the model does not say."""
    first = next((layer for layer in _layers(model) if type(layer).__name__ != "InputLayer"), None)
    if type(first).__name__ != "Rescaling":
        return None
    factor = getattr(first, "scale", 0)
    return MOST if isinstance(factor, int | float) and round(1 / factor, 3) in {MOST, MOST / 2} else None


def _scale(model: Any, setting: ScaleSetting) -> ScaleSetting:
    """The scale of the scores: as set, else by the activation of the last layer."""
    if setting != "auto":
        return setting
    *_, last = _layers(model)
    return SCALES.get(getattr(getattr(last, "activation", None), "__name__", ""), "auto")
