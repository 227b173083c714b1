"""CIFAR-10 in the forms in which it is found."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sparseattack import InputError, load_images
from sparseattack.data.cifar10 import CLASSES, data_folder

COUNT = 4  # images in a batch
NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def batch(name: str) -> tuple[NDArray[np.uint8], list[int]]:
    """Images (COUNT, 3072), as the official batches store them, and their labels."""
    random = np.random.default_rng(NAMES.index(name))
    return random.integers(256, size=(COUNT, 3072), dtype=np.uint8), random.integers(10, size=COUNT).tolist()


def write_binary(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in NAMES:
        images, labels = batch(name)
        rows = np.concatenate([np.array(labels, np.uint8)[:, None], images], axis=1)
        (folder / f"{name}.bin").write_bytes(rows.tobytes())


def write_python(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in NAMES:
        images, labels = batch(name)
        told = {
            b"batch_label": name.encode(),
            b"labels": labels,
            b"data": images,
            b"filenames": [b"x.png"] * COUNT,
        }
        written = pickle.dumps(told, protocol=2)
        (folder / name).write_bytes(
            written.replace(b"numpy._core", b"numpy.core")
        )  # as the official ones say


def write_npz(folder: Path) -> None:
    folder.mkdir(parents=True)
    for split, names in {"train": NAMES[:5], "test": NAMES[5:]}.items():
        parts = [batch(name) for name in names]
        images = np.concatenate([images for images, _ in parts]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels = np.concatenate([labels for _, labels in parts])
        np.savez(folder / f"cifar10_{split}.npz", images=images, labels=labels, names=CLASSES)


WRITERS = {
    "cifar-10-batches-bin": write_binary,
    "cifar-10-batches-py": write_python,
    "anywhere": write_npz,
}


@pytest.mark.parametrize("inside", WRITERS)
def test_every_form_gives_the_same_images(tmp_path: Path, inside: str) -> None:
    WRITERS[inside](tmp_path / inside)
    test, train = (load_images(f"{tmp_path / inside}:{split}") for split in ("test", "train"))
    pixels, labels = batch("test_batch")
    assert torch.equal(test.pixels, torch.from_numpy(pixels).view(-1, 3, 32, 32))
    assert test.labels.tolist() == labels
    assert (test.classes, test.ids[1], len(train)) == (CLASSES, "cifar10-test-1", 5 * COUNT)
    third = torch.from_numpy(batch("data_batch_3")[0]).view(-1, 3, 32, 32)
    assert torch.equal(load_images(f"{tmp_path / inside}:train[8:12]").pixels, third)


@pytest.mark.parametrize("inside", list(WRITERS)[:2])
def test_found_by_name_in_the_folder_of_the_environment(
    tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARSEATTACK_DATA", str(tmp_path))
    with pytest.raises(
        InputError, match=f"no CIFAR-10 test set in {tmp_path}.*sparseattack download cifar10"
    ):
        load_images("cifar10")
    WRITERS[inside](tmp_path / inside)
    assert load_images("cifar10[1:3]").ids == ("cifar10-test-1", "cifar10-test-2")
    assert load_images(str(tmp_path)).digest == load_images("cifar10:test").digest


def test_the_cache_is_where_data_is_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARSEATTACK_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert data_folder() == Path("/somewhere/sparseattack")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data_folder() == Path.home() / ".cache" / "sparseattack"


def test_a_lacking_or_broken_batch_is_named(tmp_path: Path) -> None:
    write_binary(tmp_path / "bin")
    (tmp_path / "bin" / "data_batch_3.bin").unlink()
    with pytest.raises(InputError, match=r"data_batch_3\.bin is missing"):
        load_images(f"{tmp_path / 'bin'}:train")
    (tmp_path / "bin" / "test_batch.bin").write_bytes(bytes(5000))
    with pytest.raises(InputError, match=r"test_batch\.bin is no CIFAR-10 batch"):
        load_images(f"{tmp_path / 'bin'}:test")


class Evil:
    """What a pickle can do to those who load it."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("harm.txt", "w")


class FakeArray:
    """An array whose memory is given, an address in it included: reading it ends the process."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return np.ndarray, ((COUNT, 3072), np.dtype(object), b"\x08" * COUNT * 3072 * 8)


GOOD = np.zeros((2, 3072), np.uint8)


@pytest.mark.parametrize(
    "held",
    [
        {b"data": Evil(), b"labels": []},
        {b"data": GOOD, b"labels": Evil()},
        {b"data": GOOD, b"labels": [0, 1], b"more": Evil(), Evil(): 2},
        {b"data": FakeArray(), b"labels": [0] * COUNT},
        {b"data": GOOD, b"labels": [0]},
        {b"data": GOOD, b"labels": [0, 10]},
        {b"data": GOOD, b"labels": [0, -1]},
        {b"data": GOOD, b"labels": [0, 1.0]},
        {b"data": GOOD, b"labels": np.array([0, 1])},
        {b"data": GOOD.astype(np.int64), b"labels": [0, 1]},
        {b"data": GOOD.astype(object), b"labels": [0, 1]},
        {b"data": np.asfortranarray(GOOD), b"labels": [0, 1]},
        {b"data": GOOD.reshape(2, 32, 32, 3), b"labels": [0, 1]},
        {b"data": bytearray(2**16), b"labels": [0, 1]},
        {b"other": 1},
        [1, 2],
    ],
)
def test_a_python_batch_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: object) -> None:
    monkeypatch.chdir(tmp_path)
    write_python(tmp_path / "py")
    (tmp_path / "harm.txt").write_text("x")
    for protocol in (2, 4):
        (tmp_path / "py" / "test_batch").write_bytes(pickle.dumps(held, protocol))
        with pytest.raises(InputError, match="test_batch is no CIFAR-10 batch"):
            load_images(f"{tmp_path / 'py'}:test")
    assert (tmp_path / "harm.txt").stat().st_size == 1


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x05\x96" + (2**40).to_bytes(8, "little"),  # a bytearray of a terabyte
        b"\x80\x02r\xff\xff\xff\xff",  # place 2**32 - 1 of the memory for values
        b"\x80\x04B\xff\xff\xff\x7f",  # bytes that do not follow
        b"\x80\x02cbuiltins\nexec\n(U\x0braise Excepttb.",
        b"\x80\x02(ibuiltins\nexec\n.",  # an instance
        b"\x80\x02\x82\x01.",  # an extension
        b"\x80\x02cnumpy\nndarray\n)\x81.",  # a new object
    ],
)
def test_operations_that_no_batch_needs_are_refused(tmp_path: Path, code: bytes) -> None:
    (tmp_path / "test_batch").write_bytes(code)
    with pytest.raises(InputError, match="test_batch is no CIFAR-10 batch"):
        load_images(f"{tmp_path}:test")
