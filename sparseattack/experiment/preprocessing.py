"""Preprocessing inside an oracle: photographs of any size are attacked, and the oracle resizes them itself.

An endpoint does that with what it is sent; this makes a network of a fixed input size answer in the same way.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sparseattack.data.images import eight_bit, levels
from sparseattack.data.png import pil_image
from sparseattack.data.resize import Resize, parse_resize
from sparseattack.errors import InputError
from sparseattack.problem.oracle import MODES, Classifier, evaluation_mode
from sparseattack.provenance import digest, digest_network

MODES_OF = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image ``(C, H, W)`` of any size before a network sees it."""

    channels: int | None  # that the network takes; None is any
    resize: Resize  # of side 0 for a network that takes any size

    def __call__(self, image: Tensor) -> Tensor:
        """The image as the network sees it, on the same device: 8-bit colours, as of a decoded file."""
        if self.channels not in (None, len(image)):
            converted = np.atleast_3d(np.array(pil_image(image).convert(MODES_OF[self.channels])))
            colours = np.ascontiguousarray(converted.transpose(2, 0, 1))
        else:
            colours = eight_bit(image).cpu().numpy()
        return levels(torch.from_numpy(self.resize(colours)).to(image.device))

    def all(self, images: Tensor) -> Tensor:
        """Images ``(N, C, H, W)`` as the network sees them."""
        return torch.stack([self(image) for image in images])

    def notes(self, who: str) -> tuple[str, ...]:
        """A sentence about what is attacked, and what the oracle ``who`` does with it."""
        steps = [] if self.channels is None else [f"converts it to {MODES[self.channels]}"]
        if self.resize.side:
            steps.append(f"resizes it to {self.resize.how}")
        what = f"then {who} {' and '.join(steps)}" if steps else f"{who} takes it as it is"
        return (
            "native size: each image is attacked in its file's own pixels, upright, of which k may change;"
            f" {what}",
        )


def preprocessing_of(oracle: Classifier, resize: str) -> Preprocessing:
    """What an oracle has to do with images of any size and kind; ``resize`` as for `load_images`.

    InputError where it cannot: for a server of images of one size, and for an input that is no square.
    """
    channels, height, width = oracle.shape
    if oracle.remote and not oracle.remote.lossless:
        raise InputError(
            f"{oracle} is sent JPEG, in which a changed pixel is not the pixel that it was: with"
            " --native-size send PNG (send=png)"
        )
    if oracle.remote and height and width:
        raise InputError(
            f"{oracle} takes images of {height}x{width} only, so its server does no preprocessing: name that"
            f" size, as in IMAGES@{height}, in place of --native-size"
        )
    if height != width:
        raise InputError(
            f"{oracle} takes images of {height or 'any'}x{width or 'any'}, and --native-size resizes to"
            " squares only"
        )
    known = channels if channels in MODES_OF and not oracle.remote else None
    return Preprocessing(known, parse_resize(resize, height or 0))


def preprocessed(oracle: Classifier, preparation: Preprocessing) -> Classifier:
    """The oracle with the preparation in front of it: it answers images of any size.

    An oracle that takes any image is returned as it is. Sparse inference is not offered: an edit of a
    photograph is none of a few pixels of what the network sees. Nor are backends.
    """
    if preparation.channels is None and not preparation.resize.side:
        return oracle
    known = oracle.digest or (digest_network(oracle.module) if oracle.module is not None else "")
    return replace(
        oracle,
        scores=_scores(oracle, preparation),
        digest=digest(["preprocessed", known, preparation.channels, preparation.resize]) if known else "",
        shape=(None, None, None),
        answer_edits=None,
        backends={},
        block=lambda images: oracle.block_of(preparation.all(images[:1])),
        exact=oracle.exact and preprocessed(oracle.exact, preparation),
    )


def _scores(oracle: Classifier, preparation: Preprocessing) -> Callable[[Tensor], Tensor]:
    def scores(images: Tensor) -> Tensor:
        """Scores ``(n, K)`` of images ``(n, C, H, W)`` of any size."""
        with evaluation_mode(oracle):
            return oracle.scores(preparation.all(images))

    return scores
