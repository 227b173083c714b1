"""Which inference is used: sparse, or whole images by which library; what is faster is measured.

All give the scores of the oracle itself but for rounding.
"""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import TypeVar
from warnings import warn

import torch
from torch import Tensor

from sparseattack.errors import InputError, SparseattackWarning
from sparseattack.problem.evaluations import QueryBatch
from sparseattack.problem.inference import score_edits, score_painted
from sparseattack.problem.oracle import EAGER, Classifier
from sparseattack.problem.problem import Problem
from sparseattack.problem.purity import share_of

AUTO = "auto"  # in place of a backend's name: the one that is measured to be the fastest
REPEATS = 3
FASTER = 1.05  # least speedup that is no chance
CALLS = 16  # of the oracle; a problem of fewer is over before a measurement is worth what it takes
TRIED = 4  # edits of either way that are compared
ROUNDING = 1e-4  # of the greatest score, by which the scores of both ways may differ
WORTH = 10.0  # seconds of whole images; below that the preparation costs more than it gains

Way = TypeVar("Way", str, bool)


def with_backend(oracle: Classifier, name: str, images: Tensor) -> Classifier:
    """The oracle with the scores of candidates computed by the backend ``name``, after a trial.

    It is tried on the clean ``images (N, C, H, W)``, and on others. What seems to be a success, or nearly
    one, is decided by the oracle itself. Raises InputError where the oracle has no such backend, or the
    backend is not installed or gives other scores.
    """
    if name == oracle.backend:
        return oracle
    if name not in oracle.backends:
        known = ", ".join((EAGER, *oracle.backends))
        raise InputError(
            f"{oracle} has no backend {name}, only {known}: other libraries compute torch networks and ONNX"
            " files that take any number of images, on a CPU"
        )
    scores, block = oracle.backends[name](images)
    return replace(oracle, scores=scores, block=block, exact=oracle, backends={}, backend=name)


def fastest_backend(problem: Problem, queries: int) -> tuple[str, float | None]:
    """The backend that evaluates whole images fastest, and how many times as fast as the oracle itself.

    It is the oracle's own where no other is FASTER. None where that is not measured: the oracle has no other,
    or ``queries`` are too few to be worth the time. A warning says why a backend cannot be used.
    """
    own = problem.classifier
    batch = _batch_worth_measuring(problem, queries) if own.backends else None
    if batch is None:
        return own.backend, None
    problems = {own.backend: problem}
    for name in own.backends:
        try:
            problems[name] = replace(problem, oracle=with_backend(own, name, problem.images))
            problems[name].evaluate(batch)  # what is made ready once
        except InputError as error:
            warn(f"--backend {name} is not tried: {error}", SparseattackWarning, stacklevel=2)
    speedups = _speedups(problems, own.backend, batch)
    best = max(speedups, key=speedups.__getitem__)
    return (best, speedups[best]) if speedups[best] >= FASTER else (own.backend, 1.0)


def with_faster_inference(problem: Problem, queries: int) -> Problem:
    """The problem with ``sparse`` as is faster now, where that is left open; ``queries`` is its most.

    Raises InputError where sparse inference gives other scores than whole images.
    """
    if problem.sparse is not None:
        if problem.sparse and not problem.checked:
            check_edits(problem)
        return problem
    speedup = measure_speedup(problem, queries)
    return replace(problem, sparse=speedup is not None and speedup >= FASTER)


@torch.inference_mode()
def measure_speedup(problem: Problem, queries: int) -> float | None:
    """Time of whole images / that of sparse inference, on random edits, which cost no query.

    None where the oracle has no sparse inference for them, or ``queries`` are so few that neither measuring
    nor preparing it is worth the time.
    """
    batch = _batch_worth_measuring(problem, queries) if problem.classifier.answer_edits else None
    if batch is None or score_edits(problem.classifier, problem.images, batch.rows, batch.edits) is None:
        return None
    check_edits(problem)
    ways = {False: replace(problem, sparse=False), True: replace(problem, sparse=True)}
    return _speedups(ways, False, batch)[True]


@torch.inference_mode()
def check_edits(problem: Problem) -> None:
    """Evaluate a few random edits by sparse inference and as whole images; they cost no query.

    Raises InputError where the scores differ by more than rounding. A noisy oracle is not tried, nor one that
    evaluates every success in full precision.
    """
    oracle = problem.classifier
    if problem.noisy or oracle.exact or not oracle.answer_edits or not len(problem.labels):
        return
    batch = _random_queries(problem, TRIED)
    rows = batch.rows if problem.cases is None else problem.cases.to(batch.rows)[batch.rows]
    sparse = score_edits(oracle, problem.images, rows, batch.edits)
    if sparse is None:
        return
    whole = score_painted(oracle, problem.images, rows, batch.edits, problem.pad)
    same = sparse.shape == whole.shape
    share = float(share_of(whole, sparse.to(whole)).max()) if same else 1.0
    if share > max(ROUNDING, oracle.rounding_on(problem.images.device)):
        raise InputError(
            f"answer_edits of {oracle} gives edits other scores than the edited images, by {share:.2%} of"
            " the greatest: mend it, or attack without it (--no-sparse-inference, in Python"
            " Problem(..., sparse=False))"
        )


def _random_queries(problem: Problem, count: int = 0) -> QueryBatch:
    """``count`` random edits of the first two images, or as many as the oracle takes at once."""
    count, shape = count or problem.sizes.chunk, problem.images.shape[1:]
    random = torch.Generator().manual_seed(0)
    genes = torch.rand(count, len(problem.encoding.genes(shape)), generator=random)
    rows = (torch.arange(count) * min(2, len(problem.labels)) // count).to(problem.images.device)
    return QueryBatch(rows, problem.decode(rows, genes.to(problem.images.device)))


def _batch_worth_measuring(problem: Problem, queries: int) -> QueryBatch | None:
    """Random edits, evaluated as whole images; None where a faster way is not worth its preparation.

    That is where so many ``queries`` are too few, or take too little time.
    """
    if queries < CALLS * problem.sizes.chunk:
        return None
    batch = _random_queries(problem)
    taken = _seconds(replace(problem, sparse=False), batch) / len(batch.rows) * queries
    return batch if taken >= WORTH else None


def _speedups(ways: Mapping[Way, Problem], first: Way, batch: QueryBatch) -> dict[Way, float]:
    """Time of the ``first`` way / that of each, all used before: medians of measurements in turns."""
    turns = [{way: _seconds(problem, batch) for way, problem in ways.items()} for _ in range(REPEATS)]
    return {way: median(turn[first] / turn[way] for turn in turns) for way in ways}


@torch.inference_mode()
def _seconds(problem: Problem, batch: QueryBatch) -> float:
    """How long the evaluation of a batch takes."""
    start = perf_counter()
    problem.evaluate(batch)
    return perf_counter() - start
