"""The contract of an oracle: what is wrong is found, and what is mended by copies is a note."""

from collections.abc import Callable

import pytest
import torch
from linear_problem import linear
from problems import random_images
from torch import Tensor, nn
from torch.nn import functional

from sparseattack import Classifier, Edits, Oracle, load
from sparseattack.conformance.oracles import check_oracle
from sparseattack.problem.purity import Purity, purity

IMAGES = random_images(12)


def failed(make: Callable[[], Oracle]) -> list[str]:
    """The words by which the clauses that fail are told apart."""
    findings = check_oracle(lambda: Classifier.of(make()), IMAGES)
    assert all(finding.note for finding in findings if not finding.ok)
    return [finding.clause.removeprefix("gives ") for finding in findings if not finding.ok]


def test_purity_is_measured_once_for_its_clauses(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def counted(oracle: Classifier, images: Tensor) -> Purity:
        measured.append(purity(oracle, images))
        return measured[-1]

    monkeypatch.setattr("sparseattack.conformance.oracles.purity", counted)
    assert failed(lambda: linear) == [] and len(measured) == 1


def training() -> Oracle:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(90), nn.Dropout(), nn.Linear(90, 4)).eval()


def made_anew() -> Oracle:
    return nn.Sequential(nn.Flatten(), nn.Linear(90, 4)).eval()


class WrongEdits:
    def __call__(self, images: Tensor) -> Tensor:
        return linear(images)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        return linear(images[rows])


def batch_statistics(images: Tensor) -> Tensor:
    return linear(functional.batch_norm(images, None, None, training=True))


@pytest.mark.parametrize(
    ("make", "clauses"),
    [
        (lambda: linear, []),
        (training, []),
        (load("oracles", "linear"), []),
        (made_anew, ["the same scores when it is loaded again"]),
        (WrongEdits, ["edits the scores of the edited images"]),
        (
            lambda: batch_statistics,
            ["an image the same scores as a single image", "an image the same scores in batches of any size"],
        ),
    ],
)
def test_a_clause_fails_where_it_is_broken(make: Callable[[], Oracle], clauses: list[str]) -> None:
    assert failed(make) == clauses


def test_an_oracle_that_raises_fails_without_a_traceback() -> None:
    def raises(images: Tensor) -> Tensor:
        raise MemoryError("too large")

    findings = check_oracle(lambda: Classifier.of(raises), IMAGES)
    assert all("MemoryError: too large" in finding.note for finding in findings if not finding.ok)
    assert [finding.clause for finding in findings if finding.ok] == [
        "gives edits the scores of the edited images"  # it has no answer_edits
    ]


def test_what_copies_mend_is_a_note() -> None:
    buffer = torch.empty(12, 4)

    def careless(images: Tensor) -> Tensor:
        buffer[: len(images)] = linear(images.sub_(0.5))
        return buffer[: len(images)]

    findings = check_oracle(lambda: Classifier.of(careless), IMAGES)
    assert all(finding.ok for finding in findings)
    (note,) = [finding.note for finding in findings if "copies" in finding.clause]
    assert "it is given copies" in note and "they are copied" in note
