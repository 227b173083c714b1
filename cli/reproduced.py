"""A paper's table, ours beside theirs, in a terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from sparseattack.reproduction.grid import Entry, grid
from sparseattack.reproduction.render import Printed

from .terminal import stdout

STYLES = {"inside": "green", "overlap": "yellow", "outside": "red"}


def show(printed: Printed) -> None:
    """Title, a row per metric, what a reader must know."""
    console = stdout()
    table = Table(title=printed.table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    headings, lines = grid(printed.cells)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", overflow="fold")
    for name, entries in lines:
        table.add_row(Text(name), *map(_text, entries))
    console.print(table)
    for note in printed.notes:
        console.print(note, style="dim")


def _text(entry: Entry) -> Text:
    """The figure, and under it what is to be known of it."""
    detail = f"\n{entry.detail}" if entry.detail else ""
    return Text(entry.value).append(detail, STYLES.get(entry.detail, "dim"))
