"""What can go wrong, each said in one sentence that names the thing.

What a strategy demands of its settings and its space.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SparseattackError(Exception):
    """Anything that this package refuses or gives up; its text is fit for a person to read."""


class InputError(SparseattackError, ValueError):
    """What was asked for does not exist or does not fit."""


class OracleError(SparseattackError, RuntimeError):
    """An oracle raised, or answered what no classifier answers."""


class StrategyError(SparseattackError, RuntimeError):
    """A strategy broke its contract."""


class StoreError(SparseattackError, OSError):
    """A study cannot be read or written."""


class SparseattackWarning(UserWarning):
    """Something is done in another way than was wished; its text is fit for a person to read."""


def brief(error: BaseException) -> str:
    """The kind of a foreign ``error`` and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def near(name: str, known: Iterable[str], most: int = 1) -> str:
    """The end of a sentence about an unknown ``name``: those that look like it; empty where none does."""
    close = get_close_matches(name, list(known), most)
    return f"; did you mean {', '.join(close)}?" if close else ""


def require(holds: bool, sentence: str) -> None:
    """Raise InputError with the ``sentence`` unless a condition ``holds``."""
    if not holds:
        raise InputError(sentence)
