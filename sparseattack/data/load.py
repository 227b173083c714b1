"""Images by name or path, with a split ``:train``, a size ``@227`` and a selection ``[0:500]`` after it."""

import os
import re
from pathlib import Path

from sparseattack.data.cifar10 import contains_cifar10, data_folder, load_cifar10
from sparseattack.data.images import Images
from sparseattack.data.npz import load_npz
from sparseattack.data.pictures import load_pictures
from sparseattack.data.selection import Select, parse_selection, resize_images
from sparseattack.errors import InputError

IN_PACKAGE = {"sample": "cifar10-test", "digits": "digits-test"}  # data sets here, and the stem of their ids
SPLITS = ("train", "test")
FORM = re.compile(
    r"(?P<where>.+?)(?::(?P<split>[A-Za-z][\w-]*))?(?:@(?P<side>[1-9]\d{0,3}))?(?P<rows>\[[^\[\]]*\])?",
    re.DOTALL,
)


def load_images(spec: str) -> Images:
    """Load images by name or path, as in ``load_images("sample[0:20]")``.

    Names: ``sample`` (the first 100 CIFAR-10 test images), ``digits`` (the test half of scikit-learn's
    digits), ``cifar10:test`` and ``cifar10:train`` (downloaded). Paths: a folder that holds CIFAR-10, a
    ``.npz`` file, a picture, a folder of pictures in sub-folders named by class or with a ``labels.csv``, or
    a CSV of columns file and label.

    After it may stand a size and a selection: ``FOLDER@227[0:50]`` are the first 50, resized to 227 rows and
    columns (nearest pixels, nothing cut off), ``cifar10:test[random:200:SEED]`` a sample, ``FILE.npz[17]``
    one image. InputError for anything else.
    """
    if os.path.exists(spec) and spec not in IN_PACKAGE:  # a file may have brackets and colons in its name
        return _from_path(Path(spec), None, parse_selection(""), 0)
    form = FORM.fullmatch(spec)
    if not form:
        raise InputError("no images are named: give sample, digits, cifar10 or a path")
    where, split, side = form["where"], form["split"], int(form["side"] or 0)
    select = parse_selection(form["rows"] or "")
    if split and split not in SPLITS:
        raise InputError(f"in {spec!r}, {split!r} is not a split, only {' and '.join(SPLITS)}")
    return resize_images(_named(where, split, select, side), side)


def _named(where: str, split: str | None, select: Select, side: int) -> Images:
    if where == "cifar10":
        return load_cifar10(data_folder(), split or "test", select)
    if where not in IN_PACKAGE:
        return _from_path(Path(where), split, select, side)
    if split:
        raise InputError(f"{where} has no splits; cifar10 and a folder that holds CIFAR-10 have")
    return load_npz(Path(__file__).parent / "sample" / f"{where}.npz", select, IN_PACKAGE[where])


def _from_path(path: Path, split: str | None, select: Select, side: int) -> Images:
    if not os.path.exists(path):
        raise InputError(f"there are no images {str(path)!r}, only sample, digits, cifar10, or a path")
    if path.is_dir() and (split or contains_cifar10(path)):
        return load_cifar10(path, split or "test", select)
    if split:
        raise InputError(f"{path} has no splits; cifar10 and a folder that holds CIFAR-10 have")
    return load_npz(path, select) if path.suffix == ".npz" else load_pictures(path, select, side)
