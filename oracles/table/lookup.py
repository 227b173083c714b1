"""Which image of a score table an image is, and which pixel of it has which corner colour."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattack import Edits, InputError
from sparseattack.data.images import eight_bit
from sparseattack.experiment.score_table import WHITE, ScoreTable

UNKNOWN = -1


class Lookup:
    """Finds the answers of a table by images, painted or not, and by edits of its clean images."""

    def __init__(self, table: ScoreTable, who: str, images: str) -> None:
        """``who`` is the oracle in a sentence, ``images`` what names its clean images on a command line."""
        self.who, self.images = who, images
        self.count, self.height, self.width, self.channels = table.images.shape
        shown = table.images.reshape(self.count, -1, self.channels).transpose(0, 2, 1)
        self.pixels = np.ascontiguousarray(shown)  # (N, C, H * W)
        corners = table.scores.shape[3]
        self.answers = torch.from_numpy(table.scores).view(self.count, -1, corners, table.scores.shape[4])
        self.clean = torch.from_numpy(table.clean_scores)  # (N, K)
        self._exact = {image.tobytes(): place for place, image in reversed(list(enumerate(self.pixels)))}
        upper, lower = self._split(self.pixels)
        self._halves = _numbered(upper), _numbered(lower)
        self._last: tuple[Tensor, int, Tensor] | None = None

    def of_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """Scores ``(n, K)`` of edits of one pixel; InputError for one that the table does not have."""
        where, pixels = self._places(images)[rows.cpu()], edits.positions[:, 0].cpu()
        if (where == UNKNOWN).any():
            raise self._refused("an image that is none of them")
        colours = edits.colours[:, 0].cpu()
        here = torch.from_numpy(self.pixels)[where, :, pixels]
        return self._scores(where, pixels, colours, here).to(images.device)

    def of_images(self, images: Tensor) -> Tensor:
        """Scores ``(n, K)`` of images; InputError for one that differs in more than a pixel from all."""
        found = eight_bit(images).flatten(2).cpu().numpy()
        where, changed = self._parents(found)
        pixels, each = changed.argmax(1), np.arange(len(found))
        colours, here = found[each, :, pixels], self.pixels[where, :, pixels]
        columns = map(torch.from_numpy, (where, pixels, colours, here))
        return self._scores(*columns).to(images.device)

    def _scores(self, where: Tensor, pixels: Tensor, colours: Tensor, here: Tensor) -> Tensor:
        """Scores of the images ``where`` with ``pixels`` that were ``here (n, C)`` in these ``colours``."""
        same, extreme = (colours == here).all(1), (colours % WHITE == 0).all(1)
        if len(wrong := (~(same | extreme)).nonzero()[:, 0]):
            colour = tuple(colours[wrong[0]].tolist())
            raise self._refused(f"the colour {colour}, of which a channel is neither 0 nor 255")
        corner = ((colours == WHITE).long() << torch.arange(self.channels)).sum(1)
        scores = self.answers[where, pixels, corner].float()
        return torch.where(same.unsqueeze(1), self.clean[where].float(), scores)

    def _places(self, images: Tensor) -> Tensor:
        """The place in the table of each of the clean ``images (N, C, H, W)``; UNKNOWN where it has none."""
        if self._last and self._last[0] is images and self._last[1] == images._version:
            return self._last[2]
        shown = eight_bit(images).flatten(2).cpu().numpy()
        places = torch.tensor([self._exact.get(image.tobytes(), UNKNOWN) for image in shown])
        if not images.is_inference():  # such a tensor counts no writes
            self._last = images, images._version, places
        return places

    def _parents(self, found: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The image of the table that each of ``found (n, C, H * W)`` is, but for one pixel at most.

        And which pixels are others there ``(n, H * W)``: one changed pixel leaves one half as it was.
        """
        first, second = self._halves
        possible = [
            [*first.get(upper.tobytes(), ()), *second.get(lower.tobytes(), ())]
            for upper, lower in zip(*self._split(found), strict=True)
        ]
        where = np.array([places[0] if places else 0 for places in possible], np.int64)
        changed = (found != self.pixels[where]).any(1)
        for row in range(len(found)):
            if len(possible[row]) == 1 and changed[row].sum() <= 1:
                continue
            nearest = min(self._near(found[row], possible[row]), key=lambda one: one[0], default=None)
            if not nearest:
                raise self._refused("an image that differs in more than one pixel from each of them")
            _, where[row], changed[row] = nearest
        return where, changed

    def _near(
        self, found: NDArray[np.uint8], possible: Sequence[int]
    ) -> Iterator[tuple[int, int, NDArray[np.bool_]]]:
        """Of the ``possible`` images those from which one ``(C, H * W)`` differs in one pixel at most.

        How far each is from being it: 0 for the image itself, 1 for one with a pixel in a corner colour, 2
        for one with a pixel in another. Its place, and which pixels are others.
        """
        for place in possible:
            others = (found != self.pixels[place]).any(0)
            if others.sum() <= 1:
                colours = found[:, others]
                yield int(others.any()) + int((colours % WHITE != 0).any()), place, others

    def _split(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Both halves of the pixels of ``images (n, C, H * W)``: ``(n, bytes)`` each."""
        middle = images.shape[2] // 2
        upper, lower = (
            np.ascontiguousarray(half).reshape(len(images), -1)
            for half in (images[:, :, :middle], images[:, :, middle:])
        )
        return upper, lower

    def _refused(self, what: str) -> InputError:
        return InputError(
            f"{self.who} knows the answers to its {self.count} images with one pixel in a corner colour, and"
            f" none to {what}: take --images {self.images}, --pixels 1 and the encoding corners"
        )


def _numbered(halves: NDArray[np.uint8]) -> dict[bytes, list[int]]:
    """The places of each half among ``halves (N, bytes)``."""
    places = defaultdict[bytes, list[int]](list)
    for place, half in enumerate(halves):
        places[half.tobytes()].append(place)
    return dict(places)
