"""Pictures that show an attack: the change is ringed, texts fit, and what cannot be drawn is named."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sparseattack import levels
from sparseattack.data import panels
from sparseattack.data.panels import Caption, contact_sheet, side_by_side

GREY = 128
CAPTIONS = Caption("before: ", "cat", " 98.0 %"), Caption("after: ", "dog", " 51.0 %")
NONE = Caption("", ""), Caption("", "")


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
    half = side_by_side(before, before, NONE).crop((0, 60, 400, 400))
    assert places(half, (0, 0, 0)) == []


@pytest.mark.parametrize("shape", [(1, 8, 8), (4, 8, 8), (3, 1, 40), (3, 40, 1), (3, 1, 1)])
def test_every_shape_that_a_png_holds_can_be_shown(shape: tuple[int, int, int]) -> None:
    before = levels(torch.full(shape, GREY))
    whole = side_by_side(before, 1 - before, CAPTIONS)
    assert whole.width > 2 * 384 and whole.height > shape[1]


def test_a_name_too_long_is_cut_and_the_figure_beside_it_stays() -> None:
    before, _ = pair((3, 32, 32), 0, 0)
    long = side_by_side(
        before, before, (Caption("before: ", "a very long class name " * 9, " 98.0 %"), NONE[0])
    )
    right = long.crop((long.width // 2, 0, long.width, 50))
    assert places(right, (0, 0, 0)) == []
    font = panels._font("", panels.LETTERS)
    text = panels._fitted("before: ", "a very long class name " * 9, " 98.0 %", font, panels.SIDE)
    assert re.fullmatch(r"before: a very long [a-z ]*… 98.0 %", text) and font.getlength(text) <= panels.SIDE


def test_what_cannot_be_drawn_is_written_as_its_code() -> None:
    font = panels._loaded("", 16)
    assert (
        font is not None
        and panels._drawable("a\x1b[2J\n\u202e\udcff", font) == "a\\u001b[2J\\u000a\\u202e\\udcff"
    )
    assert panels._drawable("ä", font) == "\\u00e4"  # Pillow's own font has no umlaut
    other = panels._font("Käfer Ωмега", 16)  # matplotlib has one that does
    assert panels._drawable("Käfer Ωмега", other) == "Käfer Ωмега"


@given(st.text(max_size=200), st.integers(40, 300))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, room: int) -> None:
    font = panels._font("", 16)
    lines = list(panels.wrapped(text, font, room))
    assert all(font.getlength(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == panels._drawable(text, font).replace(" ", "")


def test_notes_stand_below_the_images_and_nothing_overlaps() -> None:
    before, after = pair((3, 8, 8), 7, 0)
    bare, noted = (
        side_by_side(before, after, CAPTIONS, notes) for notes in ((), ("true class cat", "query 3"))
    )
    assert noted.crop((0, 0, bare.width, bare.height - panels.MARGIN // 4)).tobytes() == (
        bare.crop((0, 0, bare.width, bare.height - panels.MARGIN // 4)).tobytes()
    )
    below = noted.crop((0, bare.height, noted.width, noted.height))
    assert below.height >= panels.NOTE and places(below, (68, 68, 68))


def test_large_images_are_not_enlarged_and_small_ones_are() -> None:
    small, large = (
        panels._panel(levels(torch.full((3, size, size), GREY)), NONE[0], []) for size in (64, 1500)
    )
    assert small.width == 6 * 64 + 2 * panels.MARGIN and large.width == 1500 + 2 * panels.MARGIN
    assert panels.enlarged(levels(torch.full((1, 2, 3), GREY)), 8).size == (24, 16)


@pytest.mark.parametrize("count", [1, 5, 6])
def test_a_sheet_has_a_row_for_five_images_each_ringed(count: int) -> None:
    before, after = pair((3, 8, 8), 7, 7)
    cells = [panels.SheetCell(before, after, ("a.png", "cat -> dog"))] * count
    sheet = contact_sheet("title", cells)
    green = places(sheet, (0, 255, 0))
    assert len(green) == count * 20**2  # none is covered
    assert len({y // 20 for _, y in green}) >= (2 if count > panels.COLUMNS else 1)
