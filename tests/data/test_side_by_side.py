"""In the pair of pictures, what was changed is found by eye."""

import pytest
import torch
from PIL import Image

from sparseattack import levels
from sparseattack.data.png import side_by_side

GREY = 128
CAPTIONS = "before: cat 98.0 %", "after: dog 51.0 %"


def pair(shape: tuple[int, int, int], row: int, column: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A grey image, and the same with one green pixel."""
    before = levels(torch.full(shape, GREY))
    after = before.clone()
    after[:, row, column] = torch.tensor([0.0, 1.0, 0.0])[: shape[0]]
    return before, after


def places(whole: Image.Image, colour: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Where a picture has a colour: ``(x, y)``."""
    return [
        (x, y) for y in range(whole.height) for x in range(whole.width) if whole.getpixel((x, y)) == colour
    ]


@pytest.mark.parametrize(("size", "times"), [(8, 48), (32, 12), (224, 3)])
def test_the_changed_pixel_is_enlarged_in_the_right_half(size: int, times: int) -> None:
    whole = side_by_side(*pair((3, size, size), 2, 5), CAPTIONS)
    green = places(whole, (0, 255, 0))
    assert len(green) == times**2
    assert min(x for x, _ in green) > whole.width / 2


@pytest.mark.parametrize(("row", "column"), [(0, 0), (31, 31), (16, 3)])
def test_the_change_is_ringed_in_both_halves(row: int, column: int) -> None:
    before, after = pair((3, 32, 32), row, column)
    plain, ringed = side_by_side(before, before, CAPTIONS), side_by_side(before, after, CAPTIONS)
    x, y = places(ringed, (0, 255, 0))[0]
    half = ringed.width // 2
    for left in (x, x - half):
        around = (left - 14, y - 14, left + 26, y + 26)
        inked = set(places(ringed.crop(around), (0, 0, 0)))
        assert len(inked) > len(places(plain.crop(around), (0, 0, 0))) + 50
        mirrored = {(39 - across, 39 - down) for across, down in inked}
        assert inked == mirrored  # whole, and centred on the pixel: nothing is cut off


def test_nothing_is_ringed_where_nothing_changed() -> None:
    before, _ = pair((3, 32, 32), 0, 0)
    half = side_by_side(before, before, ("", "")).crop((0, 60, 400, 400))
    assert places(half, (0, 0, 0)) == []


@pytest.mark.parametrize("shape", [(1, 8, 8), (4, 8, 8), (3, 1, 40), (3, 40, 1), (3, 1, 1)])
def test_every_shape_that_a_png_holds_can_be_shown(shape: tuple[int, int, int]) -> None:
    before = levels(torch.full(shape, GREY))
    whole = side_by_side(before, 1 - before, CAPTIONS)
    assert whole.width > 2 * 384 and whole.height > shape[1]


def test_a_caption_too_long_is_cut_to_its_half() -> None:
    before, _ = pair((3, 32, 32), 0, 0)
    long = side_by_side(before, before, ("a very long class name " * 9, ""))
    right = long.crop((long.width // 2, 0, long.width, 50))
    assert places(right, (0, 0, 0)) == []
    assert places(long.crop((0, 0, long.width // 2, 50)), (0, 0, 0))
