"""The training of the zoo's networks: seeded, resumable, on the CPU or an accelerator."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from sparseattack.data.images import Images
from sparseattack.problem.devices import device_of

from ..memory import channels_last
from ..networks import untrained
from .batches import batches
from .measuring import accuracy, normalised
from .recipe import Recipe
from .resuming import resume, save

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
        network = channels_last(untrained(recipe.network, recipe.seed)).to(device_of(recipe.device))
        optimizer = SGD(
            network.parameters(), recipe.rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay
        )
        steps = max(SHORTEST, recipe.epochs * -(-count // recipe.batch))
        return cls(recipe, network, optimizer, OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.2))

    def epoch(self, number: int, images: Tensor, labels: Tensor) -> float:
        """Show every image once, in an order that depends on the seed and ``number``; the mean loss."""
        model, total = normalised(self.network).train().to(images.device), torch.zeros_like(labels[0]).float()
        with _seeded(self.recipe.epoch_seed(number), images.device):
            for shown, known in batches(self.recipe, number, images, labels):
                loss = self._loss(model, shown, known)
                self._step(loss)
                total += loss.detach() * len(known)  # stays on the device: to read it is to wait for it
        return total.item() / len(labels)

    def _loss(self, model: nn.Module, shown: Tensor, known: Tensor) -> Tensor:
        with torch.autocast(shown.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            scores = model(shown.contiguous(memory_format=torch.channels_last))
        return cross_entropy(scores.float(), known, label_smoothing=self.recipe.smoothing)

    def _step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The global random state, from which dropout draws, begins at ``seed`` and is put back."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def train(recipe: Recipe, images: Images, checkpoint: Path) -> Iterator[Epoch]:
    """Train, one epoch at a time; goes on from ``checkpoint`` if it is of this recipe and these images."""
    fit, held_out = recipe.parts(images)
    training = Training.start(recipe, len(fit))
    states = {"network": training.network, "optimizer": training.optimizer, "schedule": training.schedule}
    behind = resume(recipe, images.digest, states, checkpoint)
    pixels, labels = fit.pixels.to(recipe.device), fit.labels.to(recipe.device)
    for number in range(behind, recipe.epochs):
        loss = training.epoch(number, pixels, labels)
        save(recipe, images.digest, states, number + 1, checkpoint)
        yield Epoch(number + 1, loss, accuracy(normalised(training.network), held_out, recipe.device))
