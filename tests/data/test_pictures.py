"""Pictures of every kind, one or many."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sparseattack import InputError, load_images

SIZE = 5, 3  # width, height


def noise(mode: str, size: tuple[int, int] = SIZE, seed: int = 0) -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    shape = size[1], size[0], channels
    colours = np.random.default_rng(seed).integers(255, size=shape, dtype=np.uint8)  # never wholly opaque
    return Image.fromarray(colours.squeeze(2) if channels == 1 else colours, mode)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_colours_are_read_as_they_were_written(tmp_path: Path, mode: str, channels: int) -> None:
    picture = noise(mode)
    picture.save(tmp_path / "one.png")
    images = load_images(str(tmp_path / "one.png"))
    assert images.pixels.shape == (1, channels, 3, 5)
    wanted = torch.from_numpy(np.array(picture)).view(3, 5, channels).permute(2, 0, 1)
    assert torch.equal(images.pixels[0], wanted)
    assert (images.labels.tolist(), images.ids, images.classes) == ([-1], ("one.png",), ())


def test_other_kinds_become_grey_or_colour(tmp_path: Path) -> None:
    opaque = noise("RGBA")
    opaque.putalpha(255)
    kinds = {
        "opaque": opaque,
        "half": noise("LA"),
        "two": noise("L").convert("1"),
        "few": noise("RGB").quantize(4),
    }
    for name, picture in kinds.items():
        picture.save(tmp_path / f"{name}.png")
    channels = {name: load_images(str(tmp_path / f"{name}.png")).pixels.shape[1] for name in kinds}
    assert channels == {"opaque": 3, "half": 4, "two": 1, "few": 3}
    few = load_images(str(tmp_path / "few.png")).pixels[0].permute(1, 2, 0)
    assert torch.equal(few, torch.from_numpy(np.array(kinds["few"].convert("RGB"))))


@pytest.mark.parametrize("name", ["deep.png", "deep.tif", "print.jpg", "real.tif"])
def test_what_is_not_of_8_bits_or_no_rgb_is_refused(tmp_path: Path, name: str) -> None:
    deep = Image.fromarray(np.zeros((3, 5), np.uint16))
    pictures = {
        "deep.png": deep,
        "deep.tif": deep,
        "print.jpg": noise("CMYK"),
        "real.tif": noise("L").convert("F"),
    }
    pictures[name].save(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name} is a (16-bit|CMYK|F) picture, not grey, RGB or RGBA"):
        load_images(str(tmp_path / name))


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for place, name in enumerate(["dog/2.png", "dog/1.png", "cat/sub/a.bmp"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        noise("RGB", seed=place).save(tmp_path / name)
    (tmp_path / "dog" / "notes.txt").write_text("no picture")
    images = load_images(str(tmp_path))
    assert images.ids == ("cat/sub/a.bmp", "dog/1.png", "dog/2.png")
    assert (images.labels.tolist(), images.classes) == ([0, 1, 1], ("cat", "dog"))
    assert load_images(f"{tmp_path}[1:3]").ids == ("dog/1.png", "dog/2.png")


def test_sub_folders_of_numbers_are_labels(tmp_path: Path) -> None:
    for name in ("7/a.png", "12/b.png", "c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        noise("L").save(tmp_path / name)
    images = load_images(str(tmp_path))
    assert dict(zip(images.ids, images.labels.tolist(), strict=True)) == {
        "7/a.png": 7,
        "12/b.png": 12,
        "c.png": -1,
    }


@pytest.mark.parametrize("whole", [True, False])
def test_a_table_names_files_and_labels(tmp_path: Path, whole: bool) -> None:
    for name in ("a.png", "b.png", "unused.png"):
        noise("RGB").save(tmp_path / name)
    (tmp_path / "labels.csv").write_text("label,file\nship,b.png\ncat,a.png\n,b.png\n")
    images = load_images(str(tmp_path if whole else tmp_path / "labels.csv"))
    assert (images.ids, images.labels.tolist()) == (("b.png", "a.png", "b.png"), [1, 0, -1])
    assert images.classes == ("cat", "ship")


def test_only_chosen_pictures_are_read(tmp_path: Path) -> None:
    noise("RGB").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("broken")
    assert load_images(f"{tmp_path}[0:1]").ids == ("a.png",)
    with pytest.raises(InputError, match=r"b\.png is no picture"):
        load_images(str(tmp_path))


def test_different_sizes_are_refused_with_names(tmp_path: Path) -> None:
    for name, size in {"a.png": (5, 3), "b.png": (5, 3), "c.png": (3, 5)}.items():
        noise("RGB", size).save(tmp_path / name)
    with pytest.raises(InputError, match=r"a\.png is 5x3 with 3 channels, c\.png is 3x5 with 3 channels"):
        load_images(str(tmp_path))


def test_tables_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("name,label\na.png,1\n")
    with pytest.raises(InputError, match=r"t\.csv has no column file, only name, label"):
        load_images(str(table))
    table.write_text("file,label\nlacking.png,1\n")
    with pytest.raises(InputError, match=r"no file .*lacking\.png"):
        load_images(str(table))
    table.write_text("label,file\nant,a.png\nbee\n")
    with pytest.raises(InputError, match=r"t\.csv names no file in row 2"):
        load_images(str(table))
    table.write_text(f"file,label\na.png,{'9' * 23}\n")
    with pytest.raises(InputError, match=r"t\.csv: there is no class 9{23}: a label has at most 18 digits"):
        load_images(str(table))
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"t\.csv is no CSV"):
        load_images(str(table))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no picture in .*empty"):
        load_images(str(tmp_path / "empty"))
