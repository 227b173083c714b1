"""The score table: every one-pixel answer of an oracle about some images, as one file that numpy reads.

The file is a ``.npz``: ``images``, ``labels``, ``ids`` and ``names`` as `sparseattack.load_images` takes
them, ``scores`` and ``clean_scores`` in half precision, and ``about``, JSON on their origin.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import InputError, brief
from sparseattack.files import write_whole
from sparseattack.problem.scale import Scale
from sparseattack.provenance import digest

FORMAT = 1
CHANNELS = 4  # of an image at most: 16 corner colours
WHITE = 255
ARRAYS = {  # type and dimensions of each
    "images": (np.uint8, 4),
    "labels": (np.int64, 1),
    "ids": (np.str_, 1),
    "names": (np.str_, 1),
    "clean_scores": (np.float16, 2),
    "scores": (np.float16, 5),
    "about": (np.str_, 0),
}
SCORES = "clean_scores", "scores"  # the arrays of them


@dataclass(frozen=True)
class TableOrigin:
    """Which oracle gave the answers of a score table, and what it ran on."""

    oracle: str  # spec, as chosen
    name: str
    digest: str  # of all that determines its scores
    scale: Scale
    system: str
    processor: str
    device: str
    versions: dict[str, str]  # of Python and of the packages that its code needs
    format: int = FORMAT

    @classmethod
    def parse(cls, text: str) -> Self:
        """The origin in JSON; InputError where it is no object, and for another format."""
        try:
            held: Any = json.loads(text)
        except ValueError:
            held = None
        if not isinstance(held, dict):
            raise InputError("its about is no JSON object")
        if held.get("format") != FORMAT:
            raise InputError(
                f"its about is of format {held.get('format')}, and this version reads format {FORMAT}"
            )
        if held.get("scale") not in get_args(Scale):
            known = ", ".join(get_args(Scale))
            raise InputError(f"its about has the scale {held.get('scale')!r}; scales are {known}")
        return cls(**{field.name: held[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class ScoreTable:
    """The scores of N clean images, and of each of their pixels in each of the 2**C corner colours."""

    images: NDArray[np.uint8]  # (N, H, W, C)
    labels: NDArray[np.int64]  # (N,) numbered as the oracle's classes, -1 where unknown
    ids: tuple[str, ...]  # N
    names: tuple[str, ...]  # K, of the classes; or none
    clean_scores: NDArray[np.float16]  # (N, K)
    scores: NDArray[np.float16]  # (N, H, W, 2**C, K); bit c of a corner says if channel c is 0 or 255
    origin: TableOrigin

    def __len__(self) -> int:
        return len(self.images)

    @property
    def digest(self) -> str:
        """Digest of all that determines an answer: images, scores and their scale."""
        content = blake2b(digest_size=16)
        for array in (self.images, self.clean_scores, self.scores):
            content.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return digest(["score table", self.origin.scale, content.hexdigest()])

    def at(self, places: Sequence[int]) -> Self:
        """Some of its images, in this order."""
        rows = np.array(places, np.int64)
        arrays = {name: getattr(self, name)[rows] for name in ("images", "labels", "clean_scores", "scores")}
        return replace(self, ids=tuple(self.ids[place] for place in places), **arrays)

    def write(self, path: Path) -> None:
        """Write it to a file, which is there whole or as it was before."""
        arrays = {name: getattr(self, name) for name in ("images", "labels", "clean_scores", "scores")}
        arrays |= {"ids": np.array(self.ids, np.str_), "about": np.array(json.dumps(asdict(self.origin)))}
        arrays |= {"names": np.array(self.names, np.str_)} if self.names else {}

        def write(fresh: Path) -> None:
            with fresh.open("wb") as file:  # given a path, numpy adds .npz to it
                np.savez_compressed(file, allow_pickle=False, **arrays)

        write_whole(path, write)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The table in a file; InputError for a file that holds none."""
        try:
            with np.load(path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in ARRAYS if name in held.files}
                found = ", ".join(held.files)
        except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is no table of scores: {brief(error)}") from error
        lacking = [name for name in ARRAYS if name not in arrays and name != "names"]
        if lacking:
            raise InputError(
                f"{path} is no table of scores: it has the arrays {found}, and lacks {', '.join(lacking)};"
                " `sparseattack tabulate` writes one"
            )
        try:
            return cls._of(arrays)
        except InputError as error:
            raise InputError(f"{path} is no table of scores that can be used: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is no table of scores that can be used: {brief(error)}") from error

    @classmethod
    def _of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table of these arrays; InputError where their types and shapes do not fit together."""
        for name, array in arrays.items():
            kind, dims = ARRAYS[name]
            if not np.issubdtype(array.dtype, kind) or array.ndim != dims:
                raise InputError(f"its array {name} is {array.dtype} {array.shape}")
        count, height, width, channels = arrays["images"].shape
        if not count:
            raise InputError("it holds no image")
        classes = arrays["clean_scores"].shape[1]
        wanted = {
            "labels": (count,),
            "ids": (count,),
            "clean_scores": (count, classes),
            "scores": (count, height, width, 2**channels, classes),
        }
        wanted |= {"names": (classes,)} if "names" in arrays else {}
        for name, shape in wanted.items():
            if arrays[name].shape != shape:
                raise InputError(f"its array {name} is {arrays[name].shape}, not {shape}")
        for name in SCORES:
            if not np.isfinite(arrays[name]).all():
                raise InputError(f"its array {name} has NaN or infinite scores")
        _check_repeated(arrays)
        texts = {name: tuple(map(str, arrays.get(name, ()))) for name in ("ids", "names")}
        return cls(
            arrays["images"], arrays["labels"], texts["ids"], texts["names"],
            arrays["clean_scores"], arrays["scores"], TableOrigin.parse(str(arrays["about"])),
        )  # fmt: skip


def _check_repeated(arrays: Mapping[str, NDArray[Any]]) -> None:
    """InputError for an image that is there twice, with other scores."""
    first: dict[bytes, int] = {}
    for place, image in enumerate(arrays["images"]):
        if (before := first.setdefault(image.tobytes(), place)) == place:
            continue
        same = all(np.array_equal(arrays[name][before], arrays[name][place]) for name in SCORES)
        if not same:
            raise InputError(f"its images {before} and {place} are the same, and have other scores")


def half_precision(scores: NDArray[np.floating[Any]]) -> NDArray[np.float16]:
    """Scores ``(..., K)`` in half precision, of which the same classes have the highest score.

    Rounding keeps order but may make two scores equal. A class that is not among the highest and would tie
    with them is lowered by one unit in the last place. Raises InputError for scores above its range, 65,504.
    """
    with np.errstate(over="ignore"):
        rounded = scores.astype(np.float16)
    if not np.isfinite(rounded).all():
        raise InputError(f"scores up to {np.abs(scores).max():.4g} do not fit half precision, up to 65,504")
    highest = scores == scores.max(-1, keepdims=True)
    tied = (rounded == rounded.max(-1, keepdims=True)) & ~highest
    lowered: NDArray[np.float16] = np.where(tied, np.nextafter(rounded, np.float16(-np.inf)), rounded)
    return lowered


def corner_colours(channels: int) -> NDArray[np.uint8]:
    """The corner colours ``(2**C, C)``: bit c of a corner's number says if channel c is 0 or 255."""
    numbers = np.arange(2**channels)[:, None]
    return ((numbers >> np.arange(channels) & 1) * WHITE).astype(np.uint8)
