"""Consoles that print names and paths as they are, brackets and colons included."""

import os
from functools import partial

from rich.console import Console
from rich.progress import TextColumn

WIDTH = 110  # columns of a file or a pipe
INTERRUPTED = 130  # exit code after Ctrl-C, as in a shell

stderr = partial(Console, stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
text_column = partial(TextColumn, markup=False)


def stdout() -> Console:
    """A console as wide as the terminal, as COLUMNS says, or ``WIDTH`` columns."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(markup=False, emoji=False, highlight=False, width=WIDTH)
    return console
