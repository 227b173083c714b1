"""Studies that pages are made of: a small one, and one whose names are written to break a page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from sparseattack import Experiment, compare
from sparseattack.report.results import Results

ORACLE = "linear(classes=10,inputs=64)"
SMALL = Experiment(
    strategies=("random(popsize=5)", "sparse-rs"),
    oracle=ORACLE,
    images="digits[0:14]",
    true_class="prediction",
    encodings=("corners",),
    pixels=(1, 2),
    seeds=(0, 1),
    budget=6,
)
HOSTILE = "<script>document.title=1</script>"
QUOTED = "\"><img src=x onerror=alert(1)>'\x1b[31m\u202e"
"""A class name that ends an attribute, colours a terminal and turns the direction of writing."""


def small_study(path: Path) -> Results:
    """Two strategies, numbers of pixels and seeds on fourteen digits."""
    return compare(SMALL, path)


def three_strategies(path: Path) -> Results:
    """Three strategies with two pixels and seeds on twelve digits."""
    chosen = replace(
        SMALL,
        strategies=("random(popsize=5)", "sparse-rs", "one-plus-one"),
        images="digits[0:12]",
        pixels=(2,),
        budget=20,
    )
    return compare(chosen, path)


def hostile_study(folder: Path) -> Results:
    """Pictures in a folder called like a script, of classes called like markup."""
    random, place = np.random.default_rng(0), folder / HOSTILE.replace("/", "\u2215")
    for number, name in enumerate((QUOTED.replace("/", "\u2215"), "&amp;")):
        (place / name).mkdir(parents=True)
        for image in range(2):
            colours = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(colours).save(place / name / f"{number}{image}'\"<i>.png")
    chosen = Experiment(
        strategies=("label-1=random(popsize=5)",),
        oracle="linear(classes=2,inputs=192)",
        images=str(place),
        true_class="prediction",
        budget=30,
    )
    return compare(chosen, folder / "<b>.study")
