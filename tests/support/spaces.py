"""Search spaces of a few lines, and what a strategy asks in them."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sparseattack import Search, Space, Strategy, corners, rgb
from sparseattack.conformance.problems import Answer, bowl, questions, talk

ENCODINGS = {"rgb": rgb, "corners": corners}


def space(
    *seeds: int,
    shape: tuple[int, int, int] = (3, 6, 5),
    pixels: int = 1,
    budget: int = 1000,
    objectives: tuple[str, ...] = ("margin",),
    encoding: Literal["rgb", "corners"] = "rgb",
    targeted: bool = False,
) -> Space:
    """The space of one image (C, H, W) for every seed."""
    genes = ENCODINGS[encoding](pixels=pixels).genes(torch.Size(shape))
    streams = tuple(np.random.default_rng(seed) for seed in seeds or (0,))
    return Space(genes, pixels, objectives, budget, streams, targeted)


def all_asked(strategy: Strategy, here: Space, answer: Answer = bowl) -> list[Tensor]:
    """What is asked about every image until the budget is spent: ``(n, D)`` each."""
    turns = talk(strategy, here, answer)
    return [questions(turns, place) for place in range(here.batch)]


def turns(search: Search, *values: float | Tensor) -> list[Tensor]:
    """The candidates of the first turns, each answered with one value or with values ``(B, P, M)``."""
    asked = [next(search)]
    for value in values:
        told = value if isinstance(value, Tensor) else torch.full((*asked[-1].shape[:2], 1), value)
        asked.append(search.send(told))
    return asked


def edits(
    candidates: Tensor, here: Space, encoding: Literal["rgb", "corners"] = "rgb"
) -> tuple[Tensor, Tensor]:
    """Positions ``(n, k)`` and colours ``(n, k, C)`` of candidates ``(n, D)``."""
    steps = {gene.kind: gene.values for gene in here.genes}
    channels = sum(gene.kind == "colour" for gene in here.genes) // here.slots
    shape = torch.Size((channels, steps["row"], steps["column"]))
    decoded = ENCODINGS[encoding](pixels=here.slots).decode(candidates, shape)
    return decoded.positions, decoded.colours
