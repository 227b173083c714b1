"""The command line as a person meets it, in this process or in one of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """A process of its own, in ``folder``."""
    command = [sys.executable, "-m", "sparseattack.cli", *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def python(code: str, folder: Path) -> Answer:
    """What a few lines of Python come to in a process of their own, which imports nothing from ``folder``."""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return Answer(done.returncode, done.stdout, done.stderr)
