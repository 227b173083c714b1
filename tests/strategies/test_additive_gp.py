"""Additive Gaussian process: its posterior against the definition, its arms, and its search."""

from typing import Any

import numpy as np
import pytest
import torch
from problems import random_images
from torch import Tensor

from sparseattack import (
    InputError,
    Oracle,
    Outcome,
    Problem,
    Queries,
    attack,
    corners,
    levels,
    load,
    probability,
    rgb,
)
from sparseattack.problem.encodings.palette import image_palettes
from sparseattack.strategies.additive_gp.arms import arms_of, cell_side, corner_colours
from sparseattack.strategies.additive_gp.kernel import GRID, LENGTHS, Hyperparameters, Kernel
from sparseattack.strategies.additive_gp.posterior import Posterior
from sparseattack.strategies.additive_gp.proposals import first_lowest, lowest

ROWS, COLUMNS, SHADES, PIXELS = 7, 9, 4, 3


def matern(distance: Tensor, length: float) -> Tensor:
    scaled = distance * (3**0.5 / length)
    return (1 + scaled) * torch.exp(-scaled)


def prior_covariance(weights: Tensor, hyperparameters: Hyperparameters = GRID[0]) -> Tensor:
    """Of all arms, ``(A, A)`` float64, from the definition; their ``weights (F, A)``."""
    cells = torch.arange(weights.shape[1]) % (ROWS * COLUMNS)
    y, x = ((each[:, None] - each).abs().double() for each in (cells // COLUMNS, cells % COLUMNS))
    contrast = torch.full_like(y, hyperparameters.shares[-1])
    for share, length in zip(hyperparameters.shares, LENGTHS, strict=False):
        contrast += share * matern(y, length) * matern(x, length)
    grey = 0.1 + 0.35 * (y + x == 0) + 0.55 * torch.exp(-(y + x) / 6)
    chroma = 0.13 + 0.87 * matern(y, 4) * matern(x, 4)
    fields = contrast, grey, *[chroma] * (len(weights) - 2)
    total = torch.zeros_like(y)
    for field, weight in zip(fields, weights.double(), strict=True):
        total += field * weight[:, None] * weight
    return total


def random_sets(count: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    pixels = torch.stack([torch.randperm(ROWS * COLUMNS, generator=draw)[:PIXELS] for _ in range(count)])
    return pixels + ROWS * COLUMNS * torch.randint(SHADES, pixels.shape, generator=draw)


def members(sets: Tensor) -> Tensor:
    """Whether an arm is in a set, as 0 or 1: ``(s, A)`` float64."""
    empty = torch.zeros(len(sets), ROWS * COLUMNS * SHADES, dtype=torch.float64)
    return empty.scatter(1, sets, 1)


def posterior(window: int = 100, grid: tuple[Hyperparameters, ...] = GRID[:1], count: int = 1) -> Posterior:
    """Of so many images."""
    arms = arms_of(random_images(count, (3, ROWS, COLUMNS)), "corners", SHADES, PIXELS)
    return Posterior(arms.weights, Kernel.of((ROWS, COLUMNS), 1, "cpu"), grid, 2, window)


def effects(weights: Tensor, hyperparameters: Hyperparameters = GRID[0]) -> Tensor:
    """Effects ``(2, A)`` float32 drawn from the prior, of arms of ``weights (F, A)``."""
    prior = prior_covariance(weights, hyperparameters) + 1e-9 * torch.eye(
        weights.shape[1], dtype=torch.float64
    )
    drawn = torch.randn(len(prior), 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found: Tensor = torch.linalg.cholesky(prior) @ drawn
    return found.T.float()


def test_the_posterior_is_that_of_the_definition() -> None:
    found, sets, others = posterior(), random_sets(30, 0), random_sets(5, 1)
    changes = torch.randn(30, 2, generator=torch.Generator().manual_seed(2))
    prior, rows = prior_covariance(found.weights[0]), members(sets)
    found.follow([], sets[:1])
    for arms, change in zip(sets, changes, strict=True):
        found.observe(arms[None], change[None])
    noise = GRID[0].noise * PIXELS * torch.eye(30, dtype=torch.float64)
    weights = torch.linalg.solve(rows @ prior @ rows.T + noise, rows @ prior)
    covariance = prior - (rows @ prior).T @ weights
    summed = members(others)
    for mine, right in (
        (found.mean, changes.double().T @ weights),
        (found.variance, covariance.diagonal()),
        (found.covariances, covariance[sets[0]]),
        (found.covariance(others[None]), summed @ covariance),
        (found.variances(others[None]), (summed @ covariance @ summed.T).diagonal()),
    ):
        torch.testing.assert_close(mine[0].double(), right, rtol=0, atol=2e-5)


def test_the_scale_is_that_of_the_effects() -> None:
    found = posterior()
    drawn = 7 * effects(found.weights[0])
    for arms in random_sets(60, 0):
        found.observe(arms[None], drawn[None, :, arms].sum(2))
    assert 4 < float(found.scale) < 9


def test_draws_have_the_covariance_of_the_posterior() -> None:
    found, stream = posterior(), np.random.default_rng(0)
    for arms in random_sets(15, 0):
        found.observe(arms[None], torch.tensor([[1.0, -1.0]]))
    drawn = torch.cat([found.draw([stream]) for _ in range(1500)]).double()
    sets = random_sets(40, 1)
    summed, right = drawn[:, sets].sum(2), found.variances(sets[None])[0].double()
    ratio = summed.square().mean(0) / right
    assert abs(float(ratio.mean()) - 1) < 0.05 and ratio.min() > 0.8 and ratio.max() < 1.2
    assert summed.mean(0).abs().max() < 0.15 * right.max().sqrt()


def test_many_pixels_are_searched_the_same_in_any_group() -> None:
    ours, single = (run("additive-gp", 40, group=group, encoding=rgb(pixels=12)) for group in (6, 1))
    assert [each.trace for each in ours] == [each.trace for each in single]
    theirs = run("sparse-rs", 40, encoding=rgb(pixels=12))
    assert sum(each.values[0] for each in ours) < sum(each.values[0] for each in theirs)


OTHERS = Hyperparameters((0.87, 0.0, 0.0, 0.13), 0.02, -1.0), Hyperparameters(GRID[0].shares, 0.5, -1.0)


@pytest.mark.parametrize("right", OTHERS)
def test_lengths_and_noise_are_learnt(right: Hyperparameters) -> None:
    """After 100 queries the setting is that of the answers, and all is as if it had been known."""
    found, known = posterior(200, (GRID[0], *OTHERS)), posterior(200, (right,))
    drawn, sets = 5 * effects(found.weights[0], right), random_sets(110, 0)
    noise = torch.randn(110, 2, generator=torch.Generator().manual_seed(4))
    noise *= 5 * (right.noise * PIXELS) ** 0.5
    for place, arms in enumerate(sets):
        for each in (found, known):
            if place == 50:
                each.follow([], sets[:1])
            each.observe(arms[None], drawn[None, :, arms].sum(2) + noise[place])
    assert found.grid[int(found.setting)] is right
    for name in ("mean", "variance", "covariances", "scale", "factor"):
        torch.testing.assert_close(getattr(found, name), getattr(known, name), rtol=1e-3, atol=1e-3)


def test_a_full_window_leaves_means_and_variances() -> None:
    short, long = posterior(window=10), posterior()
    for arms in random_sets(10, 0):
        for each in (short, long):
            each.observe(arms[None], torch.tensor([[1.0, -2.0]]))
    arms = random_sets(1, 5)
    short.follow([], arms)
    short._renew()
    torch.testing.assert_close(short.variance, long.variance)
    assert torch.equal(short.mean, long.mean) and not short.queries.shape[1]
    short.observe(arms, torch.tensor([[0.0, 0.0]]))
    assert short.queries.shape == (1, 1, PIXELS) and (short.variance <= long.variance + 1e-6).all()
    assert short.covariances.shape[1] == PIXELS


def facts(found: Posterior, sets: Tensor, place: int) -> list[Tensor]:
    """All that is known of an image."""
    drawn = found.draw([np.random.default_rng(0) for _ in found.mean])
    parts = found.mean, found.variance, found.covariances, found.scale, found.variances(sets), drawn
    return [each[place].clone() for each in parts]


def test_an_image_has_the_same_bits_whatever_others_there_are() -> None:
    """With hyperparameters of their own, full windows, new incumbents, and images that are finished.

    All settings are as probable as the usual one, so that some images leave it.
    """
    grid, count = tuple(each._replace(log_prior=0.0) for each in GRID), 5
    every, ones = posterior(35, grid, count), [posterior(35, grid, count) for _ in range(count)]
    for place, one in enumerate(ones):
        one.keep([place])
    sets = torch.stack([random_sets(45, seed) for seed in range(count)])
    drawn = torch.stack([3 * effects(one.weights[0], GRID[place]) for place, one in enumerate(ones)])
    here = list(range(count))
    for query in range(45):
        if query in (20, 40):
            gone = len(here) // 2
            every.keep([place for place in range(len(here)) if place != gone])
            del here[gone]
        arms = sets[here, query]
        changes = drawn[here].gather(2, arms[:, None].expand(-1, 2, -1)).sum(2)
        better = [row for row in range(len(here)) if not query or (query + here[row]) % 3 == 0]
        every.observe(arms, changes)
        every.follow(better, arms)
        for row, place in enumerate(here):
            ones[place].observe(arms[row : row + 1], changes[row : row + 1])
            ones[place].follow([0] if row in better else [], arms[row : row + 1])
        if query in (0, 11, 31, 44):
            for row, place in enumerate(here):
                both = facts(every, sets[here, :4], row), facts(ones[place], sets[place : place + 1, :4], 0)
                assert all(map(torch.equal, *both))
    assert len({int(one.setting) for one in ones}) > 1


LOWEST = [
    *((1, 7), (3, 1024), (5, 36), (16, 192), (50, 3136)),
    *((4, 4), (243, 243), (200, 243), (30, 37), (1015, 3072)),
]


@pytest.mark.parametrize(("count", "total"), LOWEST)
def test_the_lowest_values_and_the_first_of_them_are_found_in_blocks(count: int, total: int) -> None:
    values = torch.randn(2, 3, total, generator=torch.Generator().manual_seed(0))
    found, places = lowest(values, count)
    assert torch.equal(found, values.topk(count, 2, largest=False).values)
    assert torch.equal(values.gather(2, places), found)
    alike, rows = values.round(), max(each for each in range(1, 65) if not total % each)
    first = first_lowest(alike, (rows, total // rows))
    assert torch.equal(first, alike.argmin(2, keepdim=True))


@pytest.mark.parametrize("within", [0, 1, 4, 5])
@pytest.mark.parametrize("shape", [(3, 12, 10), (3, 70, 90)])
def test_cells_near_arms_are_those_whose_pixels_are(shape: tuple[int, int, int], within: int) -> None:
    pixels = arms_of(random_images(2, shape), "corners", 2, 3).pixels
    count = pixels.rows.shape[1]
    near = pixels.near(torch.tensor([[0, count + 37], [count - 1, 51]]), within)
    for image, slot, place in ((0, 0, 0), (0, 1, 37), (1, 0, count - 1), (1, 1, 51)):
        rows, columns = pixels.rows[image], pixels.columns[image]
        right = ((rows - rows[place]).abs() <= within) & ((columns - columns[place]).abs() <= within)
        assert sorted({*near[image, slot].tolist()}) == right.nonzero().flatten().tolist()


@pytest.mark.parametrize("shape", [(3, 12, 10), (1, 5, 5), (5, 8, 8), (3, 70, 90)])
def test_arms_are_the_furthest_colours_of_the_pixels_that_they_change_most(
    shape: tuple[int, int, int],
) -> None:
    image, cell = random_images(1, shape), cell_side(*shape[1:], 3)
    arms, choices = arms_of(image, "corners", 2, 3), corner_colours(shape[0], image)[0]
    pixels, shown = arms.pixels, arms.colours.view(1, 2, -1, shape[0])
    assert cell == (2 if shape[1] > 64 else 1)
    assert pixels.lattice == (-(-shape[1] // cell), -(-shape[2] // cell))
    for place in range(0, pixels.rows.shape[1], 37):
        top, left = place // pixels.lattice[1] * cell, place % pixels.lattice[1] * cell
        block = image[0, :, top : top + cell, left : left + cell]
        lengths = torch.cdist(block.flatten(1).T.double(), choices.double())
        best = int(lengths.amax(1).argmax())
        wide = block.shape[2]
        assert (int(pixels.rows[0, place]), int(pixels.columns[0, place])) == (
            top + best // wide,
            left + best % wide,
        )
        own = (shown[0, :, place].double() / 255 - block.flatten(1)[:, best].double()).square().sum(1).sqrt()
        torch.testing.assert_close(own, lengths[best].sort(descending=True).values[:2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", range(1, 7))
def test_effects_of_colours_are_of_contrast_grey_and_chroma(channels: int) -> None:
    """The prior variance of an arm is that of the definition, of groups of channels where there are many."""
    shape = channels, 6, 5
    image, count = random_images(1, shape), min(channels, 4)
    arms = arms_of(image, "corners", 2, 3)
    cells = torch.arange(arms.colours.shape[1]) % 30
    change = arms.colours[0].double() / 255 - image[0].flatten(1).T.double()[cells]
    group = torch.arange(channels) * count // channels
    means = torch.stack([change[:, group == each].mean(1) for each in range(count)], 1)
    apart = (means - means.mean(1, keepdim=True)).square().sum(1) * 3 / means.shape[1]
    size = change.square().sum(1) * 2.5 / channels + 0.9 * change.mean(1).square() + 0.25 * apart
    rows, columns = ((torch.arange(side) + 0.5) / side - 0.5 for side in shape[1:])
    away = (rows.square()[:, None] + columns.square()).flatten()[cells].double()
    amplitude = 0.15 + 1.35 * torch.exp(-away / (2 * 0.34**2))
    variance = arms.weights[0].double().square().sum(0)
    torch.testing.assert_close(variance, size * amplitude.square(), rtol=1e-4, atol=1e-6)
    assert arms_of(image, "corners", 2, 10).weights.shape[1] == 2  # sets of many pixels: no chroma


def test_a_palette_has_colours_of_the_image_and_repeats_are_not_used() -> None:
    image = levels(torch.tensor([[0, 10], [200, 200]], dtype=torch.uint8).expand(1, 3, -1, -1))
    (palette,) = image_palettes(image, 8)
    assert palette[:3].tolist() == [[0] * 3, [200] * 3, [10] * 3]
    arms = arms_of(image, "palette", None, 1)
    assert arms.pixels.usable[0].view(8, 4).sum(0).tolist() == [3, 3, 3, 3]


def test_candidates_leave_room_for_their_pixels() -> None:
    assert [cell_side(224, 224, slots) for slots in (1, 50, 784, 785, 12544)] == [4, 4, 4, 3, 1]
    assert cell_side(64, 64, 1) == 1 and cell_side(300, 100, 1) == 2


LINEAR = torch.randn(3 * 12 * 12, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def linear(images: Tensor) -> Tensor:
    """Logits ``(n, 4)``: every pixel adds its own part."""
    return (images.flatten(1).double() @ LINEAR).float() + torch.tensor([40.0, 0, 0, 0])


def run(
    strategy: str, budget: int, oracle: Oracle = linear, *, group: int = 6, **others: Any
) -> list[Outcome]:
    images = random_images(6, (3, 12, 12))
    given: dict[str, Any] = {"encoding": rgb(pixels=3), "labels": torch.zeros(6, dtype=torch.int64)}
    problem = Problem(oracle, images=images, checked=True, **(given | others))
    found = attack(problem, load("strategies", strategy), budget, group=group, clean="keep")
    return [each for each in found if isinstance(each, Outcome)]


@pytest.mark.parametrize("scores", ["all", "fitness"])
@pytest.mark.parametrize("targeted", [False, True])
def test_learns_additive_effects(scores: str, targeted: bool) -> None:
    """On a linear oracle, whose pixels add up but are not alike, it comes closer than Sparse-RS."""
    others: dict[str, Any] = {"labels": torch.full((6,), 2), "targeted": True} if targeted else {}
    ours, theirs = (
        sum(each.values[0] for each in run(name, 80, **others))
        for name in (f"additive-gp(scores={scores})", "sparse-rs")
    )
    clean = linear(random_images(6, (3, 12, 12)))
    start = float((clean[:, 0] - clean[:, 2 if targeted else 1 :].amax(1)).sum())
    assert start - ours > 1.1 * (start - theirs)


def shown(pixels: int, shape: tuple[int, int, int], strategy: str = "additive-gp") -> tuple[Tensor, int]:
    """What a search of 400 queries shows of one image that nothing fools, and how many queries it cost."""
    seen: list[Tensor] = []

    def sums(images: Tensor) -> Tensor:
        seen.append(images.clone())
        return torch.stack([images.flatten(1).sum(1) + 50, torch.zeros(len(images))], 1)

    image, labels = random_images(1, shape), torch.zeros(1, dtype=torch.int64)
    problem = Problem(sums, corners(pixels=pixels), image, labels, checked=True, pad=1)
    (outcome,) = attack(problem, load("strategies", strategy), 400, clean="keep")
    assert isinstance(outcome, Outcome) and not outcome.error
    every = torch.cat(seen)
    return every[(every != image).flatten(1).any(1)], outcome.queries


def distinct(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_one_pixel_shows_every_arm_once_and_then_ends() -> None:
    images, queries = shown(1, (3, 4, 3))
    assert queries == 4 * 3 * 8 and len(distinct(images)) == queries


def test_no_set_is_shown_twice_and_an_image_ends_when_all_were_shown() -> None:
    images, queries = shown(2, (1, 2, 2))
    assert queries == 6 * 4 and len(distinct(images)) == queries  # pairs of pixels, each black or white


def test_a_small_mask_is_searched_in_all_colours() -> None:
    mask = torch.zeros(6, 5, dtype=torch.bool)
    mask[2, 1:4] = True
    images = levels(torch.full((1, 3, 6, 5), 100))
    wanted = images.clone()  # the darkest: of the eight corners black is the one that changes 100 least
    wanted[:, :, mask] = 0

    def oracle(shown: Tensor) -> Tensor:
        fooled = (shown == wanted).flatten(1).all(1).float()
        return torch.stack([0.5 - fooled, fooled - 0.5], 1)

    problem = Problem(oracle, corners(pixels=3), images, torch.tensor([0]), mask=mask)
    (outcome,) = attack(problem, load("strategies", "additive-gp"), budget=3000)
    assert isinstance(outcome, Outcome) and outcome.first_fooled


def test_a_search_that_found_nothing_goes_on_near_its_best_set() -> None:
    """After hundreds of queries most are one pixel from an earlier one, which random sets rarely are."""
    images, queries = shown(3, (3, 9, 9))
    assert queries == 400
    changes, near = images.flatten(2), 0
    for place in range(200, 400):
        other = (changes[:place] != changes[place]).any(1).sum(1).min()
        near += int(other) <= 2  # the pixel that one has, and that which the other has
    assert near > 120


def test_results_do_not_depend_on_the_memory() -> None:
    usual, little = (run(f"additive-gp{settings}", 15) for settings in ("", "(memory=1)"))
    assert [each.trace for each in usual] == [each.trace for each in little]


def test_results_do_not_depend_on_the_window_before_it_is_full() -> None:
    assert [each.trace for each in run("additive-gp", 30)] == [
        each.trace for each in run("additive-gp(window=30)", 30)
    ]
    assert all(each.queries == 40 for each in run("additive-gp(window=5)", 40))


REFUSED = {
    "additive-gp(colours=palette)": (
        "additive-gp's colours=palette needs an encoding of all 8-bit colours, such as rgb"
    ),
    "additive-gp(window=0)": "additive-gp needs a window of at least 1, not 0",
    "additive-gp(memory=0)": "additive-gp needs a memory of at least 1 MB, not 0",
    "additive-gp(scores=all)": "additive-gp's scores=all needs the fitness margin: use scores=fitness",
}


@pytest.mark.parametrize("spec", REFUSED)
def test_what_does_not_fit_is_refused(spec: str) -> None:
    fitness: dict[str, Any] = {"fitness": (probability,)} if "scores" in spec else {}
    with pytest.raises(InputError) as refusal:
        run(spec, 5, encoding=corners(pixels=3), **fitness)
    assert str(refusal.value) == REFUSED[spec]


def test_other_fitness_functions_are_searched_by_their_values() -> None:
    def flat(images: Tensor) -> Tensor:
        return linear(images) / 20

    few, many = (run("additive-gp", budget, flat, fitness=(probability,)) for budget in (10, 80))
    assert all(more.values < less.values for less, more in zip(few, many, strict=True))


def test_scores_of_probabilities_are_modelled_by_their_logarithms() -> None:
    def probabilities(images: Tensor) -> Tensor:
        return linear(images).double().softmax(1)

    probabilities.scale = "probabilities"  # type: ignore[attr-defined]
    for one, other in zip(run("additive-gp", 20), run("additive-gp", 20, probabilities), strict=True):
        assert one.positions.tolist() == other.positions.tolist()


def scaled_linear(size: float, masked: float | None = None) -> Oracle:
    """Ten classes, and an eleventh of a constant score if ``masked``: class 0 leads by far."""
    weights = torch.randn(10, 108, generator=torch.Generator().manual_seed(4))

    def scores(images: Tensor) -> Tensor:
        found = size * (images.flatten(1).double() @ weights.T.double()).float()
        found[:, 0] += 60 * size
        return (
            found if masked is None else torch.cat([found[:, :9], torch.full_like(found[:, :1], masked)], 1)
        )

    return scores


def outcomes(oracle: Oracle, pixels: int, **more: Any) -> list[Outcome]:
    labels = torch.zeros(2, dtype=torch.int64)
    problem = Problem(oracle, rgb(pixels=pixels), random_images(2, (3, 6, 6)), labels, **more)
    return [
        each for each in attack(problem, load("strategies", "additive-gp"), 30) if isinstance(each, Outcome)
    ]


@pytest.mark.parametrize("pixels", [1, 3])
def test_a_masked_class_is_no_noise_for_the_others(pixels: int) -> None:
    """One score of -1e9 leads by numbers that float32 rounds to multiples of 64."""
    far, farther = (outcomes(scaled_linear(10.0, masked), pixels) for masked in (-1e8, -1e9))
    assert far and [each.positions.tolist() for each in far] == [each.positions.tolist() for each in farther]
    assert [each.values for each in far] == [each.values for each in farther]


@pytest.mark.parametrize("pixels", [1, 3])
@pytest.mark.parametrize("size", [1e-3, 1e9, 1e20])
def test_scores_of_any_size_are_searched(size: float, pixels: int) -> None:
    found = outcomes(scaled_linear(size), pixels)
    assert [(each.queries, each.error) for each in found] == [(30, "")] * 2


@pytest.mark.parametrize("pixels", [1, 3])
def test_an_infinite_fitness_ends_no_search(pixels: int) -> None:
    def limited(queries: Queries) -> Tensor:
        """The margin, but infinite where the change is long."""
        long = queries.differences.flatten(1).square().sum(1) > 1.8 * pixels
        return torch.where(long, torch.inf, queries.margin)

    found = outcomes(scaled_linear(1.0), pixels, fitness=(limited,))
    assert [(each.queries, each.error) for each in found] == [(30, "")] * 2
