"""A small reproduction: sixteen 8x8 images and a linear classifier of ten classes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparseattack import levels, load
from sparseattack.reproduction.one_pixel import Reproduction, one_pixel
from sparseattack.reproduction.studies import Options

COUNT, WRONG = 16, 5
ORACLE = "linear(classes=10,inputs=192)"


def images(folder: Path) -> str:
    """Write the images to a file; all labels but one are the classifier's predictions."""
    path = folder / "images.npz"
    pixels = np.random.default_rng(2).integers(96, 160, size=(COUNT, 8, 8, 3), dtype=np.uint8)
    shown = levels(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    labels = load("oracles", ORACLE)()(shown).argmax(1).numpy()
    labels[WRONG] = (labels[WRONG] + 1) % 10
    np.savez(path, images=pixels, labels=labels)
    return str(path)


def small(folder: Path, *, networks: tuple[str, ...] = (ORACLE,), **chosen: Any) -> Reproduction:
    """Table VIII on six images, two of them targeted, unless something else is chosen."""
    names = "tables", "pixels", "strategies", "imagenet_networks"
    rows = {name: chosen.pop(name) for name in names if name in chosen}
    options: dict[str, Any] = {"untargeted": 6, "targeted": 2, "budget": 800, "images": images(folder)}
    return one_pixel(Options(**(options | chosen)), folder / "out", networks=networks, **rows)


def finish(asked: Reproduction) -> Reproduction:
    """Run all of it."""
    for _ in asked.run():
        pass
    return asked
