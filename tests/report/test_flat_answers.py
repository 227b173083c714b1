"""How many queries had exactly the clean image's value, and the sentence about searches led by none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from problems import random_images
from torch import Tensor

from sparseattack import Classifier, Experiment, Outcome, Problem, Search, Space, attack, rgb, spent
from sparseattack.experiment.prepare import prepare
from sparseattack.problem.fitness import l0, margin, probability
from sparseattack.report.results import results
from sparseattack.report.summary import FLAT, flat_answers
from sparseattack.study.columns import read_columns
from sparseattack.study.run import plan
from sparseattack.study.store import Study

SAYS = "of its candidates had the same value as the clean image"


def rounded(decimals: int) -> Classifier:
    """An oracle of class 0, whose probability follows the mean colour and has so many decimals."""

    def scores(images: Tensor) -> Tensor:
        own = (0.6 + images.flatten(1).double().mean(1) / 5).mul(10**decimals).round() / 10**decimals
        return torch.stack([own, 1 - own], 1)

    return Classifier("rounded", scores, "r", "probabilities", rounding=0.0)


def listened(values: list[Tensor]) -> Callable[[Space], Search]:
    """Uniform random search, which adds what it is sent to ``values``."""

    def strategy(space: Space) -> Search:
        while True:
            found: Any = yield space.uniform(5)
            values.append(found[..., 0].clone())

    return strategy


@pytest.mark.parametrize("decimals", [1, 2, 3, 9])
@pytest.mark.parametrize("fitness", [margin, probability, l0])
def test_the_count_is_that_of_the_values_that_a_search_was_sent(decimals: int, fitness: Any) -> None:
    images, values = random_images(3), list[Tensor]()
    problem = Problem(rounded(decimals), rgb(), images, torch.zeros(3).long(), fitness=(fitness,),
                      until=spent, repeat=True)  # fmt: skip
    found = [one for one in attack(problem, listened(values), 52) if isinstance(one, Outcome)]
    probabilities = rounded(decimals)(images)
    clean = (
        problem.space(slice(0, 3), 1, 0, "").clean_values[:, 0] if fitness is margin else probabilities[:, 0]
    )
    heard = torch.cat(values, 1)  # the last two queries are answered to nobody
    counts = (heard == clean.float().unsqueeze(1)).sum(1).tolist()
    assert len(found) == 3 and heard.shape[1] == 50
    for one, count in zip(found, counts, strict=True):
        assert one.queries == 52
        assert one.flat == 0 if fitness is l0 else count <= one.flat <= count + 2
    flat = sum(one.flat for one in found) / 156
    low, high = {1: (0.9, 1.0), 2: (0.1, 0.9), 3: (0.001, 0.3), 9: (0.0, 0.05)}[decimals]
    assert fitness is l0 or low <= flat <= high


@pytest.mark.parametrize("strategy", ["random", "de"])
def test_a_comparison_says_where_most_values_were_the_clean_ones(tmp_path: Path, strategy: str) -> None:
    """With labels only, every candidate that is no success is such a one; with the scores, next to none."""
    for oracle, blind in (("labels(oracle=allconv-small)", True), ("allconv-small", False)):
        chosen = Experiment(oracle=oracle, images="sample[0:3]", strategies=(strategy,), budget=40)
        with Study.create(tmp_path / f"{blind}.study") as study:
            list(plan(prepare(chosen), study).run())
            records, columns, found = study.records(), read_columns(study), results(study)
        (line,) = found.lines
        assert sorted(one.flat for one in records) == sorted(columns.flat.tolist())
        assert line.flat == sum(one.flat for one in records) and len(records) == 3
        if blind:
            assert all(one.flat == one.queries - one.success for one in records if not one.success)
        assert any(SAYS in one for one in flat_answers(line, strategy)) == blind
        assert flat_answers(replace(line, flat=int(FLAT * line.queries)), strategy) == []
        assert all(one.at_budget(3, "success").flat == -1 for one in records if one.queries > 3)
