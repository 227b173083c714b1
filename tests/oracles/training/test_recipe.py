"""Recipes: the settings of every network's training, the sizes of images, the batches of an epoch."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import interpolate

from sparseattack import InputError, load_images
from sparseattack.data.images import Images
from sparseattack.oracles.networks import NETWORKS
from sparseattack.oracles.training.augmentation import batches, shrink
from sparseattack.oracles.training.recipe import Recipe, recipe_of
from sparseattack.oracles.training.training import read_checkpoint, train

PAPERS = [name for name in NETWORKS if name != "allconv-small"]
QUICK = Recipe(epochs=8, batch=32, rate=0.05, held_out=0.2, bf16=False, smallest=16)


def digits(count: int) -> Images:
    """Digits, enlarged to the size of CIFAR-10's images."""
    images = load_images(f"digits[0:{count}]")
    large = interpolate(images.pixels.float(), size=32).to(torch.uint8).expand(-1, 3, -1, -1)
    return replace(images, pixels=large)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_recipe(name: str) -> None:
    recipe = recipe_of(name)
    assert recipe.network == name
    assert recipe == replace(recipe_of("allconv"), network=name, rate=recipe.rate) or name not in PAPERS


def test_the_paper_s_networks_are_trained_without_cutout_and_label_smoothing() -> None:
    for name in PAPERS:
        assert (recipe_of(name).hole, recipe_of(name).smoothing) == (0, 0)
    with pytest.raises(InputError, match="no network 'lenet'"):
        recipe_of("lenet")


def test_images_grow_to_full_size_by_three_quarters_of_the_epochs() -> None:
    recipe = Recipe(epochs=16, smallest=20)
    sides = [recipe.side(number) for number in range(16)]
    assert sides == sorted(sides)
    assert set(sides) == {20, 24, 28, 32}
    assert sides[0] == 20 and sides[11] == 32 and sides[12:] == [32] * 4
    assert {Recipe(epochs=16).side(number) for number in range(16)} == {32}


@pytest.mark.parametrize("smallest", [0, 15, 33])
def test_sides_that_cannot_be_trained_with_are_refused(smallest: int) -> None:
    with pytest.raises(InputError, match=f"smallest is 16 to 32, not {smallest}"):
        Recipe(smallest=smallest)


def test_shrunken_images_keep_their_mean() -> None:
    images = load_images("sample[0:10]").floats()
    assert shrink(images, 32) is images
    small = shrink(images, 16)
    assert small.shape == (10, 3, 16, 16)
    torch.testing.assert_close(small.mean((2, 3)), images.mean((2, 3)), rtol=0, atol=0.01)


def test_an_epoch_has_every_image_once_with_its_label() -> None:
    recipe = replace(QUICK, shift=0, hole=0, smallest=32)
    images = torch.arange(100, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    parts = list(batches(recipe, 0, images, torch.arange(100)))
    assert [len(labels) for _, labels in parts] == [32, 32, 32, 4]
    for varied, labels in parts:
        assert torch.equal((varied[:, 0, 0, 0] * 255).round().long(), labels)
    order = torch.cat([labels for _, labels in parts])
    assert torch.equal(order.sort().values, torch.arange(100))
    again = torch.cat([labels for _, labels in batches(recipe, 1, images, torch.arange(100))])
    assert not torch.equal(order, again)


@pytest.mark.parametrize("name", PAPERS)
def test_every_network_learns(name: str, tmp_path: Path) -> None:
    recipe = replace(QUICK, network=name, epochs=4)
    losses = [epoch.loss for epoch in train(recipe, digits(64), tmp_path / "point")]
    assert losses[-1] < losses[0]


def test_an_interrupted_training_with_dropout_and_growing_images_continues_bit_by_bit(tmp_path: Path) -> None:
    recipe, images = replace(QUICK, network="allconv", epochs=3), load_images("sample[0:40]")
    whole = list(train(recipe, images, tmp_path / "whole"))
    first = next(train(recipe, images, tmp_path / "parts"))
    torch.rand(5)  # other code draws random numbers in between
    assert [first, *train(recipe, images, tmp_path / "parts")] == whole
    one, other = (
        read_checkpoint(tmp_path / "whole")["network"],
        read_checkpoint(tmp_path / "parts")["network"],
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert recipe.side(0) < recipe.side(2)
