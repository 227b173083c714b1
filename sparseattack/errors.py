"""What can go wrong, each said in one sentence that names the thing."""


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


def brief(error: BaseException) -> str:
    """The kind of a foreign ``error`` and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
