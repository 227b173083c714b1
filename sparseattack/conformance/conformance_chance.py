"""What a strategy promises about chance: each image has a stream of its own, and nothing else is random."""

import pickle
import random
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sparseattack.conformance.conformance_talk import bowl, questions, talk
from sparseattack.conformance.problems import IMAGES, ContractError, space
from sparseattack.problem.space import Strategy
from sparseattack.search.fence import Fence


def same_in_any_company(strategy: Strategy) -> str:
    """An image is asked the same alone and beside others, in whatever order."""
    streams = [space(strategy).streams for _ in range(3)]
    here = space(strategy)
    together = talk(strategy, replace(here, streams=streams[0]), bowl)
    turned = talk(strategy, replace(here, streams=streams[1][::-1]), bowl)
    for place, stream in enumerate(streams[2]):
        alone = talk(strategy, replace(here, streams=(stream,)), bowl)
        _same(questions(together, place), questions(alone, 0), "about an image alone and beside others")
        _same(questions(alone, 0), questions(turned, IMAGES - 1 - place), "about images in another order")
    return ""


def same_when_repeated(strategy: Strategy) -> str:
    """All its chance comes from the space: no clock, no global random state."""
    with Fence(np.random.default_rng(1)).inside():
        once = talk(strategy, space(strategy), bowl)
    with Fence(np.random.default_rng(2)).inside():
        again = talk(strategy, space(strategy), bowl)
    for place in range(IMAGES):
        _same(questions(once, place), questions(again, place), "the second time, with the same seed")
    return ""


def leaves_others_alone(strategy: Strategy) -> str:
    """An image that is cut short in mid-turn and asked no more changes nothing for the others."""

    def cut(turn: int, candidates: Tensor) -> Tensor:
        values = bowl(turn, candidates)
        if turn > 0:
            values[1, candidates.shape[1] // 2 if turn == 1 else 0 :] = torch.inf
        return values

    usual, disturbed = (talk(strategy, space(strategy), answer) for answer in (bowl, cut))
    for place in (0, IMAGES - 1):
        _same(questions(usual, place), questions(disturbed, place), "after another image was finished")
    return ""


def leaves_global_chance_alone(strategy: Strategy) -> str:
    """The random states of numpy, torch and Python stay as they are."""
    with Fence(np.random.default_rng(1)).inside():
        np.random.standard_normal()  # half of a pair is kept for later: that must stay, too
        before = _chance()
        talk(strategy, space(strategy), bowl)
        changed = [name for name, state in _chance().items() if state != before[name]]
    if changed:
        raise ContractError(f"it changed the global random state of {' and '.join(changed)}")
    return ""


def _same(one: Tensor, other: Tensor, when: str) -> None:
    if not torch.equal(one, other):
        raise ContractError(f"it asked other questions {when}")


def _chance() -> dict[str, bytes]:
    states = {
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state().numpy(),
        "Python": random.getstate(),
    }
    return {name: pickle.dumps(state) for name, state in states.items()}
