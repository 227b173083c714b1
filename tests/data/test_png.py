"""What is written as PNG is the scored image to the last bit; two images side by side show the change."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sparseattack import InputError, SparseattackError, levels
from sparseattack.data.png import changed_pixels, pil_image, read_png, side_by_side, write_png

SHAPES = st.tuples(st.sampled_from([1, 3, 4]), st.integers(1, 9), st.integers(1, 9))


def drawn(shape: tuple[int, int, int], seed: int = 0) -> torch.Tensor:
    """Any image ``(C, H, W)``."""
    return levels(torch.randint(256, shape, generator=torch.Generator().manual_seed(seed)))


@given(SHAPES, st.integers(0, 99))
def test_written_and_read_back_is_bit_identical(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], seed: int
) -> None:
    image, path = drawn(shape, seed), tmp_path_factory.getbasetemp() / "image.png"
    write_png(pil_image(image), path)
    assert torch.equal(read_png(path), image)


def test_another_program_sees_the_same_colours(tmp_path: Path) -> None:
    image = drawn((3, 2, 5))
    write_png(pil_image(image), tmp_path / "deep" / "image.png")
    with Image.open(tmp_path / "deep" / "image.png") as opened:
        assert opened.size == (5, 2) and opened.mode == "RGB"
        assert opened.getpixel((4, 1)) == tuple(image[:, 1, 4].mul(255).round().int().tolist())


@pytest.mark.parametrize("channels", [2, 5])
def test_other_channels_are_refused(channels: int) -> None:
    with pytest.raises(InputError, match=f"no PNG holds {channels} channels"):
        pil_image(drawn((channels, 4, 4)))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SparseattackError, match=r"file/image\.png cannot be written"):
        write_png(pil_image(drawn((1, 2, 2))), tmp_path / "file" / "image.png")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / ".image.png.new").symlink_to("/dev/full")
    with pytest.raises(SparseattackError, match=r"image\.png cannot be written: No space left"):
        write_png(pil_image(drawn((3, 64, 64))), tmp_path / "image.png")
    assert not list(tmp_path.iterdir())


def test_changes_are_pixels_whatever_their_channels() -> None:
    before = levels(torch.tensor([10, 20, 30]).view(3, 1, 1).expand(3, 2, 3))
    after = before.clone()
    after[1, 1, 2] = 1.0
    after[:, 0, 0] = 0.0
    first, second = changed_pixels(before, after)
    assert first == (0, 0, (10, 20, 30), (0, 0, 0))
    assert second == (1, 2, (10, 20, 30), (10, 255, 30))
    assert changed_pixels(before, before) == []


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
