"""CIFAR-10 (Krizhevsky, 2009) in a folder: ``.npz``, or the official batches, binary or Python.

The official batches of CIFAR-10 (Krizhevsky, 2009), binary or Python.
"""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.data.images import Images, of_file
from sparseattack.data.npz import load_npz
from sparseattack.data.selection import Select
from sparseattack.errors import InputError

ROW = 3 * 32 * 32  # bytes of an image: all of red, then green, then blue
Bytes = NDArray[np.uint8]


class Form(NamedTuple):
    """One of the two forms in which the batches are published."""

    folder: str
    suffix: str
    read: Callable[[Path], tuple[Bytes, Bytes]]  # images (n, ROW) and labels (n,)


def read_batch(path: Path, form: Form) -> tuple[Bytes, Bytes]:
    """Images ``(n, ROW)`` and labels ``(n,)`` of one batch."""
    if not path.is_file():
        raise InputError(f"{path} is missing: the other batches are there")
    try:
        images, labels = form.read(path)
        return images.reshape(len(labels), ROW), labels
    except Exception as error:  # numpy and pickle have many words for a broken file
        raise InputError(f"{path} is no CIFAR-10 batch: {error}") from error


def _binary(path: Path) -> tuple[Bytes, Bytes]:
    rows = np.fromfile(path, np.uint8).reshape(-1, 1 + ROW)
    return rows[:, 1:], rows[:, 0]


def _python(path: Path) -> tuple[Bytes, Bytes]:
    with path.open("rb") as file:
        batch: dict[bytes, Any] = Arrays(file, encoding="bytes").load()
    return batch[b"data"], np.array(batch[b"labels"], np.uint8)


class Arrays(pickle.Unpickler):
    """Reads pickles of numpy arrays, lists and numbers, and runs nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Only what an array is made of."""
        allowed = {"_reconstruct", "ndarray", "dtype", "encode"}
        if module.partition(".")[0] not in ("numpy", "_codecs") or name not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


FORMS = (Form("cifar-10-batches-bin", ".bin", _binary), Form("cifar-10-batches-py", "", _python))
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}


def data_folder() -> Path:
    """Where data is looked for, and downloaded to: SPARSEATTACK_DATA, or a folder in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SPARSEATTACK_DATA") or cache / "sparseattack")


def load_cifar(folder: Path, split: str, select: Select) -> Images:
    """Images of ``folder``, of its ``split`` train or test."""
    if archives := sorted(folder.glob(f"cifar10_{split}*.npz")):
        return load_npz(archives[0], select, f"cifar10-{split}")
    for form in FORMS:
        for place in (folder, folder / form.folder):
            if (place / f"{BATCHES[split][0]}{form.suffix}").is_file():
                return _load(place, form, split, select)
    raise InputError(
        f"there is no CIFAR-10 {split} set in {folder}, neither official batches nor cifar10_{split}*.npz:"
        " sparseattack download cifar10 brings it, and SPARSEATTACK_DATA names a folder that has it"
    )


def holds_cifar(folder: Path) -> bool:
    """Whether ``folder`` holds any part of CIFAR-10."""
    batches = (f"{part}{name}" for part in ("", "*/") for name in ("data_batch_1*", "test_batch*"))
    return any(any(folder.glob(name)) for name in ("cifar10_t*.npz", *batches))


def _load(place: Path, form: Form, split: str, select: Select) -> Images:
    parts = [read_batch(place / f"{name}{form.suffix}", form) for name in BATCHES[split]]
    images, labels = map(np.concatenate, zip(*parts, strict=True))
    rows = select(len(labels))
    with of_file(place):
        return Images(
            torch.from_numpy(images[rows]).view(-1, 3, 32, 32),
            torch.from_numpy(labels[rows].astype(np.int64)),
            tuple(f"cifar10-{split}-{row}" for row in rows),
            CLASSES,
        )
