"""Which inference is used: candidates are evaluated by sparse inference where that is measurably faster."""

from dataclasses import replace
from statistics import median
from time import perf_counter

import torch

from sparseattack.errors import InputError
from sparseattack.problem.evaluations import QueryBatch
from sparseattack.problem.inference import score_edits, score_painted
from sparseattack.problem.problem import Problem
from sparseattack.problem.purity import share_of

REPEATS = 3
FASTER = 1.05  # least speedup that is no chance
CALLS = 16  # of the oracle; a problem of fewer is over before a measurement is worth what it takes
TRIED = 4  # edits of either way that are compared
ROUNDING = 1e-4  # of the greatest score, by which the scores of both ways may differ
WORTH = 10.0  # seconds of whole images; below that the preparation costs more than it gains


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
    if not problem.classifier.answer_edits or queries < CALLS * problem.sizes.chunk:
        return None
    whole, sparse = (replace(problem, sparse=choice) for choice in (False, True))
    batch = _random_queries(problem)
    worth = _seconds(whole, batch) / len(batch.rows) * queries >= WORTH
    if not worth or score_edits(problem.classifier, problem.images, batch.rows, batch.edits) is None:
        return None
    check_edits(problem)
    return median(_seconds(whole, batch) / _seconds(sparse, batch) for _ in range(REPEATS))


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


def _seconds(problem: Problem, batch: QueryBatch) -> float:
    """How long the evaluation of a batch takes."""
    start = perf_counter()
    problem.evaluate(batch)
    return perf_counter() - start
