"""Oracles whose scores are rounded: whatever they say of clean images and of successes is asked exactly."""

from dataclasses import replace

from sparseattack.problem.edits import Edits
from sparseattack.problem.fitness import Queries, fooled
from sparseattack.problem.oracle import Oracle
from sparseattack.problem.painted import ask_painted


def exact(oracle: Oracle) -> Oracle:
    """What clean images and successes are shown to: what the oracle has for that, or else itself."""
    found: Oracle = getattr(oracle, "exact", oracle) or oracle
    return found


def verified(oracle: Oracle, asked: Queries, pad: int) -> Queries:
    """The same, with exact scores of the successes, of which some are none then; that is no query."""
    judge = exact(oracle)
    if judge is oracle or not len(places := fooled(asked).nonzero()[:, 0]):
        return asked
    rows, edits = asked.rows[places], Edits(*(column[places] for column in asked.edits))
    scores = ask_painted(judge, asked.images, rows, edits, pad).to(asked.scores)
    return replace(asked, scores=asked.scores.index_copy(0, places, scores))
