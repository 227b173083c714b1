"""The images of a study as small PNG files inside the page; they are read again, and must be the same."""

import base64
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparseattack.data.load import read_images_by_size
from sparseattack.errors import InputError, number_of
from sparseattack.provenance import digest_image
from sparseattack.report.results import Results

Colours = NDArray[np.uint8]

SIDE = 96  # pixels of the longer side; larger images are shown smaller
EXACT = 48  # up to here all colours are
PALETTE = 128  # colours of a larger image
MOST_BYTES = 170_000  # of all pictures of a page
SHOWN_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA


@dataclass(frozen=True)
class Thumbnail:
    """One image; ``colours`` are its own, the picture may be smaller."""

    colours: Colours  # (C, H, W)
    source: str  # data: URI of a PNG file

    @property
    def height(self) -> int:
        """Rows of the image."""
        return int(self.colours.shape[1])

    @property
    def width(self) -> int:
        """Columns of the image."""
        return int(self.colours.shape[2])


def thumbnails(found: Results, numbers: Sequence[int]) -> tuple[dict[int, Thumbnail], list[str]]:
    """Pictures of the images with these numbers, as many as fit, and sentences about what is missing."""
    read, problems = _read(found, dict.fromkeys(numbers))
    pictures: dict[int, Thumbnail] = {}
    size = 0
    for number in dict.fromkeys(numbers):
        if number in read and size < MOST_BYTES:
            pictures[number] = Thumbnail(read[number], _source(read[number]))
            size += len(pictures[number].source)
    return pictures, problems


def _read(found: Results, numbers: Iterable[int]) -> tuple[dict[int, Colours], list[str]]:
    """Those of the images that can be read and are the same as in the study, by number."""
    wanted: dict[str, list[int]] = {}
    for number in numbers:
        wanted.setdefault(found.images[number].content, []).append(number)
    ids = {found.images[number].id for some in wanted.values() for number in some}
    if not wanted:
        return {}, []
    read: dict[int, Colours] = {}
    problems = []
    for images, resize in dict.fromkeys(
        (each.experiment.images, each.experiment.resize) for each in found.requests
    ):
        try:
            for colours in _loaded(images, resize, ids):
                read |= dict.fromkeys(wanted.get(digest_image(colours), ()), colours)
        except InputError as error:
            problems.append(f"The images {images} cannot be read here, so none of them is shown: {error}.")
    strange = sum(len(colours) not in SHOWN_CHANNELS for colours in read.values())
    if strange:
        problems.append(f"{number_of(strange, 'image')} of other than 1, 3 or 4 channels cannot be shown.")
    lacking = sum(map(len, wanted.values())) - len(read)
    if lacking and not problems:
        problems.append(
            f"{number_of(lacking, 'image')} cannot be shown: the colours are others now than in the study."
        )
    return {number: each for number, each in read.items() if len(each) in SHOWN_CHANNELS}, problems


def _loaded(images: str, resize: str, ids: Collection[str]) -> Iterator[Colours]:
    """The images of a selection that have these ids."""
    for group in read_images_by_size(images, resize, ids):
        yield from group.pixels


def _source(colours: Colours) -> str:
    """A PNG file as a data: URI; a large image is made smaller, and gets a palette."""
    stored = colours.transpose(1, 2, 0)
    picture = Image.fromarray(stored[..., 0] if len(colours) == 1 else np.ascontiguousarray(stored))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    if max(picture.size) > EXACT:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        picture = picture.quantize(PALETTE) if picture.mode == "RGB" else picture
    held = BytesIO()
    picture.save(held, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(held.getvalue()).decode()}"
