"""labels(oracle=...) shows the predicted class of another oracle, the same one in any company."""

import pytest
import torch
from model_server import OipServer, linear_model, serving
from torch import Tensor

from sparseattack import Classifier, Outcome, Problem, attack, corners, load, register


def scores_beside(images: Tensor) -> Tensor:
    """The last bit of a score falls one way in calls of an odd number of images, and the other in others."""
    scores = torch.zeros(len(images), 3)
    scores[:, 0] = 1
    scores[:, 1] = 1 + (1e-6 if len(images) % 2 else -1e-6)
    scores[:, 2] = -images.mean((1, 2, 3))
    return scores


def made(spec: str) -> Classifier:
    return Classifier.of(load("oracles", spec)())


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_near_tie_is_decided_by_the_image_alone(count: int) -> None:
    register("oracles", "beside", lambda: Classifier("beside", scores_beside, "", "logits", rounding=1e-4))
    oracle = made("labels(oracle=beside)")
    assert oracle(torch.rand(count, 1, 2, 2)).argmax(1).tolist() == [1] * count


def test_clear_answers_are_asked_for_once() -> None:
    calls: list[int] = []

    def scores(images: Tensor) -> Tensor:
        calls.append(len(images))
        return torch.eye(3)[: len(images)]

    register("oracles", "clear", lambda: Classifier("clear", scores, "", "logits"))
    assert made("labels(oracle=clear)")(torch.rand(3, 1, 2, 2)).tolist() == torch.eye(3).tolist()
    assert calls == [3]


@pytest.mark.parametrize("noisy", [False, True])
def test_the_scores_of_a_server_are_hidden_too(noisy: bool) -> None:
    """Also those of an image that is sent again, as each is of a model that is said to be noisy."""
    images = torch.randint(256, (6, 3, 4, 4), generator=torch.Generator().manual_seed(0)) / 255
    with serving(OipServer(model=linear_model(48), shape=[-1, 3, 4, 4])) as server:
        plain = f"oip(url={server.url},model=m)"
        full, hidden = made(plain), made(f"labels(oracle={plain})")
        labels = full(images).argmax(1)
        assert torch.equal(hidden(images).argmax(1), labels) and hidden(images).sum(1).eq(1).all()
        problem = Problem(hidden, corners(pixels=4), images, labels, noisy=noisy)
        found = [one for one in attack(problem, load("strategies", "random"), 12) if isinstance(one, Outcome)]
        assert len(found) == 6 and any(one.fooled for one in found)
        assert hidden.remote and "sent" in hidden.remote.statement()


def test_near_ties_of_an_oracle_of_one_output_buffer_that_writes_to_its_input() -> None:
    buffer = torch.empty(8, 3)

    def scores(images: Tensor) -> Tensor:
        buffer[: len(images)] = scores_beside(images)
        buffer[: len(images), 2] += images[:, 0, 0, 0] * 9  # of a white image the class is 2
        images.zero_()
        return buffer[: len(images)]

    register("oracles", "buffered", lambda: Classifier("buffered", scores, "", "logits", rounding=1e-4))
    oracle, images = made("labels(oracle=buffered)"), torch.zeros(4, 1, 2, 2)
    images[3] = 1
    assert oracle(images).argmax(1).tolist() == [1, 1, 1, 2] and images[3].eq(1).all()
    with torch.inference_mode():
        assert oracle(images[:2].clone()).argmax(1).tolist() == [1, 1]


def test_near_ties_of_probabilities_are_decided_by_the_image_alone() -> None:
    """Whose logits may differ by more roundings than they do."""

    def scores(images: Tensor) -> Tensor:
        lead = 5e-4 if len(images) % 2 else -5e-4
        return torch.tensor([[9.0, 9.0 + lead, 0.0]]).expand(len(images), -1).softmax(1)

    register("oracles", "soft", lambda: Classifier("soft", scores, "", "probabilities", rounding=1e-4))
    for count in range(1, 5):
        assert made("labels(oracle=soft)")(torch.rand(count, 1, 2, 2)).argmax(1).tolist() == [1] * count
