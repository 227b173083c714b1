"""Where images come from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sparseattack import InputError, load_images


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


@pytest.mark.parametrize("shape", [(4, 6, 5), (4, 6, 5, 1), (4, 5, 6, 3), (4, 1, 1, 7)])
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
    "no array images, only pictures": {"pictures": np.zeros((1, 2, 2), np.uint8)},
    "float64": {"images": np.zeros((1, 2, 2))},
    r"\(1, 3, 32, 32\) uint8, not \(N, H, W\)": {"images": np.zeros((1, 3, 32, 32), np.uint8)},
    "there is no image": {"images": np.zeros((0, 2, 2), np.uint8)},
    "none with a pixel": {"images": np.zeros((1, 0, 2), np.uint8)},
    r"labels \(3,\), not \(2,\)": {"images": TWO, "labels": np.zeros(3, int)},
    r"labels \(\), not \(2,\)": {"images": TWO, "labels": np.array(1)},
    "float64, not whole numbers": {"images": TWO, "labels": np.zeros(2)},
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


SENTENCES = {
    "": "no images are named",
    "sampel": "no images 'sampel', only sample, digits, cifar10",
    "sample[100]": "of 100 images",
    "sample[1:2": "no images",
    "sample:test": "sample has no splits",
    "pyproject.toml:test": "pyproject.toml has no splits",
    "cifar10:valid": "'valid' is not a split, only train and test",
    "nowhere/at/all.npz": "no images 'nowhere/at/all.npz'",
}


@pytest.mark.parametrize("spec", SENTENCES)
def test_what_is_not_there_is_told_what_is(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
