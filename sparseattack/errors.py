"""The exceptions of this package: each has one sentence that names what is wrong and what would work."""

import os
from collections.abc import Iterable, Sequence
from types import CodeType, TracebackType
from typing import Self

LIBRARIES = "site-packages", "dist-packages", os.path.dirname(os.__file__)  # of the code of no user
MOST_TIED = 3  # names that share a place and are all listed


class SparseattackError(Exception):
    """Every error that sparseattack raises on purpose; its text can be printed as it is."""


class InputError(SparseattackError, ValueError):
    """A name, setting, file or argument does not exist or does not fit; nothing was run. Exit code 2."""


class OracleError(SparseattackError, RuntimeError):
    """A classifier raised an error, or returned scores of a wrong shape, or NaN. Exit code 1."""


class UnansweredError(OracleError):
    """A classifier answers some images not at all, and may answer all others. Exit code 1.

    Where all other runs are finished, ``reasons`` has one for each that is not.
    """

    def __init__(self, text: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.reasons = tuple(reasons)

    @classmethod
    def of(cls, reasons: Sequence[str]) -> Self:
        """For runs that are not finished, though all others are, each with a reason."""
        runs = "run is" if len(reasons) == 1 else "runs are"
        return cls(f"{len(reasons)} {runs} not finished, all others are: {reasons[0]}", reasons)


class ChangedError(OracleError):
    """A classifier answers otherwise than before; ``runs``, keys, may have answers of both. Exit code 1."""

    def __init__(self, text: str, runs: frozenset[str] = frozenset()) -> None:
        super().__init__(text)
        self.runs = runs


class StrategyError(SparseattackError, RuntimeError):
    """A strategy raised an error, or yielded candidates of a wrong shape or out of range. Exit code 1."""


class UndeclaredError(StrategyError):
    """A strategy reads what it has not declared with ``uses``. Exit code 1."""


class StoreError(SparseattackError, OSError):
    """The file of a study cannot be read or written. Exit code 1."""


class SparseattackWarning(UserWarning):
    """Something is done in another way than was asked for; its text can be printed as it is."""


def brief(error: BaseException) -> str:
    """The type of another library's ``error`` and the first line of its message that says something.

    OpenVINO's messages begin with the places in its own code that the error came from.
    """
    lines = filter(None, map(str.strip, str(error).splitlines()))
    said = next((line for line in lines if not line.startswith("Exception from ")), "")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


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


def number_of(number: int, one: str, many: str = "") -> str:
    """``1 image``, ``1,000 images``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, end = items
    return f"{', '.join(others)} {last} {end}" if others else end


def tied(names: Sequence[str]) -> str:
    """Names that share a place: three at most as ``listed`` has them, of more ``a and 3 others``."""
    return listed(names if len(names) <= MOST_TIED else [names[0], f"{len(names) - 1} others"])


def near(name: str, known: Iterable[str], most: int = 1) -> str:
    """The end of a message about an unknown ``name``: similar known names, or empty if there are none."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), most)
    return f"; did you mean {', '.join(close)}?" if close else ""


def require(holds: bool, sentence: str) -> None:
    """Raise InputError with the ``sentence`` unless a condition ``holds``."""
    if not holds:
        raise InputError(sentence)


def require_switches(**switches: object) -> None:
    """Raise InputError unless each is True or False."""
    for name, value in switches.items():
        is_switch = type(value).__name__ in ("bool", "bool_")  # numpy's too, which is not imported here
        require(is_switch, f"{name} is True or False, not {value!r}")


def place_of(name: str, classes: Sequence[str]) -> int:
    """The number of the class of a ``name`` that is there; InputError where several have it."""
    places = [str(place) for place, one in enumerate(classes) if one == name]
    require(len(places) == 1, f"class {name!r} is the name of several classes: numbers {', '.join(places)}")
    return int(places[0])
