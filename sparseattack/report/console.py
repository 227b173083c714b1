"""A console that prints names as they are, brackets and colons included, but never as commands.

A name from a study, a file or a plugin may hold control characters, which a terminal would obey.
"""

from collections.abc import Iterable
from unicodedata import category

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, changes of direction, half characters, line ends


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
