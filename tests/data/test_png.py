"""What is written as PNG is the scored image to the last bit."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sparseattack import InputError, SparseattackError, levels
from sparseattack.data.png import changed_pixels, pil_image, read_png, read_texts, write_png

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
    (tmp_path / f".image.png.{os.getpid()}.new").symlink_to("/dev/full")
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


def test_texts_change_no_pixel_and_are_read_back(tmp_path: Path) -> None:
    image, texts = drawn((3, 4, 4)), {"Title": "Käfer 猫", "sparseattack": '{"a": "\udcff\u001b"}'}
    write_png(pil_image(image), tmp_path / "a.png", texts)
    assert torch.equal(read_png(tmp_path / "a.png"), image)
    assert read_texts(tmp_path / "a.png") == texts | {"sparseattack": '{"a": "\\udcff\u001b"}'}
