"""CIFAR-10 (Krizhevsky, 2009) in a folder: the official batches, binary or Python, or ``.npz`` files."""

import io
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparseattack.data.images import ImageArrays, name_file_in_errors
from sparseattack.data.npz import load_npz
from sparseattack.data.selection import Select
from sparseattack.errors import InputError, brief

ROW = 3 * 32 * 32  # bytes of an image: red, then green, then blue
MOST_BYTES = 2**26  # of a Python batch; an official one has 31 million
ARRAYS = [f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")]
BYTE_KINDS = [("numpy.dtype", (name,)) for name in ("u1", b"u1")]
OPERATIONS = (  # of a pickle that holds values, lists, dictionaries and arrays; the others are refused
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2",
    "LONG1", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT",
    "SETITEM", "SETITEMS", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
)  # fmt: skip
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
        raise InputError(f"{path} is no CIFAR-10 batch: {brief(error)}") from error


def _binary(path: Path) -> tuple[Bytes, Bytes]:
    rows = np.fromfile(path, np.uint8).reshape(-1, 1 + ROW)
    return rows[:, 1:], rows[:, 0]


def _python(path: Path) -> tuple[Bytes, Bytes]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has {path.stat().st_size:,} bytes, more than a batch")
    batch = ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    if not isinstance(batch, dict) or not {b"data", b"labels"} <= batch.keys():
        raise ValueError("it is no dictionary of data and labels")
    labels = batch[b"labels"]
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ValueError("its labels are no list of whole numbers")
    if labels and not 0 <= min(labels) <= max(labels) < len(CLASSES):
        raise ValueError(f"its labels are {min(labels)} to {max(labels)}, not 0 to {len(CLASSES) - 1}")
    return _array(batch[b"data"], len(labels)), np.array(labels, np.uint8)


@dataclass
class PickledCall:
    """What a pickle would call, in place of the call."""

    name: str
    arguments: tuple[object, ...] = ()
    state: object = None

    def __call__(self, *arguments: object) -> "PickledCall":
        return PickledCall(self.name, arguments)

    def __setstate__(self, state: object) -> None:
        self.state = state


class ArrayUnpickler(pickle._Unpickler):  # the one in C has no list of operations
    """Reads plain values, and a `PickledCall` for each call; nothing that a pickle names is called."""

    dispatch: ClassVar = {
        code: pickle._Unpickler.dispatch[code] for name in OPERATIONS for code in getattr(pickle, name)
    }

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in; but bytes, which Python 3 writes as a call in the protocol of Python 2, are bytes."""
        return _latin1 if (module, name) == ("_codecs", "encode") else PickledCall(f"{module}.{name}")


def _latin1(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError("it holds text in place of bytes")
    return text.encode("latin1")


def _array(value: object, count: int) -> Bytes:
    """The images ``(count, ROW)`` that a pickled array holds; ValueError for anything else."""
    if not isinstance(value, PickledCall) or value.name not in ARRAYS or not isinstance(value.state, tuple):
        raise ValueError("its data are no array of numpy")
    _, shape, kind, by_column, content = value.state
    if not isinstance(kind, PickledCall) or (kind.name, kind.arguments[:1]) not in BYTE_KINDS:
        raise ValueError("its data are no whole numbers of 8 bits")
    if shape != (count, ROW) or by_column or not isinstance(content, bytes) or len(content) != count * ROW:
        raise ValueError(f"its data have shape {shape}, not ({count}, {ROW}) as its {count} labels want")
    return np.frombuffer(content, np.uint8).reshape(count, ROW)


FORMS = (Form("cifar-10-batches-bin", ".bin", _binary), Form("cifar-10-batches-py", "", _python))
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}


def data_folder() -> Path:
    """The folder of downloaded data: SPARSEATTACK_DATA if set, else ``sparseattack`` in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SPARSEATTACK_DATA") or cache / "sparseattack").expanduser()


def load_cifar10(folder: Path, split: str, select: Select) -> ImageArrays:
    """Selected images of a folder's ``split``, train or test; InputError if the folder has no such set."""
    if archives := sorted(folder.glob(f"cifar10_{split}*.npz")):
        return load_npz(archives[0], select, stem=f"cifar10-{split}")
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


def _load_batches(place: Path, form: Form, split: str, select: Select) -> ImageArrays:
    parts = [_read_batch(place / f"{name}{form.suffix}", form) for name in BATCHES[split]]
    images, labels = map(np.concatenate, zip(*parts, strict=True))
    ids = [f"cifar10-{split}-{row}" for row in range(len(labels))]
    rows = select(len(labels), ids)
    with name_file_in_errors(place):
        return ImageArrays(
            images[rows].reshape(-1, 3, 32, 32),
            labels[rows].astype(np.int64),
            tuple(ids[row] for row in rows),
            CLASSES,
        )
