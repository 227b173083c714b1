"""What is kept of one run: one image, attacked under one condition.

An outcome becomes a record: its success shown once more, alone and read back from a file.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch

from sparseattack.problem.edits import Edits, distortion, length, touch
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.verification import Predictions, classify_alone
from sparseattack.search.outcome import Outcome
from sparseattack.study.cases import Case
from sparseattack.study.experiment import Condition
from sparseattack.study.prepare import Setup


@dataclass(frozen=True)
class Record:
    """One row of a study; its key is a digest of everything that determines the rest."""

    key: str
    strategy: str  # spec as chosen
    encoding: str
    k: int  # pixels allowed
    seed: int
    image: int  # place among the images
    image_id: str
    label: int  # true class
    target: int  # class to be reached, -1 when untargeted
    budget: int
    first_fooled: int  # query of the first success, from 1; 0 is never
    met: bool  # stopped by the rule, as where confidence:0.9 was asked for and reached
    queries: int  # rows asked
    repeats: int  # of these, not shown to the oracle, for the same was shown in their turn
    verified: bool  # the success, saved as 8 bit and shown alone, fooled the oracle again
    value: float | None  # first objective of the kept edit; none where nothing was asked
    pixels: int  # that the kept edit changes
    l2: float  # length of the change, in widths of [0, 1]
    distortion: float  # mean absolute change of a channel of the changed pixels, 0 to 255
    restarts: int
    oracle_seconds: float
    strategy_seconds: float
    before_class: int
    before_confidence: float
    after_class: int  # of a success; else -1
    after_confidence: float
    positions: list[int]  # (k,) row * W + column
    colours: list[list[int]]  # (k, C)
    trace: list[list[float]]  # (query, value) wherever the first objective became lower
    front: list[dict[str, Any]]  # Pareto set, where there are several objectives
    error: str  # why the search was given up

    @property
    def success(self) -> bool:
        """Fooled, and fooled again when shown alone."""
        return self.first_fooled > 0 and self.verified

    @property
    def cost(self) -> int:
        """Queries to success; a failure is censored at the budget."""
        return self.first_fooled if self.success else self.budget

    def to_dict(self) -> dict[str, Any]:
        """By field name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The inverse of ``to_dict``; flags may have become numbers."""
        return cls(**(row | {name: bool(row[name]) for name in ("verified", "met")}))


COLUMNS = {field.name: field.type for field in fields(Record)}
Todo = Sequence[tuple[str, Case]]


def record_of(setup: Setup, condition: Condition, todo: Todo, outcome: Outcome) -> Record:
    """What is kept of the ``outcome`` of one of the cases ``todo``; the check of a success costs no query."""
    key, case = todo[outcome.image]
    alone = None
    if outcome.fooled:
        alone = classify_alone(setup.oracle, outcome.paint(setup.floats[case.image]), case.image)
    verified = alone is not None and _fooled(setup, case, alone)
    return Record(
        key=key,
        verified=verified,
        **_place(setup, condition, case),
        **_costs(outcome),
        **_classes(setup, case, alone),
        **_edit(setup, case, outcome),
    )


def _place(setup: Setup, condition: Condition, case: Case) -> dict[str, Any]:
    return {
        "strategy": condition.strategy,
        "encoding": condition.encoding,
        "k": condition.pixels,
        "seed": condition.seed,
        "image": case.image,
        "image_id": setup.images.ids[case.image],
        "label": int(setup.images.labels[case.image]),
        "target": case.target,
        "budget": setup.experiment.budget,
    }


def _costs(outcome: Outcome) -> dict[str, Any]:
    return {
        "first_fooled": outcome.first_fooled,
        "queries": outcome.queries,
        "repeats": outcome.repeats,
        "met": outcome.met,
        "value": outcome.values[0] if math.isfinite(outcome.values[0]) else None,
        "restarts": outcome.restarts,
        "oracle_seconds": outcome.oracle_seconds,
        "strategy_seconds": outcome.strategy_seconds,
        "trace": [list(step) for step in outcome.trace],
        "error": outcome.error,
    }


def _classes(setup: Setup, case: Case, alone: Predictions | None) -> dict[str, Any]:
    before = setup.predictions
    return {
        "before_class": int(before.classes[case.image]),
        "before_confidence": float(before.confidences[case.image]),
        "after_class": int(alone.classes[0]) if alone else -1,
        "after_confidence": float(alone.confidences[0]) if alone else 0.0,
    }


def _edit(setup: Setup, case: Case, outcome: Outcome) -> dict[str, Any]:
    edits = Edits(torch.from_numpy(outcome.positions)[None], torch.from_numpy(outcome.colours)[None])
    clean = touch(setup.floats[case.image : case.image + 1].cpu(), torch.zeros(1).long(), edits.positions)
    change = edits.differences(clean)
    return {
        "pixels": outcome.pixels,
        "l2": float(length(change)[0]),
        "distortion": float(distortion(change)[0]),
        "positions": outcome.positions.tolist(),
        "colours": outcome.colours.tolist(),
        "front": [
            {"values": list(p.values), "positions": p.positions.tolist(), "colours": p.colours.tolist()}
            for p in outcome.front
        ],
    }


def _fooled(setup: Setup, case: Case, alone: Predictions) -> bool:
    """Whether what the oracle says of one image is a success."""
    targeted = case.target >= 0
    label = case.target if targeted else int(setup.images.labels[case.image])
    return bool(margin_of(alone.scores, torch.tensor([label]), targeted, setup.oracle.scale) < 0)
