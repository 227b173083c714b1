"""Everything that is printed: names as they are, brackets and colons included, but never as commands.

A name from a study, a file or a plugin may hold control characters, which a terminal would obey. Every line
passes through `visible`: `print_text` does that, and so does every console made here.
"""

import os
import sys
from collections.abc import Iterable
from functools import partial
from unicodedata import category

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import TextColumn
from rich.segment import Segment

WIDTH = 110  # columns of a file or a pipe
INTERRUPTED = 130  # exit code after Ctrl-C, as in a shell
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, changes of direction, half characters, line ends

text_column = partial(TextColumn, markup=False)


def visible(text: str) -> str:
    r"""The text with every character that a terminal would obey, or not show, as ``\u001b``.

    Line ends and tabs are among them; where lines are meant, `visible_lines` leaves these as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"\\u{ord(letter):04x}" if category(letter) in INVISIBLE else letter for letter in text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines, with tabs."""
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))


def print_text(text: str, *, error: bool = False) -> None:
    """Print lines at once, to the standard output or as an ``error``."""
    print(visible_lines(text), file=sys.stderr if error else sys.stdout, flush=True)


class VisibleConsole(Console):
    """A console that prints text as it is: no markup, no emoji by name, and every character visible."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        super().__init__(
            stderr=stderr, soft_wrap=soft_wrap, width=width, markup=False, emoji=False, highlight=False
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of anything printable; only rich's own control codes stay what they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


stderr = partial(VisibleConsole, stderr=True, soft_wrap=True)


def stdout(*, soft_wrap: bool = False) -> Console:
    """A console as wide as the terminal, as COLUMNS says, or ``WIDTH`` columns."""
    console = VisibleConsole(soft_wrap=soft_wrap)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = VisibleConsole(soft_wrap=soft_wrap, width=WIDTH)
    return console
