"""A small comparison, and its runs without what depends on clock and machine."""

from pathlib import Path
from typing import Any

import numpy as np

from sparseattack.experiment.settings import Experiment
from sparseattack.study.store import Study

BESIDE = ("oracle_seconds", "strategy_seconds", "environment")


def images_file(folder: Path, count: int = 10) -> Path:
    """Random 8x8 images for the linear oracle of 192 inputs."""
    images = np.random.default_rng(3).integers(256, size=(count, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.zeros(count, np.int64))
    return folder / "images.npz"


def small_experiment(folder: Path, **others: Any) -> Experiment:
    """Two strategies on ten images."""
    settings: dict[str, Any] = {
        "oracle": "linear(classes=4,inputs=192)",
        "images": str(images_file(folder)),
        "strategies": ("random(popsize=10)", "cmaes"),
        "true_class": "prediction",
        "budget": 60,
    }
    return Experiment(**(settings | others))


def runs_of(path: Path) -> list[dict[str, Any]]:
    """Every column of every run but for times and machines."""
    with Study.read(path) as study:
        rows = [record.to_dict() for record in study.records()]
    return [{name: value for name, value in row.items() if name not in BESIDE} for row in rows]
