"""Commands run in this process or in a new one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command in a new process, in ``folder``."""
    command = [sys.executable, "-m", "sparseattack.cli", *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def python(code: str, folder: Path) -> Answer:
    """Run Python ``code`` in a new process, in ``folder`` but importing nothing from it."""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return Answer(done.returncode, done.stdout, done.stderr)
