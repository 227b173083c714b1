"""What a strategy promises, checked at every turn."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from sparseattack.errors import InputError, StrategyError, brief
from sparseattack.problem.space import Search, Space, Strategy

RETURNED = "its search returned; it must restart and let the budget end it"


def started(strategy: Strategy, space: Space, who: str) -> Search:
    """The search of ``strategy``, which errors call ``who``."""
    with _blamed(who):
        search = strategy(space)
    if not isinstance(search, Generator):
        raise StrategyError(f"{who} is no generator function: it returned {type(search).__name__}")
    return search


def turn(search: Search, values: Tensor | None, space: Space, who: str) -> Tensor:
    """The next candidates ``(B, P, D)`` after the ``values`` of the last ones; none start the search."""
    with _blamed(who):
        candidates = search.send(values)  # type: ignore[arg-type]  # None starts it
    if wrong := _wrong(candidates, space):
        raise StrategyError(f"{who} asked with {wrong}")
    return candidates.detach()


def real(candidates: Tensor) -> Tensor:
    """Those that ask something: ``(B, P)`` bool."""
    return ~candidates.isnan().any(2)


def affordable(candidates: Tensor, left: Tensor) -> Tensor:
    """The candidates that are real, as many per image as it has queries ``left``: ``(B, P)``."""
    asking = real(candidates)
    return asking & (asking.cumsum(1) <= left.unsqueeze(1))


def ended(search: Search, who: str) -> None:
    """Let the search clean up."""
    with _blamed(who):
        search.close()


@contextmanager
def _blamed(who: str) -> Iterator[None]:
    """Whatever a strategy raises is its own fault, except what it refuses in our words."""
    try:
        yield
    except InputError:
        raise
    except StrategyError as error:
        raise StrategyError(f"{who}: {error}") from error
    except StopIteration:
        raise StrategyError(f"{who}: {RETURNED}") from None
    except Exception as error:
        raise StrategyError(f"{who} failed: {brief(error)}") from error


def _wrong(candidates: Tensor, space: Space) -> str:
    """What is wrong with candidates, if anything."""
    if not isinstance(candidates, Tensor) or candidates.dtype != torch.float32:
        kind = candidates.dtype if isinstance(candidates, Tensor) else type(candidates).__name__
        return f"{kind}, not a float32 tensor"
    if candidates.ndim != 3 or candidates.shape[::2] != (space.batch, space.dims):  # noqa: PLR2004
        return f"shape {tuple(candidates.shape)}, not ({space.batch}, P, {space.dims})"
    if candidates.device != torch.device(space.device):
        return f"candidates on {candidates.device}, not on {space.device}"
    nan, outside = candidates.isnan(), (candidates < 0) | (candidates > 1)
    partly = nan.any(2) != nan.all(2)
    if not (outside.any() | partly.any()):  # one answer, which the host waits for
        return ""
    if not outside.any():
        return "a candidate that is NaN in some genes: in all, it asks nothing"
    gene, value = int(outside.nonzero()[0, 2]), float(candidates[outside][0])
    return f"a candidate outside the unit cube: gene {gene} was {value:g}"
