"""Random networks of all layers that sparse inference supports."""

from collections.abc import Callable
from math import gcd

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as f

Draw = st.DrawFn
Shape = tuple[int, int, int]
MOST = 4000  # numbers in a map
PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))
PLAIN = (
    nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Hardsigmoid(),
    nn.LeakyReLU(0.2), nn.Sigmoid(), nn.Dropout(0.5), nn.ELU(),
)  # fmt: skip


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Beside(nn.Module):
    """A map joined with a layer's output for it."""

    def __init__(self, layer: nn.Module, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.join = layer, join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, self.layer(x))


def convolution(draw: Draw, size: Shape) -> nn.Module:
    channels = draw(st.integers(1, 4)) * draw(st.sampled_from([1, size[0]]))
    stride, padding, dilation = (
        draw(PAIRS),
        draw(st.tuples(*[st.integers(0, 2)] * 2)),
        draw(st.integers(1, 2)),
    )
    groups = draw(st.sampled_from([1, gcd(channels, size[0])]))
    return nn.Conv2d(
        size[0], channels, draw(PAIRS), stride, padding, dilation, groups=groups, bias=draw(st.booleans())
    )


def branch(draw: Draw, size: Shape) -> nn.Module:
    side, groups = draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from([1, size[0]]))
    joins = (
        lambda x, y: x + y,
        lambda x, y: torch.maximum(x * y, x),
        lambda x, y: torch.cat([y, x, y], 1),
    )
    layer = nn.Conv2d(size[0], size[0], side, padding="same", groups=groups)
    return Beside(layer, draw(st.sampled_from(joins)))


def pooling(draw: Draw, size: Shape) -> nn.Module:
    kernel, stride = draw(PAIRS), draw(PAIRS)
    padding = draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))
    up, flag = draw(st.booleans()), draw(st.booleans())
    half = size[1] // 2 if size[1] % 2 == 0 else 1
    pools = (
        nn.MaxPool2d(kernel, stride, padding, 1 + flag, ceil_mode=up),
        nn.AvgPool2d(kernel, stride, padding, up, flag),
        nn.AdaptiveAvgPool2d((half, size[2])),
    )
    return draw(st.sampled_from(pools))


def moving(draw: Draw, size: Shape) -> nn.Module:
    around = left, right, up, down = draw(st.tuples(*[st.integers(0, 2)] * 4))
    layers = (
        nn.ZeroPad2d(around),
        nn.ReplicationPad2d(around),
        nn.ReflectionPad2d(1),
        Apply(lambda x: x[:, :, up :: 1 + left, : size[2] - right : 1 + down]),
        Apply(lambda x: f.pad(x, (0, 0, 0, 0, left, right))),
    )
    return draw(st.sampled_from(layers))


def channelwise(draw: Draw, size: Shape) -> nn.Module:
    constant, norm = torch.randn(size[0], 1, 1), nn.BatchNorm2d(size[0])
    norm.running_mean, norm.running_var = torch.randn(size[0]), torch.rand(size[0]) + 0.5
    layers = (*PLAIN, norm, nn.PReLU(size[0]), Apply(lambda x: x * constant - 1), Apply(lambda x: x[:, :1]))
    return draw(st.sampled_from(layers))


KINDS = convolution, convolution, branch, pooling, moving, channelwise


@st.composite
def networks(draw: Draw) -> tuple[nn.Sequential, Shape]:
    """A network of a few layers and a dense one at the end, and the shape of its images."""
    shape = draw(st.integers(1, 3)), draw(st.integers(2, 9)), draw(st.integers(2, 9))
    layers: list[nn.Module] = []
    probe = torch.zeros(2, *shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw(st.integers(0, 99)))
        for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)):
            layer = kind(draw, (probe.shape[1], probe.shape[2], probe.shape[3])).eval()
            if (made := applied(layer, probe)) is not None:
                layers.append(layer)
                probe = made
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(probe[0].numel(), 4)).eval(), shape


def applied(layer: nn.Module, probe: Tensor) -> Tensor | None:
    """The layer's output; None where it is empty or large, or the layer refuses its input."""
    try:
        made: Tensor = layer(probe)
    except RuntimeError:
        return None
    return made if 0 < made[0].numel() < MOST else None
