"""Conversations in flight."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count

import torch

from sparseattack.problem.calls import Sizes
from sparseattack.search.exchange import LATER, NOTHING, Answers, Conversation, Timed

OPEN = 16  # most talks at a time, where they ask little: they all hold memory
CLOCK = count()  # ticks whenever a talk goes on


class Talk:
    """A conversation, what it asks, and the answers to the first of that."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation, self.size = conversation, 0
        self._go_on(None)
        if self.thinks:
            self.listen()

    def _go_on(self, told: Timed | None) -> None:
        """Take the next questions; nothing is the end."""
        self.questions, self.answers = NOTHING, list[Answers]()
        self.known, self.seconds = 0, 0.0
        with suppress(StopIteration):
            self.questions = self.conversation.send(told)  # type: ignore[arg-type]  # None starts it
        self.thinks, self.since = self.questions is LATER, next(CLOCK)
        if not self.thinks:
            self.size = self.left

    @property
    def left(self) -> int:
        """Questions without an answer."""
        return len(self.questions.rows) - self.known

    @property
    def over(self) -> bool:
        """Whether nothing more will be asked."""
        return not (self.left or self.thinks)

    def listen(self) -> None:
        """Wait for the questions of a talk that thinks."""
        self._go_on(None)

    def hear(self, answers: Answers, each: float) -> None:
        """Answers to the next questions, and how many seconds each of them took."""
        self.answers.append(answers)
        self.known += len(answers.stop)
        self.seconds += each * len(answers.stop)
        if not self.left:
            every = Answers(*map(torch.cat, zip(*self.answers, strict=True)))
            self._go_on(Timed(every, self.seconds / self.known))


def filled(talks: Iterable[Talk], waiting: Iterator[Talk], sizes: Sizes, spare: int = 0) -> list[Talk]:
    """The talks that are not over, and more that begin until there are questions for a round.

    One that thinks is waited for where there are not enough for a call, and others, of which ``spare`` may
    think beside it, will not ask as many.
    """
    going = [talk for talk in talks if not talk.over]
    while (ready := sum(talk.left for talk in going)) < sizes.round:
        slow = min((talk for talk in going if talk.thinks), key=lambda talk: talk.since, default=None)
        others = sum(talk.size if talk.thinks else talk.left for talk in going if talk is not slow)
        more = others < sizes.round or (slow and len(going) <= spare)
        if more and len(going) < OPEN and (talk := next(waiting, None)):
            going += [] if talk.over else [talk]
        elif slow and ready < sizes.chunk:
            slow.listen()
            going = [talk for talk in going if not talk.over]
        else:
            break
    return going
