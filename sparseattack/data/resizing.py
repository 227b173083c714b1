"""Images brought to one size by taking nearest pixels, as the one-pixel paper does with photographs."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sparseattack.data.images import Images

Colours = NDArray[np.uint8]  # (C, H, W)


def nearest(colours: Colours, side: int) -> Colours:
    """An image ``(C, H, W)`` with ``side`` rows and columns, or as it is if that is 0; nothing is cut off."""
    if not side:
        return colours
    size = side, side
    channels = [Image.fromarray(channel).resize(size, Image.Resampling.NEAREST) for channel in colours]
    return np.stack([np.asarray(channel) for channel in channels])


def resized(images: Images, side: int) -> Images:
    """All images with ``side`` rows and columns; 0 leaves them as they are."""
    if not side or images.pixels.shape[2:] == (side, side):
        return images
    pixels = np.stack([nearest(each.numpy(), side) for each in images.pixels])
    return replace(images, pixels=torch.from_numpy(pixels))
