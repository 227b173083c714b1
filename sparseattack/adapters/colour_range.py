"""How the colours of a library's images become those in [0, 1], and back: its bounds, or a normalisation."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparseattack.data.images import eight_bit
from sparseattack.errors import InputError, require

MOST = 255  # highest 8-bit level
OUTSIDE = 1e-3  # by which rounding may take a colour out of [0, 1]
Numbers = Sequence[float]


@dataclass(frozen=True)
class ColourRange:
    """Colours ``(x - mean) / std`` of those ``x`` in [0, 1]; one number each, or one per channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bounds: tuple[float, float] | None = None  # colours of black and white, where they are exactly these

    @classmethod
    def between(cls, low: float, high: float) -> "ColourRange":
        """Colours from ``low`` to ``high``, as 0 to 255. InputError unless ``low`` is the lower."""
        require(low < high, f"colours are from a lower to a higher number, not from {low:g} to {high:g}")
        return cls((-low / (high - low),), (1 / (high - low),), (float(low), float(high)))

    @classmethod
    def normalised(cls, mean: Numbers, std: Numbers) -> "ColourRange":
        """Colours from which ``mean`` was subtracted, then divided by ``std``."""
        require(all(each > 0 for each in std), f"each std of a normalisation is above 0, not {list(std)}")
        return cls(tuple(map(float, mean)), tuple(map(float, std)))

    @property
    def unit(self) -> bool:
        """Whether the colours are in [0, 1] already."""
        return self.mean == (0.0,) and self.std == (1.0,)

    def of_unit(self, images: Tensor) -> Tensor:
        """Colours ``(n, C, H, W)`` of images that are multiples of 1/255; in 0..255 they are whole."""
        if self.unit:
            return images
        if self.bounds:
            low, high = self.bounds
            wide = torch.float32 if images.device.type == "mps" else torch.float64
            return (low + eight_bit(images).to(wide) * (high - low) / MOST).float()
        mean, std = (self._per_channel(numbers, images) for numbers in (self.mean, self.std))
        return (images - mean) / std

    def to_unit(self, images: Tensor) -> Tensor:
        """The nearest 8-bit levels ``(n, C, H, W)``, uint8; InputError for colours outside the range."""
        mean, std = (self._per_channel(numbers, images) for numbers in (self.mean, self.std))
        unit = images.float() * std + mean
        low, high = float(unit.min()), float(unit.max())
        if not -OUTSIDE <= low <= high <= 1 + OUTSIDE:  # NaN too
            raise InputError(f"{self._taken()}, not from {images.min():.4g} to {images.max():.4g}")
        return eight_bit(unit.clamp(0, 1))

    def _taken(self) -> str:
        if self.bounds:
            return f"images have colours from {self.bounds[0]:g} to {self.bounds[1]:g}"
        if self.unit:
            return (
                "images have colours from 0 to 1 (of a network for normalised ones, state the normalisation)"
            )
        return f"images have colours from 0 to 1, normalised by mean {self.mean} and std {self.std}"

    @staticmethod
    def _per_channel(numbers: Numbers, images: Tensor) -> Tensor:
        channels = images.shape[1]
        require(
            len(numbers) in {1, channels},
            f"the normalisation has {len(numbers)} channels, the images have {channels}",
        )
        return torch.tensor(numbers, device=images.device).view(-1, 1, 1)


UNIT = ColourRange()
