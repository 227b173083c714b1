"""Sparse or dense inference: the faster one is chosen once, stored in the study and used from then on."""

from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import torch
from problems import flat_images
from torch import Tensor

from sparseattack import Edits, Problem, rgb
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.search import inference
from sparseattack.study.facts import InferenceChoice
from sparseattack.study.run import choose_inference, plan
from sparseattack.study.store import Study


class Slow:
    """An oracle that takes so many milliseconds for whole images, and for edits."""

    def __init__(self, whole: float, edits: float) -> None:
        self.whole, self.edits, self.asked = whole, edits, list[str]()

    def __call__(self, images: Tensor) -> Tensor:
        self.asked.append("whole")
        sleep(self.whole / 1000)
        return SCORES.expand(len(images), 3)

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        self.asked.append("edits")
        sleep(self.edits / 1000)
        return SCORES.expand(len(rows), 3)


SCORES = torch.tensor([2.0, 0.0, 0.0])  # no edit fools it
MANY = 10**9  # queries: worth any preparation


@pytest.fixture
def study() -> Iterator[Study]:
    with Study.create(Path(":memory:")) as study:
        yield study


def problem(oracle: Any, k: int = 1) -> Problem:
    return Problem(oracle, rgb(pixels=k), flat_images(3), torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize(("edits", "used"), [(1, True), (20, False)])
def test_the_faster_inference_is_used_and_stored(study: Study, edits: float, used: bool) -> None:
    settled = choose_inference(problem(Slow(8, edits)), MANY, True, study)
    held = study.get(InferenceChoice, "k=1")
    assert held and held.speedup and settled.sparse == held.used == used
    assert (held.speedup > 1) == used


def test_a_stored_choice_is_not_measured_again(study: Study) -> None:
    slower = Slow(1, 8)
    study.set(InferenceChoice(used=True, speedup=4.0), "k=3")
    assert choose_inference(problem(slower, k=3), MANY, True, study).sparse
    assert not slower.asked
    assert not choose_inference(problem(slower, k=1), MANY, True, study).sparse
    assert "edits" in slower.asked


@pytest.mark.parametrize(("queries", "asked"), [(4095, []), (4096, ["whole"])])
def test_a_few_queries_are_not_worth_the_preparation(study: Study, queries: int, asked: list[str]) -> None:
    oracle = Slow(5, 0)
    assert not choose_inference(problem(oracle), queries, True, study).sparse
    assert oracle.asked == asked
    assert study.get(InferenceChoice, "k=1") == InferenceChoice(used=False, speedup=None)


def test_an_oracle_that_declines_edits_is_given_images(study: Study) -> None:
    class Declining(Slow):
        def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> None:  # type: ignore[override]
            return None

    assert not choose_inference(problem(Declining(5, 0)), MANY, True, study).sparse
    assert study.get(InferenceChoice, "k=1") == InferenceChoice(used=False, speedup=None)


def test_nothing_is_measured_where_it_is_not_wanted_or_not_offered(study: Study) -> None:
    unwanted, plain = Slow(8, 1), Slow(8, 1).__call__
    assert not choose_inference(problem(unwanted), MANY, False, study).sparse
    assert not choose_inference(problem(plain), MANY, True, study).sparse
    assert not unwanted.asked and study.get(InferenceChoice, "k=1") is None


def test_a_comparison_stores_its_inference_and_continues_with_it(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "WORTH", 0.0)
    monkeypatch.setattr(inference, "CALLS", 0)
    experiment = Experiment(strategies=("random(popsize=40)",), images="sample[0:6]", budget=120)
    chosen: list[InferenceChoice | None] = []
    for _ in range(2):
        steps = plan(prepare(experiment), study).run()
        assert [record for _, step in steps for record in step.records] or chosen
        chosen.append(study.get(InferenceChoice, "k=1"))
    assert chosen[0] == chosen[1] and chosen[0] and chosen[0].speedup and chosen[0].speedup > 0


def test_the_same_comparison_has_the_same_successes_either_way() -> None:
    found = []
    for sparse in (True, False):
        with Study.create(Path(":memory:")) as part:
            part.set(InferenceChoice(used=sparse, speedup=None), "k=1")
            experiment = Experiment(strategies=("de(popsize=40)",), images="sample[0:12]", budget=200)
            list(plan(prepare(experiment), part).run())
            records = part.records()
        found.append([(one.image, one.first_fooled, one.positions, one.verified) for one in records])
    assert found[0] == found[1] and any(first for _, first, _, _ in found[0])
