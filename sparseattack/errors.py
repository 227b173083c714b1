"""What can go wrong, each said in one sentence that names the thing.

What a strategy demands of its settings and its space.
"""

import os
from collections.abc import Iterable
from types import CodeType, TracebackType

LIBRARIES = "site-packages", "dist-packages", os.path.dirname(os.__file__)  # of the code of no user


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


def failure(error: BaseException) -> str:
    """``brief``, and the file and line of the user's own code that a foreign ``error`` came from, if any."""
    place = "" if isinstance(error, SyntaxError) else user_line(error)  # a SyntaxError says it itself
    return f"{brief(error)} ({place})" if place else brief(error)


def user_line(error: BaseException) -> str:
    """The innermost line of the user's own code that ``error`` came through, ``file.py, line 7``, or nothing.

    Code of this package, of the standard library and of installed libraries is not the user's own.
    """
    found, step = "", error.__traceback__
    while step:
        if _of_user(step):
            found = f"{_path(step.tb_frame.f_code)}, line {step.tb_lineno}"
        step = step.tb_next
    return found


def _of_user(step: TracebackType) -> bool:
    file, module = step.tb_frame.f_code.co_filename, str(step.tb_frame.f_globals.get("__name__"))
    made = file.startswith("<") and not file.startswith(("<stdin", "<ipython"))  # such as <frozen importlib>
    return not (made or module.partition(".")[0] == "sparseattack" or any(one in file for one in LIBRARIES))


def _path(code: CodeType) -> str:
    """The file of some code, as it is called in this folder."""
    from pathlib import Path

    path = Path(code.co_filename)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def near(name: str, known: Iterable[str], most: int = 1) -> str:
    """The end of a sentence about an unknown ``name``: those that look like it; empty where none does."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), most)
    return f"; did you mean {', '.join(close)}?" if close else ""


def require(holds: bool, sentence: str) -> None:
    """Raise InputError with the ``sentence`` unless a condition ``holds``."""
    if not holds:
        raise InputError(sentence)
