"""The contract of a strategy, checked every generation: where it is broken, a StrategyError names it.

A strategy is a generator function: it yields candidates ``(B, P, D)`` float32 in the unit cube, NaN in all
genes where it has no query, and never returns. It is used like an optimizer: ``start``, ``ask``, ``close``.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from sparseattack.errors import InputError, StrategyError, failure
from sparseattack.plugins.spec import Use
from sparseattack.problem.encodings.whole_images import WholeImages
from sparseattack.problem.fitness import fooling_l0
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Search, Space, Strategy
from sparseattack.search.isolation import AutogradModes, isolated

RETURNED = "its search returned; it must restart and let the budget end it"


def as_declared(problem: Problem, uses: frozenset[Use]) -> Problem:
    """The problem as a strategy that ``uses`` this searches it.

    Whole images, of which the changed pixels are minimised, where it begins with another image; InputError
    for encodings that have none.
    """
    if "start" not in uses or isinstance(problem.encoding, WholeImages):
        return problem
    if problem.mask is not None:
        raise InputError("a strategy that begins with another image changes all pixels: it takes no mask")
    whole = WholeImages.of(problem.encoding, problem.images.shape[1:])
    known = vars(problem).get("clean") or problem.predictions
    searched = replace(problem, encoding=whole, fitness=(fooling_l0,), sparse=bool(problem.sparse))
    return replace(searched, predictions=known)


def start(strategy: Strategy, space: Space, who: str) -> Search:
    """Start a search by ``strategy``, which errors call ``who``."""
    with _attributed(who), AutogradModes().active():
        search = strategy(space)
    if not isinstance(search, Generator):
        raise StrategyError(f"{who} is no generator function: it returned {type(search).__name__}")
    return isolated(search)


def ask(search: Search, values: Tensor | None, space: Space, who: str) -> Tensor:
    """The next candidates ``(B, P, D)``, given ``values (B, P, M)`` of the last ones; None at the start."""
    with _attributed(who):
        candidates = _plain(search.send(values))  # type: ignore[arg-type]  # None starts it
        wrong = _wrong(candidates, space)
    if wrong:
        raise StrategyError(f"{who} asked with {wrong}")
    return candidates.detach()


def close(search: Search, who: str) -> None:
    """End a search, so that it can clean up."""
    with _attributed(who):
        search.close()


def is_query(candidates: Tensor) -> Tensor:
    """Mask ``(B, P)`` of the candidates that are queries; the others are NaN."""
    return ~candidates.isnan().any(2)


def within_budget(candidates: Tensor, left: Tensor) -> Tensor:
    """Mask ``(B, P)`` of the queries that fit the budget, of which each image has ``left (B,)``."""
    queries = is_query(candidates)
    return queries & (queries.cumsum(1) <= left.unsqueeze(1))


@contextmanager
def _attributed(who: str) -> Iterator[None]:
    """Turn what a strategy raises into a StrategyError that names it; its InputError passes as it is."""
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except StrategyError as error:
        raise StrategyError(f"{who}: {error}") from error
    except StopIteration:
        raise StrategyError(f"{who}: {RETURNED}") from None
    except BaseException as error:  # SystemExit and GeneratorExit too: a strategy has no reason to raise them
        raise StrategyError(f"{who} failed: {failure(error)}") from error


def _plain(candidates: Tensor) -> Tensor:
    """Candidates of a subclass of Tensor, such as a Parameter, as a Tensor with the same data."""
    if not isinstance(candidates, Tensor) or type(candidates) is Tensor:
        return candidates
    with torch._C.DisableTorchFunctionSubclass():  # it may answer questions about itself in its own way
        return candidates.as_subclass(Tensor)


def _wrong(candidates: Tensor, space: Space) -> str:
    """What is wrong with candidates, in words; empty if nothing is."""
    if type(candidates) is not Tensor or candidates.layout != torch.strided:
        kind = candidates.layout if type(candidates) is Tensor else type(candidates).__name__
        return f"{kind}, not a float32 tensor"
    if candidates.dtype != torch.float32:
        return f"{candidates.dtype}, not a float32 tensor"
    if candidates.ndim != 3 or candidates.shape[::2] != (space.batch, space.dims):  # noqa: PLR2004
        return f"shape {tuple(candidates.shape)}, not ({space.batch}, P, {space.dims})"
    if candidates.device != torch.device(space.device):
        return f"candidates on {candidates.device}, not on {space.device}"
    return _outside(candidates)


def _outside(candidates: Tensor) -> str:
    """Where candidates ``(B, P, D)`` are outside the unit cube or NaN in part, in words; empty if nowhere."""
    nan, outside = candidates.isnan(), (candidates < 0) | (candidates > 1)
    partly = nan.any(2) != nan.all(2)
    if not (outside.any() | partly.any()):  # a single transfer from the device
        return ""
    if not outside.any():
        return "a candidate that is NaN in some genes: it is no query only if all are NaN"
    gene, value = int(outside.nonzero()[0, 2]), float(candidates[outside][0])
    return f"a candidate outside the unit cube: gene {gene} was {value:g}"
