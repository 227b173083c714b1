"""How a warning is said on a terminal."""

from warnings import formatwarning

from sparseattack.errors import SparseattackWarning


def said(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Our own in one line, as an error is; another package's as Python says it."""
    if issubclass(category, SparseattackWarning):
        return f"sparseattack: {message}\n"
    return formatwarning(message, category, filename, lineno, line)
