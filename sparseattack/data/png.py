"""Images as PNG files: what an attack found, exactly as the oracle was asked."""

from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sparseattack.errors import InputError, SparseattackError
from sparseattack.problem.edits import eight_bit, levels

CHANNELS = (1, 3, 4)  # that a PNG holds: grey, colour, colour and opacity


class Change(NamedTuple):
    """One pixel that differs; row and column count from 0."""

    row: int
    column: int
    before: tuple[int, ...]  # C, 8 bit
    after: tuple[int, ...]


def picture(image: Tensor) -> Image.Image:
    """``(C, H, W)`` in [0, 1] in 8 bit, which holds multiples of 1/255 exactly."""
    if len(image) not in CHANNELS:
        raise InputError(f"no PNG holds {len(image)} channels, only 1, 3 or 4")
    stored = eight_bit(image).cpu().permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(stored[..., 0] if len(image) == 1 else stored)


def read(file: Path | IO[bytes]) -> Tensor:
    """A picture that was written as PNG: ``(C, H, W)``."""
    with Image.open(file) as opened:
        return levels(torch.from_numpy(np.atleast_3d(np.array(opened)))).permute(2, 0, 1)


def write(image: Image.Image, file: Path | IO[bytes]) -> None:
    """Write a picture as PNG, whole or not at all; folders on the way are made."""
    if not isinstance(file, Path):
        image.save(file, "PNG")
        return
    fresh = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(fresh, "PNG")
        fresh.replace(file)
    except OSError as error:
        raise SparseattackError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # nothing is there, or nothing can be done
            fresh.unlink()


def changes(before: Tensor, after: Tensor) -> list[Change]:
    """Every pixel in which two images ``(C, H, W)`` differ."""
    was, now = eight_bit(before).cpu(), eight_bit(after).cpu()
    return [
        Change(row, column, tuple(was[:, row, column].tolist()), tuple(now[:, row, column].tolist()))
        for row, column in (was != now).any(0).nonzero().tolist()
    ]
