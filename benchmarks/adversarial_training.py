"""A small adversarially trained network to tune on: ``python -m benchmarks.adversarial_training FILE``.

``allconv-small`` on CIFAR-10's training images, each moved a step of its gradient's sign from a random start
before it is learnt (Wong, Rice and Kolter, "Fast is better than free", 2020; here 4/255, and no early stop).
``python -m benchmarks.search_tuning --networks adversarial=FILE`` tunes on it. It is no robust network to
publish figures of: nothing but its accuracy and that under the same step is measured.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.networks import training_images
from sparseattack.oracles.networks import allconv_small
from sparseattack.oracles.training.augmentation import move
from sparseattack.oracles.training.recipe import MEAN, STD

RADIUS, STEP = 4 / 255, 5 / 255
BATCH, RATE, DECAY, SHIFT = 128, 0.1, 5e-4, 4
HELD_OUT = 1000  # last training images, on which the network is measured


def network() -> nn.Module:
    """The untrained network, from images of mean 0 and deviation 1 to logits."""
    return allconv_small()


def normalised(images: Tensor) -> Tensor:
    """Images ``(n, C, H, W)`` in [0, 1] as the network takes them."""
    mean, deviation = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))
    return (images - mean) / deviation


def moved(model: nn.Module, images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Images after one step of their gradient's sign from a random start within ``RADIUS``."""
    start = (torch.rand(images.shape, generator=random) * 2 - 1) * RADIUS
    start.requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(model(normalised(images + start)), labels), start)
    change = (start.detach() + STEP * gradient.sign()).clamp(-RADIUS, RADIUS)
    return (images + change).clamp(0, 1)


def train(images: Tensor, labels: Tensor, epochs: int, seed: int) -> nn.Module:
    """Train on ``images (n, C, H, W)`` uint8 and ``labels (n,)`` with a one-cycle rate."""
    random = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model: nn.Module = network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(model.parameters(), RATE, 0.9, weight_decay=DECAY, nesterov=True)
    steps = epochs * (len(labels) // BATCH)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for epoch in range(epochs):
        order = torch.randperm(len(labels), generator=random)
        for rows in order[: len(labels) // BATCH * BATCH].view(-1, BATCH):
            shifts = torch.randint(2 * SHIFT + 1, (BATCH, 2), generator=random)
            drawn = torch.cat([shifts, torch.randint(2, (BATCH, 1), generator=random)], 1)
            batch = move(images[rows].float() / 255, drawn, SHIFT)
            batch = batch.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                shown = moved(model, batch, labels[rows], random)
                loss = cross_entropy(model(normalised(shown)), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rate.step()
        print(f"epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}", flush=True)
    return model.eval()


def main() -> None:
    """Train, measure on held-out training images and write the weights."""
    made = argparse.ArgumentParser("python -m benchmarks.adversarial_training", description=__doc__)
    made.add_argument("file", type=Path, help="weights to write, .safetensors")
    made.add_argument("--epochs", type=int, default=8)
    made.add_argument("--seed", type=int, default=0)
    given = made.parse_args()
    held = training_images("")
    images, labels = held.pixels, held.labels
    model = train(images[:-HELD_OUT], labels[:-HELD_OUT], given.epochs, given.seed)
    clean, truth = images[-HELD_OUT:].float() / 255, labels[-HELD_OUT:]
    stepped = moved(model, clean, truth, torch.Generator().manual_seed(given.seed))
    with torch.inference_mode():
        for name, shown in (("clean", clean), ("one step of 4/255", stepped)):
            right = (model(normalised(shown)).argmax(1) == truth).float().mean().item()
            print(f"{name}: {right:.3f} of {HELD_OUT} held-out training images classified correctly")
    save_file({name: each.contiguous() for name, each in model.state_dict().items()}, given.file)


if __name__ == "__main__":
    main()
