"""What a strategy promises about its questions."""

import torch
from torch import Tensor

from sparseattack.conformance.conformance_talk import Answer, bowl, questions, talk
from sparseattack.conformance.problems import IMAGES, ContractError, problem, space
from sparseattack.problem.space import Strategy


def asks_about_every_image(strategy: Strategy) -> str:
    """Float32 candidates in the cube, about every image until its budget is spent."""
    return _spent(strategy, bowl)


def bears_flat_values(strategy: Strategy) -> str:
    """It goes on where no candidate is better than another."""
    return _spent(strategy, lambda turn, candidates: torch.ones(candidates.shape[:2]))


def bears_little_to_find(strategy: Strategy) -> str:
    """It goes on, or asks nothing more, where there are but 256 candidates, far fewer than queries."""
    tiny = problem(strategy, (1, 1, 1)).space(slice(1), 400, seed=0, key="conformance")
    talk(strategy, tiny, bowl)
    if tiny.journal.errors:
        raise ContractError(f"it gave up: {tiny.journal.errors[0]}")
    return ""


def leaves_its_questions_alone(strategy: Strategy) -> str:
    """What was asked is not written to later."""
    kept: list[tuple[Tensor, Tensor]] = []

    def keep(turn: int, candidates: Tensor) -> Tensor:
        kept.append((candidates, candidates.clone()))
        return bowl(turn, candidates)

    talk(strategy, space(strategy), keep)
    if any(not torch.equal(now.nan_to_num(-1), then.nan_to_num(-1)) for now, then in kept):
        raise ContractError("it wrote to candidates that it had asked with before")
    return ""


def _spent(strategy: Strategy, answer: Answer) -> str:
    here = space(strategy)
    turns = talk(strategy, here, answer)
    for place in range(IMAGES):
        if (asked := len(questions(turns, place))) < here.budget:
            why = here.journal.errors.get(place, "it asked nothing more")
            raise ContractError(f"it gave up an image after {asked} of {here.budget} queries: {why}")
    return ""
