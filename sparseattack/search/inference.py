"""Which inference is used: candidates are evaluated by sparse inference where that is measurably faster."""

from dataclasses import replace
from statistics import median
from time import perf_counter

import torch

from sparseattack.problem.inference import score_edits
from sparseattack.problem.problem import Problem, QueryBatch

REPEATS = 3
FASTER = 1.05  # least speedup that is no chance
CALLS = 16  # of the oracle; a problem of fewer is over before a measurement is worth what it takes
WORTH = 10.0  # seconds of whole images; below that the preparation costs more than it gains


def with_faster_inference(problem: Problem, queries: int) -> Problem:
    """The problem with ``sparse`` as is faster now, where that is left open; ``queries`` is its most."""
    if problem.sparse is not None:
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
    return median(_seconds(whole, batch) / _seconds(sparse, batch) for _ in range(REPEATS))


def _random_queries(problem: Problem) -> QueryBatch:
    """One batch of random edits of the first two images, as large as the oracle takes at once."""
    count, shape = problem.sizes.chunk, problem.images.shape[1:]
    random = torch.Generator().manual_seed(0)
    genes = torch.rand(count, len(problem.encoding.genes(shape)), generator=random)
    rows = torch.arange(count) * min(2, len(problem.labels)) // count
    edits = problem.encoding.decode(genes.to(problem.images.device), shape)
    return QueryBatch(rows.to(problem.images.device), edits)


def _seconds(problem: Problem, batch: QueryBatch) -> float:
    """How long the evaluation of a batch takes."""
    start = perf_counter()
    problem.evaluate(batch)
    return perf_counter() - start
