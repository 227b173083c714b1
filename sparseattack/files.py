"""Files that are written completely or not at all, whatever ends the process meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` write a new file beside ``path``, then put it in its place; OSError where that fails."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        write(fresh)
        fresh.replace(path)
    finally:
        with suppress(OSError):  # it is gone already, or cannot be removed
            fresh.unlink()
