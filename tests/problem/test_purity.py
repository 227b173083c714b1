"""An oracle that is no function of the image alone is refused before it is attacked."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from linear_problem import SHAPE, linear, problem
from problems import attack, outcome_facts, outcomes_of, random_images, uniform
from torch import Tensor, nn
from torch.nn import functional

from sparseattack import Classifier, InputError, Oracle, OracleError, Problem, corners, load, rgb, spent
from sparseattack import attack as attack_as_users_do
from sparseattack.errors import ChangedError, SparseattackWarning
from sparseattack.problem.purity import probes, purity, share_of


def dropout(images: Tensor) -> Tensor:
    return linear(functional.dropout(images, 0.3))


def batch_statistics(images: Tensor) -> Tensor:
    return linear(functional.batch_norm(images, None, None, training=True))


def out_of_order(images: Tensor) -> Tensor:
    scores = linear(images)
    return scores[scores[:, 0].argsort()]


def aging() -> Oracle:
    calls = iter(range(10**9))
    return lambda images: linear(images) + 0.01 * torch.eye(4)[next(calls) % 4]


def shared_buffer() -> Oracle:
    """Its answer holds what a later call leaves there, if it is not copied."""
    buffer = torch.empty(64, 4)

    def scores(images: Tensor) -> Tensor:
        buffer[: len(images)] = linear(images)
        return buffer[: len(images)]

    return scores


@pytest.mark.parametrize(
    ("oracle", "said"),
    [
        (dropout, r"evaluated again, image \d has other scores, by \d+% of the greatest.*dropout"),
        (aging(), "evaluated again, .*a state that calls change; or scores in few bits"),
        (batch_statistics, r"as a single image, image \d has other scores.* batch normalisation"),
        (out_of_order, "as a single image|in another order, image"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 9])
def test_an_oracle_that_is_no_function_of_the_image_is_refused(oracle: Oracle, said: str, count: int) -> None:
    with pytest.raises(InputError, match=f"is not a function of the image alone: .*({said}).*--noisy-oracle"):
        attack(problem(oracle, count), uniform, 10)


MASKED = -1e9  # the score of a class that is never predicted


def masked(oracle: Oracle) -> Oracle:
    return lambda images: functional.pad(oracle(images), (0, 1), value=MASKED)


@pytest.mark.parametrize("oracle", [dropout, batch_statistics, aging()])
def test_a_masked_class_hides_no_difference(oracle: Oracle) -> None:
    with pytest.raises(InputError, match="is not a function of the image alone"):
        attack(problem(masked(oracle), 9), uniform, 10)


def test_classes_that_change_places_differ_however_far_apart_they_are() -> None:
    scores = torch.tensor([[2e5, -3e5, 1e4, MASKED]])
    assert share_of(scores, scores[:, [1, 0, 2, 3]]).item() == 2.5


def test_a_masked_class_costs_no_single_evaluations() -> None:
    here = problem(linear, 9, until=spent)
    expected, found = attack(here, uniform, 30), attack(replace(here, oracle=masked(linear)), uniform, 30)
    assert [each.trace for each in found] == [each.trace for each in expected]
    assert sum(each.verifications for each in found) == sum(each.verifications for each in expected)


@pytest.mark.parametrize("oracle", [linear, shared_buffer(), lambda images: linear(images.sub_(0.5))])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_function_of_the_image_is_accepted(oracle: Oracle, count: int) -> None:
    assert purity(Classifier.of(oracle), random_images(count, SHAPE)).differences == ()


@pytest.mark.parametrize(("batch", "evaluations"), [(256, 14), (2, 14), (1, 12)])
def test_the_evaluations_are_few_and_counted(batch: int, evaluations: int) -> None:
    shown: list[int] = []

    def counted(images: Tensor) -> Tensor:
        shown.append(len(images))
        return linear(images)

    counted.batch = batch  # type: ignore[attr-defined]
    assert purity(Classifier.of(counted), random_images(50, SHAPE)).evaluations == evaluations == sum(shown)
    assert max(shown) == min(batch, 4)


def test_one_image_is_tried_beside_others_that_are_made_of_it() -> None:
    images = random_images(1, SHAPE)
    tried, numbers = probes(images)
    assert torch.equal(tried[0], images[0]) and numbers.tolist() == [0, 0, 0, 0]
    assert len({tuple(image.flatten().tolist()) for image in tried}) == 4


def test_rounding_is_no_difference_unless_an_oracle_is_declared_exact() -> None:
    def rounds(images: Tensor) -> Tensor:
        return linear(images) + 1e-6 * len(images)

    assert not purity(Classifier.of(rounds), random_images(9, SHAPE)).differences
    rounds.rounding = 0  # type: ignore[attr-defined]
    (found,) = purity(Classifier.of(rounds), random_images(9, SHAPE)).differences
    assert found.when == "as a single image" and 0 < found.share < 1e-5


def test_a_number_of_classes_that_depends_on_the_batch_is_refused() -> None:
    def wavers(images: Tensor) -> Tensor:
        return torch.zeros(len(images), 2 + len(images))

    with pytest.raises(OracleError, match="oracle wavers answered 3 classes after 6"):
        attack(problem(wavers), uniform, 10)


def training_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Dropout(0.5), nn.Linear(90, 4))


def test_a_network_in_training_mode_is_attacked_in_evaluation_mode_with_a_note() -> None:
    expected = attack(problem(training_network().eval(), until=spent), uniform, 30)
    network = training_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.warns(SparseattackWarning, match="oracle Sequential is in training mode: it is evaluated in"):
        outcomes = attack(problem(network, until=spent), uniform, 30)
    assert [each.trace for each in outcomes] == [each.trace for each in expected]
    assert [each.first_fooled for each in outcomes] == [each.first_fooled for each in expected]
    assert all(part.training for part in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_that_is_put_in_training_mode_between_outcomes_is_evaluated_in_evaluation_mode() -> None:
    here = problem(Classifier("it", training_network().eval(), "", batch=7), until=spent, checked=True)
    expected = [outcome_facts(each) for each in attack(here, uniform, 30, group=1)]
    network = training_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = list[tuple[int, tuple[object, ...]]]()
    one_by_one = replace(here, oracle=Classifier("it", network.eval(), "", batch=7))
    for outcome in outcomes_of(one_by_one, uniform, 30, group=1):
        found.append((outcome.image, outcome_facts(outcome)))
        network.train()
    assert [facts for _, facts in sorted(found)] == expected
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training


def test_a_network_in_training_mode_behind_a_function_is_refused() -> None:
    network = training_network()

    def behind(images: Tensor) -> Tensor:
        scores: Tensor = network(images)
        return scores

    with pytest.raises(InputError, match="training mode"):
        attack(problem(behind), uniform, 10)


class Coin:
    """Class 0 has margin 2 but for a share of the evaluations, drawn by chance."""

    def __init__(self, share: float) -> None:
        self.share, self.random, self.rows = share, torch.Generator().manual_seed(0), 0

    def __call__(self, images: Tensor) -> Tensor:
        self.rows += len(images)
        turned = torch.rand(len(images), 1, generator=self.random) < self.share
        return torch.where(turned, -2.0, 2.0) * torch.tensor([1.0, 0.0])


def test_a_success_of_a_noisy_oracle_is_one_where_most_single_evaluations_agree() -> None:
    """One evaluation in five succeeds: of 40 queries nearly all images have one, most of five rarely do."""
    images, labels = random_images(20, SHAPE), torch.zeros(20, dtype=torch.int64)

    def successes(share: float, **others: Any) -> int:
        tried = Problem(Coin(share), rgb(), images, labels, noisy=True, **others)
        outcomes = attack(tried, uniform, 40)
        assert isinstance(tried.oracle, Coin)
        paid = sum(each.queries + each.verifications for each in outcomes)
        assert tried.oracle.rows == paid + tried.purity.evaluations
        return sum(each.fooled for each in outcomes)

    assert successes(0.0) == 0
    assert successes(0.01) == 0  # every third image has a query that seems to succeed
    assert successes(0.9) == 20


def test_noise_is_accepted_where_it_is_expected() -> None:
    assert problem(dropout, noisy=True).purity.differences
    with pytest.raises(InputError):
        _ = problem(dropout).purity
    assert problem(dropout, checked=True).purity.evaluations == 0


@pytest.mark.parametrize("oracle", [linear, dropout])
def test_it_is_tried_once_for_a_problem(oracle: Callable[[Tensor], Tensor]) -> None:
    rows = 0

    def counted(images: Tensor) -> Tensor:
        nonlocal rows
        rows += len(images)
        return oracle(images)

    tried = problem(counted, noisy=True)
    assert tried.purity is tried.purity and rows == tried.purity.evaluations


@pytest.mark.parametrize("clean", ["keep", "leave out"])
@pytest.mark.parametrize("count", [2, 9])
def test_an_oracle_that_changes_while_it_is_attacked_is_named_at_the_end(count: int, clean: Any) -> None:
    """It answers alike when it is asked twice in a row: else all images would count as fooled."""
    calls = 0

    def scores(images: Tensor) -> Tensor:
        nonlocal calls
        calls += len(images)
        return images.mean((2, 3)) * (-10 if calls > 60 else 10)

    images = random_images(count, (3, 5, 5))
    chosen = Problem(scores, corners(), images, images.mean((2, 3)).argmax(1))
    with pytest.raises(ChangedError, match="has changed while it was attacked"):
        attack_as_users_do(chosen, load("strategies", "random"), 50, clean=clean)
    calls = -10_000
    assert len(attack_as_users_do(chosen, load("strategies", "random"), 50, clean=clean)) == count


def test_a_problem_is_attacked_again_after_its_oracle_was_changed() -> None:
    """Only what changes during an attack is a fault."""
    images = random_images(3, (3, 5, 5))
    layer = nn.Linear(75, 4)
    network = nn.Sequential(nn.Flatten(), layer).eval()
    with torch.no_grad():
        chosen = Problem(network, corners(), images, network(images).argmax(1))
        for _ in range(2):
            assert len(attack_as_users_do(chosen, load("strategies", "random"), 20)) == 3
            nn.init.constant_(layer.weight, 0.3)
