"""Folders of transformers against the model and the steps of its processor."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from adapted import library

from sparseattack import Classifier, InputError, levels
from sparseattack.plugins.registry import oracle_plugin

HOW = 'pip install "sparseattack[transformers]"'
transformers = library("transformers", HOW)

PROCESSOR: dict[str, Any] = {
    "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225], "rescale_factor": 0.00392156862745098,
    "size": {"height": 32, "width": 32},
}  # fmt: skip
IMAGES = levels(torch.randint(256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0)))


def write(folder: Path, **changed: Any) -> Any:
    """A vision transformer with random weights in a folder, and its processor's settings."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=32,
        patch_size=8, num_labels=4, id2label={0: "ant", 1: "bee", 2: "cat", 3: "dog"},
    )  # fmt: skip
    model = transformers.ViTForImageClassification(config).eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR | changed), encoding="utf-8")
    return model


def load(folder: Path) -> Classifier:
    made = oracle_plugin(f"huggingface(path={folder})")()
    assert isinstance(made, Classifier)
    return made


MEAN, STD = (torch.tensor(PROCESSOR[name]).view(-1, 1, 1) for name in ("image_mean", "image_std"))
STEPS = [
    ({}, lambda x: (x - MEAN) / STD),
    ({"do_normalize": False}, lambda x: x),
    ({"do_rescale": False, "image_mean": 127.5, "image_std": 127.5}, lambda x: (x * 255 - 127.5) / 127.5),
    ({"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False}, lambda x: x * 2 - 1),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "step"), STEPS)
def test_scores_are_those_of_the_model_after_the_processors_steps(
    tmp_path: Path, changed: Any, step: Any
) -> None:
    model = write(tmp_path / "vit", **changed)
    oracle = load(tmp_path / "vit")
    with torch.inference_mode():
        expected = model(step(IMAGES)).logits
    assert torch.allclose(oracle(IMAGES), expected, atol=1e-5)
    assert (oracle.scale, oracle.shape, oracle.classes) == (
        "logits",
        (3, 32, 32),
        ("ant", "bee", "cat", "dog"),
    )


SIZES = [
    ({"size": {"shortest_edge": 32}}, (32, 32)),
    ({"size": 32}, (32, 32)),
    ({"size": {"shortest_edge": 40}, "do_center_crop": True, "crop_size": 32}, (32, 32)),
    ({"do_resize": False}, (None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "size"), SIZES)
def test_the_size_is_the_processors(
    tmp_path: Path, changed: Any, size: tuple[int | None, int | None]
) -> None:
    write(tmp_path / "vit", **changed)
    assert load(tmp_path / "vit").shape == (3, *size)


def test_images_of_another_size_are_refused_not_resized(tmp_path: Path) -> None:
    write(tmp_path / "vit")
    with pytest.raises(InputError, match="resize them to 32x32, as IMAGES@32 does"):
        load(tmp_path / "vit")(torch.zeros(1, 3, 16, 16))


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        load(tmp_path / "none")
    write(tmp_path / "vit", image_mean=None)
    with pytest.raises(InputError, match="has no image_mean and image_std"):
        load(tmp_path / "vit")
    (tmp_path / "vit" / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    with pytest.raises(InputError, match="holds no image classifier that transformers can read"):
        load(tmp_path / "vit")
    (tmp_path / "vit" / "preprocessor_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"preprocessor_config.json is no JSON"):
        load(tmp_path / "vit")
