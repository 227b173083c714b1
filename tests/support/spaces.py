"""Small search spaces, and the candidates that a strategy yields in them."""

from typing import Literal

import numpy as np
import torch
from problems import random_images
from torch import Tensor

from sparseattack import Search, Space, Strategy, corners, rgb
from sparseattack.conformance.problems import ObjectiveFunction, candidates_of, run_search, sphere
from sparseattack.problem.space import Known

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
    """The search space of one random image ``(C, H, W)`` for every seed."""
    genes = ENCODINGS[encoding](pixels=pixels).genes(torch.Size(shape))
    streams = tuple(np.random.default_rng(seed) for seed in seeds or (0,))
    below = 0.0 if objectives[0] == "margin" else None
    images = torch.cat([random_images(1, shape, seed) for seed in seeds or (0,)])
    known = Known(frozenset({"budget", "image"}), budget=budget, images=images)
    return Space(genes, pixels, objectives, streams, targeted, success_below=below, known=known)


def all_candidates(strategy: Strategy, here: Space, objective: ObjectiveFunction = sphere) -> list[Tensor]:
    """All candidates ``(n, D)`` of every image until the budget is spent."""
    generations = run_search(strategy, here, objective, here.budget)
    return [candidates_of(generations, place) for place in range(here.batch)]


def generations(search: Search, *values: float | Tensor) -> list[Tensor]:
    """The first generations ``(B, P, D)``, each evaluated as one value or as values ``(B, P, M)``."""
    asked = [next(search)]
    for value in values:
        told = value if isinstance(value, Tensor) else torch.full((*asked[-1].shape[:2], 1), value)
        asked.append(search.send(told))
    return asked


def decode(
    candidates: Tensor, here: Space, encoding: Literal["rgb", "corners"] = "rgb"
) -> tuple[Tensor, Tensor]:
    """Positions ``(n, k)`` and colours ``(n, k, C)`` of candidates ``(n, D)``."""
    steps = {gene.kind: gene.values for gene in here.genes}
    channels = sum(gene.kind == "colour" for gene in here.genes) // here.slots
    shape = torch.Size((channels, steps["row"], steps["column"]))
    decoded = ENCODINGS[encoding](pixels=here.slots).decode(candidates, shape)
    return decoded.positions, decoded.colours
