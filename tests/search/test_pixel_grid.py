"""Pixels and colours become the candidates that are decoded to exactly these."""

from dataclasses import replace
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import attack, random_images, scripted_problem
from registered import registered
from spaces import space
from torch import Tensor

from sparseattack import Edits, Gene, InputError, PixelGrid, Pixels, Search, Space, Strategy, load
from sparseattack.data.images import levels
from sparseattack.problem.space import Kind


def space_of(shades: int, shape: tuple[int, int, int], pixels: int = 1) -> Space:
    genes = Pixels(pixels, shades).genes(torch.Size(shape))
    return replace(space(0, shape=shape, pixels=pixels), genes=genes)


@given(
    st.sampled_from([2, 4, 6, 16, 18, 52, 86, 256]),
    st.tuples(st.integers(1, 5), st.integers(1, 400), st.integers(1, 400)),
    st.integers(1, 4),
    st.integers(0, 99),
)
def test_a_candidate_is_decoded_to_what_it_was_made_of(
    shades: int, shape: tuple[int, int, int], pixels: int, seed: int
) -> None:
    here = space_of(shades, shape, pixels)
    grid = PixelGrid.of(here)
    assert (grid.height, grid.width, grid.channels) == (*shape[1:], shape[0])
    assert grid.shades == (shades,) * shape[0] and grid.area == shape[1] * shape[2]
    draw = torch.Generator().manual_seed(seed)
    positions = torch.randint(grid.area, (2, 50, pixels), generator=draw)
    steps = torch.randint(shades, (2, 50, pixels, shape[0]), generator=draw)
    colours = (steps * (255 // (shades - 1))).to(torch.uint8)
    candidates = grid.candidates(positions, colours)
    assert candidates.dtype == torch.float32 and candidates.shape == (2, 50, here.dims)
    decoded = Pixels(pixels, shades).decode(candidates.flatten(0, 1), torch.Size(shape))
    assert torch.equal(decoded.positions, positions.flatten(0, 1))
    assert torch.equal(decoded.colours, colours.flatten(0, 1))


@pytest.mark.parametrize("shades", [2, 16, 256])
def test_every_position_and_every_colour_of_a_channel(shades: int) -> None:
    grid = PixelGrid.of(space_of(shades, (1, 224, 224)))
    step = 255 // (shades - 1)
    colours = (torch.arange(shades) * step).to(torch.uint8).view(1, -1, 1, 1)
    decoded = Pixels(1, shades).decode(
        grid.candidates(torch.zeros(1, shades, 1).long(), colours)[0], torch.Size((1, 224, 224))
    )
    assert torch.equal(decoded.colours, colours[0])
    every = torch.arange(grid.area).view(1, -1, 1)
    painted = grid.candidates(every, torch.zeros(1, grid.area, 1, 1, dtype=torch.uint8))
    found = Pixels(1, shades).decode(painted[0], torch.Size((1, 224, 224)))
    assert torch.equal(found.positions, every[0])


def test_colours_that_the_encoding_has() -> None:
    grid = PixelGrid.of(space_of(4, (2, 3, 3)))
    colours = torch.tensor([[0, 255], [85, 170], [84, 0], [255, 128]], dtype=torch.uint8)
    assert grid.has(colours).tolist() == [True, True, False, False]
    assert PixelGrid.of(space_of(256, (2, 3, 3))).has(colours).all()
    with pytest.raises(InputError, match=r"no candidate has the colour \[84, 0\] here: .* \(4, 4\) colours"):
        grid.candidates(torch.zeros(1, 4, 1).long(), colours.view(1, 4, 1, 2))


@pytest.mark.parametrize("shades", [2, 4, 6, 16, 18, 52, 86, 256])
def test_the_nearest_colour_of_every_level(shades: int) -> None:
    grid = PixelGrid.of(space_of(shades, (1, 3, 3)))
    every = torch.arange(256).unsqueeze(1)
    found, known = grid.nearest(every), torch.arange(shades) * (255 // (shades - 1))
    assert grid.has(found).all() and found.dtype == torch.uint8
    assert torch.equal((found.long() - every).abs(), (known - every).abs().amin(1, keepdim=True))


def test_corners_are_all_of_them_by_the_bits_of_their_index() -> None:
    corners = PixelGrid.of(space_of(2, (3, 3, 3))).corners
    assert corners[0b011].tolist() == [255, 255, 0] and corners.dtype == torch.uint8
    assert len(set(map(tuple, corners.tolist()))) == 8 and set(corners.flatten().tolist()) == {0, 255}


def test_the_pixels_of_images_are_at_the_positions_that_edits_paint() -> None:
    images = random_images(3, (3, 4, 5))
    grid = PixelGrid.of(space_of(256, (3, 4, 5)))
    found = grid.pixels(images)
    assert found.shape == (3, 20, 3)
    positions = torch.tensor([[0, 7, 19]]).expand(3, -1)
    same = Edits(positions, found.gather(1, positions.unsqueeze(2).expand(-1, -1, 3)))
    assert torch.equal(same.paint(images), images)
    assert torch.equal(levels(found[1, 7]), images[1, :, 1, 2])


class Other:
    """An encoding whose genes are of the kinds given, that paints pixel 0 black."""

    def __init__(self, *kinds: Kind, slots: int = 1) -> None:
        self.kinds, self.slots = kinds, slots

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        return tuple(Gene(kind, 2) for kind in self.kinds)

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        shown = len(genes), self.slots
        return Edits(torch.zeros(shown, dtype=torch.int64), torch.zeros(*shown, shape[0], dtype=torch.uint8))


def chooses(space: Space) -> Search:
    grid = PixelGrid.of(space)
    while True:
        yield grid.candidates(
            torch.zeros(space.batch, 1, 1).long(), grid.corners[:1].expand(space.batch, 1, 1, -1)
        )


@pytest.mark.parametrize(
    ("kinds", "slots", "listed"),
    [
        (("colour", "colour"), 1, "2 colour genes"),
        (("row", "colour"), 1, "1 row, 1 colour genes"),
        (("row", "column"), 1, "1 row, 1 column genes"),
        (("row", "row", "column", "colour"), 1, "2 row, 1 column, 1 colour genes"),
        (("row", "column", "colour", "column", "row", "colour"), 2, "1 row, 1 column, 1 colour genes"),
    ],
)
@pytest.mark.parametrize("strategy", [chooses, "exhaustive", "sparse-rs"])
def test_other_encodings_are_refused(
    kinds: tuple[Kind, ...], slots: int, listed: str, strategy: Strategy | Literal["exhaustive", "sparse-rs"]
) -> None:
    found: Strategy = load("strategies", strategy) if isinstance(strategy, str) else strategy
    who = strategy if isinstance(strategy, str) else "this strategy"
    with pytest.raises(InputError) as refusal:
        attack(scripted_problem(encoding=Other(*kinds, slots=slots)), found, 10)
    assert str(refusal.value) == (
        f"{who} chooses pixels and their colours: it needs an encoding with row, column and colour genes for"
        f" each pixel, such as rgb and corners, not one with {listed}"
    )


@pytest.mark.parametrize("strategy", registered(any_colours=True, start=False))
def test_genes_of_another_order_are_no_difficulty(strategy: str) -> None:
    """Colours first, then column and row: every strategy searches that as well."""

    class Turned(Other):
        def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
            colours, columns, rows = genes[:, :3], genes[:, 3], genes[:, 4]
            where = (rows * 2).long().clamp(max=1) * 2 + (columns * 2).long().clamp(max=1)
            return Edits(where.unsqueeze(1), (colours.round() * 255).to(torch.uint8).unsqueeze(1))

    encoding = Turned("colour", "colour", "colour", "column", "row")
    here = scripted_problem(encoding=encoding, count=2, images=random_images(2, (3, 2, 2)))
    outcomes = attack(
        replace(here, oracle=lambda images: images.flatten(1)[:, :3] + 1), load("strategies", strategy), 30
    )
    assert all(0 < outcome.queries <= 32 for outcome in outcomes)
