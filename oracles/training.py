"""The training of the zoo's networks: seeded, resumable, on the CPU or an accelerator."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from sparseattack.devices import device_of
from sparseattack.images import Images

from .augmentation import augment
from .measuring import accuracy, normalised
from .networks import untrained
from .recipe import Recipe
from .resuming import resume, save

EPOCH_SEEDS = 100_003  # more than any number of epochs
SHORTEST = 6  # steps; in a cycle of 5 the rate has no time to rise


class Epoch(NamedTuple):
    """How far a training has come."""

    number: int
    loss: float
    accuracy: float  # on the held-out images


@dataclass(frozen=True)
class Training:
    """A network on its way."""

    recipe: Recipe
    network: nn.Sequential
    optimizer: SGD
    schedule: OneCycleLR

    @classmethod
    def start(cls, recipe: Recipe, count: int) -> Self:
        """Fresh weights, to be trained on ``count`` images."""
        network = untrained(recipe.network, recipe.seed)
        network.to(device_of(recipe.device)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = SGD(
            network.parameters(), recipe.rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay
        )
        steps = max(SHORTEST, recipe.epochs * -(-count // recipe.batch))
        return cls(recipe, network, optimizer, OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.2))

    def epoch(self, number: int, images: Images) -> float:
        """Show every image once, in an order that depends on the seed and ``number``; the mean loss."""
        recipe, device = self.recipe, torch.device(self.recipe.device)
        random = torch.Generator().manual_seed(recipe.seed * EPOCH_SEEDS + number)
        model, total = normalised(self.network).train().to(device), 0.0
        for rows in torch.split(torch.randperm(len(images), generator=random), recipe.batch):
            shown = augment(images.pixels[rows], recipe.shift, recipe.hole, random).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16):
                scores = model(shown.contiguous(memory_format=torch.channels_last))
            labels = images.labels[rows].to(device)
            loss = cross_entropy(scores.float(), labels, label_smoothing=recipe.smoothing)
            self._step(loss)
            total += loss.item() * len(rows)
        return total / len(images)

    def _step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()


def train(recipe: Recipe, images: Images, checkpoint: Path) -> Iterator[Epoch]:
    """Train, one epoch at a time; goes on from ``checkpoint`` if it is of this recipe and these images."""
    fit, held_out = recipe.parts(images)
    training = Training.start(recipe, len(fit))
    states = {"network": training.network, "optimizer": training.optimizer, "schedule": training.schedule}
    behind = resume(recipe, images.digest, states, checkpoint)
    for number in range(behind, recipe.epochs):
        loss = training.epoch(number, fit)
        save(recipe, images.digest, states, number + 1, checkpoint)
        yield Epoch(number + 1, loss, accuracy(normalised(training.network), held_out, recipe.device))
