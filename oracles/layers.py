"""Layers that the zoo's networks are made of."""

from torch import nn


def convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None
) -> tuple[nn.Module, ...]:
    """Convolution, batch-norm, ReLU; the map keeps its size unless ``stride`` or ``padding`` shrinks it."""
    around = kernel // 2 if padding is None else padding
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=around, bias=False)
    return layer, nn.BatchNorm2d(outputs), nn.ReLU()
