"""CornerSearch: candidate by candidate the algorithm of the paper; its first stage is exhaustive search."""

from dataclasses import replace
from functools import partial
from math import log

import numpy as np
import pytest
import torch
from problems import attack, random_images
from scipy.stats import chisquare
from spaces import all_candidates, decode, space
from torch import Tensor

from sparseattack import PixelGrid, Problem, Space, corners, load, spent, uses_of
from sparseattack.problem.scale import Scale
from sparseattack.strategies.pixel_search.corner_search import corner_search, draw_ranks
from sparseattack.strategies.pixel_search.exhaustive import exhaustive

CLASSES = 3


def test_it_sees_all_scores_and_the_budget() -> None:
    assert uses_of(load("strategies", "corner-search")) == {"scores", "budget"}


def network(image: Tensor, scale: Scale) -> Tensor:
    """Scores of levels ``(H * W, C)``: not linear; logits are rounded, so that there are ties."""
    where = torch.arange(image.numel() * CLASSES, dtype=torch.float64).view(CLASSES, *image.shape)
    sums = ((where * 1.7).sin() * (image / 60 + where % 5).sin()).sum((1, 2))
    return ((sums * 4).round() / 4 if scale == "logits" else sums.softmax(0)).float()


def reference(
    random: np.random.Generator,
    clean: Tensor,
    *,
    k: int,
    n_max: int,
    n_iter: int,
    label: int,
    knows: tuple[Scale, bool],
) -> list[Tensor]:
    """The paper's algorithm for one image: what the network is shown, in order, stage two once."""
    (scale, targeted), (area, channels) = knows, clean.shape
    arms = [(n >> channels, tuple(n >> c & 1 for c in range(channels))) for n in range(area * 2**channels)]

    def image(chosen: list[tuple[int, tuple[int, ...]]]) -> Tensor:
        made = clean.clone()
        for pixel, corner in chosen:
            made[pixel] = 255 * torch.tensor(corner)
        return made

    order = random.choice(len(arms), len(arms), replace=False)
    shown = [image([arms[number]]) for number in order]
    answers = [network(each, scale).tolist() for each in shown]
    if scale == "probabilities":
        answers = [[log(score) for score in each] for each in answers]
    sorted_arms = []
    for column in [label] if targeted else range(CLASSES):
        gaps = []
        for each in answers:
            others = max(score for c, score in enumerate(each) if c != label)
            margin = others - each[label] if targeted else each[label] - others
            gaps.append(margin if column == label else each[label] - each[column])
        sorted_arms.append(
            [order[place] for place in sorted(range(len(order)), key=gaps.__getitem__)][:n_max]
        )
    for pixels in range(2, k + 1):
        for ranked in sorted_arms:
            for row in random.integers(n_max**2, size=(n_iter, pixels)):
                ranks = [n_max - 1 - int(number**0.5) for number in row]
                shown.append(image([arms[ranked[rank]] for rank in ranks]))
    return shown


def painted(asked: Tensor, here: Space, clean: Tensor) -> list[Tensor]:
    """The levels ``(H * W, C)`` of each candidate ``(n, D)``, where the last slot of a pixel counts."""
    images = []
    for positions, colours in zip(*decode(asked, here), strict=True):
        images.append(clean.clone())
        for pixel, colour in zip(positions.tolist(), colours.long(), strict=True):
            images[-1][pixel] = colour
    return images


@pytest.mark.parametrize(
    ("scale", "targeted"), [("logits", False), ("logits", True), ("probabilities", False)]
)
@pytest.mark.parametrize(("k", "shape"), [(2, (3, 3, 4)), (4, (1, 5, 5))])
def test_its_images_are_those_of_the_paper_s_algorithm(
    scale: Scale, targeted: bool, k: int, shape: tuple[int, int, int]
) -> None:
    here = space(0, 1, shape=shape, pixels=k, targeted=targeted)
    clean, labels = PixelGrid.of(here).pixels(here.images).long(), torch.tensor([1, 0])
    scores, shown = torch.zeros(2, 0, CLASSES), [list[Tensor](), list[Tensor]()]
    known = replace(here.known, labels=labels, scale=scale, scores=lambda: scores)
    here = replace(here, known=known)
    stages = 2 ** shape[0] * shape[1] * shape[2], 20 * (1 if targeted else CLASSES)
    search, count = corner_search(here, n_max=9, n_iter=20, popsize=7), stages[0] + (k - 1) * stages[1]
    asked = next(search)
    while len(shown[0]) < count:
        made = [painted(each, here, image) for each, image in zip(asked, clean, strict=True)]
        shown = [before + new for before, new in zip(shown, made, strict=True)]
        scores = torch.stack([torch.stack([network(each, scale) for each in some]) for some in made])
        asked = search.send(torch.zeros(*scores.shape[:2], 1))
    assert not here.journal.restarts or len(shown[0]) == count
    for place, ours in enumerate(shown):
        random, label = np.random.default_rng(place), int(labels[place])
        knows = scale, targeted
        wanted = reference(random, clean[place], k=k, n_max=9, n_iter=20, label=label, knows=knows)
        assert len(wanted) == count
        assert all(torch.equal(one, other) for one, other in zip(ours, wanted, strict=True))


def test_its_first_stage_is_exhaustive_and_with_one_pixel_there_is_no_second() -> None:
    (asked,), (every,) = (
        all_candidates(strategy, with_scores(space(5, budget=1000)))
        for strategy in (corner_search, exhaustive)
    )
    assert torch.equal(asked, every) and len(asked) == 240


def with_scores(here: Space) -> Space:
    """A space in which scores may be read."""
    known = replace(
        here.known,
        labels=torch.zeros(here.batch).long(),
        scale="logits",
        uses=frozenset({"scores", "budget"}),
    )
    return replace(here, known=known)


def test_with_several_pixels_a_small_budget_asks_single_pixels() -> None:
    (asked,) = all_candidates(corner_search, with_scores(space(5, pixels=3, budget=100)))
    positions, _ = decode(asked, space(pixels=3))
    assert (positions == positions[:, :1]).all() and len(asked) == 100


def test_ranks_have_the_law_of_the_paper() -> None:
    ranks = draw_ranks(space(*range(400)), 10, (50, 3))
    law = [(2 * 10 - 2 * i + 1) / 100 for i in range(1, 11)]  # of rank i, from 1
    assert sum(law) == pytest.approx(1)
    assert chisquare(np.bincount(ranks.flatten(), minlength=10), ranks.numel() * np.array(law)).pvalue > 1e-3


def test_sets_of_high_rank_do_better_than_single_pixels_on_a_linear_oracle() -> None:
    oracle, images = load("oracles", "linear(classes=4,inputs=90)")(), random_images(5)
    labels, margins = oracle(images).argmax(1), {}
    for pixels in (1, 3):
        problem = Problem(oracle, corners(pixels=pixels), images, labels, until=spent)
        outcomes = attack(problem, partial(corner_search, n_max=20, n_iter=30), budget=480)
        margins[pixels] = [min(value for _, value in outcome.trace) for outcome in outcomes]
        assert [outcome.queries for outcome in outcomes] == [240 if pixels == 1 else 480] * 5
    assert all(three < one for one, three in zip(margins[1], margins[3], strict=True))
