"""The record of an attack's outcome; a success is verified before it is recorded.

It is saved as 8-bit colours, read back and classified as a single image.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sparseattack.experiment.cases import Case, aims
from sparseattack.experiment.prepare import Setup
from sparseattack.experiment.settings import Condition
from sparseattack.problem.edits import Edits, distortion, length, touch
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.verification import REPEATS, Aim, Predictions, classify_single, repeats_of
from sparseattack.search.outcome import Outcome
from sparseattack.study.record import FrontPoint, Record


class Made(NamedTuple):
    """How runs are made; their keys do not depend on it."""

    sparse: bool  # whether edits are evaluated by sparse inference
    environment: str  # key


def record_of(setup: Setup, condition: Condition, case: Case, outcome: Outcome, made: Made) -> Record:
    """The record of a case's outcome; the verification of a success is charged no query."""
    with setup.clean.oracle.buying_for([key := setup.run_key(condition, case)] * REPEATS, verifying=True):
        single = _classified_singly(setup, case, outcome) if outcome.first_fooled else None
    before = setup.clean.predictions
    return Record(
        key=key,
        method=setup.method_keys[condition],
        strategy=condition.strategy,
        encoding=condition.encoding,
        fitness=setup.strategies[condition.strategy, condition.fitness].fitness,
        k=condition.pixels,
        seed=condition.seed,
        image=(image := case.image),
        image_id=setup.images.ids[image],
        image_key=setup.image_keys[image],
        label=int(setup.images.labels[image]),
        target=case.target,
        budget=condition.budget,
        first_fooled=outcome.first_fooled,
        met=outcome.met,
        queries=outcome.queries,
        repeats=outcome.repeats,
        **_beside(setup, key, outcome, 0 if single is None else repeats_of(setup.question.noisy_oracle)),
        verified=single is not None and is_success(setup, case, single),
        value=outcome.values[0] if math.isfinite(outcome.values[0]) else None,
        pixels=outcome.pixels,
        **_sizes(setup, case, outcome),
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
        **made._asdict(),
    )


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


def _beside(setup: Setup, key: str, outcome: Outcome, times: int) -> dict[str, Any]:
    """What was evaluated beside the queries, and what was sent; ``times`` evaluations have verified it."""
    remote = setup.clean.oracle.remote
    again = remote.bought_for(key)[1] if remote else 0
    counts = {"shown": outcome.shown, "attempts": outcome.attempts + again, "flat": outcome.flat}
    return {"verifications": outcome.verifications + times, **counts}


def _sizes(setup: Setup, case: Case, outcome: Outcome) -> dict[str, Any]:
    """How large the change of the best edit is."""
    change = _change(setup, case, outcome)
    return {"l2": float(length(change)[0]), "distortion": float(distortion(change)[0])}


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
