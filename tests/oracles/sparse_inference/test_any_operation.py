"""Networks that write in place or treat some places in another way have the scores of whole images."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from random_networks import Apply
from sparse_inference_checks import assert_alike, local
from torch import Tensor, nn
from torch.nn import functional as f
from torch.nn.utils import parametrizations

from sparseattack import InputError

SHAPE = 3, 9, 8
LINE = torch.linspace(0, 1, 8)
MASK = torch.arange(72).view(9, 8) % 5 == 0


def written(write: Callable[[Tensor], object]) -> Callable[[Tensor], Tensor]:
    """Writes to a map, which is then used, but for what the writing returns."""

    def apply(x: Tensor) -> Tensor:
        y = x * 1.5
        write(y)
        return y * 2

    return apply


def assign(value: Callable[[Tensor], Tensor | float], *where: Any) -> Callable[[Tensor], Tensor]:
    return written(lambda y: y.__setitem__((slice(None), *where), value(y)))


def moved(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :, 2:] = x[:, :, :-2]
    return y


def flipped_too(x: Tensor) -> Tensor:
    """Test-time augmentation: twice as many maps as images for a while."""
    both = torch.cat([x, x.flip(3)]).sigmoid()
    return both[: x.shape[0]] + both[x.shape[0] :]


ALL = slice(None)
OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "a repaired pixel": assign(lambda y: y[:, :, 4, 4], ALL, 4, 5),
    "a block added to": written(lambda y: y[:, :, 2:4, 1:5].add_(1.5)),
    "a channel set": assign(lambda y: 0.3, 1),
    "places by index": assign(lambda y: 0.5, ALL, [3, 5], [4, 6]),
    "values by mask": written(lambda y: y.__setitem__(y < 0.5, 0)),
    "a block copied": written(lambda y: y[:, :, 2:4, 2:4].copy_(y[:, :, 5:7, 5:7])),
    "every second row": written(lambda y: y[:, :, ::2].sub_(0.5)),
    "the diagonal": written(lambda y: y.diagonal(dim1=2, dim2=3).fill_(0)),
    "masked_fill_": written(lambda y: y.masked_fill_(MASK, 0.3)),
    "scatter_": written(lambda y: y.scatter_(3, torch.ones_like(y[..., :1]).long(), 0.7)),
    "a view": written(lambda y: y.view(-1, 72).add_(1)),
    "what dropout returns": written(lambda y: f.dropout(y, training=False).add_(1)),
    "what dropout of nothing returns": written(lambda y: f.dropout(y, 0.0, training=True).add_(1)),
    "a new map": moved,
    "where by column": lambda x: torch.where(torch.arange(8) < 3, x, -x),
    "masked_fill by a mask made here": lambda x: x.masked_fill(torch.ones(9, 8).tril() > 0, 0.3),
    "scale by column": lambda x: x * LINE,
    "coordinates": lambda x: torch.cat([x, LINE.expand(x.shape[0], 1, 9, 8)], 1),
    "roll": lambda x: x.roll(3, 2),
    "flip": lambda x: x.flip(3),
    "channel shuffle": lambda x: x.repeat(1, 2, 1, 1).view(-1, 2, 3, 9, 8).transpose(1, 2).flatten(1, 2),
    "twice as many maps": flipped_too,
    "softmax of channels": lambda x: x.softmax(1),
    "layer norm": lambda x: f.layer_norm(x.permute(0, 2, 3, 1), (3,)).permute(0, 3, 1, 2),
    "group norm": lambda x: f.group_norm(x, 1),
    "comparison": lambda x: x * (x > 0.5),
    "constants made here": lambda x: (x - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor(0.5),
    "a kernel made here": lambda x: f.conv2d(x, torch.ones(3, 1, 3, 3) / 9, padding=1, groups=3),
    "prelu made here": lambda x: f.prelu(x - 0.5, torch.tensor([0.1, 0.2, 0.3])),
}


def around(layer: nn.Module) -> nn.Module:
    """A network with a layer after its first convolution, and a dense layer after its last."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        before = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), layer)
        size = before.eval()(torch.rand(2, *SHAPE))[0].numel()
        return nn.Sequential(before, nn.Flatten(), nn.Linear(size, 5)).eval()


@pytest.mark.parametrize("name", OPERATIONS)
@torch.no_grad()
def test_scores_are_those_of_whole_images(name: str) -> None:
    assert_alike(around(Apply(OPERATIONS[name])), SHAPE, 2)


def test_a_network_that_writes_to_its_images() -> None:
    assert_alike(nn.Sequential(Apply(lambda x: x.sub_(0.5).div_(0.25)), nn.Flatten()), SHAPE, 1)


class Standardised(nn.Conv2d):
    """Convolution with weights of mean 0 and deviation 1."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return f.conv2d(x, weight / weight.std((1, 2, 3), keepdim=True), self.bias, padding=1)


def hooked() -> nn.Module:
    with pytest.warns(FutureWarning):
        normalised: nn.Module = nn.utils.weight_norm(nn.Conv2d(3, 3, 3, padding=1))
    return normalised


CONVOLUTIONS: dict[str, Callable[[], nn.Module]] = {
    "weight norm": lambda: parametrizations.weight_norm(nn.Conv2d(3, 3, 3, padding=1)),
    "weight norm by a hook": hooked,
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Conv2d(3, 3, 3, padding=1)),
    "standardised weights": lambda: Standardised(3, 3, 3, padding=1),
    "a kernel made here": lambda: Apply(OPERATIONS["a kernel made here"]),
    "constants made here": lambda: Apply(OPERATIONS["constants made here"]),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_constants_are_folded(name: str) -> None:
    network = around(nn.Sequential(CONVOLUTIONS[name](), nn.Conv2d(3, 2, 3)))
    found = local(network, SHAPE)
    convolutions = 2 + ("constants" not in name)
    assert sum("conv2d" in str(each.node.target) for each in found.operations) == convolutions
    assert found.end == "view"
    assert_alike(network, SHAPE, 2)


class Counts(nn.Module):
    """Counts its calls."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            Apply(lambda x: x if float(x.sum()) > 0 else -x),
            "torch.export cannot read the network: .*data-dep",
        ),
        (Apply(lambda x: x.reshape(len(x.tolist()), -1)), "torch.export cannot read the network"),
        (Apply(lambda x: x + torch.rand(9, 8)), r"draws random numbers \(rand\)"),
        (Apply(f.dropout), "draws random numbers"),
        (Apply(lambda x: x.as_strided(x.shape, (72, 1, 8, 1)) + x), "order of numbers in memory"),
        (Counts(), "writes to its buffer 0.2.calls whenever it is evaluated"),
    ],
    ids=["control flow", "list", "noise", "dropout", "strides", "buffer"],
)
def test_a_network_that_cannot_be_read_is_refused_with_a_reason(layer: nn.Module, reason: str) -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), layer), nn.Flatten())
    with pytest.raises(InputError, match=reason) as refused:
        local(network, SHAPE)
    assert "\n" not in str(refused.value)
