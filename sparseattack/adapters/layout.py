"""Where the channels of a library's images are: after the image's index, or last."""

from collections.abc import Sequence

from torch import Tensor

from sparseattack.errors import InputError

CHANNELS = (1, 3, 4)  # a side of this length is taken for the channels
RANK = 4  # dimensions of a batch of images


def channels_last(known: bool | None, shape: Sequence[int]) -> bool:
    """Whether the last side of images of ``shape`` is their channels: as ``known``, else read off the sides.

    InputError for what are no images, and where the sides do not say it.
    """
    if len(shape) != RANK:
        raise InputError(f"images are (N, C, H, W) or (N, H, W, C), not {tuple(shape)}")
    if known is not None:
        return known
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    if first == last:
        raise InputError(
            f"which side of images {tuple(shape)} is their channels is not known, as the model does not say:"
            " set channels_first=True or False"
        )
    return last


def first(images: Tensor, last: bool) -> Tensor:
    """Images ``(N, C, H, W)`` of those with the channels ``last``."""
    return images.permute(0, 3, 1, 2).contiguous() if last else images


def back(images: Tensor, last: bool) -> Tensor:
    """Images ``(N, C, H, W)`` with the channels ``last`` again, where they were."""
    return images.permute(0, 2, 3, 1).contiguous() if last else images
