"""Conversations in flight: what they ask is answered in full batches, the oldest first."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple

import torch

from sparseattack.exchange import NOTHING, Answers, Conversation, Questions, Timed, joined
from sparseattack.problem import Problem

OPEN = 16  # most talks at a time, where they ask little: they all hold memory


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

    @property
    def left(self) -> int:
        """Questions without an answer; 0 once it is over."""
        return len(self.questions.rows) - self.known

    def hear(self, answers: Answers, each: float) -> None:
        """Answers to the next questions, and how many seconds each of them took."""
        self.answers.append(answers)
        self.known += len(answers.stop)
        self.seconds += each * len(answers.stop)
        if not self.left:
            every = Answers(*map(torch.cat, zip(*self.answers, strict=True)))
            self._go_on(Timed(every, self.seconds / self.known))


class Turn(NamedTuple):
    """The next questions of a talk."""

    talk: Talk
    questions: Questions


def filled(talks: Iterable[Talk], waiting: Iterator[Talk], chunk: int) -> list[Talk]:
    """The talks that are not over, and more that begin until there are ``chunk`` questions."""
    going = [talk for talk in talks if talk.left]
    while sum(talk.left for talk in going) < chunk and len(going) < OPEN:
        if (talk := next(waiting, None)) is None:
            break
        going += [talk] if talk.left else []
    return going


def turns(talks: Iterable[Talk], chunk: int) -> list[Turn]:
    """The next questions, as many as the oracle takes at once, those of the oldest talk first."""
    batch, room = list[Turn](), chunk
    for talk in talks:
        if count := min(talk.left, room):
            batch.append(Turn(talk, talk.questions.part(talk.known, talk.known + count)))
            room -= count
    return batch


def answer(problem: Problem, batch: list[Turn]) -> None:
    """Put the questions in one call; talks that have all their answers go on."""
    together = joined([turn.questions for turn in batch])
    start = perf_counter()
    answers = problem.evaluate(together)
    each = (perf_counter() - start) / len(together.rows)
    sizes = [len(turn.questions.rows) for turn in batch]
    shares = zip(*(torch.split(column, sizes) for column in answers), strict=True)
    for turn, share in zip(batch, shares, strict=True):
        turn.talk.hear(Answers(*share), each)
