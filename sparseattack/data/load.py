"""Where images come from: ``NAME or PATH``, perhaps ``:train``, a size ``@227``, a selection ``[0:500]``."""

import os
import re
from pathlib import Path

from sparseattack.data.cifar10 import data_folder, holds_cifar, load_cifar
from sparseattack.data.images import Images
from sparseattack.data.npz import load_npz
from sparseattack.data.pictures import load_pictures
from sparseattack.data.selection import Select, resized, selection
from sparseattack.errors import InputError

__all__ = ["Images", "load_images"]

EMBEDDED = {"sample": "cifar10-test", "digits": "digits-test"}  # what their images are called
SPLITS = ("train", "test")
FORM = re.compile(
    r"(?P<where>.+?)(?::(?P<split>[A-Za-z][\w-]*))?(?:@(?P<side>[1-9]\d{0,3}))?(?P<rows>\[[^\[\]]*\])?",
    re.DOTALL,
)


def load_images(spec: str) -> Images:
    """The images of ``spec``.

    ``sample`` (the first 100 CIFAR-10 test images), ``digits`` (the test half of scikit-learn's digits),
    ``cifar10:test[0:500]``, a folder that holds CIFAR-10 (``FOLDER:train[random:200:SEED]``), a ``.npz``
    file (``FILE.npz[17]``), a picture, a folder of pictures in sub-folders named by class or with a
    ``labels.csv``, or a CSV of columns file and label. ``FOLDER@227`` and ``FOLDER@227[0:50]`` are brought to
    227 rows and columns (nearest pixel, nothing cut off).
    """
    if os.path.exists(spec) and spec not in EMBEDDED:  # whatever brackets and colons its name has
        return _from_path(Path(spec), None, selection(""), 0)
    form = FORM.fullmatch(spec)
    if not form:
        raise InputError("no images are named: give sample, digits, cifar10 or a path")
    where, split, select, side = (
        form["where"],
        form["split"],
        selection(form["rows"] or ""),
        form["side"] or 0,
    )
    if split and split not in SPLITS:
        raise InputError(f"in {spec!r}, {split!r} is no split, only {' and '.join(SPLITS)}")
    return resized(_named(where, split, select, int(side)), int(side))


def _named(where: str, split: str | None, select: Select, side: int) -> Images:
    if where == "cifar10":
        return load_cifar(data_folder(), split or "test", select)
    if where not in EMBEDDED:
        return _from_path(Path(where), split, select, side)
    if split:
        raise InputError(f"{where} has no splits: cifar10 has, and a folder that holds it")
    return load_npz(Path(__file__).parent / "sample" / f"{where}.npz", select, EMBEDDED[where])


def _from_path(path: Path, split: str | None, select: Select, side: int) -> Images:
    if not os.path.exists(path):
        raise InputError(f"there are no images {str(path)!r}, only sample, digits, cifar10, or a path")
    if path.is_dir() and (split or holds_cifar(path)):
        return load_cifar(path, split or "test", select)
    if split:
        raise InputError(f"{path} has no splits: cifar10 has, and a folder that holds it")
    return load_npz(path, select) if path.suffix == ".npz" else load_pictures(path, select, side)
