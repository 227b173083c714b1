"""CIFAR-10 (Krizhevsky, 2009) in a folder: ``.npz``, or the official batches, binary or Python."""

import os
from pathlib import Path

import numpy as np
import torch

from sparseattack.data.cifar_batches import FORMS, Form, read_batch
from sparseattack.data.images import Images, of_file
from sparseattack.data.npz import load_npz
from sparseattack.data.selection import Select
from sparseattack.errors import InputError

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
