"""Images brought to one size."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sparseattack import InputError, load_images
from sparseattack.data.load import load_images_by_size
from sparseattack.data.resize import FILTERS, parse_resize


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs, one wide and one high."""
    random = np.random.default_rng(0)
    for name, size in (("wide", (30, 50, 3)), ("high", (70, 40, 3))):
        Image.fromarray(random.integers(256, size=size, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


@pytest.mark.parametrize("side", [1, 27, 32, 227])
@pytest.mark.parametrize("name", FILTERS)
def test_squashed_pictures_have_the_size_and_nothing_is_cut_off(folder: Path, side: int, name: str) -> None:
    images = load_images(f"{folder}@{side}", f"{name},squash")
    assert images.ids == ("high.png", "wide.png")
    for pixels, id in zip(images.pixels, images.ids, strict=True):
        assert torch.equal(pixels, tensor(Image.open(folder / id).resize((side, side), FILTERS[name])))


@pytest.mark.parametrize(("side", "shorter"), [(224, 256), (299, 342), (28, 32)])
def test_by_default_the_centre_is_cut_out_as_torchvisions_presets_do(
    folder: Path, side: int, shorter: int
) -> None:
    images = load_images(f"{folder}@{side}")
    for pixels, id in zip(images.pixels, images.ids, strict=True):
        with Image.open(folder / id) as whole:
            width, height = (max(shorter, shorter * each // min(whole.size)) for each in whole.size)
            scaled = whole.resize((width, height), Image.Resampling.BILINEAR)
        left, top = round((width - side) / 2), round((height - side) / 2)
        assert torch.equal(pixels, tensor(scaled.crop((left, top, left + side, top + side))))
    assert torch.equal(images.pixels, load_images(f"{folder}@{side}", "bilinear").pixels)
    assert torch.equal(images.pixels, load_images(f"{folder}@{side}", " fit , bilinear ").pixels)
    assert not torch.equal(images.pixels, load_images(f"{folder}@{side}", "bicubic").pixels)


def test_a_change_of_size_is_reported(folder: Path) -> None:
    (fit,), (squashed,) = (load_images(f"{folder}@30", how).notes for how in ("bilinear", "nearest,squash"))
    assert fit.startswith("2 of 2 images were resized to 30x30 (bilinear, the shorter side to 34, then")
    assert squashed.startswith("2 of 2 images were resized to 30x30 (nearest, height and width scaled apart)")
    Image.open(folder / "wide.png").crop((0, 0, 30, 30)).save(folder / "square.png")
    assert load_images(f"{folder}@30").notes[0].startswith("2 of 3 images were")
    assert load_images("sample@32[0:2]").notes == () == load_images("sample[0:2]").notes
    assert load_images("sample@16[0:2]").notes[0].startswith("2 of 2 images were resized to 16x16")


def test_transparent_pixels_lend_no_colour(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 4, 8))
    picture.save(tmp_path / "half.png")
    pixels = load_images(f"{tmp_path / 'half.png'}@4", "bilinear,squash").pixels[0]
    assert torch.equal(pixels, tensor(picture.resize((4, 4), Image.Resampling.BILINEAR)))
    assert int(pixels[0][pixels[3] > 0].max()) == 0


def test_images_of_any_number_of_channels(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(256, size=(2, 20, 24, 5), dtype=np.uint8)
    np.savez(tmp_path / "five.npz", images_nhwc=colours)
    pixels = load_images(f"{tmp_path / 'five.npz'}@7", "bicubic,squash").pixels
    for channel in range(5):
        wanted = Image.fromarray(colours[1, ..., channel]).resize((7, 7), Image.Resampling.BICUBIC)
        assert torch.equal(pixels[1, channel], torch.from_numpy(np.array(wanted)))


@pytest.mark.parametrize("text", ["linear", "nearest,bicubic", "fit,squash", "nearest,squash,224", "crop"])
def test_other_ways_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="but by one of bilinear, bicubic, nearest, and fit or squash"):
        parse_resize(text, 8)
    with pytest.raises(InputError, match="not resized by"):
        load_images("sample", text)


def test_each_pixel_is_the_one_whose_centre_is_nearest() -> None:
    whole, small = (load_images(spec, "nearest,squash").pixels for spec in ("sample[0:3]", "sample@8[0:3]"))
    assert torch.equal(small, whole[:, :, 2::4, 2::4])
    large = load_images("sample@64[0:3]", "nearest,squash").pixels
    assert torch.equal(large, whole.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_a_size_stands_between_the_split_and_the_selection(tmp_path: Path) -> None:
    sample = load_images("sample[0:9]")
    colours = sample.pixels.permute(0, 2, 3, 1).numpy()
    np.savez(
        tmp_path / "cifar10_train.npz", images=colours, labels=sample.labels.numpy(), names=sample.classes
    )
    images = load_images(f"{tmp_path}:train@16[7]")
    assert images.ids == ("cifar10-train-7",)
    assert torch.equal(images.pixels, load_images("sample@16[7]").pixels)
    assert torch.equal(load_images("sample@32[7]").pixels, load_images("sample[7]").pixels)


def test_pictures_of_several_sizes_are_groups(folder: Path) -> None:
    Image.open(folder / "high.png").save(folder / "tall.png")
    with pytest.raises(
        InputError, match=r"high\.png is 70x40, wide\.png is 30x50: give a size, as in .*@224"
    ):
        load_images(str(folder))
    high, wide = load_images_by_size(str(folder)).groups
    assert (high.ids, wide.ids) == (("high.png", "tall.png"), ("wide.png",))
    assert high.pixels.shape == (2, 3, 70, 40) and wide.pixels.shape == (1, 3, 30, 50)
    assert torch.equal(wide.pixels[0], tensor(Image.open(folder / "wide.png")))


@pytest.mark.parametrize("spec", ["sample@0", "sample@", "sample@12345", "sample@-3", "sample[0]@8"])
def test_other_sizes_are_refused(spec: str) -> None:
    with pytest.raises(InputError):
        load_images(spec)


def test_a_file_whose_name_looks_like_a_size_is_a_file(folder: Path) -> None:
    (folder / "wide.png").rename(folder / "photo@20")
    with contextlib.chdir(folder):
        assert load_images("photo@20").pixels.shape == (1, 3, 30, 50)


TURNED = {  # by EXIF orientation: what a viewer does, written with numpy
    1: lambda rows: rows,
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.swapaxes(0, 1),
    6: lambda rows: rows.swapaxes(0, 1)[:, ::-1],
    7: lambda rows: rows[::-1, ::-1].swapaxes(0, 1),
    8: lambda rows: rows.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", TURNED)
def test_pictures_are_rotated_by_their_exif_orientation(tmp_path: Path, orientation: int) -> None:
    rows = np.random.default_rng(1).integers(256, size=(4, 6, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "photo.png"
    Image.fromarray(rows).save(file, exif=exif)
    images = load_images(str(file))
    assert np.array_equal(images.pixels[0].permute(1, 2, 0).numpy(), TURNED[orientation](rows))
    assert torch.equal(images.pixels[0], tensor(ImageOps.exif_transpose(Image.open(file))))
    assert len(images.notes) == (orientation != 1)
    assert all(note.startswith("the picture was turned or mirrored as the EXIF") for note in images.notes)


def test_other_orientations_and_broken_exif_change_nothing(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(256, size=(4, 6, 3), dtype=np.uint8)
    for name, exif in {"nine": b"", "broken": b"Exif\0\0MM\0*\xff\xff\xff\xff"}.items():
        held: Image.Exif | bytes = exif or Image.Exif()
        if isinstance(held, Image.Exif):
            held[0x0112] = 9
        Image.fromarray(rows).save(tmp_path / f"{name}.png", exif=held)
        images = load_images(str(tmp_path / f"{name}.png"))
        assert images.notes == () and np.array_equal(images.pixels[0].permute(1, 2, 0).numpy(), rows)
