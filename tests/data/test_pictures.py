"""Pictures of every kind, one or many."""

import contextlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sparseattack import Experiment, Images, InputError, compare, load_images

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


def test_a_name_that_is_no_utf_8_is_shown_escaped(tmp_path: Path) -> None:
    noise("RGB").save(tmp_path / "one.png")
    os.rename(tmp_path / "one.png", os.fsencode(tmp_path) + b"/b\xff.png")
    experiment = Experiment(
        strategies=("random",), oracle="linear(classes=4,inputs=45)", images=str(tmp_path), budget=2,
        true_class="prediction",
    )  # fmt: skip
    (record,) = compare(experiment, tmp_path / "a.study").records
    assert record.image_id == "b\\xff.png"
    assert load_images(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff.png")).ids == ("b\\xff.png",)


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


def test_different_channels_are_refused_with_names(tmp_path: Path) -> None:
    for name, mode in {"a.png": "RGB", "b.png": "RGB", "c.png": "L"}.items():
        noise(mode).save(tmp_path / name)
    with pytest.raises(InputError, match=r"differ in channels: a\.png has 3, c\.png has 1; make all RGB"):
        load_images(str(tmp_path))


def test_tables_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("name,label\na.png,1\n")
    (tmp_path / "s.csv").write_text("file;label\na.png;cat\n")
    with pytest.raises(InputError, match=r"only file;label: put commas between columns, not semicolons$"):
        load_images(str(tmp_path / "s.csv"))
    with pytest.raises(InputError, match=r"t\.csv has no column file, only name, label$"):
        load_images(str(table))
    table.write_text("file,label\nlacking.png,1\n")
    with pytest.raises(InputError, match=r"no file .*lacking\.png"):
        load_images(str(table))
    table.write_text("label,file\nant,a.png\nbee\n")
    with pytest.raises(InputError, match=r"t\.csv names no file in row 2"):
        load_images(str(table))
    table.write_text("file,label\na,b.png,1\n")
    with pytest.raises(InputError, match=r"t\.csv has more fields than columns in row 1: put quotes"):
        load_images(str(table))
    table.write_text("file,label,label\na.png,1,2\n")
    with pytest.raises(InputError, match=r"t\.csv has several columns label"):
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


def labelled(folder: Path, *labels: str) -> Images:
    """Pictures of a table with these labels."""
    for place in range(len(labels)):
        noise("L").save(folder / f"{place}.png")
    rows = "".join(f"{place}.png,{label}\n" for place, label in enumerate(labels))
    (folder / "labels.csv").write_text(f" file , label\n{rows}")
    return load_images(str(folder))


def test_numbers_may_be_written_in_several_ways(tmp_path: Path) -> None:
    images = labelled(tmp_path, "3.0", " 3", "+3", "3", "3.", "03", " 3 ", "-1", "", "-1.0", " ")
    assert images.labels.tolist() == [3] * 7 + [-1] * 4
    assert (images.classes, images.sorted_classes) == ((), False)


def test_spaces_make_no_other_class_and_unknown_ones_have_no_name(tmp_path: Path) -> None:
    images = labelled(tmp_path, "cat", " cat ", "-1", "", "ant")
    assert (images.labels.tolist(), images.classes) == ([1, 1, -1, -1, 0], ("ant", "cat"))
    assert images.sorted_classes


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("3", "cat"), "some labels are numbers such as 3, some are names such as cat"),
        (("cat", "-1", "0.0"), "numbers such as 0.0, some are names such as cat"),
        (("3.5", "1"), "label 3.5 is no whole number"),
        ((".5",), "label .5 is no whole number"),
        (("-2",), "there is no class -2, only numbers from 0"),
    ],
)
def test_labels_that_leave_something_open_are_refused(
    tmp_path: Path, labels: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        labelled(tmp_path, *labels)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    for name in ("cat/a.png", ".cache/b.png", "cat/._a.png", "cat/a.adversarial.png", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        noise("RGB").save(tmp_path / name)
    (tmp_path / "cat" / "notes.txt").touch()
    (tmp_path / "cat" / "README").touch()
    images = load_images(str(tmp_path))
    assert (images.ids, images.classes) == (("cat/a.png",), ("cat",))
    assert images.notes == (
        f"left out of {tmp_path}: 1 picture that an attack has written, 2 files that are no pictures,"
        " 3 files and folders whose names begin with a dot",
    )
    (tmp_path / "cat" / "a.png").unlink()
    with pytest.raises(
        InputError, match=r"there is no picture in .*; left out of .*: 1 picture that an attack"
    ):
        load_images(str(tmp_path))


def test_pictures_that_a_table_does_not_name_are_counted(tmp_path: Path) -> None:
    labelled(tmp_path, "1", "2")
    noise("L").save(tmp_path / "more.png")
    (note,) = load_images(str(tmp_path)).notes
    assert note == f"left out of {tmp_path}: 1 picture that labels.csv does not name"


def test_links_to_folders_are_followed_but_not_round_and_round(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    (pool / "sub").mkdir(parents=True)
    noise("RGB").save(pool / "a.png")
    noise("RGB").save(pool / "sub" / "b.png")
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("cat", "dog"):
        (photos / name).symlink_to(pool)
    (pool / "sub" / "back").symlink_to(pool)
    images = load_images(str(photos))
    assert images.ids == ("cat/a.png", "cat/sub/b.png", "dog/a.png", "dog/sub/b.png")
    assert images.classes == ("cat", "dog")
    assert images.notes == (f"left out of {photos}: 2 links to a folder around them",)


@pytest.mark.parametrize("names", [("test", "train"), ("Val",)])
def test_splits_above_the_classes_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name / "cat").mkdir(parents=True)
        noise("RGB").save(tmp_path / name / "cat" / "a.png")
    with pytest.raises(InputError, match=f"has folders {' and '.join(names)} above those of the classes"):
        load_images(str(tmp_path))
    assert load_images(str(tmp_path / names[0])).classes == ("cat",)
    if names[0] == "test":
        assert load_images(f"{tmp_path}:test").ids == ("cat/a.png",)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("train/a.png", "boat/a.png"):
        (tmp_path / name).parent.mkdir()
        noise("RGB").save(tmp_path / name)
    assert load_images(str(tmp_path)).classes == ("boat", "train")


def chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_a_png_that_unpacks_to_much_is_refused(tmp_path: Path, name: bytes) -> None:
    file = tmp_path / "large.png"
    noise("RGB").save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:33] + chunk(name, b"c\0\0" + zlib.compress(bytes(2**24), 9)) + whole[33:])
    with pytest.raises(
        InputError, match=r"large\.png is no picture that can be read: ValueError: Decompressed"
    ):
        load_images(str(file))


@pytest.mark.parametrize("cut", range(10, 90, 8))
def test_a_damaged_picture_is_one_sentence(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "bad.png"
    noise("RGB").save(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:cut] + b"\xff\0\xff" + whole[cut + 3 :])
    with contextlib.suppress(InputError):  # that, or a picture, but nothing else
        load_images(str(file))


@pytest.mark.parametrize("name", ["moving.gif", "moving.png", "pages.tif"])
def test_of_several_frames_or_pages_the_first_is_read_with_a_note(tmp_path: Path, name: str) -> None:
    noise("L").save(tmp_path / name, save_all=True, append_images=[noise("L", seed=1)])
    images = load_images(str(tmp_path / name))
    assert torch.equal(images.pixels[0, 0], torch.from_numpy(np.array(noise("L"))))
    assert images.notes == ("the file has several frames or pages: only the first is read",)
    noise("L").save(tmp_path / f"one.{name[-3:]}")
    note = "1 of 2 files have several frames or pages: only the first is read"
    assert note in load_images(str(tmp_path)).notes
