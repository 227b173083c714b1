"""Files for LiteRT against numpy: floats and 8 bits, one image at a time and any number."""

from pathlib import Path

import numpy as np
import pytest
import torch
from adapted import library
from framework_files import linear_scores, some_images, write_tflite

from sparseattack import Classifier, InputError, Problem, attack, corners
from sparseattack import load as load_plugin
from sparseattack.plugins.registry import oracle_plugin

HOW = 'pip install "sparseattack[tflite]"'
library("ai_edge_litert.interpreter", HOW)
library("ai_edge_litert.schema_py_generated", "its schema writes the files of these tests")


def load(path: Path, settings: str) -> Classifier:
    made = oracle_plugin(f"{path}({settings})")()
    assert isinstance(made, Classifier)
    return made


@pytest.mark.parametrize("dynamic", [False, True])
def test_scores_are_those_of_the_file(tmp_path: Path, dynamic: bool) -> None:
    write_tflite(tmp_path / "net.tflite", dynamic=dynamic)
    images = some_images(5)
    oracle = load(tmp_path / "net.tflite", "range=1,output=1")
    assert oracle.shape == (3, 8, 8)
    for count in (5, 1, 3):
        expected = linear_scores(images[:count].numpy())
        assert np.abs(oracle(images[:count]).numpy() - expected).max() < 1e-5
    softmax = load(tmp_path / "net.tflite", "range=1")(images)
    assert torch.allclose(softmax, torch.from_numpy(linear_scores(images.numpy())).softmax(1), atol=1e-6)


@pytest.mark.parametrize(
    ("step", "zero", "settings"), [(1 / 255, 0, ""), (1 / 128, 128, "mean=0.5,std=0.5,")]
)
def test_8_bit_inputs_are_real_numbers_by_their_scale(
    tmp_path: Path, step: float, zero: int, settings: str
) -> None:
    write_tflite(tmp_path / "net.tflite", quantisation=(step, zero))
    images = some_images(4)
    levels = np.round(images.numpy() * 255)
    shown = (
        levels / 255
        if not zero
        else (np.round((images.numpy() * 2 - 1) / step + zero).clip(0, 255) - zero) * step
    )
    scores = load(tmp_path / "net.tflite", f"{settings}output=1")(images).numpy()
    assert np.abs(scores - linear_scores(shown.astype(np.float32))).max() < 1e-4


def test_a_range_that_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    write_tflite(tmp_path / "floats.tflite")
    write_tflite(tmp_path / "signed.tflite", quantisation=(2 / 255, 128))
    for name in ("floats", "signed"):
        with pytest.raises(InputError, match=f"{name}.tflite does not say which colours it takes"):
            load(tmp_path / f"{name}.tflite", "output=1")


def test_it_is_attacked(tmp_path: Path) -> None:
    write_tflite(tmp_path / "net.tflite")
    oracle, images = load(tmp_path / "net.tflite", "range=1,output=1"), some_images(6)
    labels = oracle(images).argmax(1)
    found = attack(
        Problem(oracle, corners(pixels=3), images, labels), load_plugin("strategies", "random"), 200
    )
    assert any(getattr(one, "fooled", False) for one in found)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"net.tflite is no .tflite file that can be run"):
        load(tmp_path / "net.tflite", "range=1")
    write_tflite(tmp_path / "net.tflite")
    with pytest.raises(InputError, match="1 inputs and 2 outputs"):
        load(tmp_path / "net.tflite", "range=1,output=2")
