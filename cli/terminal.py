"""Everything that is printed: names as they are, brackets and colons included, but never as commands.

A name from a study, a file or a plugin may hold control characters, which a terminal would obey. Every line
passes through `visible` of `sparseattack.report.console`: `print_text` does that, and so does every console
made here.
"""

import os
import sys
from functools import partial

from rich.console import Console
from rich.progress import TextColumn

from sparseattack.report.console import VisibleConsole, visible_lines

WIDTH = 110  # columns of a file or a pipe
INTERRUPTED = 130  # exit code after Ctrl-C, as in a shell

text_column = partial(TextColumn, markup=False)


def print_text(text: str, *, error: bool = False) -> None:
    """Print lines at once, to the standard output or as an ``error``."""
    print(visible_lines(text), file=sys.stderr if error else sys.stdout, flush=True)


stderr = partial(VisibleConsole, stderr=True, soft_wrap=True)


def stdout(*, soft_wrap: bool = False) -> Console:
    """A console as wide as the terminal, as COLUMNS says, or ``WIDTH`` columns."""
    console = VisibleConsole(soft_wrap=soft_wrap)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = VisibleConsole(soft_wrap=soft_wrap, width=WIDTH)
    return console
