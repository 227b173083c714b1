"""One strategy, encoding, fitness function or oracle, as a page of text."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sparseattack.detail import Detail, Setting
from sparseattack.registry import SINGULAR

from .listing import STYLES, plain


def print_detail(detail: Detail) -> None:
    """What it is, its settings, and where it comes from."""
    console, entry = Console(highlight=False, markup=False), detail.entry
    kind = "fitness function" if entry.kind == "fitness" else SINGULAR[entry.kind]
    console.print(Text(f"{entry.name}, ", "bold").append(f"{kind}\n", "not bold"))
    for paragraph in filter(None, detail.description.split("\n\n")):
        console.print(Padding(plain(" ".join(paragraph.split())), (0, 0, 1, 2)))
    console.print(_settings(detail.settings) if detail.settings else "  It has no settings.\n")
    console.print(_facts(detail))


def _settings(settings: Sequence[Setting]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("setting", "type", "default", "meaning"):
        table.add_column(heading, overflow="fold")
    for each in settings:
        default = "must be chosen" if each.default is None else each.default
        table.add_row(Text(each.name, "cyan"), Text(each.type), Text(default), Text(plain(each.meaning)))
    return table


def _facts(detail: Detail) -> Table:
    entry, table = detail.entry, Table.grid(padding=(0, 2))
    state = f"{entry.state}: {entry.remedy}" if entry.remedy else entry.state
    facts = {
        "module": Text(plain(" ".join(detail.module.split()))),
        "searches also": Text(", ".join(detail.objectives)),
        "function": Text(entry.source),
        "from": Text(entry.distribution),
        "state": Text(state, STYLES[entry.state]),
    }
    for heading, fact in facts.items():
        if fact:
            table.add_row(f"  {heading}", fact)
    return table
