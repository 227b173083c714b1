"""Images to be attacked, as files hold them: 8-bit colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path

import torch
from torch import Tensor

from sparseattack.errors import InputError

UNKNOWN = -1  # label of an image of which nobody says what it shows


@contextmanager
def of_file(path: Path) -> Iterator[None]:
    """What is refused in here names the file it was read from."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Images:
    """``N`` images of one shape, what they show, and what to call them."""

    pixels: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N,) int64, UNKNOWN where nobody says
    ids: tuple[str, ...]  # N
    classes: tuple[str, ...] = ()  # names of labels 0, 1, ..., or none

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        count, one_each = len(self.ids), self.labels.shape == self.pixels.shape[:1] == (len(self.ids),)
        if self.pixels.ndim != 4 or not one_each:  # noqa: PLR2004
            shapes = f"{tuple(self.pixels.shape)} and {tuple(self.labels.shape)}"
            raise InputError(
                f"{count} images and their labels have shapes {shapes}, not (N, C, H, W) and (N,)"
            )
        if (self.pixels.dtype, self.labels.dtype) != (torch.uint8, torch.int64):
            kinds = f"{self.pixels.dtype} and {self.labels.dtype}"
            raise InputError(f"images and labels are {kinds}, not torch.uint8 and torch.int64")
        if not self.pixels.numel():
            raise InputError(f"there is no image, or none with a pixel, in shape {tuple(self.pixels.shape)}")
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < UNKNOWN or (self.classes and high >= len(self.classes)):
            wrong, most = (low if low < UNKNOWN else high), len(self.classes) - 1
            only = f"0 to {most}" if self.classes else "numbers from 0"
            raise InputError(f"there is no class {wrong}, only {only}, and {UNKNOWN} for unknown")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "Images":
        """Some of them."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows], ids=self.ids[rows])

    def floats(self) -> Tensor:
        """``(N, C, H, W)`` float32, exact multiples of 1/255."""
        return self.pixels / 255  # on a CPU exactly the `levels`, without numbers of 8 bytes in between

    @cached_property
    def digest(self) -> str:
        """Of colours and labels: 32 hexadecimal digits."""
        told = blake2b(str(tuple(self.pixels.shape)).encode(), digest_size=16)
        for column in (self.pixels, self.labels):
            told.update(column.contiguous().numpy().data)
        return told.hexdigest()

    def numbered(self, classes: tuple[str, ...]) -> "Images":
        """The same images, each label the place of its name in ``classes``.

        Labels without names stand for classes of that number where all ``classes`` are numbers, which need
        not begin at 0; else they are places already.
        """
        numbers = all(name.isdecimal() for name in classes)
        if not classes or self.classes == classes or not (self.classes or numbers):
            return self
        used = sorted(set(self.labels.tolist()) - {UNKNOWN})
        names = {label: self.classes[label] if self.classes else str(label) for label in used}
        if strange := [name for name in names.values() if name not in classes]:
            raise InputError(f"there is no class {', '.join(strange)}, only {', '.join(classes)}")
        places = {label: classes.index(name) for label, name in names.items()} | {UNKNOWN: UNKNOWN}
        labels = torch.tensor([places[label] for label in self.labels.tolist()], dtype=torch.int64)
        return replace(self, labels=labels, classes=classes)


LEVELS = torch.arange(256) / 255


def levels(colours: Tensor) -> Tensor:
    """The float32 of 8-bit ``colours``, from a table: dividing by 255 rounds differently on a GPU."""
    return _levels_on(colours.device)[colours.long()]


@cache
def _levels_on(device: torch.device) -> Tensor:
    return LEVELS.to(device)


def eight_bit(images: Tensor) -> Tensor:
    """The nearest 8-bit colours of ``images`` in [0, 1], of any shape: the inverse of ``levels``."""
    return images.mul(255).round().to(torch.uint8)
