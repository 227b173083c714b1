"""Where text is printed as it is: names and paths may hold brackets and colons."""

import os
from functools import partial

from rich.console import Console
from rich.progress import TextColumn

WIDE = 110  # columns where nobody looks: a file, a pipe

stderr = partial(Console, stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
text_column = partial(TextColumn, markup=False)


def stdout() -> Console:
    """As wide as the terminal, as COLUMNS says, or wide enough."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(markup=False, emoji=False, highlight=False, width=WIDE)
    return console
