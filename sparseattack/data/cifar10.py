"""CIFAR-10 (Krizhevsky, 2009) in a folder: the official batches, binary or Python, or ``.npz`` files."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattack.data.images import Images, name_file_in_errors
from sparseattack.data.npz import load_npz
from sparseattack.data.selection import Select
from sparseattack.errors import InputError

ROW = 3 * 32 * 32  # bytes of an image: red, then green, then blue
Bytes = NDArray[np.uint8]


class Form(NamedTuple):
    """One of the two forms in which the batches are published."""

    folder: str
    suffix: str
    read: Callable[[Path], tuple[Bytes, Bytes]]  # images (n, ROW) and labels (n,)


def _read_batch(path: Path, form: Form) -> tuple[Bytes, Bytes]:
    """Images ``(n, ROW)`` and labels ``(n,)`` of one batch."""
    if not path.is_file():
        raise InputError(f"{path} is missing: the other batches are there")
    try:
        images, labels = form.read(path)
        return images.reshape(len(labels), ROW), labels
    except Exception as error:  # numpy and pickle raise many kinds for a broken file
        raise InputError(f"{path} is no CIFAR-10 batch: {error}") from error


def _binary(path: Path) -> tuple[Bytes, Bytes]:
    rows = np.fromfile(path, np.uint8).reshape(-1, 1 + ROW)
    return rows[:, 1:], rows[:, 0]


def _python(path: Path) -> tuple[Bytes, Bytes]:
    with path.open("rb") as file:
        batch: dict[bytes, Any] = ArrayUnpickler(file, encoding="bytes").load()
    return batch[b"data"], np.array(batch[b"labels"], np.uint8)


class ArrayUnpickler(pickle.Unpickler):
    """Loads pickles of numpy arrays, lists and numbers; any other code in them is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """The functions that make an array; UnpicklingError for any other."""
        allowed = {"_reconstruct", "ndarray", "dtype", "encode"}
        if module.partition(".")[0] not in ("numpy", "_codecs") or name not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")
        return super().find_class(module, name)


FORMS = (Form("cifar-10-batches-bin", ".bin", _binary), Form("cifar-10-batches-py", "", _python))
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}


def data_folder() -> Path:
    """The folder of downloaded data: SPARSEATTACK_DATA if set, else ``sparseattack`` in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SPARSEATTACK_DATA") or cache / "sparseattack")


def load_cifar10(folder: Path, split: str, select: Select) -> Images:
    """Selected images of a folder's ``split``, train or test; InputError if the folder has no such set."""
    if archives := sorted(folder.glob(f"cifar10_{split}*.npz")):
        return load_npz(archives[0], select, f"cifar10-{split}")
    for form in FORMS:
        for place in (folder, folder / form.folder):
            if (place / f"{BATCHES[split][0]}{form.suffix}").is_file():
                return _load_batches(place, form, split, select)
    raise InputError(
        f"there is no CIFAR-10 {split} set in {folder}, neither official batches nor cifar10_{split}*.npz:"
        " sparseattack download cifar10 brings it, and SPARSEATTACK_DATA names a folder that has it"
    )


def contains_cifar10(folder: Path) -> bool:
    """Whether a folder holds any file of CIFAR-10."""
    batches = (f"{part}{name}" for part in ("", "*/") for name in ("data_batch_1*", "test_batch*"))
    return any(any(folder.glob(name)) for name in ("cifar10_t*.npz", *batches))


def _load_batches(place: Path, form: Form, split: str, select: Select) -> Images:
    parts = [_read_batch(place / f"{name}{form.suffix}", form) for name in BATCHES[split]]
    images, labels = map(np.concatenate, zip(*parts, strict=True))
    rows = select(len(labels))
    with name_file_in_errors(place):
        return Images(
            torch.from_numpy(images[rows]).view(-1, 3, 32, 32),
            torch.from_numpy(labels[rows].astype(np.int64)),
            tuple(f"cifar10-{split}-{row}" for row in rows),
            CLASSES,
        )
