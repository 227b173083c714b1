"""The tables that can be measured again, by name."""

from collections.abc import Sequence
from functools import partial

from sparseattack.errors import InputError
from sparseattack.plugins.shortcuts import oracle_spec

from .imagenet_rows import photographs
from .kaggle_rows import beside_random, cost, more_pixels, one_pixel
from .original_rows import original
from .table import Table

TITLES = {
    "4": "Table IV: one pixel, Kaggle-like",
    "5": "Table V: three pixels (NiN: five), Kaggle-like",
    "6": "Table VI: what a success costs and changes, one pixel, Kaggle-like",
    "7": "Table VII: random search beside differential evolution, one pixel, Kaggle-like",
    "8": "Table VIII: original CIFAR-10 test set, one pixel",
    "imagenet": "Tables IV and VI, ImageNet: one pixel",
}
KAGGLE = {"4": one_pixel, "5": more_pixels, "6": cost, "7": beside_random}


def names(text: str) -> list[str]:
    """``4,8`` or ``all`` as names of tables; InputError for others."""
    chosen = list(TITLES) if text == "all" else [part.strip() for part in text.split(",")]
    if unknown := [name for name in chosen if name not in TITLES]:
        raise InputError(f"there is no table {unknown[0]!r}, only {', '.join(TITLES)} and all")
    return list(dict.fromkeys(chosen))


def table(
    name: str, networks: Sequence[str], *, pixels: Sequence[int] = (1,), strategies: Sequence[str] = ()
) -> Table:
    """The table called so, of ``networks``; ``pixels`` and ``strategies`` are for our rows of Table VIII."""
    if name == "8":
        rows = partial(original, pixels=pixels, strategies=strategies)
        return Table(name, TITLES[name], rows, tuple(networks))
    if name == "imagenet":
        return Table(name, TITLES[name], photographs, tuple(networks))
    lacking = {"vgg16"} if name == "5" else set()  # of the paper's networks, but not in its Table V
    chosen = tuple(network for network in networks if oracle_spec(network).name not in lacking)
    return Table(name, TITLES[name], KAGGLE[name], chosen)
