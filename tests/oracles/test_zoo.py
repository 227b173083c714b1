"""The CIFAR-10 networks: those with weights in the package, and those trained by a user."""

import json
import re
import shutil
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from sparseattack import Classifier, Images, InputError, load, load_images
from sparseattack.data.cifar10 import CLASSES
from sparseattack.oracles import zoo
from sparseattack.oracles.networks import NETWORKS, untrained
from sparseattack.oracles.training.recipe import recipe_of
from sparseattack.oracles.training.training import normalised, write_weights
from sparseattack.oracles.weights import ModelCard, sha256
from sparseattack.oracles.zoo import WEIGHTS
from sparseattack.plugins.catalogue import details

SHIPPED = sorted(file.stem for file in WEIGHTS.glob("*.safetensors"))
PAPERS = {"allconv": 0.856, "nin": 0.872, "vgg16": 0.833}  # accuracy of the networks of Su et al. (2019)


def oracle(spec: str = "allconv-small") -> Classifier:
    made = load("oracles", spec)()
    assert isinstance(made, Classifier)
    return made


def card_of(name: str = "allconv-small") -> ModelCard:
    return ModelCard.read(WEIGHTS / f"{name}.safetensors")


def accuracy(made: Classifier, images: Images) -> float:
    """Share of the images that are classified correctly."""
    predicted = [made(some).argmax(1) for some in torch.split(images.floats(), made.batch)]
    return (torch.cat(predicted) == images.labels).double().mean().item()


@pytest.mark.parametrize("name", SHIPPED)
def test_it_classifies_the_sample(name: str) -> None:
    made = oracle(name)
    assert accuracy(made, load_images("sample")) > 0.8
    assert (made.name, made.scale, made.classes, made.shape) == (name, "logits", CLASSES, (3, 32, 32))
    assert made.digest == card_of(name).sha256 == sha256(WEIGHTS / f"{name}.safetensors")


def test_the_documentation_has_the_accuracy_of_the_cards() -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text("utf-8")
    said = dict(re.findall(r"^\| `([\w-]+)` \| [\d.]+ M \| ([\d.]+ %)", page, re.MULTILINE))
    assert said == {name: f"{100 * card_of(name).accuracy:.1f} %" for name in PAPERS}
    assert {card_of(name).measured for name in PAPERS} == {"cifar10:test[0:5000], 5000 images"}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_has_the_training_settings_and_the_accuracy(name: str) -> None:
    card = card_of(name)
    assert card.network == name
    assert card.epochs == card.recipe["epochs"] and card.seed == card.recipe["seed"]
    assert PAPERS.get(name, 0.9) <= card.accuracy < 1
    assert card.measured.startswith("cifar10:test") and card.measured.endswith(" images")
    assert date.fromisoformat(card.date)
    with safe_open(WEIGHTS / f"{name}.safetensors", "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118
        stored = {key: json.loads(value) for key, value in file.metadata().items()}
    assert stored | {"sha256": card.sha256} == asdict(card)


def test_all_weights_together_are_small() -> None:
    assert "allconv-small" in SHIPPED
    sizes = {file.name: file.stat().st_size for file in WEIGHTS.iterdir()}
    assert sum(sizes.values()) < 50_000_000
    assert sizes["allconv-small.safetensors"] < 1_000_000


@pytest.mark.shared
@pytest.mark.parametrize("name", SHIPPED)
def test_the_accuracy_on_its_card_is_that_of_the_file(name: str, shared: Path) -> None:
    """Within three standard errors, on as many test images as are classified in a few seconds."""
    count = 5000 if name == "allconv-small" else 600
    wanted = card_of(name).accuracy
    error = (wanted * (1 - wanted) / count) ** 0.5 if count < 5000 else 1e-4  # the same images: 1 in 5,000
    assert accuracy(oracle(name), load_images(f"{shared}:test[0:{count}]")) == pytest.approx(
        wanted, abs=3 * error
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_missing_weights_are_refused_with_the_command_that_trains_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    with pytest.raises(InputError) as refused:
        oracle(name)
    command = re.search(r"`sparseattack (.*?)`", str(refused.value))
    assert command and command[1].split() == [
        "train",
        name,
        "--data",
        "cifar10",
        "--out",
        f"{name}.safetensors",
    ]
    assert str(refused.value).endswith(f"{name}(weights={name}.safetensors)")


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"allconv-small\.safetensors holds weights of allconv-small, not of nin"
    ):
        oracle(f"nin(weights={WEIGHTS / 'allconv-small.safetensors'})")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_an_oracle_once_it_is_trained(name: str, tmp_path: Path) -> None:
    network, file = untrained(name), tmp_path / "weights.safetensors"
    states = {"network": network.state_dict(), "recipe": asdict(recipe_of(name)), "epoch": 0}
    torch.save(states, tmp_path / "point")
    images = load_images("sample[0:8]")
    card = write_weights(tmp_path / "point", file, images, "the sample")
    made = oracle(f"{name}(weights={file})")
    assert (made.name, accuracy(made, images)) == (name, card.accuracy)
    torch.testing.assert_close(
        made(images.floats()), normalised(network.eval())(images.floats()), rtol=0.01, atol=2e-3
    )
    assert str(made.batch) in details(name)[0].settings[1].meaning  # what the docstring says
    assert oracle(f"{name}(weights={file},batch=7)").batch == 7


@pytest.mark.parametrize("count", [32, 64, 96, 128, 256])
def test_scores_do_not_depend_on_other_images_of_the_batch(count: int) -> None:
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
    for file in WEIGHTS.glob("allconv-small.*"):
        shutil.copy(file, tmp_path)
    weights = tmp_path / "allconv-small.safetensors"
    assert oracle(f"allconv-small(weights={weights})").digest == card_of().sha256
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(InputError, match=r"is not the file that its card allconv-small\.json describes"):
        oracle(f"allconv-small(weights={weights})")
    weights.with_suffix(".json").write_text("{}")
    with pytest.raises(InputError, match=r"allconv-small\.json is no card"):
        oracle(f"allconv-small(weights={weights})")
    weights.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"there is no file .*allconv-small\.json"):
        oracle(f"allconv-small(weights={weights})")
