"""Fitness functions: margins, probabilities, cross-entropy and distances."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import edit
from torch import Tensor

from sparseattack import Edits, Queries, cross_entropy, fooled, l0, l2, margin, probability
from sparseattack.problem.scale import Scale

FLOATS = st.floats(-(2.0**126), 2.0**126, width=32)
SHARES = st.floats(0, 1, width=32)


def answered(scores: Tensor, label: int, targeted: bool = False, scale: Scale = "logits") -> Queries:
    """One question about a black pixel, painted white, and its answer."""
    labels = torch.tensor([label])
    return Queries(
        torch.zeros(1, 1, 1, 1), torch.tensor([0]), edit((0, (255,))), scores, labels, targeted, scale
    )


def says(scores: list[float], label: int, targeted: bool) -> bool:
    """Whether the label leads no more, or targeted, leads alone."""
    others = max(score for place, score in enumerate(scores) if place != label)
    return scores[label] > others if targeted else scores[label] < others


@given(st.lists(FLOATS, min_size=2, max_size=6), st.integers(0, 1), st.booleans())
def test_a_margin_of_logits_is_negative_exactly_when_fooled(
    scores: list[float], label: int, targeted: bool
) -> None:
    asked = answered(torch.tensor([scores]), label, targeted)
    assert bool(fooled(asked)) == bool(margin(asked) < 0) == says(scores, label, targeted)


@given(st.lists(SHARES, min_size=2, max_size=6), st.integers(0, 1), st.booleans())
def test_a_margin_of_probabilities_is_negative_exactly_when_fooled(
    scores: list[float], label: int, targeted: bool
) -> None:
    asked = answered(torch.tensor([scores]), label, targeted, "probabilities")
    assert margin(asked).isfinite().all()
    assert bool(fooled(asked)) == bool(margin(asked) < 0) == says(scores, label, targeted)


@given(st.floats(2**-10, 1 - 2**-10, width=32), st.booleans())
def test_the_smallest_difference_of_probabilities_counts(share: float, targeted: bool) -> None:
    first = torch.tensor(share)
    scores = torch.stack([first, first.nextafter(torch.tensor(1.0))])[None]
    assert bool(fooled(answered(scores, 0, targeted, "probabilities"))) != targeted
    assert bool(fooled(answered(scores, 1, targeted, "probabilities"))) == targeted


def test_a_tie_is_no_success() -> None:
    for targeted in (False, True):
        for scale, tie in (("logits", [2.0, 2.0, 1.0]), ("probabilities", [0.4, 0.4, 0.2])):
            asked = answered(torch.tensor([tie]), 0, targeted, scale)  # type: ignore[arg-type]
            assert margin(asked).tolist() == [0] and not fooled(asked)


@given(st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=5), st.integers(0, 1), st.booleans())
def test_probabilities_have_the_margin_of_their_logits(
    logits: list[float], label: int, targeted: bool
) -> None:
    scores = torch.tensor([logits])
    straight = margin(answered(scores, label, targeted))
    through = margin(answered(scores.double().softmax(1), label, targeted, "probabilities"))
    assert float(through) == pytest.approx(float(straight), rel=1e-5, abs=1e-5)


def test_margins_by_hand() -> None:
    scores = torch.tensor([[3.0, 1.0, 2.5]])
    assert margin(answered(scores, 0)).tolist() == [0.5]
    assert margin(answered(scores, 1)).tolist() == [-2.0]
    assert margin(answered(scores, 1, targeted=True)).tolist() == [2.0]
    assert margin(answered(scores, 0, targeted=True)).tolist() == [-0.5]
    shares = torch.tensor([[0.2, 0.7, 0.1]])
    assert float(margin(answered(shares, 1, scale="probabilities"))) == pytest.approx(math.log(3.5))


def test_targeted_means_the_target_and_no_other_class() -> None:
    scores = torch.tensor([[0.0, 5.0, 1.0]])  # class 1 is said; class 0 was the true one
    assert bool(fooled(answered(scores, 0)))
    assert not fooled(answered(scores, 2, targeted=True))
    assert bool(fooled(answered(scores, 1, targeted=True)))


def test_saturated_scores_still_have_an_order() -> None:
    """Where float32 says 1 and 0, margins tell apart what is left of the other class."""
    shares = torch.tensor([[1.0, 1e-30], [1.0, 1e-20], [1.0, 0.0]])
    leads = [float(margin(answered(row[None], 0, scale="probabilities"))) for row in shares]
    assert leads[1] < leads[0] < leads[2] < math.inf
    logits = torch.tensor([[3e38, -3e38]])
    assert bool(margin(answered(logits, 0)) > 0) and bool(margin(answered(logits, 1)) < 0)


def test_probability_is_the_share_of_the_label() -> None:
    scores = torch.tensor([[0.0, math.log(3.0)]])
    assert float(probability(answered(scores, 0))) == pytest.approx(0.25)
    assert float(probability(answered(scores, 1, targeted=True))) == pytest.approx(-0.75)
    shares = torch.tensor([[0.3, 0.7]])
    assert float(probability(answered(shares, 1, scale="probabilities"))) == pytest.approx(0.7)


def test_cross_entropy_is_the_logarithm_of_the_labels_share() -> None:
    scores = torch.tensor([[0.0, math.log(3.0)]])
    assert float(cross_entropy(answered(scores, 0))) == pytest.approx(math.log(0.25))
    assert float(cross_entropy(answered(scores, 1, targeted=True))) == pytest.approx(-math.log(0.75))
    shares = torch.tensor([[0.3, 0.7]])
    assert float(cross_entropy(answered(shares, 0, scale="probabilities"))) == pytest.approx(math.log(0.3))
    none = torch.tensor([[0.0, 1.0]])
    assert float(cross_entropy(answered(none, 0, scale="probabilities"))) == pytest.approx(-87.3, abs=0.1)


def test_distances_by_hand() -> None:
    images = torch.zeros(1, 3, 2, 2)
    edits = edit((0, (255, 255, 0)), (3, (0, 0, 51)))
    asked = Queries(images, torch.tensor([0]), edits, torch.zeros(1, 2), torch.tensor([0]), False)
    assert l0(asked).tolist() == [2]
    assert float(l2(asked)) == pytest.approx(math.sqrt(2 + 0.2**2))
    assert torch.equal(asked.clean, images)


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_distances_do_not_depend_on_other_queries_of_the_batch(count: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    edits = Edits(
        torch.randint(16, (count, 5), generator=draw),
        torch.randint(256, (count, 5, 3), generator=draw, dtype=torch.uint8),
    )
    images, labels = torch.zeros(1, 3, 4, 4), torch.zeros(count, dtype=torch.int64)
    together = Queries(images, labels, edits, torch.zeros(count, 2), labels, False)
    assume(count > 1)
    one = Edits(edits.positions[1:2], edits.colours[1:2])
    alone = Queries(images, labels[:1], one, torch.zeros(1, 2), labels[:1], False)
    for distance in (l0, l2):
        assert float(distance(together)[1]) == float(distance(alone))
