"""What an optimizer of nevergrad is made of, and what of it cannot be used."""

from collections.abc import Callable, Mapping
from typing import Any

import nevergrad as ng
from nevergrad.optimization.base import ConfiguredOptimizer, Optimizer

FAMILIES = ("ParametrizedMetaModel", "ParametrizedBO", "BayesOptim")  # some only with other packages
MODELS = tuple(getattr(ng.families, name) for name in FAMILIES if hasattr(ng.families, name))

UNREPEATABLE = "PolyLN", "NGOptF2", "NGOptF3", "NGOptF5"  # drawn at import; by the order of a set of words

FLAWS: dict[str, Callable[[Any, int], bool]] = {
    "has no ask and tell, but runs in a thread": lambda part, popsize: part.recast,
    "fits a model to all values, which is slow and fails on numpy 2.4": lambda part, popsize: (
        isinstance(part, MODELS) or getattr(part, "high_speed", False)
    ),
    "takes one candidate at a time: popsize=1": lambda part, popsize: popsize > 1 and part.no_parallelization,
    "is another one in every process, so that no run can be repeated": lambda part, popsize: (
        _name(part) in UNREPEATABLE
    ),
}


def refusal(optimizer: object, popsize: int) -> str:
    """Why the optimizer cannot be used; empty if it can."""
    held = parts(optimizer)
    for flaw, has in FLAWS.items():
        for part in held:
            if has(part, popsize):
                return f"{_name(part)} {flaw}"
    return ""


def parts(optimizer: object) -> list[Any]:
    """The optimizer and all others, or classes or configurations of them, that it holds or has chosen."""
    found: dict[int, Any] = {}
    left: list[object] = [optimizer]
    while left:
        thing = left.pop()
        if isinstance(thing, list | tuple):
            left += thing
        elif isinstance(thing, Mapping):
            left += thing.values()
        elif _optimizes(thing) and id(thing) not in found:
            found[id(thing)] = thing
            left += [getattr(thing, "optim", None), vars(thing)]  # to read optim is to let it choose
    return list(found.values())


def _optimizes(thing: object) -> bool:
    if isinstance(thing, type):
        return issubclass(thing, Optimizer)
    return isinstance(thing, Optimizer | ConfiguredOptimizer)


def _name(part: Any) -> str:
    return str(getattr(part, "name", getattr(part, "__name__", "")))
