"""What is known by name, as tables.

One strategy, encoding, fitness function, oracle or protocol, as a page of text.
"""

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sparseattack.plugins.catalogue import Detail, Entry, Setting, State
from sparseattack.plugins.registry import SINGULAR, Kind
from sparseattack.study.protocols import Protocol

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


def print_detail(detail: Detail) -> None:
    """What it is, its settings, and where it comes from."""
    console, entry = Console(highlight=False, markup=False), detail.entry
    kind = "fitness function" if entry.kind == "fitness" else SINGULAR[entry.kind]
    console.print(Text(f"{entry.name}, ", "bold").append(f"{kind}\n", "not bold"))
    _describe(console, detail.description)
    console.print(_settings(detail.settings) if detail.settings else "  It has no settings.\n")
    console.print(_facts(detail))


def print_protocol(protocol: Protocol) -> None:
    """What it is, and what it sets, with a target and without."""
    console, parts = Console(highlight=False, markup=False), protocol.parts()
    console.print(Text(f"{protocol.name}, ", "bold").append("protocol\n", "not bold"))
    _describe(console, protocol.description)
    table = Table(box=SIMPLE_HEAD)
    for heading in ("setting", *parts):
        table.add_column(heading, overflow="fold")
    for name in dict.fromkeys(name for part in parts.values() for name in part):
        table.add_row(Text(name, "cyan"), *(Text(_value(part.get(name, ""))) for part in parts.values()))
    console.print(table)
    print(f"  Run it:        sparseattack compare --protocol {protocol.name} --oracle ... --images ...")
    print("  Change it:     by other options, such as --num-images 20 or --target all")
    print("  Left to you:   --oracle, --images, --pixels, --seeds")


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _describe(console: Console, description: str) -> None:
    for paragraph in filter(None, description.split("\n\n")):
        console.print(Padding(plain(" ".join(paragraph.split())), (0, 0, 1, 2)))


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
