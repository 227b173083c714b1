"""A model file in place of an oracle's name."""

import pytest

from sparseattack.shortcuts import oracle_spec
from sparseattack.spec import Spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("linear(classes=4)", Spec("linear", {"classes": "4"})),
        ("nets/model.onnx", Spec("onnx", {"path": "nets/model.onnx"})),
        ("model.ONNX(scale=probabilities)", Spec("onnx", {"path": "model.ONNX", "scale": "probabilities"})),
        ("a b/model.pt2", Spec("torch-export", {"path": "a b/model.pt2"})),
        ("my_oracles:onnx", Spec("my_oracles:onnx")),
    ],
)
def test_what_is_meant(text: str, spec: Spec) -> None:
    assert oracle_spec(text) == spec
