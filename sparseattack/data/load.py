"""Images by name or path, with a split ``:train``, a size ``@227`` and a selection ``[0:500]`` after it."""

import os
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sparseattack.data.cifar10 import contains_cifar10, data_folder, load_cifar10
from sparseattack.data.images import ImageArrays, ImageGroups, Images
from sparseattack.data.npz import load_npz
from sparseattack.data.pictures import load_pictures
from sparseattack.data.resize import DEFAULT, Resize, parse_resize
from sparseattack.data.selection import Select, among, parse_selection
from sparseattack.errors import InputError

IN_PACKAGE = {
    "sample": "cifar10-test",
    "digits": "digits-test",
    "one-pixel": "cifar10-test",
}  # data sets here, and the stem of their ids
SPLITS = ("train", "test")
FORM = re.compile(
    r"(?P<where>.+?)(?::(?P<split>[A-Za-z][\w-]*))?(?:@(?P<side>[1-9]\d{0,3}))?(?P<rows>\[[^\[\]]*\])?",
    re.DOTALL,
)

MOVED = re.compile(  # a path with what should stand further behind
    r"(?P<where>.+?)(?:@(?P<side>[1-9]\d{0,3})(?P<rows>\[[^\[\]]*\])?|(?P<last>\[[^\[\]]*\]))", re.DOTALL
)


class ImagesSpec(NamedTuple):
    """The parts of a text that names images."""

    where: str  # a name or a path
    split: str  # train or test, or empty
    side: int  # rows and columns, 0 where no size is named
    rows: str  # a selection, or empty

    @classmethod
    def parse(cls, spec: str) -> "ImagesSpec":
        """The parts of a text; InputError where it is none. A path that exists is one, whatever its name."""
        if os.path.exists(spec) and spec not in IN_PACKAGE:  # a file may have brackets and colons in its name
            return cls(spec, "", 0, "")
        if not (form := FORM.fullmatch(spec)):
            raise InputError("no images are named: give sample, digits, cifar10 or a path")
        _check_order(spec, form)
        split = form["split"] or ""
        if split and split not in SPLITS:
            raise InputError(f"in {spec!r}, {split!r} is not a split, only {' and '.join(SPLITS)}")
        return cls(form["where"], split, int(form["side"] or 0), form["rows"] or "")


def _check_order(spec: str, form: re.Match[str]) -> None:
    """Refuse a selection before a split or a size, and a size before a split, with the order that works."""
    where, moved = form["where"], MOVED.fullmatch(form["where"])
    if moved and (form["split"] or form["side"]) and not os.path.exists(os.path.expanduser(where)):
        parts = {name: form[name] or moved.groupdict().get(name) or "" for name in ("split", "side")}
        rows = form["rows"] or moved["rows"] or moved["last"] or ""
        marks = f"{':' * bool(parts['split'])}{parts['split']}{'@' * bool(parts['side'])}{parts['side']}"
        raise InputError(
            f"in {spec!r}, a split stands first, then a size, then a selection: say"
            f" {moved['where'] + marks + rows!r}"
        )


def load_images(spec: str, resize: str = DEFAULT) -> Images:
    """Load images of one size by name or path, as in ``load_images("sample[0:20]")``.

    Names: ``sample`` (the first 100 CIFAR-10 test images), ``one-pixel`` (those of the oracle ``table``),
    ``digits`` (the test half of scikit-learn's digits), ``cifar10:test`` and ``cifar10:train`` (downloaded).
    Paths: a folder that holds CIFAR-10, a ``.npz`` file, a picture, a folder of pictures in sub-folders named
    by class or with a ``labels.csv``, or a CSV of columns file and label.

    After it may stand a size and a selection: ``FOLDER@224[0:50]`` are the first 50, brought to 224 rows and
    columns, ``cifar10:test[random:200:SEED]`` a sample, ``FILE.npz[3,17]`` two images, ``FOLDER[in:FILE]``
    those whose numbers or names stand in a file, one a line.

    resize: how a size is reached, ``bilinear``, ``bicubic`` or ``nearest``, and ``fit`` (the shorter side,
        then the centre cut out) or ``squash`` (height and width scaled apart), as in ``nearest,squash``

    What was left out, turned or resized stands in ``notes``. InputError for anything else, and for pictures
    that differ in size.
    """
    images, *others = load_images_by_size(spec, resize).groups
    if len({len(each.pixels[0]) for each in (images, *others)}) > 1:
        found = [f"{each.ids[0]} has {len(each.pixels[0])}" for each in (images, *others)]
        raise InputError(f"images of {spec} differ in channels: {', '.join(found[:3])}; make all RGB")
    if others:
        found = [
            f"{each.ids[0]} is {'x'.join(map(str, each.pixels.shape[2:]))}" for each in (images, *others)
        ]
        raise InputError(
            f"images of {spec} differ in size (rows x columns): {', '.join(found[:3])}: give a size, as in"
            f" {ImagesSpec.parse(spec).where}@224 (compare and attack take several sizes as they are)"
        )
    return images


def load_images_by_size(spec: str, resize: str = DEFAULT, ids: Collection[str] | None = None) -> ImageGroups:
    """Load images as ``load_images`` does, of several sizes too: groups in order of first appearance.

    ids: leave out those of the selection that have none of these ids
    """
    return ImageGroups(tuple(each.images() for each in read_images_by_size(spec, resize, ids)))


def read_images_by_size(
    spec: str, resize: str = DEFAULT, ids: Collection[str] | None = None
) -> tuple[ImageArrays, ...]:
    """The same as arrays, for which no torch is imported."""
    named = ImagesSpec.parse(spec)
    select, how = parse_selection(named.rows), parse_resize(resize, named.side)
    if ids is not None:
        select = among(select, ids)
    if named.where == "cifar10":
        return _resized(load_cifar10(data_folder(), named.split or "test", select), how)
    if named.where not in IN_PACKAGE:
        return _from_path(Path(named.where).expanduser(), named.split, select, how)
    if named.split:
        raise InputError(f"{named.where} has no splits; cifar10 and a folder that holds CIFAR-10 have")
    file = Path(__file__).parent / "sample" / f"{named.where}.npz"
    return _resized(load_npz(file, select, stem=IN_PACKAGE[named.where]), how)


def _from_path(path: Path, split: str, select: Select, how: Resize) -> tuple[ImageArrays, ...]:
    if not os.path.exists(path):
        known = "sample, digits, cifar10, or the path of a picture, a folder or a .npz file"
        raise InputError(f"there are no images {str(path)!r}, only {known}")
    if path.is_dir() and split and (path / split).is_dir():
        return load_pictures(path / split, select, how)
    if path.is_dir() and (split or contains_cifar10(path)):
        return _resized(load_cifar10(path, split or "test", select), how)
    if path.suffix == ".npz":
        return _resized(load_npz(path, select, split), how)
    if split:
        raise InputError(f"{path} has no splits; cifar10 and a folder that holds CIFAR-10 have")
    return load_pictures(path, select, how)


def _resized(images: ImageArrays, how: Resize) -> tuple[ImageArrays, ...]:
    """Images of one size brought to another."""
    if not how.side or images.pixels.shape[2:] == (how.side, how.side):
        return (images,)
    pixels = np.stack([how(each) for each in images.pixels])
    notes = images.notes + how.describe(len(images), len(images))
    return (replace(images, pixels=pixels, notes=notes),)
