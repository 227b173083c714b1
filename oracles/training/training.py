"""Train a network of the zoo: seeded, resumable, on the CPU or an accelerator; and write its weights.

``train`` yields after every epoch; a checkpoint then holds all that is needed to go on as if the training
had never stopped. ``write_weights`` makes the file that an oracle reads: batch-norm folded, half precision.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from sparseattack import InputError, SparseattackError
from sparseattack.data.images import Images
from sparseattack.errors import brief, number_of
from sparseattack.files import write_whole
from sparseattack.problem.oracle import device_of

from ..dense_inference.forward import Normalise, channels_last
from ..networks import fold, untrained
from ..weights import ModelCard, fill, sha256
from .augmentation import batches
from .recipe import MEAN, STD, Recipe

SHORTEST = 6  # steps of a learning-rate cycle; in a cycle of 5 the rate has no time to rise


class Epoch(NamedTuple):
    """One epoch that was trained."""

    number: int  # counted from 1
    loss: float  # mean cross-entropy of the training images
    accuracy: float  # share of the held-out images that are classified correctly


def train(recipe: Recipe, images: Images, checkpoint: Path) -> Iterator[Epoch]:
    """Train one epoch at a time; continue from ``checkpoint`` if it is of this recipe and these images."""
    fit, held_out = recipe.parts(images)
    training = Training.start(recipe, len(fit))
    states: dict[str, Stateful] = {
        "network": training.network,
        "optimizer": training.optimizer,
        "schedule": training.schedule,
    }
    done = resume(recipe, images.digest, states, checkpoint)
    pixels, labels = fit.pixels.to(recipe.device), fit.labels.to(recipe.device)
    for number in range(done, recipe.epochs):
        loss = training.epoch(number, pixels, labels)
        write_checkpoint(recipe, images.digest, states, number + 1, checkpoint)
        yield Epoch(number + 1, loss, accuracy(normalised(training.network), held_out, recipe.device))


@dataclass(frozen=True)
class Training:
    """A network in training: stochastic gradient descent under a one-cycle rate (Smith, 2018)."""

    recipe: Recipe
    network: nn.Sequential
    optimizer: SGD
    schedule: OneCycleLR

    @classmethod
    def start(cls, recipe: Recipe, count: int) -> Self:
        """Weights drawn from the recipe's seed, to be trained on ``count`` images."""
        network = channels_last(untrained(recipe.network, recipe.seed)).to(device_of(recipe.device))
        optimizer = SGD(
            network.parameters(), recipe.rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay
        )
        steps = max(SHORTEST, recipe.epochs * -(-count // recipe.batch))
        return cls(recipe, network, optimizer, OneCycleLR(optimizer, recipe.rate, steps, pct_start=0.2))

    def epoch(self, number: int, images: Tensor, labels: Tensor) -> float:
        """Train on every image once, in an order that depends on the seed and ``number``; the mean loss.

        ``images (n, C, H, W)`` are uint8, on the device of the network, as are ``labels (n,)``.
        """
        model, total = normalised(self.network).train().to(images.device), torch.zeros_like(labels[0]).float()
        with _seeded(self.recipe.epoch_seed(number), images.device):
            for batch, true in batches(self.recipe, number, images, labels):
                loss = self._loss(model, batch, true)
                self._step(loss)
                total += loss.detach() * len(true)  # stays on the device: to read it is to wait for it
        return total.item() / len(labels)

    def _loss(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            scores = model(images.contiguous(memory_format=torch.channels_last))
        return cross_entropy(scores.float(), labels, label_smoothing=self.recipe.smoothing)

    def _step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global random state, from which dropout draws, and put the old state back afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def normalised(network: nn.Module) -> nn.Sequential:
    """``network`` on images in [0, 1]: normalised by mean and deviation of CIFAR-10 first."""
    return nn.Sequential(Normalise(MEAN, STD), network)


@torch.no_grad()
def accuracy(network: nn.Module, images: Images, device: str = "cpu") -> float:
    """Share of the images that ``network`` classifies correctly; it is left in evaluation mode."""
    network.eval().to(device)
    chunks = torch.split(images.floats(), 256)
    predicted = torch.cat([network(chunk.to(device)).argmax(1).cpu() for chunk in chunks])
    return (predicted == images.labels).double().mean().item()


class Stateful(Protocol):
    """Part of a training that a checkpoint holds: network, optimizer or schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


def write_checkpoint(
    recipe: Recipe, images: str, parts: Mapping[str, Stateful], epoch: int, checkpoint: Path
) -> None:
    """Replace the checkpoint by one after ``epoch`` epochs; ``images`` is the training images' digest."""
    states = {name: part.state_dict() for name, part in parts.items()}
    content = {**states, "epoch": epoch, "recipe": asdict(recipe), "images": images}
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        write_whole(checkpoint, lambda fresh: torch.save(content, fresh))
    except (OSError, RuntimeError) as error:
        raise SparseattackError(f"{checkpoint} cannot be written: {brief(error)}") from error


def resume(recipe: Recipe, images: str, parts: Mapping[str, Stateful], checkpoint: Path) -> int:
    """Load ``checkpoint`` into ``parts``, if it exists; the number of epochs that it has been trained for.

    Refused if it is of another recipe or of other images.
    """
    if not checkpoint.exists():
        return 0
    saved = read_checkpoint(checkpoint)
    if differences := recipe.difference(saved["recipe"]):
        raise InputError(
            f"{checkpoint} is of another recipe, with {differences}: choose another file with --checkpoint"
        )
    if saved.get("images") != images:
        raise InputError(f"{checkpoint} is of other images: choose another file with --checkpoint")
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return int(saved["epoch"])


def read_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """What ``write_checkpoint`` wrote: states by name of the part, and ``epoch``, ``recipe``, ``images``."""
    try:
        saved = torch.load(checkpoint, weights_only=True, map_location="cpu")
        return {"network": saved["network"], "epoch": saved["epoch"], **saved}
    except Exception as error:  # of torch, zipfile or pickle
        raise InputError(f"{checkpoint} is no checkpoint of a training: {brief(error)}") from error


def write_weights(checkpoint: Path, out: Path, measured: Images, measured_name: str) -> ModelCard:
    """Write the network of ``checkpoint`` to ``out``, its card beside it as JSON; return the card.

    Batch-norm is folded and the weights are rounded to half precision. The accuracy on the card is that of
    the rounded weights on the images ``measured``, which the card calls ``measured_name``.
    """
    saved = read_checkpoint(checkpoint)
    recipe = saved["recipe"]
    network = untrained(recipe["network"])
    fill(network, saved["network"], checkpoint)
    fold(network)
    weights = {name: value.half() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    card = ModelCard(
        network=recipe["network"],
        epochs=saved["epoch"],
        recipe=recipe,
        seed=recipe["seed"],
        date=datetime.now(UTC).date().isoformat(),
        accuracy=accuracy(normalised(network), measured),
        measured=f"{measured_name}, {number_of(len(measured), 'image')}",
    )
    metadata = {name: json.dumps(value) for name, value in asdict(card).items() if name != "sha256"}
    try:
        write_whole(out, lambda fresh: fresh.write_bytes(save(weights, metadata)))
        card = replace(card, sha256=sha256(out))
        card.write(out)
    except OSError as error:
        raise SparseattackError(f"{out} cannot be written: {brief(error)}") from error
    return card
