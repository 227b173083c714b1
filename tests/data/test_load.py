"""Where images come from."""

import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sparseattack import Experiment, InputError, load_images
from sparseattack.comparison import compare
from sparseattack.data import npz


def test_the_embedded_sample() -> None:
    sample = load_images("sample")
    assert sample.pixels.shape == (100, 3, 32, 32)
    assert sample.ids[:2] == ("cifar10-test-0", "cifar10-test-1")
    assert [sample.classes[label] for label in sample.labels[:4].tolist()] == [
        "cat",
        "ship",
        "ship",
        "airplane",
    ]
    assert len(sample.classes) == 10
    assert len(set(sample.labels.tolist())) == 10


@pytest.mark.shared
def test_the_sample_is_the_beginning_of_the_test_set(shared: Path) -> None:
    assert load_images("sample").digest == load_images(f"{shared}:test[0:100]").digest
    whole = load_images(f"{shared}:train[49999]")
    assert (whole.ids, whole.pixels.shape) == (("cifar10-train-49999",), (1, 3, 32, 32))


def test_digits_are_the_second_half_of_scikit_learns() -> None:
    digits, known = load_images("digits"), load_digits()
    half = len(known.target) // 2
    assert digits.labels.tolist() == known.target[half:].tolist()
    assert digits.pixels.shape == (899, 1, 8, 8)
    back = digits.pixels[:, 0].double().mul(16 / 255).round()
    assert torch.equal(back, torch.from_numpy(known.images[half:]))


def test_selections() -> None:
    one = load_images("sample[17]")
    assert one.ids == ("cifar10-test-17",)
    assert torch.equal(one.pixels, load_images("sample").pixels[17:18])
    assert load_images("digits[random:5:3]").ids == load_images("digits[random:5:3]").ids
    assert len(load_images("digits[random:5:3]")) == 5


@pytest.mark.parametrize("shape", [(4, 6, 5), (4, 6, 5, 1), (4, 5, 6, 3), (4, 20, 20, 7)])
def test_npz_of_any_number_of_channels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    colours = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    np.savez(
        tmp_path / "some.npz", images=colours, labels=np.array([2, 0, 1, 0]), names=["ant", "bee", "cat"]
    )
    images = load_images(f"{tmp_path / 'some.npz'}[1:3]")
    assert torch.equal(images.pixels.permute(0, 2, 3, 1), torch.from_numpy(colours).view(*shape[:3], -1)[1:3])
    assert (images.labels.tolist(), images.ids) == ([0, 1], ("some-1", "some-2"))
    assert images.classes == ("ant", "bee", "cat")


def test_npz_without_labels_and_with_ids(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    np.savez_compressed(file, images=np.zeros((2, 4, 4), np.uint8), ids=np.array(["left", "right"]))
    images = load_images(str(file))
    assert (images.labels.tolist(), images.ids, images.classes) == ([-1, -1], ("left", "right"), ())


TWO = np.zeros((2, 2, 2), np.uint8)
WRONG = {
    "no array images, or x, only pictures": {"pictures": np.zeros((1, 2, 2), np.uint8)},
    "of bool, not whole numbers": {"images": np.zeros((1, 2, 2), bool)},
    "of complex128, not whole": {"images": np.zeros((1, 2, 2), complex)},
    r"float64 images from 0 to 7.5, not in \[0, 1\]: divide": {"images": np.full((1, 2, 2), 7.5) * [0, 1]},
    "from -2 to 1, not in": {"images": np.array([[[-2.0, 1.0]]])},
    "images with NaN, which is no colour": {"images": np.full((1, 2, 2), np.nan)},
    "int64 images from 0 to 300, not 0 to 255": {"images": np.array([[[0, 300]]])},
    "int64 images from -1 to 0": {"images": np.array([[[-1, 0]]])},
    r"\(1, 40, 50, 60\): neither 40 nor 60 are channels": {"images": np.zeros((1, 40, 50, 60), np.uint8)},
    r"images \(9, 3072\), not \(N, H, W\)": {"images": np.zeros((9, 3072), np.uint8)},
    r"3 rows, 32 columns and 3 channels, or of 32 rows, 3 columns": {"x": np.zeros((2, 3, 32, 3), np.uint8)},
    "4 rows, 4 columns and 5 channels, or of 4 rows, 5 columns and 4": {
        "x": np.zeros((1, 4, 4, 5), np.uint8)
    },
    "3 rows, 3 columns and 5 channels, or of 3 rows, 5 columns and 3": {
        "x": np.zeros((1, 3, 3, 5), np.uint8)
    },
    r"save them as images_nhwc, or else as images_nchw": {"x": np.zeros((2, 6, 7, 8), np.uint8)},
    r"are 32 grey images, or one image with 3 channels": {"images": np.zeros((32, 32, 3), np.uint8)},
    r"the images x_train, x_test: name .*:train or .*:test": {
        "x_train": np.zeros((2, 2, 2)),
        "x_test": np.zeros((1, 2, 2)),
    },
    "x and X, which may both be the images": {"x": np.zeros((2, 2, 2)), "X": np.zeros((2, 2, 2))},
    "y and labels, which may both be the labels": {
        "x": np.zeros((1, 2, 2)),
        "y": np.zeros(1),
        "labels": np.ones(1),
    },
    r"labels \(2, 3\), not \(2,\), and they are not one-hot rows": {
        "x": np.zeros((2, 2, 2)),
        "y": np.ones((2, 3)),
    },
    "float64, not whole numbers, one-hot rows or names": {"x": np.zeros((1, 2, 2)), "y": np.array([np.inf])},
    "bool, not whole numbers": {"x": np.zeros((2, 2, 2)), "y": np.array([True, False])},
    "some are names such as cat": {"x": np.zeros((2, 2, 2)), "y": np.array(["3", "cat"])},
    "there is no image": {"images": np.zeros((0, 2, 2), np.uint8)},
    "none with a pixel": {"images": np.zeros((1, 0, 2), np.uint8)},
    r"labels \(3,\), not \(2,\)": {"images": TWO, "labels": np.zeros(3, int)},
    r"labels \(\), not \(2,\)": {"images": TWO, "labels": np.array(1)},
    "float64, not whole numbers": {"images": TWO, "labels": np.array([0.5, 1])},
    "no class -2, only numbers from 0": {"images": TWO, "labels": np.array([-2, 0])},
    "no class 2, only 0 to 1, and -1": {"images": TWO, "labels": np.array([0, 2]), "names": ["ant", "bee"]},
    r"names \(\), not \(K,\)": {"images": TWO, "names": np.array("ant")},
    r"ids \(1,\), not \(2,\)": {"images": TWO, "ids": np.array(["a"])},
    "no .npz file of plain arrays": {"images": np.array([{"an": "object"}])},
}


@pytest.mark.parametrize("said", WRONG)
def test_npz_that_holds_something_else_is_refused(tmp_path: Path, said: str) -> None:
    np.savez(tmp_path / "wrong.npz", **WRONG[said])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said) as refused:
        load_images(str(tmp_path / "wrong.npz"))
    assert "wrong.npz" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_broken_npz_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "broken.npz"
    np.savez_compressed(file, images=np.arange(10_000, dtype=np.uint8).reshape(1, 100, 100))
    whole = file.read_bytes()
    file.write_bytes(whole[:90] + bytes(20) + whole[110:] if content is None else content)
    with pytest.raises(InputError, match=r"broken\.npz is no \.npz file"):
        load_images(str(file))


COLOURS = np.random.default_rng(0).integers(256, size=(4, 20, 24, 3), dtype=np.uint8)
WANTED = torch.from_numpy(COLOURS).permute(0, 3, 1, 2)
NAMED = np.array([2, 0, 1, 0])
ONE_READING: dict[str, dict[str, Any]] = {
    "channels first": {"images": COLOURS.transpose(0, 3, 1, 2), "labels": NAMED},
    "floats": {"images": COLOURS / 255, "labels": NAMED.astype(float)},
    "floats of 16 bits, channels first": {
        "images": (COLOURS / 255).transpose(0, 3, 1, 2).astype(np.float16),
        "labels": NAMED[:, None],
    },
    "x and y": {"x": COLOURS.astype(np.int64), "y": NAMED},
    "data and target": {"data": COLOURS, "target": NAMED},
    "images and targets": {"test_images": COLOURS, "test_targets": NAMED},
    "one split, one-hot": {"X_test": COLOURS, "y_test": np.eye(3)[NAMED]},
    "split first": {"test_images": COLOURS, "test_labels": np.eye(3, dtype=np.uint8)[NAMED]},
    "said": {"images_nchw": np.asfortranarray(COLOURS.transpose(0, 3, 1, 2)), "labels": NAMED},
    "beside others": {"images": COLOURS, "labels": NAMED, "targets": NAMED[::-1], "urls": np.array(["?"])},
}


@pytest.mark.parametrize("written", ONE_READING)
def test_arrays_that_can_be_read_in_one_way_are(tmp_path: Path, written: str) -> None:
    np.savez(tmp_path / "some.npz", **ONE_READING[written])
    images = load_images(f"{tmp_path / 'some.npz'}")
    assert torch.equal(images.pixels, WANTED) and images.labels.tolist() == NAMED.tolist()
    assert (images.notes, images.classes) == ((), ())


def test_an_array_that_may_be_the_labels_is_named(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    np.savez(file, x=COLOURS, category=NAMED, weights=NAMED / 3, longer=np.arange(9))
    said = "category has 4 whole numbers: name it labels if they are the labels"
    assert load_images(str(file)).notes == (said,)
    experiment = Experiment(oracle="linear(classes=3,inputs=1440)", images=str(file))
    with pytest.raises(InputError, match=f"image some-0 has no label .*; {said}"):
        compare(experiment, tmp_path / "none.study")


def test_one_grey_channel_comes_first_or_last(tmp_path: Path) -> None:
    digits = load_images("digits[0:5]").pixels
    for place, array in enumerate((digits, digits.permute(0, 2, 3, 1), digits[:, 0])):
        np.savez(tmp_path / f"{place}.npz", images=array.numpy())
        assert torch.equal(load_images(str(tmp_path / f"{place}.npz")).pixels, digits)


def test_a_split_chooses_the_arrays(tmp_path: Path) -> None:
    file = tmp_path / "mnist.npz"
    np.savez(
        file, x_train=COLOURS, y_train=NAMED, x_test=COLOURS[:2], y_test=NAMED[2:], names=["a", "b", "c"]
    )
    train, test = (load_images(f"{file}:{split}") for split in ("train", "test"))
    assert (train.labels.tolist(), test.labels.tolist()) == ([2, 0, 1, 0], [1, 0])
    assert (test.ids, test.classes) == (("mnist-test-0", "mnist-test-1"), ("a", "b", "c"))
    np.savez(file, x_train=COLOURS)
    with pytest.raises(InputError, match="no images of a split test, only x_train"):
        load_images(f"{file}:test")


def test_a_change_by_rounding_to_8_bits_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    np.savez(file, x=np.stack([np.full((9, 9), 0.4), np.full((9, 9), 0.401)]))
    images = load_images(str(file))
    assert (images.pixels == 102).all()
    assert images.notes[0].startswith("1 of 2 images rounded to 8 bit")
    np.savez(file, x=np.full((2, 9, 9), 16, np.uint8))
    assert (
        load_images(str(file)).notes[0].startswith("no colour is above 16 of 255: images stored from 0 to 16")
    )


def test_labels_may_be_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x=COLOURS, y=np.array(["cat", "ant", "", "cat"]))
    images = load_images(str(tmp_path / "some.npz"))
    assert (images.labels.tolist(), images.classes, images.sorted_classes) == (
        [1, 0, -1, 1],
        ("ant", "cat"),
        True,
    )


def write_header(file: Path, shape: tuple[int, ...], size: int) -> None:
    """An archive whose array has a header of this shape, and ``size`` zeros."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as member,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(size // 2**20):
            member.write(bytes(2**20))


def test_a_small_file_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "LARGE", 2**22)
    bomb, liar = tmp_path / "bomb.npz", tmp_path / "liar.npz"
    write_header(bomb, (32, 512, 512, 1), 2**23)
    write_header(liar, (2**30, 512, 512, 1), 2**20)
    write_header(tmp_path / "plain.npz", (4, 512, 512, 1), 2**20)
    assert len(load_images(str(tmp_path / "plain.npz"))) == 4  # zeros too may be few
    tracemalloc.start()
    with pytest.raises(InputError, match=r"liar\.npz is damaged: images\.npy has 1,048,704 bytes, not 281,"):
        load_images(str(liar))
    with pytest.raises(InputError, match=r"bomb\.npz would unpack .* bytes of images\.npy to 8,388,608"):
        load_images(str(bomb))
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


SENTENCES = {
    "": "no images are named",
    "sampel": "no images 'sampel', only sample, digits, cifar10",
    "sample[100]": "of 100 images",
    "sample[1:2": "no images",
    "sample:test": "sample has no splits",
    "pyproject.toml:test": "pyproject.toml has no splits",
    "cifar10:valid": "'valid' is not a split, only train and test",
    "nowhere/at/all.npz": "no images 'nowhere/at/all.npz'",
    "u8.npz[0]@32": r"a split stands first, then a size, then a selection: say 'u8\.npz@32\[0\]'",
    "u8.npz[0:5]:test@32": r"say 'u8\.npz:test@32\[0:5\]'",
    "u8.npz@32:test": "say 'u8.npz:test@32'",
    "u8.npz@32[0]:test": r"say 'u8\.npz:test@32\[0\]'",
}


@pytest.mark.parametrize("spec", SENTENCES)
def test_missing_images_are_refused_with_those_that_exist(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(InputError, match=SENTENCES[spec]):
        load_images(spec)


def test_a_path_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("odd[3:4]:test.npz", images=np.zeros((2, 4, 4), np.uint8))
    assert len(load_images("odd[3:4]:test.npz")) == 2
    assert len(load_images("odd[3:4]:test.npz[1]")) == 1
    with pytest.raises(InputError, match="no images"):
        load_images("x" * 5000)
