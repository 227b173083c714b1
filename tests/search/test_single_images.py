"""Single images decide: near a margin of zero, about the value that is kept, and what is shown for that."""

from functools import partial
from typing import Any

import pytest
import torch
from linear_problem import SHAPE, linear, problem, rounding
from problems import attack, random_images, uniform
from registered import registered
from torch import Tensor

from sparseattack import Edits, InputError, Outcome, Problem, Strategy, corners, load, rgb, spent, uses_of
from sparseattack.errors import SparseattackWarning
from sparseattack.plugins import registry
from sparseattack.plugins.spec import extra_objectives, settings_of
from sparseattack.problem.fitness import margin
from sparseattack.problem.purity import PROBES


@pytest.mark.parametrize(("beside_others", "alone"), [(-3e-6, 3e-6), (3e-6, -3e-6)])
def test_a_margin_within_rounding_of_zero_is_decided_by_the_single_image(
    beside_others: float, alone: float
) -> None:
    """All candidates have one of two margins, by the number of images in their call."""

    labels = torch.zeros(3, dtype=torch.int64)
    for outcome in attack(problem(rounding(beside_others, alone), labels=labels), uniform, 30):
        assert outcome.first_fooled == (1 if alone < 0 else 0)
        assert outcome.values[0] == pytest.approx(alone)
        assert outcome.verifications >= 2


@pytest.mark.parametrize("scale", ["logits", "probabilities"])
@pytest.mark.parametrize(("popsize", "until"), [(7, spent), (1, spent)])
def test_the_stored_value_is_that_of_the_single_image(scale: str, popsize: int, until: Any) -> None:
    def wavers(images: Tensor) -> Tensor:
        scores = linear(images) * (1 + 1e-6 * len(images))
        return scores if scale == "logits" else scores.softmax(1)

    wavers.scale = scale  # type: ignore[attr-defined]
    here = problem(wavers, until=until)
    for image, label, outcome in zip(
        here.images, here.labels, attack(here, partial(uniform, popsize=popsize), 40), strict=True
    ):
        scores = wavers(outcome.paint(image)[None])
        logs = scores if scale == "logits" else scores.log()
        others = logs.scatter(1, label.view(1, 1), -torch.inf).amax()
        assert outcome.values[0] == pytest.approx(float(logs[0, label] - others), rel=1e-6 / 4)


def test_an_oracle_that_never_rounds_is_shown_no_single_image() -> None:
    shown: list[int] = []

    def exact(images: Tensor) -> Tensor:
        shown.append(len(images))
        return torch.tensor([2.0, 2.0, -1.0]).expand(len(images), -1)

    exact.rounding = 0  # type: ignore[attr-defined]
    outcomes = attack(problem(exact, labels=torch.zeros(3, dtype=torch.int64), checked=True), uniform, 30)
    assert sum(shown) == 90 and all(each.verifications == 0 for each in outcomes)


def test_calls_of_one_image_are_not_repeated() -> None:
    shown: list[int] = []

    def single(images: Tensor) -> Tensor:
        shown.append(len(images))
        return torch.tensor([2.0, 2.0, -1.0]).expand(len(images), -1)

    single.batch = 1  # type: ignore[attr-defined]
    attack(problem(single, labels=torch.zeros(3, dtype=torch.int64), checked=True), uniform, 30)
    assert shown == [1] * 90


class Endpoint:
    """A plain function that counts what it is shown."""

    def __init__(self) -> None:
        self.rows, self.calls = 0, 0

    def __call__(self, images: Tensor) -> Tensor:
        self.rows, self.calls = self.rows + len(images), self.calls + 1
        return linear(images)


def attacked(name: str, count: int, **others: Any) -> tuple[Problem, list[Outcome]]:
    plugin = registry.find("strategies", name)
    strategy: Strategy = partial(plugin, **({"popsize": 9} if "popsize" in settings_of(plugin) else {}))
    objectives = tuple(load("fitness", one) for one in extra_objectives(strategy))
    here = problem(Endpoint(), count, fitness=(margin, *objectives), encoding=corners(), **others)
    return here, attack(here, strategy, 60)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", registered(any_colours=True))
def test_a_plain_function_is_shown_what_is_charged_and_what_decides_and_nothing_else(
    name: str, count: int
) -> None:
    here, outcomes = attacked(name, count)
    charged = sum(each.queries - each.repeats for each in outcomes)
    assert isinstance(here.oracle, Endpoint)
    rows = here.oracle.rows  # before the problem is asked about its oracle, which tries it again
    known = "scores" in uses_of(registry.find("strategies", name)) or name == "pixle"  # which uses the value
    clean = count if known else 0
    decisive = sum(each.verifications for each in outcomes)
    checks = here.purity.evaluations + min(PROBES, count)  # before, and at the end
    assert rows == charged + clean + checks + decisive
    assert all(1 <= each.verifications <= 2 for each in outcomes)  # the best edit, and one near zero at most


def test_an_oracle_that_asks_for_blocks_has_padding_beside_that() -> None:
    class Blocks(Endpoint):
        block = 16

        def __call__(self, images: Tensor) -> Tensor:
            assert len(images) % 16 == 0 or len(images) == 1
            return super().__call__(images)

    images = random_images(2, SHAPE)
    here = Problem(Blocks(), rgb(), images, linear(images).argmax(1))
    attack(here, uniform, 21)
    assert here.oracle.rows > 2 * 21 + 14  # type: ignore[attr-defined]


class Sparse:
    """Answers edits with scores that are off by a rounding."""

    def __call__(self, images: Tensor) -> Tensor:
        return linear(images)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        return linear(edits.paint(images, rows)) * (1 + 1e-6)


class Wrong(Sparse):
    """Answers edits with other scores than those of the edited images; its calls agree with one another."""

    rounding = 0

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        return -linear(edits.paint(images, rows))


def test_a_success_that_is_none_as_a_single_image_is_no_success() -> None:
    here = problem(Wrong(), sparse=True, checked=True)
    with pytest.warns(
        SparseattackWarning, match="3 successes of queries to oracle Wrong failed when the edit"
    ):
        outcomes = attack(here, uniform, 50)
    assert all(each.first_fooled and each.values[0] > 0 for each in outcomes)
    assert all(each.unverified and not each.fooled for each in outcomes)
    assert not any(each.unverified for each in attack(problem(linear), uniform, 50))


def test_edits_that_have_other_scores_than_the_edited_images_are_refused_before_an_attack() -> None:
    with pytest.raises(
        InputError, match=r"answer_edits of oracle Wrong gives edits other scores.*sparse=False"
    ):
        attack(problem(Wrong(), sparse=True), uniform, 50)
    assert attack(problem(Wrong(), sparse=False), uniform, 50)
    assert attack(problem(Sparse(), sparse=True), uniform, 50)


def test_sparse_inference_is_decided_by_whole_single_images() -> None:
    dense, sparse = (
        attack(problem(oracle, until=spent, sparse=True), uniform, 50) for oracle in (linear, Sparse())
    )
    assert [each.values for each in sparse] == [each.values for each in dense]
    assert [each.first_fooled for each in sparse] == [each.first_fooled for each in dense]
