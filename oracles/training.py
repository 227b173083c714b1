"""The recipe by which the networks of the zoo were trained: seeded, resumable, on CPU or CUDA."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from torch.optim.lr_scheduler import OneCycleLR

from .networks import NETWORKS, normalised

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of the CIFAR-10 training set


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum under a one-cycle rate (Smith, 2018)."""

    network: str = "allconv-small"
    epochs: int = 24
    batch: int = 256
    rate: float = 0.2  # highest learning rate
    decay: float = 5e-4
    smoothing: float = 0.05
    shift: int = 3  # pixels an image is moved at most, each way
    hole: int = 8  # side of the square that is blanked out (DeVries and Taylor, 2017)
    seed: int = 0
    bf16: bool = False  # mixed precision
    device: str = "cpu"


class Epoch(NamedTuple):
    """How far a training has come."""

    number: int
    loss: float
    accuracy: float  # on the held-out images


class Split(NamedTuple):
    """Images ``(N, C, H, W)`` uint8 and labels ``(N,)`` int64."""

    images: Tensor
    labels: Tensor


def train(recipe: Recipe, data: Split, held_out: Split, checkpoint: Path) -> Iterator[Epoch]:
    """Train, one epoch at a time; goes on from ``checkpoint`` where there is one made by the same recipe."""
    torch.manual_seed(recipe.seed)
    network = NETWORKS[recipe.network]().to(recipe.device, memory_format=torch.channels_last)
    steps = -(-len(data.labels) // recipe.batch)
    optimizer = torch.optim.SGD(
        network.parameters(), recipe.rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay
    )
    schedule = OneCycleLR(optimizer, recipe.rate, recipe.epochs * steps, pct_start=0.2)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    for number in range(_resume(recipe, parts, checkpoint), recipe.epochs):
        random = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
        loss = _epoch(recipe, network, data, random, (optimizer, schedule))
        _save(recipe, parts, number + 1, checkpoint)
        yield Epoch(number + 1, loss, accuracy(normalised(network, MEAN, STD), held_out, recipe.device))


def trained(recipe: Recipe, checkpoint: Path) -> nn.Sequential:
    """The network of ``checkpoint``, in training shape."""
    network = NETWORKS[recipe.network]()
    network.load_state_dict(torch.load(checkpoint, weights_only=True, map_location="cpu")["network"])
    return network


@torch.no_grad()
def accuracy(network: nn.Module, split: Split, device: str = "cpu") -> float:
    """Share of the images that ``network`` classifies correctly."""
    network = network.eval().to(device)
    pairs = zip(split.images.split(500), split.labels.split(500), strict=True)
    hits = [(network(x.to(device) / 255).argmax(1).cpu() == y).sum().item() for x, y in pairs]
    return sum(hits) / len(split.labels)


def _epoch(
    recipe: Recipe,
    network: nn.Module,
    data: Split,
    random: torch.Generator,
    pace: tuple[torch.optim.Optimizer, OneCycleLR],
) -> float:
    optimizer, schedule = pace
    model, total = normalised(network, MEAN, STD).train().to(recipe.device), 0.0
    for rows in torch.randperm(len(data.labels), generator=random).split(recipe.batch):
        images = augment(data.images[rows], recipe, random).to(recipe.device)
        labels = data.labels[rows].to(recipe.device)
        with torch.autocast(recipe.device, torch.bfloat16, enabled=recipe.bf16):
            scores = model(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(scores.float(), labels, label_smoothing=recipe.smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += loss.item() * len(rows)
    return total / len(data.labels)


def augment(images: Tensor, recipe: Recipe, random: torch.Generator) -> Tensor:
    """Mirror, shift and blank out a square, each image its own way: uint8 ``(n, C, H, W)`` -> [0, 1]."""
    n, _, height, width = images.shape
    shift, hole = recipe.shift, recipe.hole
    down, right = torch.randint(2 * shift + 1, (2, n, 1), generator=random)
    rows = (torch.arange(height) + down).view(n, 1, height, 1)
    columns = (torch.arange(width) + right).view(n, 1, 1, width)
    mirrored = torch.rand(n, 1, 1, 1, generator=random) < 0.5
    columns = torch.where(mirrored, columns.flip(3), columns)
    padded = pad(images.float() / 255, (shift,) * 4, mode="reflect")
    moved = padded[torch.arange(n).view(n, 1, 1, 1), torch.arange(3).view(1, 3, 1, 1), rows, columns]
    top, left = torch.randint(height, (2, n, 1), generator=random) - hole // 2
    inside = [
        (torch.arange(side) >= a) & (torch.arange(side) < a + hole)
        for side, a in ((height, top), (width, left))
    ]
    blank = inside[0].view(n, 1, height, 1) & inside[1].view(n, 1, 1, width)
    return moved.masked_fill(blank, 0.47)


def _save(recipe: Recipe, parts: dict[str, object], epoch: int, checkpoint: Path) -> None:
    states = {name: part.state_dict() for name, part in parts.items()}  # type: ignore[attr-defined]
    fresh = checkpoint.with_suffix(".new")
    torch.save({**states, "epoch": epoch, "recipe": asdict(recipe)}, fresh)
    fresh.replace(checkpoint)


def _resume(recipe: Recipe, parts: dict[str, object], checkpoint: Path) -> int:
    """Load ``checkpoint`` if it is there; the number of epochs behind it."""
    if not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint, weights_only=True, map_location=recipe.device)
    if saved["recipe"] != asdict(recipe):
        raise ValueError(f"{checkpoint} was made by another recipe: {saved['recipe']}")
    for name, part in parts.items():
        part.load_state_dict(saved[name])  # type: ignore[attr-defined]
    return int(saved["epoch"])
