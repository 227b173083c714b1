"""Training: learning, continuing after an interruption, writing weights, varying images."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from sparseattack import InputError, SparseattackError, load, load_images
from sparseattack.oracles.training.augmentation import augment, blank, draw, move
from sparseattack.oracles.training.recipe import Recipe
from sparseattack.oracles.training.training import read_checkpoint, train, write_weights

QUICK = Recipe(epochs=3, batch=32, rate=0.05, held_out=0.2, bf16=False)


@pytest.fixture(autouse=True)
def global_random_state_is_unchanged() -> Iterator[None]:
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(torch.random.get_rng_state(), before)


def weights(checkpoint: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = read_checkpoint(checkpoint)["network"]
    return state


@pytest.mark.parametrize("bf16", [False, True])
def test_an_interrupted_training_continues_bit_by_bit(tmp_path: Path, bf16: bool) -> None:
    images, recipe = load_images("sample"), replace(QUICK, bf16=bf16)
    whole = list(train(recipe, images, tmp_path / "whole"))
    assert [epoch.number for epoch in whole] == [1, 2, 3]
    first = list(islice(train(recipe, images, tmp_path / "parts"), 1))
    rest = list(train(recipe, images, tmp_path / "parts"))
    assert [*first, *rest] == whole
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert list(train(recipe, images, tmp_path / "whole")) == []


def test_a_training_learns(tmp_path: Path) -> None:
    images = load_images("digits[0:320]")
    small = nn.functional.interpolate(images.pixels.float(), size=32).to(torch.uint8).expand(-1, 3, -1, -1)
    epochs = list(train(replace(QUICK, epochs=8), replace(images, pixels=small), tmp_path / "point"))
    assert epochs[-1].loss < epochs[0].loss
    assert epochs[-1].accuracy > 0.3  # guessing is right in a tenth


def test_seeds_train_differently(tmp_path: Path) -> None:
    images = load_images("sample[0:40]")
    for seed in (0, 1):
        list(train(replace(QUICK, epochs=1, seed=seed), images, tmp_path / str(seed)))
    one, other = weights(tmp_path / "0"), weights(tmp_path / "1")
    assert not torch.equal(one["0.weight"], other["0.weight"])


def test_the_held_out_images_are_the_last() -> None:
    images = load_images("sample")
    fit, held_out = Recipe().parts(images)
    assert (fit.ids, held_out.ids) == (images.ids[:95], images.ids[95:])


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    images, point = load_images("sample[0:40]"), tmp_path / "point"
    next(train(QUICK, images, point))
    with pytest.raises(InputError, match=r"is of another recipe, with epochs 3, seed 0"):
        next(train(replace(QUICK, epochs=5, seed=1), images, point))
    with pytest.raises(InputError, match="is of other images"):
        next(train(QUICK, load_images("sample[0:41]"), point))
    point.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="is no checkpoint of a training"):
        next(train(QUICK, images, point))


def test_settings_and_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    images = load_images("sample[0:40]")
    with pytest.raises(InputError, match="no network 'resnet', only allconv-small"):
        next(train(replace(QUICK, network="resnet"), images, tmp_path / "point"))
    with pytest.raises(InputError, match="epochs is 1 to 100000, not 0"):
        replace(QUICK, epochs=0)
    with pytest.raises(InputError, match="batch is 1 to 100000, not 100001"):
        replace(QUICK, batch=100_001)
    for seed in (-1, 2**32):
        with pytest.raises(InputError, match=f"a seed is 0 to 4294967295, not {seed}"):
            replace(QUICK, seed=seed)
    with pytest.raises(InputError, match=r"\(3, 32, 32\) with labels 0 to 9, not \(1, 8, 8\)"):
        next(train(QUICK, load_images("digits"), tmp_path / "point"))
    with pytest.raises(InputError, match="with labels -1 to -1"):
        next(train(QUICK, replace(images, labels=images.labels * 0 - 1), tmp_path / "point"))
    with pytest.raises(InputError, match="with labels 200 to 200"):
        next(train(QUICK, replace(images, labels=images.labels * 0 + 200, classes=()), tmp_path / "point"))
    with pytest.raises(InputError, match="at least 2 images, not 1"):
        next(train(QUICK, images[:1], tmp_path / "point"))
    with pytest.raises(InputError, match="no device 'cuda:77' here"):
        next(train(replace(QUICK, device="cuda:77"), images, tmp_path / "point"))


def test_files_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    images = load_images("sample[0:40]")
    (tmp_path / "file").touch()
    with pytest.raises(SparseattackError, match=r"file/point cannot be written"):
        next(train(QUICK, images, tmp_path / "file" / "point"))
    next(train(QUICK, images, tmp_path / "point"))
    with pytest.raises(SparseattackError, match=r"file/m\.safetensors cannot be written"):
        write_weights(tmp_path / "point", tmp_path / "file" / "m.safetensors", images, "the sample")


def test_weights_are_written_with_their_card(tmp_path: Path) -> None:
    images = load_images("sample")
    list(train(QUICK, images, tmp_path / "point"))
    out = tmp_path / "mine.safetensors"
    card = write_weights(tmp_path / "point", out, images, "the sample")
    assert json.loads((tmp_path / "mine.json").read_text()) == asdict(card)
    assert (card.recipe, card.seed, card.epochs) == (asdict(QUICK), 0, 3)
    assert card.measured == "the sample, 100 images"
    with safe_open(out, "pt") as file:
        assert json.loads(file.metadata()["accuracy"]) == card.accuracy
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    oracle = load("oracles", f"allconv-small(weights={out})")()
    assert (oracle(images.floats()).argmax(1) == images.labels).double().mean().item() == card.accuracy


def numbered_pixels() -> Tensor:
    """Images in which every pixel has a value of its own."""
    return torch.arange(40 * 3 * 32 * 32, dtype=torch.float64).view(40, 3, 32, 32)


def test_moved_images_are_mirrored_and_shifted_whole() -> None:
    images = numbered_pixels()
    moved = move(images, draw(40, 3, 32, torch.Generator().manual_seed(0))[:, :3], 3)
    padded = nn.functional.pad(images, (3,) * 4, mode="reflect")
    found = set()
    for place in range(len(images)):
        variants = {
            (down, right, mirrored): padded[place, :, down : down + 32, right : right + 32].flip(
                (2,) * mirrored
            )
            for down in range(7)
            for right in range(7)
            for mirrored in (0, 1)
        }
        fits = [key for key, variant in variants.items() if torch.equal(variant, moved[place])]
        assert len(fits) == 1
        found |= set(fits)
    assert len({mirrored for *_, mirrored in found}) == 2
    assert len(found) > 20  # each image in its own way


def test_one_square_is_blanked_out() -> None:
    images = torch.full((60, 3, 32, 32), 2.0)
    blanked = blank(images, draw(60, 3, 32, torch.Generator().manual_seed(0))[:, 3:], 8) != 2
    assert (blanked == blanked[:, :1]).all()
    areas = blanked[:, 0].sum((1, 2))
    assert areas.max() == 64
    assert areas.min() >= 16  # a corner cuts at most half of each side
    rows, columns = blanked[:, 0].any(2).sum(1), blanked[:, 0].any(1).sum(1)
    assert torch.equal(rows * columns, areas)


def test_variations_depend_on_the_generator_only() -> None:
    pixels = load_images("sample").pixels
    drawn = (draw(100, 3, 32, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    one, same, other = (augment(pixels, how, 3, 8) for how in drawn)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == pixels.shape
    assert 0 <= one.min() <= one.max() <= 1
