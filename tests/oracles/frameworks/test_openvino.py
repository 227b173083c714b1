"""OpenVINO files against numpy, in every input type, layout and precision."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapted import library
from framework_files import CHANNELS, CLASSES, NUMBERS, SIDE, linear_scores, some_images, weights

from sparseattack import Classifier, InputError
from sparseattack.plugins.registry import oracle_plugin

HOW = 'pip install "sparseattack[openvino]"'
ov, ops = library("openvino", HOW), library("openvino.opset13", HOW)


def write(
    path: Path, *, batch: int = -1, eight: bool = False, softmax: bool = False, layout: str = "NHWC"
) -> Path:
    """The linear classifier; 8-bit colours are divided by 255 in the file."""
    kernel, bias = weights()
    sides = [batch, SIDE, SIDE, CHANNELS] if layout == "NHWC" else [batch, CHANNELS, SIDE, SIDE]
    taken: Any = ops.parameter(sides, np.uint8 if eight else np.float32, name="images")
    taken.set_layout(ov.Layout(layout))
    floats = ops.divide(ops.convert(taken, np.float32), np.float32(255)) if eight else taken
    ordered = floats if layout == "NHWC" else ops.transpose(floats, [0, 2, 3, 1])
    rows = ops.reshape(ordered, [-1, NUMBERS], special_zero=False)
    scores = ops.add(ops.matmul(rows, kernel, False, True), bias[None])
    model = ov.Model([ops.softmax(scores, 1) if softmax else scores], [taken], "linear")
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def load(path: Path, settings: str = "") -> Classifier:
    made = oracle_plugin(f"{path}({settings})")()
    assert isinstance(made, Classifier)
    return made


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("batch", [-1, 3])
def test_scores_are_those_of_the_file(tmp_path: Path, layout: str, batch: int) -> None:
    oracle = load(write(tmp_path / "net.xml", layout=layout, batch=batch), "range=1")
    assert (oracle.shape, oracle.scale) == ((3, 8, 8), "auto")
    images = some_images(7)
    assert np.abs(oracle(images).numpy() - linear_scores(images.numpy())).max() < 1e-5


def test_an_8_bit_input_says_its_range_and_a_softmax_its_scale(tmp_path: Path) -> None:
    oracle, images = load(write(tmp_path / "net.xml", eight=True, softmax=True)), some_images(4)
    expected = torch.from_numpy(linear_scores(images.numpy())).softmax(1)
    assert oracle.scale == "probabilities" and torch.allclose(oracle(images), expected, atol=1e-6)


def test_a_range_must_be_said_and_a_normalisation_is_one(tmp_path: Path) -> None:
    path = write(tmp_path / "net.xml")
    with pytest.raises(InputError, match="does not say which colours it takes: set range=1 for 0 to 1"):
        load(path)
    images = some_images(4)
    shown = np.asarray((images.numpy() - 0.5) / 0.25, dtype=np.float32)
    assert np.abs(load(path, "mean=0.5,std=0.25")(images).numpy() - linear_scores(shown)).max() < 1e-4
    whole = np.round(images.numpy() * 255).astype(np.float32)
    assert np.abs(load(path, "range=255")(images).numpy() - linear_scores(whole)).max() < 1e-2


def test_precision_is_part_of_what_the_oracle_is(tmp_path: Path) -> None:
    path = write(tmp_path / "net.xml")
    full, half = load(path, "range=1"), load(path, "range=1,precision=bf16")
    assert full.digest != half.digest and full.digest == load(path, "range=1").digest
    assert full(some_images(2)).shape == half(some_images(2)).shape == (2, CLASSES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("range=1,output=1", "1 inputs and 1 outputs"),
        ("range=2", "range is 1, for colours from 0 to 1, or 255, not 2"),
        ("range=1,mean=0.5", "mean and std are of images in"),
        ("range=1,device=gpu.7", "cannot be run by OpenVINO on GPU.7"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, settings: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write(tmp_path / "net.xml"), settings)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.xml").write_text("<net", encoding="utf-8")
    why = r"net.xml cannot be run by OpenVINO on CPU in f32 \(.*\): RuntimeError: (?!Exception from)"
    with pytest.raises(InputError, match=why):
        load(tmp_path / "net.xml", "range=1")
