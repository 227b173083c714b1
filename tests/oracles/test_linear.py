"""The linear oracle, whose scores are whole numbers."""

import pytest
import torch

from sparseattack import Classifier, InputError, load


def linear(spec: str = "") -> Classifier:
    made = load("oracles", f"linear({spec})")()
    assert isinstance(made, Classifier)
    return made


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 7), (5, 2, 2), (3, 32, 32)])
def test_scores_are_linear_and_exact(shape: tuple[int, int, int]) -> None:
    oracle = linear("classes=4,seed=3")
    levels = torch.randint(256, (50, *shape), generator=torch.Generator().manual_seed(0))
    scores = oracle(levels / 255)
    assert torch.equal(scores, scores.round())
    assert torch.equal(oracle(levels.flip(0) / 255), scores.flip(0))
    units = torch.eye(levels[0].numel()).view(-1, *shape) / 255
    weights = oracle(units)  # one row per input
    assert torch.equal(scores, levels.flatten(1).double() @ weights)
    assert weights.abs().max() <= 99
    assert weights.min() < weights.max()


def test_the_digest_and_the_size() -> None:
    assert len({linear(spec).digest for spec in ("", "seed=1", "classes=3", "inputs=12")}) == 4
    assert linear("seed=1").digest == linear("seed=1").digest
    assert linear("inputs=12")(torch.zeros(2, 3, 2, 2)).shape == (2, 10)
    with pytest.raises(InputError, match="at least 2 classes"):
        linear("classes=1")
    with pytest.raises(InputError, match="takes 12 numbers, not images of 9"):
        linear("inputs=12")(torch.zeros(2, 1, 3, 3))
