"""Pixle: candidate by candidate the algorithm of the paper, bounded to k pixels, in the image's colours."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from problems import attack
from scipy.stats import chisquare
from spaces import all_candidates, decode, generations, space
from torch import Tensor

from sparseattack import Encoding, PixelGrid, Problem, Space, corners, load, load_images, rgb, uses_of
from sparseattack.conformance.problems import run_search
from sparseattack.strategies.pixel_search.pixle import draw_patches, pixle


def test_it_sees_the_image_alone() -> None:
    assert uses_of(load("strategies", "pixle")) == {"image"}


def value(image: Tensor) -> float:
    """Of levels ``(H * W, C)``; not linear."""
    where = torch.arange(image.numel(), dtype=torch.float64).view(image.shape)
    return float(((where * 1.7).sin() * (image / 60 + where % 5).sin()).sum().float())


def reference(
    random: np.random.Generator,
    clean: Tensor,
    sides: tuple[int, int],
    *,
    k: int,
    tries: tuple[int, int],
    queries: int,
) -> list[Tensor]:
    """Pixle with random mapping, for one image: what the network is shown, in order.

    A patch is a number of rows and columns from its corner on, cut at the border and to its share of k.
    """
    (height, width), (restarts, iterations), (low, high), shown = sides, tries, (1, 3), list[Tensor]()
    share = -(-k // restarts)
    while len(shown) < queries:
        lowest, found, current = value(clean), None, clean
        for _ in range(k // share):
            highs = [height, width, high - low + 1, high - low + 1, *[height * width] * share]
            for y, x, rows, columns, *places in random.integers(highs, size=(iterations, 4 + share)).tolist():
                across = min(columns + low, share, width - x)
                down = min(rows + low, share // across, height - y)
                patch = [(y + i) * width + x + j for i in range(down) for j in range(across)]
                image = current.clone()
                for source, place in zip(patch, places, strict=False):
                    image[place] = clean[source]
                shown.append(image)
                if value(image) < lowest:
                    lowest, found = value(image), image
            current = image if found is None else found
    return shown[:queries]


def with_clean_values(here: Space, worst: bool = False) -> Space:
    """The space with the values of its clean images, or such that nothing is an improvement."""
    clean = PixelGrid.of(here).pixels(here.images).long()
    values = torch.tensor([[-1e9 if worst else value(image)] for image in clean])
    return replace(here, known=replace(here.known, clean_values=lambda: values))


def painted(asked: Tensor, here: Space, clean: Tensor) -> list[Tensor]:
    """The levels ``(H * W, C)`` of each candidate ``(n, D)``, where the last slot of a pixel counts."""
    images = []
    for positions, colours in zip(*decode(asked, here), strict=True):
        images.append(clean.clone())
        for pixel, colour in zip(positions.tolist(), colours.long(), strict=True):
            images[-1][pixel] = colour
    return images


@pytest.mark.parametrize(
    ("k", "restarts", "shape"), [(1, 20, (3, 6, 5)), (3, 20, (3, 6, 5)), (7, 2, (3, 6, 5)), (9, 1, (1, 4, 4))]
)
def test_its_images_are_those_of_the_paper_s_algorithm(
    k: int, restarts: int, shape: tuple[int, int, int]
) -> None:
    here = with_clean_values(space(0, 1, 2, shape=shape, pixels=k, budget=90))
    clean = PixelGrid.of(here).pixels(here.images).long()

    def objective(turn: int, candidates: Tensor) -> Tensor:
        pairs = zip(candidates, clean, strict=True)
        return torch.tensor([[value(one) for one in painted(asked, here, image)] for asked, image in pairs])

    search = partial(pixle, restarts=restarts, iterations=12, low=1, high=3)
    for place, asked in enumerate(all_candidates(search, here, objective)):
        random = np.random.default_rng(place)
        wanted = reference(random, clean[place], shape[1:], k=k, tries=(restarts, 12), queries=90)
        ours = painted(asked, here, clean[place])
        assert all(torch.equal(one, other) for one, other in zip(ours, wanted, strict=True))


def test_where_nothing_is_better_the_last_patch_is_taken_and_nothing_is_added_to_one_that_is() -> None:
    worse = with_clean_values(space(0, pixels=3), worst=True)
    first, second, third = generations(pixle(worse), 1.0, 1.0)
    last, following = (decode(each[0], worse)[0] for each in (first[:, -1:], second))
    assert (following[:, 0] == last[0, 0]).all()
    assert (decode(third[0], worse)[0][:, :2] == decode(second[0, -1:], worse)[0][0, :2]).all()
    here = with_clean_values(space(0, pixels=3))
    values = torch.full((1, 20, 1), 1e9)
    values[0, 7] = -1e9  # the best of all
    first, second, third = generations(pixle(here), values, 1.0)
    best = decode(first[:, 7], here)[0][0, 0]
    assert (decode(second[0], here)[0][:, 0] == best).all()
    assert (decode(third[0], here)[0][:, :2] == best).all()


def test_patches_are_anywhere_and_no_larger_than_their_share() -> None:
    here = space(*range(300), shape=(3, 12, 10))
    grid = PixelGrid.of(here)
    sources, places = draw_patches(here, grid, (20, 6), (2, 10))
    rows, columns = sources // 10, sources % 10
    height, width = (each.amax(2) - each.amin(2) + 1 for each in (rows, columns))
    count = torch.tensor([[len(set(one)) for one in each] for each in sources.tolist()])
    assert torch.equal(height * width, count) and count.max() == 6
    assert chisquare(np.bincount(sources[..., 0].flatten(), minlength=120)).pvalue > 1e-3
    assert chisquare(np.bincount(places[..., 0].flatten(), minlength=120)).pvalue > 1e-3


@pytest.mark.parametrize(("k", "added"), [(1, [1]), (5, [1] * 5), (30, [2] * 15), (100, [5] * 20)])
def test_a_run_shares_out_its_pixels_and_starts_anew(k: int, added: list[int]) -> None:
    here = with_clean_values(space(0, shape=(3, 20, 20), pixels=k, budget=4 * len(added) + 4), worst=True)
    turns = run_search(
        partial(pixle, restarts=20, iterations=4), here, lambda turn, asked: asked.sum(2), here.budget
    )
    assert here.journal.restarts == {0: 1} and len(turns) == len(added) + 1
    for number, turn in enumerate(turns[:-1]):
        positions = decode(turn.candidates[0], here)[0]
        assert all(len(set(each)) <= sum(added[: number + 1]) for each in positions.tolist())


@pytest.mark.parametrize("encoding", [rgb(pixels=3), corners(pixels=3)])
def test_colours_are_those_of_the_image_or_nearest_to_them(encoding: Encoding) -> None:
    here = with_clean_values(space(0, 1, shape=(3, 8, 8), pixels=3))
    here = replace(here, genes=encoding.genes(torch.Size((3, 8, 8))))
    grid, (first,) = PixelGrid.of(here), generations(pixle(here))
    for place in (0, 1):
        known = set(map(tuple, grid.nearest(grid.pixels(here.images)[place].long()).tolist()))
        assert (encoding == rgb(pixels=3)) == (
            known == set(map(tuple, grid.pixels(here.images)[place].tolist()))
        )
        colours = encoding.decode(first[place], torch.Size((3, 8, 8))).colours
        assert set(map(tuple, colours.flatten(0, 1).tolist())) <= known


def test_it_fools_a_network() -> None:
    images = load_images("sample[0:8]")
    oracle = load("oracles", "allconv-small")()
    problem = Problem(oracle, rgb(pixels=20), images.floats(), torch.as_tensor(images.labels))
    outcomes = attack(problem, load("strategies", "pixle"), 1500)
    assert sum(outcome.fooled for outcome in outcomes) >= 3
    assert all(outcome.pixels <= 20 for outcome in outcomes)
