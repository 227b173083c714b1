"""Images to be attacked, in 8-bit colours as files hold them, with labels, ids and class names.

What is read from files are arrays, for which no torch is imported: a report shows pictures.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import blake2b
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sparseattack.data.notebook import SHOWN as IN_NOTEBOOK
from sparseattack.data.notebook import ShownImage, gallery
from sparseattack.errors import InputError, number_of, place_of, require

if TYPE_CHECKING:  # a report imports no torch
    import torch
    from torch import Tensor

SHOWN = 5  # sizes in a sentence
UNKNOWN = -1  # the label of an image whose class is not known
BLOCK, COLOURS = 32, 2**22  # images, and their colours, checked together: the check makes copies of them


@contextmanager
def name_file_in_errors(path: Path) -> Iterator[None]:
    """Put the file that is being read in front of every InputError raised inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


@dataclass(frozen=True)
class ImageArrays:
    """N images of one shape as they are read from files, before they are tensors."""

    pixels: NDArray[np.uint8]  # (N, C, H, W)
    labels: NDArray[np.int64]  # (N,), -1 where the class is not known
    ids: tuple[str, ...]  # N names, such as file names
    classes: tuple[str, ...] = ()  # names of the labels 0, 1, ...; empty if they have none
    notes: tuple[str, ...] = ()  # sentences about what was left out, turned or resized
    sorted_classes: bool = False  # whether labels are only the places of the names in alphabetical order

    def __post_init__(self) -> None:
        """InputError unless shapes and labels fit together."""
        _check_fit(self.pixels, self.labels, self.ids, self.classes)

    def __len__(self) -> int:
        return len(self.ids)

    def images(self) -> "Images":
        """The same as tensors, which share the memory of the arrays."""
        import torch

        pixels, labels = torch.from_numpy(self.pixels), torch.from_numpy(self.labels)
        return Images(pixels, labels, self.ids, self.classes, self.notes, self.sorted_classes)


def _check_fit(
    pixels: "Tensor | NDArray[np.uint8]",
    labels: "Tensor | NDArray[np.int64]",
    ids: tuple[str, ...],
    classes: tuple[str, ...],
) -> None:
    """InputError unless there are images ``(N, C, H, W)``, N labels of the classes, and N ids."""
    count, shape = len(ids), tuple(pixels.shape)
    if len(shape) != 4 or not tuple(labels.shape) == shape[:1] == (count,):  # noqa: PLR2004
        raise InputError(
            f"{number_of(count, 'image')} and the labels have shapes {shape} and"
            f" {tuple(labels.shape)}, not (N, C, H, W) and (N,)"
        )
    require(0 not in shape, f"there is no image, or none with a pixel, in shape {shape}")
    low, high = int(labels.min()), int(labels.max())
    if low < UNKNOWN or (classes and high >= len(classes)):
        wrong, most = (low if low < UNKNOWN else high), len(classes) - 1
        only = f"0 to {most}" if classes else "numbers from 0"
        raise InputError(f"there is no class {wrong}, only {only}, and {UNKNOWN} for unknown")


@dataclass(frozen=True)
class Images:
    """N images of one shape in 8-bit colours, with their labels, ids and class names."""

    pixels: "Tensor"  # (N, C, H, W) uint8
    labels: "Tensor"  # (N,) int64, -1 where the class is not known
    ids: tuple[str, ...]  # N names, such as file names
    classes: tuple[str, ...] = ()  # names of the labels 0, 1, ...; empty if they have none
    notes: tuple[str, ...] = ()  # sentences about what was left out, turned or resized
    sorted_classes: bool = False  # whether labels are only the places of the names in alphabetical order

    def __post_init__(self) -> None:
        """InputError unless shapes, types and labels fit together."""
        kinds, wanted = f"{self.pixels.dtype} and {self.labels.dtype}", "torch.uint8 and torch.int64"
        require(kinds == wanted, f"images and labels are {kinds}, not {wanted}")
        _check_fit(self.pixels, self.labels, self.ids, self.classes)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "Images":
        """The images of a slice."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows], ids=self.ids[rows])

    def __repr__(self) -> str:
        """Their number, shape and classes, in a line."""
        return f"<Images: {self._described}>"

    @property
    def _described(self) -> str:
        """``20 images of 3 x 32 x 32, of 8 classes``."""
        count, (channels, height, width) = len(self), self.pixels.shape[1:]
        known = len(set(self.labels.tolist()) - {UNKNOWN})
        classes = f"of {known} class{'es' * (known != 1)}" if known else "of unknown classes"
        return f"{count:,} image{'s' * (count != 1)} of {channels} x {height} x {width}, {classes}"

    def _repr_html_(self) -> str:
        """How many images of which shape, and the first with class and id, as a notebook shows them."""
        some = f"; the first {IN_NOTEBOOK}:" if len(self) > IN_NOTEBOOK else ":"
        first = zip(self.pixels[:IN_NOTEBOOK], self.labels.tolist(), self.ids, strict=False)
        shown = [ShownImage(image, (self._class(label), id)) for image, label, id in first]
        return gallery(f"{self._described}{some}", shown)

    def _class(self, label: int) -> str:
        if label == UNKNOWN:
            return "class unknown"
        return (self.classes[label] if self.classes else "") or f"class {label}"

    def floats(self) -> "Tensor":
        """``(N, C, H, W)`` float32 in [0, 1], exact multiples of 1/255."""
        return self.pixels / 255  # on a CPU the same as `levels`, with less memory

    @cached_property
    def digest(self) -> str:
        """Digest of pixels and labels: 32 hexadecimal digits."""
        known = blake2b(str(tuple(self.pixels.shape)).encode(), digest_size=16)
        for column in (self.pixels, self.labels):
            known.update(column.contiguous().numpy().data)
        return known.hexdigest()

    def with_classes(self, classes: tuple[str, ...]) -> "Images":
        """The same images with the labels of an oracle's ``classes``: label i is the class ``classes[i]``.

        Labels without names are matched by number if all ``classes`` are numbers, which need not begin at 0;
        otherwise they stay. InputError for a label whose name is not among ``classes``.
        """
        numbers = all(name.isdecimal() for name in classes)
        if not classes or self.classes == classes or not (self.classes or numbers):
            return self
        used = sorted(set(self.labels.tolist()) - {UNKNOWN})
        names = {label: self.classes[label] if self.classes else str(label) for label in used}
        if unknown := [name for name in names.values() if name not in classes]:
            raise InputError(f"there is no class {', '.join(unknown)}, only {', '.join(classes)}")
        places = {label: place_of(name, classes) for label, name in names.items()} | {UNKNOWN: UNKNOWN}
        labels = self.labels.new_tensor([places[label] for label in self.labels.tolist()])
        return replace(self, labels=labels, classes=classes)


@dataclass(frozen=True)
class ImageGroups:
    """N images of one or several sizes: one ``Images`` for each size, of the same classes and notes.

    Image number i is the i-th of all groups, one after another.
    """

    groups: tuple[Images, ...]

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    @cached_property
    def pixels(self) -> "tuple[Tensor, ...]":
        """N images ``(C, H, W)`` uint8."""
        return tuple(image for group in self.groups for image in group.pixels)

    @cached_property
    def labels(self) -> "Tensor":
        """``(N,)`` int64, -1 where the class is not known."""
        import torch

        return torch.cat([group.labels for group in self.groups])

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """N names."""
        return tuple(id for group in self.groups for id in group.ids)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 0, 1, ...; empty if they have none."""
        return self.groups[0].classes

    @property
    def sorted_classes(self) -> bool:
        """Whether labels are only the places of the names in alphabetical order."""
        return self.groups[0].sorted_classes

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what was left out, turned or resized, and about the sizes if there are several."""
        channels = len({group.pixels.shape[1] for group in self.groups}) > 1
        sizes = [f"{len(group)} of {_size(group, channels=channels)}" for group in self.groups]
        listed = f"{', '.join(sizes[:SHOWN])}{', ...' if len(sizes) > SHOWN else ''}"
        several = (f"the images have {len(sizes)} sizes (rows x columns), and are attacked so: {listed}",)
        return self.groups[0].notes + (several if len(sizes) > 1 else ())

    @property
    def digest(self) -> str:
        """Digest of pixels and labels: 32 hexadecimal digits; of one group, its own."""
        if len(self.groups) == 1:
            return self.groups[0].digest
        return blake2b(" ".join(group.digest for group in self.groups).encode(), digest_size=16).hexdigest()

    def with_classes(self, classes: tuple[str, ...]) -> "ImageGroups":
        """The same images with the labels of an oracle's ``classes``, as ``Images.with_classes`` does it."""
        return ImageGroups(tuple(group.with_classes(classes) for group in self.groups))

    def with_labels(self, labels: "Tensor", classes: tuple[str, ...]) -> "ImageGroups":
        """The same images with other ``labels (N,)`` and names of classes."""
        import torch

        parts = torch.split(labels, [len(group) for group in self.groups])
        pairs = zip(self.groups, parts, strict=True)
        return ImageGroups(tuple(replace(group, labels=part, classes=classes) for group, part in pairs))


def _size(group: Images, *, channels: bool) -> str:
    """``1200x1600``, and with ``channels`` their number, as in ``1200x1600 with 3 channels``."""
    count, *sides = group.pixels.shape[1:]
    more = f" with {count} channel{'s' * (count != 1)}" if channels else ""
    return f"{'x'.join(map(str, sides))}{more}"


def levels(colours: "Tensor") -> "Tensor":
    """The float32 values in [0, 1] of 8-bit ``colours`` of any shape, the same on every device.

    They come from a table: dividing by 255 rounds differently on a GPU. InputError for anything but a tensor
    of whole numbers from 0 to 255, such as values that are in [0, 1] already, and for floats of 0 and 1 only.
    """
    import torch

    if getattr(colours, "dtype", None) != torch.uint8:
        _refuse_other_colours(colours)
    return _levels_on(colours.device)[colours.long()]


def _refuse_other_colours(colours: object) -> None:
    """InputError for what holds no 8-bit colours, though not of the type for them."""
    import torch

    if not isinstance(colours, torch.Tensor):
        raise InputError(f"levels() takes a tensor of 8-bit colours, not {type(colours).__name__}")
    same = colours.dtype != torch.bool and colours.to(torch.uint8).to(colours.dtype).equal(colours)
    if not same or (colours.is_floating_point() and colours.numel() and colours.max() == 1):
        raise InputError(
            "levels() takes 8-bit colours, whole numbers from 0 to 255, no others and no floats up to 1 (of"
            " values in [0, 1], and of these alone: levels((255 * images).round().byte()))"
        )


@cache
def _levels_on(device: "torch.device") -> "Tensor":
    import torch

    return (torch.arange(256) / 255).to(device)


def eight_bit(images: "Tensor") -> "Tensor":
    """The nearest 8-bit colours of values in [0, 1], of any shape: the inverse of ``levels``."""
    return images.mul(255).round().byte()


def check_images(images: "Tensor", slots: int, unit: Literal["pixels", "coordinates"] = "pixels") -> None:
    """Refuse all but multiples of 1/255 ``(N, C, H, W)`` with at least ``slots`` pixels, or coordinates."""
    import torch

    kind = type(images).__name__
    require(isinstance(images, torch.Tensor), f"images are a torch tensor, float32 (N, C, H, W), not {kind}")
    if images.ndim != 4 or images.dtype != torch.float32:  # noqa: PLR2004
        raise InputError(f"images are float32 (N, C, H, W), not {images.dtype} {tuple(images.shape)}")
    room = max(1, min(BLOCK, COLOURS // max(1, images[:1].numel())))
    if not all(map(_eight_bit, torch.split(images, room))):
        low, high = map(float, images.aminmax())
        way = f"these are from {low:.7g} to {high:.7g}: divide 0 to 255 by 255, or undo a normalisation"
        way = "round them, as in levels((255 * images).round().byte())" if 0 <= low <= high <= 1 else way
        way = "these hold NaN, which is no colour" if isnan(low) else way
        raise InputError(f"images must hold multiples of 1/255 in [0, 1]: {way}")
    channels, height, width = images.shape[1:]
    if channels < 1 or height * width * (channels if unit == "coordinates" else 1) < slots:
        raise InputError(
            f"images of {height} x {width} pixels and {channels} channels have no {slots} {unit} to change"
        )


def check_labels(labels: "Tensor", images: "Tensor", cases: "Tensor | None") -> None:
    """Refuse all but one class per image or case, from 0, on the images' device, and cases of no image."""
    import torch

    if cases is not None and not torch.isin(cases, torch.arange(len(images), device=cases.device)).all():
        raise InputError(f"cases are indices of images from 0 to {len(images) - 1}, not {cases.tolist()}")
    count = len(images) if cases is None else len(cases)
    kind = type(labels).__name__
    require(isinstance(labels, torch.Tensor), f"labels are a torch tensor, int64 ({count},), not {kind}")
    if labels.dtype != torch.int64 or labels.shape != (count,):
        found = f"{labels.dtype} {tuple(labels.shape)}"
        raise InputError(f"labels of {number_of(count, 'image')} are int64 ({count},), not {found}")
    require(labels.device == images.device, f"labels are on {labels.device}, images on {images.device}")
    if (labels < 0).any():
        raise InputError(f"a label is a class from 0, not {int(labels.min())}")


def _eight_bit(images: "Tensor") -> bool:
    """Whether all colours are multiples of 1/255 in [0, 1]."""
    return images.equal(levels(images.mul(255).round().nan_to_num().clamp(0, 255).byte()))
