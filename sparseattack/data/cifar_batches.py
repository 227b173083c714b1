"""The official batches of CIFAR-10 (Krizhevsky, 2009), binary or Python."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
