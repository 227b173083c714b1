"""Encodings that use the clean image, and one of positions: what genes mean, in closed form."""

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from problems import random_images
from torch import Tensor

from sparseattack import InputError, Outcome, Problem, attack, l0, levels, load, load_images
from sparseattack.data.images import eight_bit
from sparseattack.data.png import pil_image
from sparseattack.experiment.identity import plain_settings
from sparseattack.plugins.registry import names
from sparseattack.problem.edits import touch
from sparseattack.problem.encodings.encoding import decoder, unit_of
from sparseattack.problem.encodings.palette import image_palettes
from sparseattack.problem.evaluations import QueryBatch
from sparseattack.problem.fitness import Queries


def image(*colours: tuple[int, ...]) -> Tensor:
    """One image ``(1, C, 1, W)`` of these colours."""
    return levels(torch.tensor(colours, dtype=torch.uint8).T[None, :, None])


def decoded(encoding: Any, images: Tensor, *genes: float) -> tuple[list[int], list[list[int]]]:
    """Positions and colours of one candidate of the first image."""
    edits = decoder(encoding, images)(torch.tensor([genes]), torch.tensor([0]))
    return edits.positions[0].tolist(), edits.colours[0].tolist()


def test_a_difference_is_added_and_clipped() -> None:
    here, delta = image((0, 100, 250), (7, 7, 7)), load("encodings", "delta(limit=0.2)")(pixels=1)
    assert delta.genes(here.shape[1:])[2] == ("difference", 2 * 51 + 1)
    assert decoded(delta, here, 0, 0, 0.0, 0.0, 1.0) == ([0], [[0, 49, 255]])
    assert decoded(delta, here, 0, 0, 0.5, 1.0, 0.5) == ([0], [[0, 151, 250]])
    assert decoded(delta, here, 0, 1.0, 0.5, 0.5, 0.5) == ([1], [[7, 7, 7]])  # nothing is changed
    every = (torch.arange(103) + 0.5) / 103
    genes = torch.stack([every * 0, every * 0, every, every, every], 1)
    found = decoder(delta, here)(genes, torch.zeros(103).long()).colours[:, 0, 1]
    assert found.tolist() == list(range(49, 152))


@pytest.mark.parametrize(("limit", "levels_"), [(0.004, 1), (0.2, 51), (0.3, 76), (0.7, 178), (1, 255)])
def test_a_limit_is_rounded_down_to_levels(limit: float, levels_: int) -> None:
    assert load("encodings", f"delta(limit={limit})")().most == levels_


def test_positions_are_in_reading_order() -> None:
    index, shape = load("encodings", "index(shades=2)")(pixels=2), torch.Size((3, 4, 7))
    middles = (torch.arange(28) + 0.5) / 28
    genes = torch.stack([middles, *[middles * 0] * 3, middles.flip(0), *[middles * 0 + 1] * 3], 1)
    edits = index.decode(genes, shape)
    assert edits.positions.tolist() == [[place, 27 - place] for place in range(28)]
    assert set(edits.colours.flatten().tolist()) == {0, 255}
    with pytest.raises(InputError, match=r"index takes at most 16,777,216 pixels, not 5000 x 5000: use rgb"):
        index.genes(torch.Size((3, 5000, 5000)))


def test_a_palette_begins_far_from_the_mean_and_goes_on_far_from_all_before() -> None:
    here = image((0,), (10,), (11,), (90,), (200,))  # mean 62.2
    assert image_palettes(here, 4)[0, :, 0].tolist() == [200, 0, 90, 11]
    assert image_palettes(here, 7)[0, :, 0].tolist() == [200, 0, 90, 11, 10, 0, 0]  # no other colour is left
    palette = load("encodings", "palette(colours=4)")(pixels=2)
    assert decoded(palette, here, 0, 0.3, 0.0, 0, 0.99, 0.6) == ([1, 4], [[200], [90]])


def test_every_colour_of_a_palette_is_one_of_the_image() -> None:
    images = random_images(11, (3, 9, 9))
    found = image_palettes(images, 16)
    for one, colours in zip(eight_bit(images).flatten(2), found, strict=True):
        there = set(map(tuple, one.T.tolist()))
        assert set(map(tuple, colours.tolist())) <= there and len(set(map(tuple, colours.tolist()))) == 16


def test_a_channel_is_changed_and_the_others_stay() -> None:
    here, channels = image((1, 2, 3), (4, 5, 6)), load("encodings", "channels(shades=2)")(pixels=3)
    first, second, third = (0, 0, 0.1, 1), (0, 0, 0.9, 0), (0, 0.9, 0.5, 1)
    places, colours = decoded(channels, here, *first, *second, *third)
    assert places == [0, 0, 1] and colours == [[255, 2, 0], [255, 2, 0], [4, 255, 6]]
    assert decoded(channels, here, *first, *third, 0, 0, 0.1, 0)[1] == [[0, 2, 3], [4, 255, 6], [0, 2, 3]]


def test_coordinates_are_counted_by_the_fitness_and_the_problem() -> None:
    images, channels = random_images(2, (3, 4, 5)), load("encodings", "channels")(pixels=7)
    oracle = load("oracles", "linear(classes=3)")()
    problem = Problem(oracle, channels, images, oracle(images).argmax(1), fitness=(l0,))
    assert problem.unit == "coordinates" == unit_of(channels)
    rows, genes = torch.arange(60) % 2, torch.rand(60, 28, generator=torch.Generator().manual_seed(0))
    edits = problem.decode(rows, genes)
    seen = (edits.paint(images, rows) != images[rows]).sum((1, 2, 3))
    found = problem.evaluate(QueryBatch(rows, edits))
    assert found.pixels.tolist() == seen.tolist() == found.values[:, 0].tolist()
    changed = edits.differences(touch(images, rows, edits.positions))
    assert (seen > changed.any(2).sum(1)).any()  # more than pixels
    asked = Queries(images, rows, edits, torch.zeros(60, 2), torch.zeros(60).long(), False)
    assert l0(asked).tolist() == changed.any(2).sum(1).tolist()  # pixels, where these are counted


def test_more_coordinates_than_pixels_may_change_but_not_more_than_there_are() -> None:
    images, oracle = random_images(1, (3, 1, 2)), load("oracles", "linear(classes=3)")()
    labels = oracle(images).argmax(1)
    (outcome,) = attack(
        Problem(oracle, load("encodings", "channels")(pixels=6), images, labels),
        load("strategies", "random"),
        50,
    )
    assert isinstance(outcome, Outcome) and 0 < outcome.pixels <= 6
    with pytest.raises(InputError, match=r"1 x 2 pixels and 3 channels have no 7 coordinates to change"):
        Problem(oracle, load("encodings", "channels")(pixels=7), images, labels)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("delta(limit=0.001)", r"delta's limit is from 0.004, one level of 255, to 1, not 0.001"),
        ("delta(limit=2)", r"to 1, not 2"),
        ("palette(colours=0)", r"palette's colours are from 1 to 256, not 0"),
        ("palette(colours=257)", r"from 1 to 256, not 257"),
        ("channels(shades=3)", r"shades is 2, 4, 6, 16, 18, 52, 86 or 256, not 3"),
        ("index(shades=1)", r"not 1"),
        ("delta(limit=dark)", r"delta's limit must be a number, not 'dark'"),
        ("palette(colors=3)", r"palette has no setting colors: only pixels, colours"),
    ],
)
def test_settings_are_checked(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load("encodings", spec)()


@pytest.mark.parametrize("name", ["index", "delta", "palette", "channels"])
def test_pixels_are_at_least_one(name: str) -> None:
    with pytest.raises(InputError, match="pixels is a whole number from 1, not 0"):
        load("encodings", name)(pixels=0)


@pytest.mark.parametrize("name", names("encodings"))
def test_a_success_on_a_network_survives_a_png(name: str) -> None:
    images = load_images("sample[0:4]").floats()
    oracle = load("oracles", "allconv-small")()
    problem = Problem(
        oracle, load("encodings", name)(pixels=150), images, oracle(images).argmax(1), sparse=False
    )
    outcomes = attack(problem, load("strategies", "random"), 300)
    assert any(isinstance(outcome, Outcome) and outcome.fooled for outcome in outcomes)
    for one, outcome in zip(images, outcomes, strict=True):
        assert isinstance(outcome, Outcome)
        file, painted = BytesIO(), outcome.paint(one)
        pil_image(painted).save(file, "PNG")
        read = levels(torch.from_numpy(np.array(Image.open(file)))).permute(2, 0, 1)
        assert torch.equal(read, painted)
        assert (int(oracle(read[None]).argmax()) != int(oracle(one[None]).argmax())) == outcome.fooled


@pytest.mark.parametrize("name", names("encodings"))
def test_sparse_inference_gives_the_scores_of_painted_images(name: str) -> None:
    images, oracle = load_images("sample[0:3]").floats(), load("oracles", "allconv-small")()
    dense, sparse = (
        Problem(oracle, load("encodings", name)(pixels=3), images, oracle(images).argmax(1), sparse=chosen)
        for chosen in (False, True)
    )
    rows = torch.arange(96) % 3
    genes = torch.rand(
        96, len(dense.encoding.genes(images.shape[1:])), generator=torch.Generator().manual_seed(0)
    )
    batch = QueryBatch(rows, dense.decode(rows, genes), scored=True)
    one, other = dense.evaluate(batch).scores, sparse.evaluate(batch).scores
    assert ((one - other).abs() <= 1e-4 * one.abs().amax(0)).all() and one.std(0).min() > 0


@pytest.mark.parametrize("name", ["index", "delta", "palette", "channels"])
@pytest.mark.parametrize("strategy", ["sparse-rs", "brusle", "exhaustive", "one-plus-one", "additive-gp"])
def test_strategies_of_pixels_and_colours_refuse_other_genes(name: str, strategy: str) -> None:
    images, oracle = random_images(1), load("oracles", "linear(classes=3)")()
    problem = Problem(oracle, load("encodings", name)(), images, oracle(images).argmax(1))
    with pytest.raises(
        InputError, match=rf"^{strategy} chooses pixels and their colours: it needs an encoding"
    ):
        attack(problem, load("strategies", strategy), 10)


def test_settings_are_in_json() -> None:
    found = {name: plain_settings(load("encodings", name)) for name in names("encodings")}
    assert json.loads(json.dumps(found)) == found
    assert found["delta"] == {"pixels": 1, "limit": 0.2} and found["palette"] == {"pixels": 1, "colours": 16}
