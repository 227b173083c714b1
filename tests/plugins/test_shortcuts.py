"""A model file in place of an oracle's name."""

from pathlib import Path

import pytest

from sparseattack.plugins.spec import Spec, oracle_spec


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


def test_an_existing_file_is_taken_as_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "my (net), v2.onnx"
    file.touch()
    assert oracle_spec(str(file)) == Spec("onnx", {"path": str(file)})
    assert oracle_spec(f'onnx(path="{file}",batch=3)') == Spec("onnx", {"path": str(file), "batch": "3"})
