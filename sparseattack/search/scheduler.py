"""Conversations in flight.

What goes to the oracle and comes back.

What conversations ask is answered in full batches.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from time import perf_counter
from typing import NamedTuple

import torch

from sparseattack.problem.edits import Edits
from sparseattack.problem.oracle import Sizes
from sparseattack.problem.problem import Answers, Problem, Questions

NOTHING = Questions(torch.empty(0, dtype=torch.int64), Edits(torch.empty(0, 0), torch.empty(0, 0, 0)))


class Timed(NamedTuple):
    """Answers, and how long each question took."""

    answers: Answers
    each: float  # seconds


Conversation = Generator[Questions, Timed, None]


def joined(parts: Sequence[Questions]) -> Questions:
    """All parts, one after another."""
    edits = Edits(*map(torch.cat, zip(*(part.edits for part in parts), strict=True)))
    return Questions(torch.cat([part.rows for part in parts]), edits)


OPEN = 16  # most talks at a time, where they ask little: they all hold memory
CLOCK = count()  # ticks whenever a talk goes on


class Talk:
    """A conversation, what it asks, and the answers to the first of that."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._go_on(None)

    def _go_on(self, told: Timed | None) -> None:
        """Take the next questions; nothing is the end."""
        self.questions, self.answers = NOTHING, list[Answers]()
        self.known, self.seconds = 0, 0.0
        with suppress(StopIteration):
            self.questions = self.conversation.send(told)  # type: ignore[arg-type]  # None starts it
        self.since = next(CLOCK)

    @property
    def left(self) -> int:
        """Questions without an answer."""
        return len(self.questions.rows) - self.known

    @property
    def over(self) -> bool:
        """Whether nothing more will be asked."""
        return not self.left

    def hear(self, answers: Answers, each: float) -> None:
        """Answers to the next questions, and how many seconds each of them took."""
        self.answers.append(answers)
        self.known += len(answers.stop)
        self.seconds += each * len(answers.stop)
        if not self.left:
            every = Answers(*map(torch.cat, zip(*self.answers, strict=True)))
            self._go_on(Timed(every, self.seconds / self.known))


def filled(talks: Iterable[Talk], waiting: Iterator[Talk], sizes: Sizes) -> list[Talk]:
    """The talks that are not over, and more that begin until there are questions for a round."""
    going = [talk for talk in talks if not talk.over]
    while sum(talk.left for talk in going) < sizes.round and len(going) < OPEN:
        if not (talk := next(waiting, None)):
            break
        going += [] if talk.over else [talk]
    return going


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
