"""Whether edits are answered by what they change: if that is wanted, and where it proves faster."""

from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

import torch

from sparseattack.problem.oracle import SparseOracle
from sparseattack.problem.problem import Problem
from sparseattack.search.exchange import Questions
from sparseattack.study.experiment import inference_key
from sparseattack.study.store import Study

REPEATS = 3
FASTER = 1.05  # times, or the difference is chance
WORTH = 10.0  # seconds of whole images, or making ready costs more than it gains


def settled(problem: Problem, queries: int, wanted: bool, study: Study) -> Problem:
    """The problem, to be answered as the study says; if it says nothing yet, as is faster now.

    ``queries`` are how many it may come to.
    """
    if not (wanted and isinstance(problem.oracle, SparseOracle)):
        return replace(problem, sparse=False)
    name = inference_key(problem.encoding.slots)
    held = study.get(name) or study.claim(name, measured(problem, problem.oracle, queries))
    return replace(problem, sparse=held["used"])


@torch.inference_mode()
def measured(problem: Problem, oracle: SparseOracle, queries: int) -> dict[str, Any]:
    """Whether sparse inference is used, and how many times as fast it is; none where it was not tried."""
    whole, sparse = (replace(problem, sparse=choice) for choice in (False, True))
    questions = sample(problem)
    worth = seconds(whole, questions) / len(questions.rows) * queries >= WORTH
    if not worth or oracle.answer_edits(problem.images, questions.rows, questions.edits) is None:
        return {"used": False, "speedup": None}
    pairs = [seconds(whole, questions) / seconds(sparse, questions) for _ in range(REPEATS)]
    return {"used": median(pairs) >= FASTER, "speedup": round(median(pairs), 2)}


def sample(problem: Problem) -> Questions:
    """As many questions as are put at once, about a few of the images."""
    count, shape = problem.sizes.chunk, problem.images.shape[1:]
    random = torch.Generator().manual_seed(0)
    genes = torch.rand(count, len(problem.encoding.genes(shape)), generator=random)
    rows = torch.arange(count) * min(2, len(problem.labels)) // count
    edits = problem.encoding.decode(genes.to(problem.images.device), shape)
    return Questions(rows.to(problem.images.device), edits)


def seconds(problem: Problem, questions: Questions) -> float:
    """How long the answers take."""
    start = perf_counter()
    problem.evaluate(questions)
    return perf_counter() - start
