"""Attacks of other libraries: what they show their model is what is counted, and no thread is left."""

import gc
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from command_line import Run
from problems import attack, random_images, scripted_problem
from torch import Tensor, nn

from sparseattack import (
    ImageSearch,
    InputError,
    Problem,
    Space,
    Strategy,
    StrategyError,
    corners,
    levels,
    load,
    load_images,
    per_image,
    rgb,
    uses,
)
from sparseattack.data.images import eight_bit
from sparseattack.problem.space import stream
from sparseattack.search.isolation import IsolatedRandomState
from sparseattack.strategies.external.model_calls import LibraryThread, Model, metered

NAMES = {
    "torchattacks-onepixel": "torchattacks",
    "torchattacks-pixle": "torchattacks",
    "art-pixel": "art.attacks.evasion",
    "art-pixel(es=cmaes)": "art.attacks.evasion",
}


def named(spec: str) -> Strategy:
    """The strategy; the test is skipped without its library."""
    pytest.importorskip(NAMES.get(spec.partition("(")[0], "torch"))
    found: Strategy = load("strategies", spec)
    return found


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert set(threading.enumerate()) <= before


class BudgetSpentError(BaseException):
    """Ends a library that is run by hand; it would handle a StopIteration."""


class Counted(nn.Module):
    """A network by hand: rows are rounded to 8 bits and counted, and the row that first fooled it is kept."""

    def __init__(self, oracle: Any, label: int, budget: int, *, rounded: bool = True) -> None:
        super().__init__()
        self.oracle, self.label, self.budget, self.rounded = oracle, label, budget, rounded
        self.rows = self.first = 0
        self.weight = nn.Parameter(torch.empty(0), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        if self.rows >= self.budget:
            raise BudgetSpentError
        scores: Tensor = self.oracle(levels(eight_bit(images)) if self.rounded else images)
        wrong = (scores.argmax(1) != self.label).nonzero()[:, 0]
        if len(wrong) and not self.first and self.rows + int(wrong[0]) < self.budget:
            self.first = self.rows + int(wrong[0]) + 1
        self.rows += len(images)
        return scores


ByHand = Callable[[Counted, Tensor, Tensor, int], Tensor]


def one_pixel(network: Counted, image: Tensor, label: Tensor, k: int) -> Tensor:
    from torchattacks import OnePixel

    found: Tensor = OnePixel(network, pixels=k, steps=10, popsize=10)(image, label)
    return found


def pixle(network: Counted, image: Tensor, label: Tensor, k: int) -> Tensor:
    from torchattacks import Pixle

    found: Tensor = Pixle(network, x_dimensions=1, y_dimensions=1, restarts=k)(image, label)
    return found


def art(es: int, max_iter: int) -> ByHand:
    return partial(pixel_attack, {"es": es, "max_iter": max_iter})


def pixel_attack(settings: dict[str, int], network: Counted, image: Tensor, label: Tensor, k: int) -> Tensor:
    from art.attacks.evasion import PixelAttack, pixel_threshold
    from art.estimators.classification import PyTorchClassifier

    classes, shape = network.oracle(image).shape[1], tuple(image.shape[1:])
    victim = PyTorchClassifier(
        network, nn.CrossEntropyLoss(), shape, classes, clip_values=(0.0, 1.0), device_type="cpu"
    )
    pixel_threshold.tqdm.monitor_interval = 0  # by hand it starts a thread for its bars
    made = PixelAttack(victim, th=k, **settings).generate(image.numpy(), label.numpy())
    return torch.from_numpy(made)


@contextmanager
def pycma_without_the_clock() -> Iterator[None]:
    """ART lets pycma seed numpy's global state by the clock: here it draws from that state as it is."""
    import cma

    usual = cma.CMAOptions
    cma.CMAOptions = partial(usual, seed=np.nan)
    try:
        yield
    finally:
        cma.CMAOptions = usual


HANDS: dict[str, ByHand] = {
    "torchattacks-onepixel": one_pixel,
    "torchattacks-pixle": pixle,
    "art-pixel": art(1, 100),
    "art-pixel(es=cmaes)": art(0, 100),
}


def whole_numbers(images: Tensor) -> Tensor:
    """Logits ``(n, 3)`` of a linear classifier, exact in any batch."""
    pixels = eight_bit(images).flatten(1).double()
    weights = torch.arange(pixels.shape[1] * 3, dtype=torch.float64).mul(37).remainder(101).view(-1, 3)
    logits = (pixels @ (weights - 50)) / 2**14
    return logits.float()


@pytest.mark.parametrize(("spec", "k", "budget"), [
    ("torchattacks-onepixel", 1, 120),
    ("torchattacks-onepixel", 3, 180),
    ("torchattacks-pixle", 2, 41),
    ("art-pixel", 1, 801),
    ("art-pixel(es=cmaes)", 2, 55),
])  # fmt: skip
def test_its_queries_are_the_rows_that_the_library_shows_by_hand(spec: str, k: int, budget: int) -> None:
    """Image by image, from the same random stream: as many rows, and the same one is the first success."""
    strategy, images = named(spec), random_images(8, (3, 8, 8))
    labels = whole_numbers(images).argmax(1)
    problem = Problem(whole_numbers, rgb(pixels=k), images, labels, sparse=False)
    outcomes = attack(problem, strategy, budget, key=spec)
    for image, label, outcome in zip(images, labels, outcomes, strict=True):
        network = Counted(whole_numbers, int(label), budget)
        state = IsolatedRandomState(stream(0, spec, image, int(label)))
        with state.active(), pycma_without_the_clock(), suppress(BudgetSpentError):
            HANDS[spec](network, image[None], label[None], k)
        assert (outcome.first_fooled, outcome.error) == (network.first, "")
        assert outcome.queries <= budget and (outcome.fooled or outcome.queries == budget)
        assert outcome.queries <= network.rows or not outcome.fooled
    assert sum(outcome.fooled for outcome in outcomes) > 0


@pytest.mark.parametrize(("spec", "k", "budget"), [
    ("torchattacks-onepixel(popsize=15)", 2, 130),
    ("torchattacks-pixle", 3, 130),
    ("art-pixel(max_iter=1)", 1, 1300),
    ("art-pixel(es=cmaes,max_iter=5)", 2, 130),
])  # fmt: skip
def test_the_queries_reported_are_those_that_a_counting_model_saw(spec: str, k: int, budget: int) -> None:
    """It is run again when it returns, and every budget is spent to the last query, by duplicates too."""
    problem = scripted_problem(encoding=rgb(pixels=k), images=random_images(3, (3, 6, 6)), pad=1)
    shown = list[int]()

    def oracle(images: Tensor) -> Tensor:
        shown.append(len(images))
        return torch.tensor([[3.0, 2.0, 1.0]]).repeat(len(images), 1) + images.flatten(1)[:, :3]

    outcomes = attack(replace(problem, oracle=oracle), named(spec), budget)
    clean = 3 + 1  # of each image, and of the first in a trial that sizes the groups
    assert [outcome.queries for outcome in outcomes] == [budget] * 3
    assert 3 * budget <= sum(shown) <= 3 * budget + clean + sum(each.verifications for each in outcomes)
    assert all(outcome.restarts > 0 for outcome in outcomes)


SAME = {  # k, budget and what the library is run with by hand
    "torchattacks-onepixel": (1, 120, one_pixel),
    "torchattacks-pixle": (3, 61, pixle),
    "art-pixel(max_iter=1)": (1, 803, art(1, 1)),
    "art-pixel(es=cmaes,max_iter=12)": (1, 109, art(0, 12)),
}


@pytest.mark.parametrize("spec", SAME)
def test_as_many_successes_as_the_library_reports_by_hand(spec: str) -> None:
    """One run of the library on images of the sample, as a user runs it: real colours, its own verdict."""
    k, budget, by_hand = SAME[spec]
    strategy, network = named(spec), load("oracles", "allconv-small")()
    sample = load_images("sample[0:16]" if budget < 200 else "sample[0:10]")  # 803 queries take a while
    images, labels = sample.floats(), torch.as_tensor(sample.labels)
    correct = network(images).argmax(1) == labels
    images, labels = images[correct], labels[correct]
    outcomes = attack(Problem(network, rgb(pixels=k), images, labels, sparse=False), strategy, budget)
    successes, theirs = [outcome.fooled for outcome in outcomes], list[bool]()
    torch.manual_seed(1), np.random.seed(1)
    for image, label in zip(torch.split(images, 1), torch.split(labels, 1), strict=True):
        counted = Counted(network, int(label), 10**9, rounded=False)
        found = by_hand(counted, image, label, k)
        theirs.append(bool(network(found).argmax() != label))
        assert counted.rows <= budget
    assert len(images) > 6 and sum(theirs) < len(images)
    assert abs(sum(successes) - sum(theirs)) <= 3


def shows(*changes: tuple[int, float]) -> Strategy:
    """A library's attack that shows the clean image, then one with each pixel ``(column, grey)`` set."""

    @uses("image", "scores", "external")
    @per_image
    def strategy(space: Space, random: np.random.RandomState) -> ImageSearch:
        def library(model: Model) -> None:
            image = space.images.clone()
            model(image)
            for column, grey in changes:
                image[..., 0, column] = grey
            answer = model(image)
            assert answer.shape == (1, 3) and torch.equal(answer, space.scores[0])

        return metered(space, library, "fake")

    return strategy


def test_an_image_is_a_candidate_of_its_changed_pixels_and_8_bit_colours() -> None:
    images = random_images(1, (3, 4, 4))
    problem = scripted_problem(count=1, images=images, encoding=rgb(pixels=3))
    shown = list[Tensor]()

    def oracle(images: Tensor) -> Tensor:
        shown.append(images.clone())
        return images.flatten(1)[:, :3] + torch.tensor([5.0, 0.0, 0.0])

    (outcome,) = attack(replace(problem, oracle=oracle), shows((1, 0.5001), (3, 0.999)), 2)
    expected = images.clone()
    expected[..., 0, 1], expected[..., 0, 3] = 128 / 255, 1.0
    assert outcome.queries == 2 and any(torch.equal(each, images) for each in shown)
    assert any(torch.equal(each, expected) for each in shown), [each.shape for each in shown]


def test_an_image_of_more_than_k_changed_pixels_ends_its_image_in_one_sentence() -> None:
    (outcome,) = attack(scripted_problem(count=1), shows((0, 0.9), (1, 0.9)), 9)
    assert outcome.error == "StrategyError: fake showed its model an image with 2 changed pixels, and k is 1"
    assert outcome.queries == 1


@pytest.mark.parametrize(("spec", "k", "encode", "shape", "said"), [
    ("torchattacks-onepixel", 1, corners, (3, 6, 6), "torchattacks-onepixel paints any 8-bit colour"),
    ("torchattacks-onepixel(steps=0)", 1, rgb, (3, 6, 6), "needs at least 1 step, not 0"),
    ("torchattacks-onepixel(popsize=0)", 1, rgb, (3, 6, 6), "needs a popsize of at least 1, not 0"),
    ("torchattacks-pixle", 1, rgb, (3, 6, 5), "torchattacks-pixle needs square images, not 6 x 5"),
    ("torchattacks-pixle(restarts=20)", 3, rgb, (3, 6, 6), "changes up to 20 pixels in 20 restarts of 1 x 1"),
    ("torchattacks-pixle(x_dimensions=2)", 1, rgb, (3, 6, 6), "up to 2 pixels in 1 restarts of 2 x 1"),
    ("torchattacks-pixle(y_dimensions=0)", 1, rgb, (3, 6, 6), "needs a y_dimensions of at least 1, not 0"),
    ("torchattacks-pixle(max_iterations=0)", 1, rgb, (3, 6, 6), "needs at least 1 iteration, not 0"),
    ("torchattacks-pixle(pixel_mapping=distance)", 1, rgb, (3, 1, 1), "needs more than one pixel for"),
    ("art-pixel(max_iter=0)", 1, rgb, (3, 6, 6), "art-pixel needs a max_iter of at least 1, not 0"),
])  # fmt: skip
def test_what_cannot_be_is_refused(spec: str, k: int, encode: Any, shape: Any, said: str) -> None:
    problem = scripted_problem(encoding=encode(pixels=k), images=random_images(3, shape))
    with pytest.raises(InputError, match=said):
        attack(problem, named(spec), 10)


@pytest.mark.parametrize("spec", NAMES)
def test_a_mask_is_refused(spec: str) -> None:
    """The libraries know none: what they ask outside it would be the clean image, and charged."""
    problem = scripted_problem(encoding=rgb(pixels=2), images=random_images(3, (3, 6, 6)))
    masked = replace(
        problem, mask=torch.arange(problem.images[0, 0].numel()).view(problem.images.shape[2:]) > 3
    )
    with pytest.raises(InputError, match="knows no mask"):
        attack(masked, named(spec), 10)


def test_art_refuses_two_classes() -> None:
    problem = scripted_problem(oracle=lambda images: images.flatten(1)[:, :2] + 1)
    with pytest.raises(InputError, match="art-pixel needs more than 2 classes"):
        attack(problem, named("art-pixel"), 10)


@pytest.mark.parametrize("spec", NAMES)
@pytest.mark.parametrize("scale", ["logits", "probabilities"])
def test_a_target_is_reached(spec: str, scale: str) -> None:
    """The target wins by its red: an image whose pixels have changed to more red is a success."""
    images = levels(torch.full((2, 3, 4, 4), 60))
    images[:, 0, 1, 1] = 1.0  # for Pixle to copy

    def oracle(shown: Tensor) -> Tensor:
        red = (shown[:, 0].sum((1, 2)) - images[0, 0].sum() - 0.2) * 5
        logits = torch.stack([torch.zeros_like(red), red, red - 9], 1)
        return logits.softmax(1) if scale == "probabilities" else logits

    oracle.scale = scale  # type: ignore[attr-defined]
    labels = torch.ones(2, dtype=torch.int64)
    problem = Problem(oracle, rgb(pixels=2), images, labels, targeted=True)
    outcomes = attack(problem, named(spec), 900)
    assert all(outcome.fooled and not outcome.error for outcome in outcomes)


def test_the_library_sees_the_probabilities_themselves() -> None:
    """Its softmax of what it is given is the oracle's probability."""
    torchattacks = pytest.importorskip("torchattacks")
    from sparseattack.strategies.external.torchattacks_network import LibraryNetwork

    answer = torch.tensor([[0.7, 0.3, 0.0]])

    def oracle(images: Tensor) -> Tensor:
        return answer.expand(len(images), 3)

    oracle.scale = "probabilities"  # type: ignore[attr-defined]
    problem = Problem(oracle, rgb(), random_images(1), torch.tensor([0]), checked=True)
    here = problem.space(slice(1), 9, 0, "", uses=frozenset({"scores"}))
    network = LibraryNetwork(here, lambda images: answer)
    assert torch.allclose(network(torch.zeros(1, 3, 6, 5)).softmax(1), answer, atol=1e-7)
    assert torchattacks.OnePixel(network).device == torch.device("cpu")


class Stubborn:
    """A library that handles whatever its model raises, several times over."""

    def __init__(self) -> None:
        self.raised = 0

    def __call__(self, model: Model) -> None:
        while self.raised < 4:
            try:
                model(torch.zeros(1, 3, 2, 2))
            except BaseException:
                self.raised += 1


def test_a_thread_is_ended_even_if_the_library_goes_on() -> None:
    library = Stubborn()
    run = LibraryThread(library)
    assert run.resume(None) is not None and run.resume(torch.zeros(1, 2)) is not None
    run.end()
    assert library.raised == 4 and not run.thread.is_alive()


def test_a_thread_that_was_not_started_or_has_ended_is_ended() -> None:
    LibraryThread(lambda model: None).end()
    done = LibraryThread(lambda model: None)
    assert done.resume(None) is None
    done.end()


@pytest.mark.parametrize("spec", NAMES)
def test_a_search_that_is_dropped_leaves_no_thread(spec: str) -> None:
    images = random_images(2, (3, 6, 6))
    problem = Problem(whole_numbers, rgb(), images, whole_numbers(images).argmax(1))
    space = problem.with_scale().space(slice(2), 100, 0, "", uses=frozenset({"image", "scores", "external"}))
    search = named(spec)(space)
    next(search)
    assert threading.active_count() > 2
    del search  # the fixture counts


def test_an_interrupted_attack_leaves_no_thread() -> None:
    calls = 0

    def interrupted(images: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise KeyboardInterrupt
        return images.flatten(1)[:, :3] + torch.tensor([9.0, 0, 0])

    with pytest.raises(KeyboardInterrupt):
        attack(scripted_problem(oracle=interrupted), shows((0, 0.9)), 90)


def test_a_library_that_fails_ends_its_image_and_its_thread() -> None:
    @uses("image", "scores", "external")
    @per_image
    def failing(space: Space, random: np.random.RandomState) -> ImageSearch:
        def library(model: Model) -> None:
            model(space.images)
            raise ArithmeticError("no such matrix")

        return metered(space, library, "fake")

    outcomes = attack(scripted_problem(), failing, 9)
    assert {outcome.error for outcome in outcomes} == {"ArithmeticError: no such matrix"}


def test_a_library_that_asks_nothing_is_refused() -> None:
    @uses("image", "scores", "external")
    @per_image
    def silent(space: Space, random: np.random.RandomState) -> ImageSearch:
        return metered(space, lambda model: None, "fake")

    with pytest.raises(StrategyError, match="fake returned without showing its model an image"):
        attack(scripted_problem(), silent, 9)


def test_at_most_64_images_have_a_thread_at_once() -> None:
    most = 0

    def oracle(images: Tensor) -> Tensor:
        nonlocal most
        most = max(most, threading.active_count())
        return images.flatten(1)[:, :3] + torch.tensor([9.0, 0, 0])

    before = threading.active_count()
    outcomes = attack(scripted_problem(oracle=oracle, count=150), shows((0, 0.9)), 6)
    assert 10 < most - before <= 64 and [outcome.queries for outcome in outcomes] == [6] * 150


@pytest.mark.parametrize("spec", NAMES)
def test_it_is_quiet_and_writes_no_file(
    spec: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    strategy = named(spec)
    capfd.readouterr()
    attack(scripted_problem(images=random_images(3, (3, 6, 6))), strategy, 60)
    assert capfd.readouterr() == ("", "") and not list(tmp_path.iterdir())


def test_lists_and_tables_say_that_it_is_external_and_metered(run: Run, tmp_path: Any) -> None:
    listed = {entry["name"]: entry["uses"] for entry in json.loads(run("list", "--json").out)["strategies"]}
    for spec in NAMES:
        if "(" not in spec:
            assert listed[spec] == ["external", "image", "scores"]
    assert run("list").out.count("external,") == 3
    named("torchattacks-onepixel")
    command = ["compare", "-s", "torchattacks-onepixel,random", "--images", "sample[0:2]", "--budget", "30"]
    told = run(*command, "--study", str(tmp_path / "a.study")).out
    assert "image, scores; external, metered" in " ".join(told.split())
    assert "external, metered: the attack of another library" in " ".join(told.split())
