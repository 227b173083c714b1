"""Selections of images, and images of one size."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sparseattack import InputError, load_images
from sparseattack.data.selection import parse_selection

totals = st.integers(1, 2000)


@given(totals, st.data())
def test_a_slice_is_pythons_slice(total: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, total - 1))
    stop = data.draw(st.integers(start + 1, total))
    everything = list(range(total))
    assert parse_selection(f"[{start}:{stop}]")(total).tolist() == everything[start:stop]
    assert parse_selection(f"[{start}:]")(total).tolist() == everything[start:]
    assert parse_selection(f"[:{stop}]")(total).tolist() == everything[:stop]
    assert parse_selection(f"[{start}]")(total).tolist() == [start]
    assert parse_selection("[:]")(total).tolist() == parse_selection("")(total).tolist() == everything


@given(totals, st.integers(0, 9), st.data())
def test_a_sample_is_distinct_ascending_and_repeatable(total: int, seed: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, total))
    chosen = parse_selection(f"[random:{count}:{seed}]")(total).tolist()
    assert len(set(chosen)) == count
    assert chosen == sorted(chosen)
    assert set(chosen) <= set(range(total))
    assert chosen == parse_selection(f"[random:{count}:{seed}]")(total).tolist()
    fewer = data.draw(st.integers(1, count))
    assert set(parse_selection(f"[random:{fewer}:{seed}]")(total).tolist()) <= set(chosen)


def test_seeds_choose_differently() -> None:
    chosen = {tuple(parse_selection(f"[random:5:{seed}]")(1000).tolist()) for seed in range(10)}
    assert len(chosen) == 10
    assert parse_selection("[random:5]")(1000).tolist() == parse_selection("[random:5:0]")(1000).tolist()


@given(totals, st.integers(0, 4000), st.integers(0, 4000))
def test_what_does_not_fit_is_refused(total: int, start: int, stop: int) -> None:
    fits = start < stop <= total
    if fits:
        assert len(parse_selection(f"[{start}:{stop}]")(total)) == stop - start
    else:
        with pytest.raises(InputError, match=f"of {total} images"):
            parse_selection(f"[{start}:{stop}]")(total)
    if stop > total or stop == 0:
        with pytest.raises(InputError, match=f"of {total} images"):
            parse_selection(f"[random:{stop}]")(total)


@pytest.mark.parametrize("text", ["[]", "[a]", "[-1]", "[0:5:2]", "[random]", "[random:x]", "[1,2]", "0:5"])
def test_what_is_no_selection_is_told_what_is(text: str) -> None:
    with pytest.raises(InputError, match=r"only \[START:STOP\]"):
        parse_selection(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs, one wide and one high."""
    random = np.random.default_rng(0)
    for name, size in (("wide", (30, 50, 3)), ("high", (70, 40, 3))):
        Image.fromarray(random.integers(256, size=size, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("side", [1, 27, 32, 227])
def test_every_picture_is_brought_to_the_size_by_nearest_pixels(folder: Path, side: int) -> None:
    images = load_images(f"{folder}@{side}")
    assert images.ids == ("high.png", "wide.png")
    for pixels, name in zip(images.pixels, images.ids, strict=True):
        wanted = Image.open(folder / name).resize((side, side), Image.Resampling.NEAREST)
        assert torch.equal(pixels.permute(1, 2, 0), torch.from_numpy(np.array(wanted)))


def test_each_pixel_is_the_one_whose_centre_is_nearest() -> None:
    whole, small = load_images("sample[0:3]").pixels, load_images("sample@8[0:3]").pixels
    assert torch.equal(small, whole[:, :, 2::4, 2::4])
    large = load_images("sample@64[0:3]").pixels
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


def test_pictures_of_several_sizes_are_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(InputError, match=r"differ in size or channels: high.*@224 brings all to 224x224\)"):
        load_images(str(folder))


@pytest.mark.parametrize("spec", ["sample@0", "sample@", "sample@12345", "sample@-3", "sample[0]@8"])
def test_other_sizes_are_refused(spec: str) -> None:
    with pytest.raises(InputError):
        load_images(spec)


def test_a_file_whose_name_looks_like_a_size_is_a_file(folder: Path) -> None:
    (folder / "wide.png").rename(folder / "photo@20")
    with contextlib.chdir(folder):
        assert load_images("photo@20").pixels.shape == (1, 3, 30, 50)
