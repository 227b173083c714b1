"""Files that are written completely or not at all, whatever ends the process or the machine meanwhile."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` write a new file beside ``path``, then put it in its place; OSError where that fails.

    Processes that write the same file do not meet in the new one. It is on the disk before it has the name.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write(fresh)
        with fresh.open("rb+") as written:
            os.fsync(written.fileno())
        fresh.replace(path)
    finally:
        with suppress(OSError):  # it is gone already, or cannot be removed
            fresh.unlink()
