"""LocSearchAdv: candidate by candidate the algorithm of the paper, and how it is bounded to k pixels."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from problems import random_images
from spaces import all_candidates, decode, generations, space
from torch import Tensor

from sparseattack import Encoding, PixelGrid, Space, corners, load, rgb, uses_of
from sparseattack.conformance.problems import run_search
from sparseattack.strategies.pixel_search.local_search import around, cyclic, local_search

Image = NDArray[np.float64]


def test_it_sees_the_image_alone() -> None:
    assert uses_of(load("strategies", "local-search")) == {"image"}


def scores(image: Image) -> float:
    """A network for the reference: not linear, and every pixel matters; of ``(H, W, C)`` levels."""
    where = np.arange(image.size).reshape(image.shape)
    return float(np.float32((np.sin(where * 1.7) * np.sin(image / 40 + where % 7)).sum()))


def reference(
    clean: Image, random: np.random.Generator, *, pixels: int, t: int, queries: int, d: int = 2
) -> list[Image]:
    """Algorithm LocSearchAdv, image by image: the images that the network is shown, in order.

    As in the paper LB = -1/2 and UB = 1/2; k-misclassification is not checked, and it is run again and again.
    Its random set of pixels, and the order in which pixels are visited, are those of uniform numbers.
    """
    height, width, _ = clean.shape
    shown = list[Image]()
    while len(shown) < queries:
        image, last = clean / 255 - 0.5, dict[tuple[int, int], int]()
        best: list[tuple[int, int]] = []
        for i in range(1, 1 + min(150, -(-pixels // t))):
            keys = random.random((1, height * width), np.float32)[0]
            visited = sorted(np.ndindex(height, width), key=lambda yx: keys[yx[0] * width + yx[1]])
            tenth = visited[: max(t, height * width // 10)]
            squares = [
                (y, x)
                for y, x in visited
                if any(abs(y - a) <= d and abs(x - b) <= d for a, b in best)
                and i - last.get((y, x), -99) > 30
            ]
            found = list[tuple[float, int, tuple[int, int]]]()
            for number, (y, x) in enumerate((tenth if i == 1 else squares) or tenth):
                probe = image.copy()
                probe[y, x] = np.clip(9 * np.sign(image[y, x]), -0.5, 0.5)  # PERT with p = 9
                shown.append(np.round((probe + 0.5) * 255))
                found.append((scores(shown[-1]), number, (y, x)))
            best = [yx for *_, yx in sorted(found)[: min(t, pixels - (i - 1) * t)]]
            for y, x in best:
                value = 1.5 * image[y, x]  # CYCLIC
                value = np.where(value < -0.5, value + 1, np.where(value > 0.5, value - 1, value))
                image[y, x] = np.round((value + 0.5) * 255) / 255 - 0.5  # what can be shown
                last[y, x] = i
            shown.append(np.round((image + 0.5) * 255))
    return shown[:queries]


def painted(asked: Tensor, here: Space, image: Tensor) -> list[Image]:
    """The images ``(H, W, C)`` that candidates ``(n, D)`` make of one ``(C, H, W)``."""
    positions, colours = decode(asked, here)
    made = []
    for where, colour in zip(positions, colours, strict=True):
        copy = image.mul(255).round().flatten(1).double()
        for place, levels in zip(where.tolist(), colour, strict=True):
            copy[:, place] = levels.double()
        made.append(copy.view(image.shape).permute(1, 2, 0).numpy())
    return made


@pytest.mark.parametrize(
    ("pixels", "t", "shape"),
    [(1, 1, (3, 6, 5)), (3, 1, (3, 9, 8)), (5, 2, (3, 9, 8)), (4, 4, (1, 7, 7)), (3, 1, (3, 1, 2))],
)
def test_its_images_are_those_of_the_paper_s_algorithm(
    pixels: int, t: int, shape: tuple[int, int, int]
) -> None:
    here = space(0, 1, 2, shape=shape, pixels=pixels, budget=150)

    def objective(turn: int, candidates: Tensor) -> Tensor:
        pairs = zip(candidates.nan_to_num(), here.images, strict=True)
        return torch.tensor([[scores(one) for one in painted(asked, here, image)] for asked, image in pairs])

    found = all_candidates(partial(local_search, t=t, d=2), here, objective)
    for place, asked in enumerate(found):
        clean = here.images[place].mul(255).round().double().permute(1, 2, 0).numpy()
        wanted = reference(clean, np.random.default_rng(place), pixels=pixels, t=t, queries=150)
        ours = painted(asked, here, here.images[place])
        assert all(np.array_equal(one, other) for one, other in zip(ours, wanted, strict=True))


def test_a_perturbed_channel_is_wrapped_round_by_hand() -> None:
    """Of levels 0, 42, 43, 100, 212, 213, 255 in [-1/2, 1/2], times 3/2, in levels again."""
    levels = torch.tensor([0, 42, 43, 100, 212, 213, 255])
    assert cyclic(levels, 1.5).tolist() == [191, 254, 1, 86, 254, 1, 64]
    assert cyclic(levels, 1.0).tolist() == levels.tolist()


@pytest.mark.parametrize(
    ("pixels", "rounds"),
    [(1, [1]), (5, [1] * 5), (13, [1] * 13), (20, [2] * 10), (35, [5] * 7), (52, [5] * 10 + [2])],
)
def test_as_many_pixels_a_round_as_give_several_rounds(pixels: int, rounds: list[int]) -> None:
    here = space(0, shape=(3, 20, 20), pixels=pixels, budget=9000)
    turns = run_search(local_search, here, lambda turn, asked: asked.sum(2), 9000)[: 2 * len(rounds)]
    perturbed = [len(set(decode(turn.candidates[0], here)[0][0].tolist())) for turn in turns[1::2]]
    assert perturbed == np.cumsum(rounds).tolist()
    probed = [len(set(decode(turn.candidates[0, :1], here)[0][0].tolist())) for turn in turns[::2]]
    assert probed == [before + 1 for before in np.cumsum([0, *rounds[:-1]])]


def test_a_tenth_is_probed_at_first_and_then_the_neighbours() -> None:
    here = space(*range(30), shape=(3, 32, 32), pixels=3)
    first, picked, second = generations(local_search(here), torch.arange(102.0).expand(30, 102)[..., None], 1)
    assert first.shape == (30, 102, 15) and picked.shape == (30, 1, 15)
    for place in range(30):
        probed = decode(first[place], here)[0]
        assert len({tuple(each) for each in probed.tolist()}) == 102
        best = int(decode(picked[place], here)[0][0, 0])
        assert best == int(probed[0, 0])  # of the lowest value
        asked = second[place][~second[place].isnan().any(1)]
        near = decode(asked, here)[0][:, 1]
        rows, columns = near // 32 - best // 32, near % 32 - best % 32
        assert rows.abs().max() <= 5 and columns.abs().max() <= 5 and best not in near.tolist()
        height = min(best // 32 + 5, 31) - max(best // 32 - 5, 0) + 1
        width = min(best % 32 + 5, 31) - max(best % 32 - 5, 0) + 1
        assert len(set(near.tolist())) == len(near) == height * width - 1


def test_under_a_mask_the_neighbours_are_those_in_the_image() -> None:
    mask = torch.zeros(1, 12, 12, dtype=torch.bool)
    mask[0, 3:9, 3:9] = True
    grid = PixelGrid.of(replace(space(0, 1, shape=(3, 12, 12), pixels=3), allowed=mask))
    places = grid.places(torch.arange(grid.area).expand(2, -1))
    centres = torch.tensor([[3 * 12 + 5], [8 * 12 + 8]])  # at the upper edge of the mask, and in its corner
    near = around(grid, grid.positions(centres), 1)
    found = [divmod(place, 12) for place in places[0][near[0]].tolist()]
    assert found == [(row, column) for row in (3, 4) for column in (4, 5, 6)]
    found = [divmod(place, 12) for place in places[1][near[1]].tolist()]
    assert found == [(row, column) for row in (7, 8) for column in (7, 8)]


def test_a_run_that_has_used_its_pixels_starts_anew() -> None:
    here = space(0, shape=(3, 10, 10), pixels=2, budget=500)
    turns = run_search(local_search, here, lambda turn, asked: asked.sum(2), 500)
    assert [turn.candidates.shape[1] == 10 for turn in turns[::4]] == [True] * len(turns[::4])
    assert here.journal.restarts[0] == (len(turns) - 1) // 4


@pytest.mark.parametrize("encoding", [rgb(pixels=3), corners(pixels=3)])
def test_under_any_encoding_it_paints_the_nearest_colour(encoding: Encoding) -> None:
    images = random_images(2, (3, 8, 8))
    here = replace(space(0, 1, shape=(3, 8, 8), pixels=3), genes=encoding.genes(torch.Size((3, 8, 8))))
    here = replace(here, known=replace(here.known, images=images))
    grid = PixelGrid.of(here)
    first, picked = generations(local_search(here), torch.arange(6.0).expand(2, 6)[..., None])
    for place in (0, 1):
        probed = encoding.decode(first[place], torch.Size((3, 8, 8)))
        clean = grid.pixels(images)[place]
        assert torch.equal(probed.colours[:, 0] > 127, clean[probed.positions[:, 0]] > 127)
        assert set(probed.colours.flatten().tolist()) == {0, 255}
        pick = encoding.decode(picked[place], torch.Size((3, 8, 8)))
        wanted = cyclic(clean[pick.positions[0]].long(), 1.5)
        assert torch.equal(pick.colours[0], grid.nearest(wanted))
