"""Whether edits are evaluated by sparse inference: where it is wanted, offered and measurably faster."""

from dataclasses import replace
from statistics import median
from time import perf_counter

import torch

from sparseattack.problem.inference import score_edits
from sparseattack.problem.problem import Problem, QueryBatch
from sparseattack.study.manifest import InferenceChoice
from sparseattack.study.store import Study

REPEATS = 3
FASTER = 1.05  # least speedup that is no chance
WORTH = 10.0  # seconds of whole images; below that the preparation costs more than it gains


def choose_inference(problem: Problem, queries: int, wanted: bool, study: Study) -> Problem:
    """The problem, evaluated as the study has it stored, or else as is faster now.

    The first choice is stored for each number of pixels: resumed runs are evaluated in the same way.
    ``queries`` is an upper bound of what the problem costs.
    """
    if not (wanted and problem.classifier.answer_edits):
        return replace(problem, sparse=False)
    part = f"k={problem.encoding.slots}"
    choice = study.get(InferenceChoice, part)
    if choice is None:
        choice = study.set_default(benchmark_inference(problem, queries), part)
    return replace(problem, sparse=choice.used)


@torch.inference_mode()
def benchmark_inference(problem: Problem, queries: int) -> InferenceChoice:
    """Time sparse inference against whole images, unless so few ``queries`` are not worth it."""
    whole, sparse = (replace(problem, sparse=choice) for choice in (False, True))
    batch = _random_queries(problem)
    worth = _seconds(whole, batch) / len(batch.rows) * queries >= WORTH
    if not worth or score_edits(problem.classifier, problem.images, batch.rows, batch.edits) is None:
        return InferenceChoice(used=False, speedup=None)
    speedup = median(_seconds(whole, batch) / _seconds(sparse, batch) for _ in range(REPEATS))
    return InferenceChoice(used=speedup >= FASTER, speedup=round(speedup, 2))


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
