"""The network in the package."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from sparseattack import Classifier, InputError, load, load_images
from sparseattack.cifar import CLASSES
from sparseattack.oracles.zoo import WEIGHTS


def oracle(spec: str = "allconv-small") -> Classifier:
    made = load("oracles", spec)()
    assert isinstance(made, Classifier)
    return made


def card() -> dict[str, object]:
    read: dict[str, object] = json.loads((WEIGHTS / "allconv-small.json").read_text())
    return read


def test_it_classifies_the_sample() -> None:
    made, sample = oracle(), load_images("sample")
    right = made(sample.floats()).argmax(1) == sample.labels
    assert right.double().mean() > 0.85
    assert (made.name, made.scale, made.classes, made.shape) == (
        "allconv-small",
        "logits",
        CLASSES,
        (3, 32, 32),
    )
    assert made.digest == card()["sha256"]


def test_its_files_are_small() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 2_000_000


@pytest.mark.shared
def test_the_accuracy_on_its_card_is_that_of_the_file(shared: Path) -> None:
    made, test = oracle(), load_images(f"{shared}:test[0:5000]")
    images = torch.split(test.floats(), 256)
    hits = torch.cat([made(some).argmax(1) for some in images]) == test.labels
    assert hits.double().mean().item() == pytest.approx(card()["accuracy"], abs=4e-4)  # 2 images of 5,000
    assert hits.double().mean() >= 0.85


@pytest.mark.parametrize("count", [32, 64, 96, 128, 256])
def test_company_changes_no_answer(count: int) -> None:
    made = oracle()
    images = torch.cat([load_images("sample").floats()] * 3)[:256]
    together = made(images)
    assert torch.equal(made(images[:count]), together[:count])
    order = torch.randperm(256, generator=torch.Generator().manual_seed(count))
    assert torch.equal(made(images[order])[:count], together[order][:count])
    others = torch.cat([images[:1], torch.zeros(count - 1, 3, 32, 32)])
    assert torch.equal(made(others)[0], together[0])


def test_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="allconv-small takes images of 3x32x32, not 1x8x8"):
        oracle()(torch.zeros(1, 1, 8, 8))


def test_loading_draws_no_random_number() -> None:
    before = torch.random.get_rng_state()
    oracle()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    for file in WEIGHTS.iterdir():
        shutil.copy(file, tmp_path)
    weights = tmp_path / "allconv-small.safetensors"
    assert oracle(f"allconv-small(weights={weights})").digest == card()["sha256"]
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(InputError, match=r"is not what its card allconv-small\.json describes"):
        oracle(f"allconv-small(weights={weights})")
    weights.with_suffix(".json").write_text("{}")
    with pytest.raises(InputError, match=r"allconv-small\.json is no card"):
        oracle(f"allconv-small(weights={weights})")
    weights.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"there is no file .*allconv-small\.json"):
        oracle(f"allconv-small(weights={weights})")
