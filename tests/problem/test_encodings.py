"""Every position and shade has the same share of the cube, whatever the image's shape."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from linear_problem import linear
from problems import random_images
from torch import Tensor

from sparseattack import (
    Edits,
    Encoding,
    Experiment,
    Gene,
    InputError,
    Pixels,
    Problem,
    attack,
    compare,
    corners,
    load,
    register,
    rgb,
)

SHAPES = [(1, 1, 1), (3, 4, 7), (5, 2, 3), (3, 512, 512), (1, 28, 28)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("make", [rgb, corners])
def test_genes_name_what_decode_reads(make: type, shape: tuple[int, int, int]) -> None:
    size, encoding = torch.Size(shape), make(pixels=2)
    genes = encoding.genes(size)
    assert len(genes) == 2 * (2 + shape[0])
    shades = 256 if make is rgb else 2
    per_pixel = [("row", shape[1]), ("column", shape[2]), *[("colour", shades)] * shape[0]]
    assert [tuple(gene) for gene in genes] == per_pixel * 2
    for corner in (0.0, 1.0):
        edits = encoding.decode(torch.full((3, len(genes)), corner), size)
        assert edits.positions.shape == (3, 2) and edits.positions.dtype == torch.int64
        assert edits.colours.shape == (3, 2, shape[0]) and edits.colours.dtype == torch.uint8
        assert set(edits.positions.flatten().tolist()) == {int(corner) * (shape[1] * shape[2] - 1)}
        assert set(edits.colours.flatten().tolist()) == {int(corner) * 255}


@given(st.sampled_from([2, 7, 32, 224, 256]), st.floats(0, 1, width=32))
def test_a_gene_lies_in_one_of_equally_wide_steps(steps: int, gene: float) -> None:
    found = Pixels(1, 256).decode(torch.tensor([[gene, 0.0, 0.0]]), torch.Size((1, steps, 1)))
    assert int(found.positions) == min(int(torch.tensor(gene) * steps), steps - 1)


def test_every_row_column_and_shade_has_its_share() -> None:
    middles = (torch.arange(256) + 0.5) / 256
    for height, width in ((4, 8), (8, 4)):
        genes = torch.stack([middles, middles.flip(0), middles], dim=1)
        edits = rgb().decode(genes, torch.Size((1, height, width)))
        rows, columns = edits.positions // width, edits.positions % width
        assert rows.flatten().bincount().tolist() == [256 // height] * height
        assert columns.flatten().bincount().tolist() == [256 // width] * width
        assert edits.colours.flatten().tolist() == list(range(256))


def test_corners_reach_only_black_and_white() -> None:
    genes = torch.linspace(0, 1, 100).unsqueeze(1).expand(-1, 5)
    colours = corners().decode(genes, torch.Size((3, 4, 4))).colours
    assert set(colours.flatten().tolist()) == {0, 255}
    assert (colours == 0).float().mean() == 0.5


@pytest.mark.parametrize("pixels", [0, -1])
def test_no_pixels_are_refused(pixels: int) -> None:
    with pytest.raises(InputError, match=f"pixels is a whole number from 1, not {pixels}"):
        rgb(pixels=pixels)


@pytest.mark.parametrize("shades", [1, 3, 300])
def test_uneven_shades_are_refused(shades: int) -> None:
    with pytest.raises(InputError, match=f"not {shades}"):
        Pixels(1, shades)


def test_even_shades_step_from_black_to_white() -> None:
    for shades in (2, 4, 6, 16, 18, 52, 86, 256):
        middles = (torch.arange(shades) + 0.5) / shades
        genes = torch.stack([middles * 0, middles * 0, middles], dim=1)
        colours = Pixels(1, shades).decode(genes, torch.Size((1, 2, 2))).colours.flatten()
        assert set(colours.int().diff().tolist()) == {255 // (shades - 1)}
        assert (int(colours[0]), int(colours[-1])) == (0, 255)


@dataclass(frozen=True)
class Wrong:
    """An encoding of one black pixel that does not keep to its contract."""

    kind: str
    slots: int = 1

    def genes(self, shape: torch.Size) -> tuple[Gene, ...]:
        return (Gene("row", shape[1]), Gene("column", shape[2]))

    def decode(self, genes: Tensor, shape: torch.Size) -> Edits:
        count = 2 if self.kind == "more" else 1
        positions = torch.zeros(len(genes), count, dtype=torch.int64)
        positions += shape[1] * shape[2] if self.kind == "outside" else 0
        colours = torch.zeros(len(genes), count, shape[0])
        return Edits(positions, colours if self.kind == "floats" else colours.to(torch.uint8))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("more", r"encoding Wrong has positions and colours torch.int64 \(\d+, 2\) and torch.uint8"),
        ("floats", r"encoding Wrong has positions and colours .* torch.float32 .*, not int64 .* and uint8"),
        ("outside", "encoding Wrong has positions from 30 to 30 in images of 6 x 5, not 0 to 29"),
    ],
)
def test_an_encoding_that_breaks_its_contract_is_named(kind: str, message: str) -> None:
    """Not the oracle, and by no error of torch; and no run of more pixels than k is a success."""
    images = random_images(2)
    broken = Problem(linear, Wrong(kind), images, linear(images).argmax(1))
    with pytest.raises(InputError, match=message):
        attack(broken, load("strategies", "random"), 10)


def test_an_encoding_of_another_number_of_pixels_is_refused() -> None:
    register("encodings", "always-one", always_one)
    chosen = Experiment(
        oracle="linear(classes=4)", images="sample[0:2]", encodings=("always-one",), pixels=(1, 2)
    )
    with pytest.raises(InputError, match="encoding always-one has 1 slots where it was made for pixels=2"):
        compare(chosen)


def always_one(*, pixels: int) -> Encoding:
    """One pixel, whatever is asked for."""
    return rgb(pixels=1)
