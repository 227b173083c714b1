"""What conversations ask is answered in full batches."""

from collections.abc import Iterable
from time import perf_counter
from typing import NamedTuple

import torch

from sparseattack.problem.calls import Sizes
from sparseattack.problem.problem import Problem
from sparseattack.search.exchange import Answers, Questions, joined
from sparseattack.search.scheduler import Talk


class Turn(NamedTuple):
    """The next questions of a talk."""

    talk: Talk
    questions: Questions


def turns(talks: Iterable[Talk], sizes: Sizes) -> list[Turn]:
    """The next questions, the longest waiting first: as many as are answered together, in whole blocks."""
    ready = sorted((talk for talk in talks if talk.left), key=lambda talk: talk.since)
    count = sum(talk.left for talk in ready)
    batch, room = list[Turn](), min(sizes.round, count - count % sizes.block or count)
    for talk in ready:
        if size := min(talk.left, room):
            batch.append(Turn(talk, talk.questions.part(talk.known, talk.known + size)))
            room -= size
    return batch


def answer(problem: Problem, batch: list[Turn]) -> float:
    """Put the questions; talks that have all their answers go on. Seconds that each question took."""
    together = joined([turn.questions for turn in batch])
    start = perf_counter()
    answers = problem.evaluate(together)
    each = (perf_counter() - start) / len(together.rows)
    sizes = [len(turn.questions.rows) for turn in batch]
    shares = zip(*(torch.split(column, sizes) for column in answers), strict=True)
    for turn, share in zip(batch, shares, strict=True):
        turn.talk.hear(Answers(*share), each)
    return each
