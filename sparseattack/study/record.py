"""A record: what a study stores of one run, which is one image attacked under one condition.

A success is verified before it is recorded: saved as 8-bit colours, read back and classified as a single
image.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

from sparseattack.errors import InputError
from sparseattack.experiment.cases import Case, aims
from sparseattack.experiment.prepare import Setup
from sparseattack.experiment.settings import Condition
from sparseattack.problem.edits import Edits, distortion, length, touch
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.verification import Aim, Predictions, classify_single, repeats_of
from sparseattack.provenance import digest, digest_image
from sparseattack.search.outcome import Outcome
from sparseattack.study.schema import conform


@dataclass(frozen=True)
class FrontPoint:
    """One edit of a Pareto set, as JSON holds it."""

    values: list[float]  # M
    positions: list[int]  # (k,) row * W + column
    colours: list[list[int]]  # (k, C)


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
    met: bool  # whether the stopping criterion was met
    queries: int  # charged, at most the budget
    repeats: int  # of the queries, duplicates that the oracle did not evaluate
    verifications: int  # evaluations singly or in full precision, which decide or verify; no queries
    verified: bool  # whether the success, saved as 8 bit and classified singly, fools the oracle again
    value: float | None  # first objective of the best edit; None where nothing was evaluated
    pixels: int  # that the best edit changes
    l2: float  # length of the change, colours in [0, 1]
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
    front: list[FrontPoint]  # Pareto set, where there are several objectives
    error: str  # why the search failed

    @property
    def success(self) -> bool:
        """Whether a query fooled the oracle, and its verification did."""
        return self.first_fooled > 0 and self.verified

    @property
    def cost(self) -> int:
        """Queries to success; a failure is censored at the budget."""
        return self.first_fooled if self.success else self.budget

    @property
    def condition(self) -> Condition:
        """What the image was attacked with."""
        return Condition(self.strategy, self.encoding, self.k, self.seed)

    def to_dict(self) -> dict[str, Any]:
        """By field name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: dict[str, object]) -> Self:
        """The inverse of ``to_dict``; InputError for values of another type, and for impossible ones."""
        record: Self = conform(cls, row, "run")
        if impossible := [what for what, holds in record.invariants().items() if not holds]:
            raise InputError(f"a run's {impossible[0]} cannot be")
        return record

    def invariants(self) -> dict[str, bool]:
        """What holds for the fields of every run, by what it is about."""
        edits = [(self.positions, self.colours), *((point.positions, point.colours) for point in self.front)]
        counts = (self.label, self.image, self.seed, self.before_class, self.repeats, self.restarts)
        return {
            "numbers": min(*counts, self.target + 1, self.after_class + 1) >= 0,
            "queries": 0 <= self.first_fooled <= self.queries <= self.budget and self.repeats <= self.queries,
            "verification": self.first_fooled > 0 or not self.verified,
            "pixels": all(len(places) == len(colours) == self.k for places, colours in edits)
            and 0 <= self.pixels <= self.k,
            "positions": all(place >= 0 for places, _ in edits for place in places),
            "colours": all(0 <= level <= WHITE for _, colours in edits for one in colours for level in one),
            "trace": all(len(step) == len(("query", "value")) for step in self.trace),
            "confidences": all(0 <= each <= 1 for each in (self.before_confidence, self.after_confidence)),
            "times": min(self.oracle_seconds, self.strategy_seconds, self.l2, self.distortion) >= 0,
        }

    @classmethod
    def of(cls, setup: Setup, condition: Condition, case: Case, outcome: Outcome) -> Self:
        """The record of a case's outcome; the verification of a success is charged no query."""
        single = _classified_singly(setup, case, outcome) if outcome.first_fooled else None
        change, before = _change(setup, case, outcome), setup.clean.predictions
        return cls(
            key=run_key(setup, condition, case),
            strategy=condition.strategy,
            encoding=condition.encoding,
            k=condition.pixels,
            seed=condition.seed,
            image=case.image,
            image_id=setup.images.ids[case.image],
            label=int(setup.images.labels[case.image]),
            target=case.target,
            budget=setup.experiment.budget,
            first_fooled=outcome.first_fooled,
            met=outcome.met,
            queries=outcome.queries,
            repeats=outcome.repeats,
            verifications=outcome.verifications
            + (repeats_of(setup.experiment.noisy_oracle) if single else 0),
            verified=single is not None and is_success(setup, case, single),
            value=outcome.values[0] if math.isfinite(outcome.values[0]) else None,
            pixels=outcome.pixels,
            l2=float(length(change)[0]),
            distortion=float(distortion(change)[0]),
            restarts=outcome.restarts,
            oracle_seconds=outcome.oracle_seconds,
            strategy_seconds=outcome.strategy_seconds,
            before_class=int(before.classes[case.image]),
            before_confidence=float(before.confidences[case.image]),
            after_class=int(single.classes[0]) if single else -1,
            after_confidence=float(single.confidences[0]) if single else 0.0,
            positions=outcome.positions.tolist(),
            colours=outcome.colours.tolist(),
            trace=[list(step) for step in outcome.trace],
            front=_front(outcome),
            error=outcome.error,
        )


WHITE = 255  # highest level of a channel
COLUMNS = tuple(field.name for field in fields(Record))
NESTED = ("positions", "colours", "trace", "front")  # columns that hold JSON
FLAGS = ("met", "verified")  # columns that hold 0 or 1


def run_key(setup: Setup, condition: Condition, case: Case) -> str:
    """Digest of everything that determines a run: 32 hexadecimal digits."""
    picture = digest_image(setup.images.pixels[case.image])
    label = int(setup.images.labels[case.image])
    return digest([setup.identity, list(condition), case.image, picture, label, case.target])


def _classified_singly(setup: Setup, case: Case, outcome: Outcome) -> Predictions:
    painted = outcome.paint(setup.clean.floats[case.image])
    return classify_single(setup.clean.oracle, painted, case.image, aim_of(setup, case))


def aim_of(setup: Setup, case: Case) -> Aim | None:
    """What most evaluations of a noisy oracle must be; None for an oracle that is not noisy."""
    aim = Aim(aims([case], setup.images.labels), case.target >= 0)
    return aim if setup.experiment.noisy_oracle else None


def is_success(setup: Setup, case: Case, single: Predictions) -> bool:
    """Whether the prediction on one perturbed image is a success of its case."""
    label = aims([case], setup.images.labels)
    return bool(margin_of(single.scores, label, case.target >= 0, single.scale) < 0)


def _change(setup: Setup, case: Case, outcome: Outcome) -> Tensor:
    """What the best edit adds to the image."""
    edits = Edits(torch.from_numpy(outcome.positions)[None], torch.from_numpy(outcome.colours)[None])
    image = setup.clean.floats[case.image][None].cpu()
    return edits.differences(touch(image, torch.zeros(1).long(), edits.positions))


def _front(outcome: Outcome) -> list[FrontPoint]:
    return [
        FrontPoint(list(point.values), point.positions.tolist(), point.colours.tolist())
        for point in outcome.front
    ]
