"""SA-MOO: candidate by candidate the algorithm of the paper, its operators in law, its dominance by hand."""

from functools import partial
from math import inf

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from problems import attack
from scipy.stats import chisquare
from spaces import all_candidates, decode, generations, space
from torch import Tensor

from sparseattack import Encoding, PixelGrid, Problem, Space, corners, load, load_images, rgb, spent, uses_of
from sparseattack.plugins.spec import extra_objectives
from sparseattack.strategies.pixel_search.sa_moo import (
    Members,
    crossover,
    draw_signs,
    mutation,
    ranking,
    sa_moo,
)

Member = dict[int, tuple[int, ...]]
"""Pixels and their signs, in order."""


def test_it_sees_the_image_and_searches_for_short_changes() -> None:
    assert uses_of(load("strategies", "sa-moo")) == {"image"}
    assert extra_objectives(load("strategies", "sa-moo")) == ("l2",)


def reference(
    stream: np.random.Generator, clean: NDArray[np.int64], *, area: int, k: int, queries: int, pm: float = 0.4
) -> list[Tensor]:
    """The evolution of the paper for one image, as the levels that each candidate paints: ``(H * W, C)``.

    The value of a candidate is that of ``value``; its random sets are those of the given stream.
    """

    def signs(number: int) -> list[list[tuple[int, ...]]]:
        """Of both members: 0 with probability 0.3, else -1 or 1."""
        draws = stream.random((2, number * 3), np.float32).reshape(2, number, 3)
        return [
            [tuple(0 if u < 0.3 else -1 if u < 0.65 else 1 for u in one) for one in each] for each in draws
        ]

    def levels(member: Member) -> Tensor:
        image = clean.copy()
        for pixel, sign in member.items():
            image[pixel] = np.clip(clean[pixel] + 255 * np.array(sign), 0, 255)
        return torch.tensor(image)

    def dominates(one: Tensor, other: Tensor) -> bool:
        (loss, length), (loss2, length2) = (value(each, torch.tensor(clean)) for each in (one, other))
        if (loss < 0) != (loss2 < 0):
            return loss < 0
        return length < length2 if loss < 0 else loss < loss2

    pixels = [stream.choice(area, k, replace=False).tolist() for _ in range(2)]
    parents = [dict(zip(some, sign, strict=True)) for some, sign in zip(pixels, signs(k), strict=True)]
    shown = [levels(member) for member in parents]
    while len(shown) < queries:
        keys, children = stream.random((2, k), np.float32), list[Member]()
        for own, other, key in zip(parents, parents[::-1], keys, strict=True):
            delta = [slot for slot in range(k) if list(other)[slot] not in own]
            taken = sorted(delta, key=lambda slot: key[slot])[: max(int(0.1 * k), 1)]
            pairs = [(other if slot in taken else own, slot) for slot in range(k)]
            children.append(dict(list(member.items())[slot] for member, slot in pairs))
        count = max(int(pm * k), 1)
        slots = [stream.choice(k, count, replace=False).tolist() for _ in range(2)]
        picks = [stream.choice(area - k, count, replace=False).tolist() for _ in range(2)]
        for place, fresh in enumerate(signs(count)):
            items = list(children[place].items())
            free = [pixel for pixel in range(area) if pixel not in children[place]]
            for slot, pick, sign in zip(slots[place], picks[place], fresh, strict=True):
                items[slot] = (free[pick], sign)
            children[place] = dict(items)
        shown += [levels(member) for member in children]
        every = [*parents, *children]
        ranks = [sum(dominates(levels(other), levels(one)) for other in every) for one in every]
        parents = [every[place] for place in np.argsort(ranks, kind="stable")[:2]]
    return shown[:queries]


def value(image: Tensor, clean: Tensor) -> tuple[float, float]:
    """Fitness and l2 of levels ``(H * W, C)``: some are successes."""
    where = torch.arange(image.numel(), dtype=torch.float64).view(image.shape)
    loss = ((image - clean) / 255 * (where * 1.3).sin()).sum() + 0.5
    return float(loss.float()), float(((image - clean) / 255).square().sum().float())


@pytest.mark.parametrize(("k", "shape"), [(1, (3, 6, 5)), (3, (3, 6, 5)), (7, (3, 6, 5)), (24, (3, 9, 9))])
def test_its_images_are_those_of_the_paper_s_algorithm(k: int, shape: tuple[int, int, int]) -> None:
    here = space(0, 1, 2, shape=shape, pixels=k, budget=120, objectives=("margin", "l2"))
    clean = PixelGrid.of(here).pixels(here.images).long()
    search, shown = sa_moo(here), [list[Tensor]() for _ in range(3)]
    asked = next(search)
    while len(shown[0]) < 120:
        made = [painted(each, here, image) for each, image in zip(asked, clean, strict=True)]
        values = [[value(one, image) for one in each] for each, image in zip(made, clean, strict=True)]
        shown = [before + new for before, new in zip(shown, made, strict=True)]
        asked = search.send(torch.tensor(values))
    successes = 0
    for place, images in enumerate(shown):
        random = np.random.default_rng(place)
        wanted = reference(random, clean[place].numpy(), area=shape[1] * shape[2], k=k, queries=120)
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(images, wanted, strict=True))
        successes += sum(value(image, clean[place])[0] < 0 for image in images)
    assert successes > 0  # so that lengths were compared


def painted(asked: Tensor, here: Space, clean: Tensor) -> list[Tensor]:
    """The levels ``(H * W, C)`` of each candidate ``(n, D)``."""
    images = []
    for positions, colours in zip(*decode(asked, here), strict=True):
        images.append(clean.clone())
        images[-1][positions] = colours.long()
    return images


def test_signs_are_drawn_as_the_paper_says() -> None:
    here = space(*range(200))
    signs = draw_signs(here, PixelGrid.of(here), 10, 0.3).flatten()
    counts = [int((signs == sign).sum()) for sign in (0, -1, 1)]
    assert chisquare(counts, len(signs) * np.array([0.3, 0.35, 0.35])).pvalue > 1e-3


def members(pixels: list[list[int]], batch: int) -> Members:
    """Two sets of pixels, the same for many images; the sign of a pixel is that of its set."""
    sets = torch.tensor(pixels).expand(batch, -1, -1)
    signs = torch.tensor([-1, 1]).view(1, 2, 1, 1).expand(batch, -1, sets.shape[2], 3)
    return Members(sets, signs)


def test_crossover_takes_slots_of_pixels_that_are_not_there_yet() -> None:
    here = space(*range(2000), pixels=4)
    crossed = crossover(here, members([[0, 1, 2, 3], [1, 7, 0, 9]], 2000), 1)
    first = crossed.pixels[:, 0].tolist()
    assert set(map(tuple, first)) == {(0, 7, 2, 3), (0, 1, 2, 9)}  # 1 and 0 are there
    assert chisquare([sum(one[1] == 7 for one in first), sum(one[3] == 9 for one in first)]).pvalue > 1e-3
    assert set(map(tuple, crossed.pixels[:, 1].tolist())) == {(1, 7, 2, 9), (1, 7, 0, 3)}
    assert torch.equal(crossed.signs[:, 0, :, 0] == 1, crossed.pixels[:, 0] >= 7)  # colours come along
    alike = members([[0, 1, 2, 3], [3, 2, 1, 0]], 2000)
    assert all(torch.equal(*pair) for pair in zip(crossover(here, alike, 4), alike, strict=True))
    apart = [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert (crossover(here, members(apart, 2000), 9).pixels == torch.tensor(apart[::-1])).all()


def test_mutation_replaces_pixels_by_any_from_outside() -> None:
    here = space(*range(2000), shape=(3, 2, 5), pixels=4)
    start = members([[0, 1, 2, 3], [1, 7, 0, 9]], 2000)
    mutated = mutation(here, PixelGrid.of(here), start, (2, 0.3))
    for place in (0, 1):
        kept = mutated.pixels[:, place] == start.pixels[:, place]
        assert (kept.sum(1) == 2).all() and chisquare(kept.sum(0)).pvalue > 1e-3
        new = mutated.pixels[:, place][~kept]
        counts = np.bincount(new, minlength=10)
        assert (counts[start.pixels[0, place]] == 0).all() and chisquare(counts[counts > 0]).pvalue > 1e-3
        assert len(counts[counts > 0]) == 6
        assert torch.equal(mutated.signs[:, place][kept], start.signs[:, place][kept])


def test_where_all_pixels_are_taken_only_signs_change() -> None:
    here = space(3, shape=(3, 2, 2), pixels=4, budget=60, objectives=("margin", "l2"))
    (asked,) = all_candidates(sa_moo, here)
    positions, colours = decode(asked, here)
    assert (positions.sort(1).values == torch.arange(4)).all()
    assert len(set(map(tuple, colours.flatten(1).tolist()))) > 5


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ([(3, 0), (2, 9), (1, 5), (4, 1)], [2, 1, 0, 3]),  # none fools: by fitness
        ([(-3, 4), (2, 9), (-1, 3), (4, 1)], [2, 0, 1, 3]),  # those that fool first, by length
        ([(-3, 4), (-9, 4), (-1, 4), (-2, 4)], [0, 1, 2, 3]),  # equals as they are
        ([(1, 4), (1, 3), (inf, inf), (1, 2)], [0, 1, 3, 2]),  # not evaluated
        ([(0, 4), (0.5, 3), (0, 1), (-0.0, 1)], [0, 2, 3, 1]),  # a tie of classes does not fool
    ],
)
def test_dominance_by_hand(values: list[tuple[float, float]], order: list[int]) -> None:
    found = torch.tensor([values])
    assert ranking(space(0, objectives=("margin", "l2")), found).tolist() == [order]
    by_fitness = sorted(range(4), key=lambda place: values[place][0])
    assert ranking(space(0, objectives=("probability", "l2")), found).tolist() == [by_fitness]


@pytest.mark.parametrize(("targeted", "replaced"), [(False, 8), (True, 4)])
def test_as_many_pixels_are_replaced_as_in_the_paper(targeted: bool, replaced: int) -> None:
    here = space(0, shape=(3, 20, 20), pixels=20, targeted=targeted, objectives=("margin", "l2"))
    first, second = generations(partial(sa_moo, pc=0)(here), torch.tensor([[[1.0, 0], [2, 0]]]))
    before, after = (decode(each[0], here)[0].tolist() for each in (first, second))
    for own, other, child in zip(before, before[::-1], after, strict=True):
        fresh = set(child) - set(own)
        assert len(fresh) in {replaced, replaced + 1} and len(fresh - set(other)) <= replaced


@pytest.mark.parametrize("encoding", [rgb(pixels=5), corners(pixels=5)])
def test_it_fools_a_network_and_then_shortens_the_change(encoding: Encoding) -> None:
    """With the criterion that never holds it goes on, and the change becomes shorter."""
    images = load_images("sample[0:8]")
    problem = Problem(
        load("oracles", "allconv-small")(), encoding, images.floats(), torch.as_tensor(images.labels),
        fitness=(load("fitness", "margin"), load("fitness", "l2")), until=spent,
    )  # fmt: skip
    outcomes = attack(problem, load("strategies", "sa-moo"), 300)
    fooled = [outcome for outcome in outcomes if outcome.fooled]
    assert len(fooled) >= 3
    lengths = [[point.values[1] for point in outcome.front if point.values[0] < 0] for outcome in fooled]
    assert any(len(each) > 1 for each in lengths)
