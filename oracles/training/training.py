"""The training of the zoo's networks: seeded, resumable, on the CPU or an accelerator.

How good a network is.

Checkpoints of a training: what is needed to go on as if it had never stopped.

A trained network made small: batch-norm folded, half precision, a card that says what it is.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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
from sparseattack.errors import brief
from sparseattack.problem.oracle import device_of

from ..forward import Normalise, channels_last
from ..networks import fold, untrained
from ..weights import card_of, fill, sha256
from .augmentation import batches
from .recipe import MEAN, STD, Recipe


def normalised(network: nn.Module) -> nn.Sequential:
    """``network`` on images in [0, 1]."""
    return nn.Sequential(Normalise(MEAN, STD), network)


@torch.no_grad()
def accuracy(network: nn.Module, images: Images, device: str = "cpu") -> float:
    """Share of the images that ``network`` classifies correctly."""
    network.eval().to(device)
    answers = [network(shown.to(device)).argmax(1).cpu() for shown in torch.split(images.floats(), 256)]
    return (torch.cat(answers) == images.labels).double().mean().item()


class Stateful(Protocol):
    """A network, an optimizer or a schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


def save_checkpoint(recipe: Recipe, images: str, parts: dict[str, Any], epoch: int, checkpoint: Path) -> None:
    """Write a checkpoint in place of the last one; ``images`` is the digest of what is trained with."""
    states = {name: part.state_dict() for name, part in parts.items()}
    fresh = checkpoint.with_name(f"{checkpoint.name}.new")
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**states, "epoch": epoch, "recipe": asdict(recipe), "images": images}, fresh)
        fresh.replace(checkpoint)  # at once: who stops here has the old one or the new one
    except (OSError, RuntimeError) as error:
        raise SparseattackError(f"{checkpoint} cannot be written: {brief(error)}") from error


def resume(recipe: Recipe, images: str, parts: dict[str, Any], checkpoint: Path) -> int:
    """Load ``checkpoint`` into ``parts`` if it is there; the number of epochs behind it."""
    if not checkpoint.exists():
        return 0
    saved = read(checkpoint)
    if differences := recipe.difference(saved["recipe"]):
        raise InputError(f"{checkpoint} was made by another recipe, with {differences}: name another file")
    if saved.get("images") != images:
        raise InputError(f"{checkpoint} was made with other images: name another file")
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return int(saved["epoch"])


def read(checkpoint: Path) -> dict[str, Any]:
    """What ``save`` wrote."""
    try:
        saved = torch.load(checkpoint, weights_only=True, map_location="cpu")
        return {"network": saved["network"], "epoch": saved["epoch"], **saved}
    except Exception as error:  # torch, zipfile and pickle have many words for it
        raise InputError(f"{checkpoint} is no checkpoint of a training: {brief(error)}") from error


def ship(checkpoint: Path, out: Path, measured: Images, called: str) -> dict[str, Any]:
    """Write the network of ``checkpoint`` to ``out`` and its card beside it, as JSON; return the card.

    Its accuracy is that of the small weights on the images ``measured``, which are ``called`` so.
    """
    saved = read(checkpoint)
    network = untrained(saved["recipe"]["network"])
    fill(network, saved["network"], checkpoint)
    small = fold(network)
    weights = {name: value.half() for name, value in small.state_dict().items()}
    small.load_state_dict(weights)
    card = _card(saved) | {
        "accuracy": accuracy(normalised(small), measured),
        "measured": f"{called}, {len(measured)} images",
    }
    try:
        out.write_bytes(save(weights, {name: json.dumps(value) for name, value in card.items()}))
        card["sha256"] = sha256(out)
        card_of(out).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise SparseattackError(f"{out} cannot be written: {brief(error)}") from error
    return card


def _card(saved: dict[str, Any]) -> dict[str, Any]:
    recipe = saved["recipe"]
    return {
        "network": recipe["network"],
        "epochs": saved["epoch"],
        "recipe": recipe,
        "seed": recipe["seed"],
        "date": datetime.now(UTC).date().isoformat(),
    }


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
        save_checkpoint(recipe, images.digest, states, number + 1, checkpoint)
        yield Epoch(number + 1, loss, accuracy(normalised(training.network), held_out, recipe.device))
