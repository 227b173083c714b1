"""What is known by name, as tables."""

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sparseattack.plugins.catalogue import Entry, State
from sparseattack.plugins.registry import Kind
from sparseattack.study.protocol import Protocol

MEANING: dict[Kind, str] = {
    "strategies": "how candidates are searched for",
    "encodings": "what a candidate may change",
    "fitness": "what is minimised",
    "oracles": "which classifier is asked",
}
STYLES: dict[State, str] = {"installed": "green", "not installed": "yellow", "broken": "red"}


def print_entries(found: Mapping[Kind, Sequence[Entry]], protocols: Iterable[Protocol]) -> None:
    """A table per kind, and one of the protocols."""
    console = Console(highlight=False, markup=False)
    for kind, entries in found.items():
        console.print(_table(f"{kind}: {MEANING[kind]}", entries))
    console.print(_protocols(protocols))
    print("All about one:        sparseattack show NAME")
    print("Chosen with settings: sparseattack compare --strategies 'random(popsize=50),sparse-rs'")
    print("As in a paper:        sparseattack compare --protocol NAME")
    print("Whether all work:     sparseattack list --try")


def _protocols(protocols: Iterable[Protocol]) -> Table:
    table = _blank("protocols: what a published comparison was made with")
    table.add_column("what it is, and where it was published", ratio=1, overflow="fold")
    for each in protocols:
        table.add_row(Text(each.name, "bold"), Text(each.description))
    return table


def _blank(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("name", overflow="fold", min_width=13)
    return table


def _table(title: str, entries: Sequence[Entry]) -> Table:
    table = _blank(title)
    table.add_column("what it is, settings and their defaults", ratio=1, overflow="fold")
    table.add_column("from", overflow="fold", min_width=18, max_width=30)
    for entry in entries:
        table.add_row(Text(entry.name, "bold"), _meaning(entry), _origin(entry))
    return table


def _meaning(entry: Entry) -> Text:
    settings = ", ".join(f"{key}={value or '...'}" for key, value in entry.settings.items())
    return Text("\n").join([Text(plain(entry.summary)), *([Text(settings, "cyan")] if settings else [])])


def _origin(entry: Entry) -> Text:
    state = f"{entry.state}: {entry.remedy}" if entry.remedy else entry.state
    return Text(f"{entry.distribution}\n").append(state, STYLES[entry.state])


def plain(text: str) -> str:
    """A docstring without its marks."""
    return text.replace("``", "")
