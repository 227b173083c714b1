"""A mask: only allowed pixels are changed, each equally likely, by every strategy and encoding."""

import pytest
import torch
from problems import random_images
from registered import registered
from torch import Tensor

from sparseattack import InputError, Outcome, PixelGrid, Problem, attack, corners, load, rgb
from sparseattack.plugins.registry import names
from sparseattack.problem.encodings.encoding import AnyEncoding, decoder
from sparseattack.problem.mask import AllowedPixels

SHAPE = (3, 6, 5)


def masks(count: int) -> Tensor:
    """Masks ``(count, 6, 5)`` of 8, 9, 10, ... allowed pixels, not in a rectangle."""
    draw, found = torch.Generator().manual_seed(5), torch.zeros(count, 30, dtype=torch.bool)
    for place in range(count):
        found[place, torch.randperm(30, generator=draw)[: 8 + place % 3]] = True
    return found.view(count, *SHAPE[1:])


def problem(mask: Tensor | None, encoding: AnyEncoding | None = None, count: int = 4) -> Problem:
    images, oracle = random_images(count, SHAPE), load("oracles", "linear(classes=3)")()
    return Problem(oracle, encoding or rgb(), images, oracle(images).argmax(1), mask=mask)


def outcomes(here: Problem, strategy: str, budget: int = 60) -> list[Outcome]:
    found = attack(here, load("strategies", strategy), budget)
    return [each for each in found if isinstance(each, Outcome)]


@pytest.mark.parametrize("strategy", registered(any_colours=True, start=False))
@pytest.mark.parametrize("each", [False, True], ids=["one mask", "a mask each"])
def test_every_strategy_changes_allowed_pixels_only(strategy: str, each: bool) -> None:
    mask = masks(4) if each else masks(1)[0]
    here = problem(mask, corners(pixels=1 if strategy == "exhaustive" else 3))
    for outcome in outcomes(here, strategy):
        own = mask[outcome.image] if each else mask
        assert own.flatten()[torch.from_numpy(outcome.positions)].all() and outcome.queries > 0


@pytest.mark.parametrize("strategy", ["de(popsize=10)", "sparse-rs", "additive-gp", "one-plus-one", "cmaes"])
def test_an_image_has_the_same_outcome_beside_others_with_their_masks(strategy: str) -> None:
    here = problem(masks(4), corners(pixels=2))
    together = outcomes(here, strategy)
    for place in range(4):
        (alone,) = outcomes(here.at(torch.tensor([place])), strategy)
        assert alone.positions.tolist() == together[place].positions.tolist()
        assert (alone.values, alone.queries) == (together[place].values, together[place].queries)


@pytest.mark.parametrize("strategy", ["random", "sparse-rs", "brusle", "additive-gp", "one-plus-one"])
def test_a_mask_of_all_pixels_changes_nothing(strategy: str) -> None:
    whole = torch.ones(SHAPE[1:], dtype=torch.bool)
    pairs = zip(
        *(outcomes(problem(mask, corners(pixels=3)), strategy) for mask in (None, whole)), strict=True
    )
    for without, with_one in pairs:
        assert without.positions.tolist() == with_one.positions.tolist()
        assert (without.values, without.queries) == (with_one.values, with_one.queries)


def unmoved(images: Tensor) -> Tensor:
    """Scores of class 0 that no edit of few pixels takes away."""
    mean = images.mean((1, 2, 3)).round(decimals=4)
    return torch.stack([mean + 10, mean * 2], 1)


@pytest.mark.parametrize("strategy", ["exhaustive", "additive-gp"])
def test_single_pixels_are_eight_times_the_allowed_ones(strategy: str) -> None:
    """Where nothing succeeds, a search of every arm ends when all were shown, each once."""
    images = random_images(4, SHAPE)
    here = Problem(unmoved, corners(), images, torch.zeros(4, dtype=torch.int64), mask=masks(4))
    counts = masks(4).sum((1, 2)).tolist()
    assert [(one.queries, one.repeats) for one in outcomes(here, strategy, 1000)] == [
        (8 * count, 0) for count in counts
    ]


@pytest.mark.parametrize("name", names("encodings"))
def test_uniform_genes_are_uniform_over_the_allowed_pixels_of_each_image(name: str) -> None:
    mask, encoding = masks(4), load("encodings", name)(pixels=2)
    here = problem(mask, encoding)
    rows, draw = torch.arange(40_000) % 4, torch.Generator().manual_seed(0)
    genes = torch.rand(40_000, len(encoding.genes(here.images.shape[1:])), generator=draw)
    positions = here.decode(rows, genes).positions
    for place in range(4):
        counts = positions[rows == place].flatten().bincount(minlength=30).float()
        allowed = mask[place].flatten()
        assert not counts[~allowed].any()
        share = counts[allowed] / counts.sum() * allowed.sum()
        assert (share - 1).abs().max() < 0.15


def test_the_row_is_that_of_the_share_of_allowed_pixels() -> None:
    """Two allowed pixels in the first row, six in the last: a quarter of the row gene is the first."""
    mask = torch.zeros(SHAPE[1:], dtype=torch.bool)
    mask[0, 1:3], mask[5, :], mask[3, 4] = True, True, True
    here = problem(mask)
    genes = torch.tensor([[0.0, 0.0], [0.24, 0.6], [0.26, 0.9], [0.38, 0.19], [1.0, 1.0]])
    found = here.decode(torch.zeros(5).long(), torch.cat([genes, torch.zeros(5, 3)], 1)).positions[:, 0]
    assert found.tolist() == [1, 2, 19, 25, 29]


@pytest.mark.parametrize("each", [False, True])
def test_a_grid_makes_the_candidates_of_allowed_pixels(each: bool) -> None:
    mask = masks(1)[0] if not each else masks(1).repeat(3, 1, 1)
    here = problem(mask, rgb(pixels=2), 3)
    grid = PixelGrid.of(here.space(slice(0, 3), 10, 0, "test"))
    assert grid.area == 8 and grid.pixels(here.images).shape == (3, 8, 3)
    numbers = torch.arange(8).view(1, 4, 2).expand(3, -1, -1)
    candidates = grid.candidates(numbers, torch.full((3, 4, 2, 3), 77))
    rows = torch.arange(3).repeat_interleave(4)
    edits = here.decode(rows, candidates.flatten(0, 1))
    wanted = masks(1)[0].flatten().nonzero()[:, 0]
    assert edits.positions.flatten().tolist() == wanted.repeat(3).tolist()
    assert set(edits.colours.flatten().tolist()) == {77}
    assert torch.equal(grid.positions(grid.places(numbers)), numbers)
    assert grid.positions(torch.arange(30).expand(3, -1))[1].ge(0).tolist() == masks(1)[0].flatten().tolist()


def test_every_allowed_pixel_of_a_large_image_is_decoded_to_itself() -> None:
    draw = torch.Generator().manual_seed(0)
    mask = torch.rand(1, 224, 224, generator=draw) < 0.3
    allowed, count = AllowedPixels.of(mask), int(mask.sum())
    numbers, image = torch.arange(count), torch.zeros(count, dtype=torch.int64)
    genes = torch.stack(allowed.genes(image, numbers), 1)
    encoding = rgb()
    meaning = encoding.genes(torch.Size((3, 224, 224)))
    placed = allowed.placed(image, torch.cat([genes, torch.zeros(count, 3)], 1), meaning)
    found = decoder(encoding, torch.zeros(1, 3, 224, 224))(placed, image).positions[:, 0]
    assert torch.equal(found, mask.flatten().nonzero()[:, 0])


def test_more_pixels_than_a_mask_of_a_large_image_has_cells() -> None:
    """additive-gp divides a large image into cells: small ones where few pixels may change."""
    mask = torch.zeros(70, 70, dtype=torch.bool)
    mask[30:34, 30:34] = True
    images, oracle = random_images(1, (3, 70, 70)), load("oracles", "linear(classes=3)")()
    here = Problem(oracle, corners(pixels=5), images, oracle(images).argmax(1), mask=mask)
    (outcome,) = outcomes(here, "additive-gp", 40)
    assert mask.flatten()[torch.from_numpy(outcome.positions)].all()
    assert outcome.fooled or outcome.queries == 40


WHOLE = torch.ones(4, 6, 5, dtype=torch.bool)
TWO = (
    torch.zeros(6, 5, dtype=torch.bool)
    .index_fill(1, torch.tensor([2]), True)
    .logical_and(torch.arange(6).view(6, 1) > 3)
)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (WHOLE[0].float(), r"a mask is a torch tensor, bool \(H, W\) or .*, not torch.float32 \(6, 5\)"),
        ([[True]], "not list"),
        (WHOLE[0].T, "the mask is 5 x 6, the images are 6 x 5"),
        (WHOLE[:3], "there are 3 masks for 4 images"),
        (WHOLE[0, :0, :0], "the mask is empty"),
        (~WHOLE[0], "the mask allows no pixel: white, or True, is where a pixel may change"),
        (TWO, "the mask allows 2 pixels, fewer than the 3 that may change"),
        (WHOLE.index_fill(0, torch.tensor([2]), False), "the mask of image 2 allows no pixel"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask: Tensor, words: str) -> None:
    with pytest.raises(InputError, match=words):
        problem(mask, rgb(pixels=3))


def test_coordinates_have_room_in_every_channel() -> None:
    mask = torch.zeros(6, 5, dtype=torch.bool)
    mask[2, 2:4] = True
    problem(mask, load("encodings", "channels")(pixels=6))
    with pytest.raises(InputError, match="the mask allows 6 coordinates, fewer than the 7 that may change"):
        problem(mask, load("encodings", "channels")(pixels=7))
