"""Print the plugins and protocols: all in tables, or one as a page of text."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sparseattack.errors import InputError, near
from sparseattack.experiment.protocols import PROTOCOLS, Protocol
from sparseattack.plugins import catalogue
from sparseattack.plugins.catalogue import Detail, Entry, Setting, State
from sparseattack.plugins.registry import KINDS, SINGULAR, Kind, names
from sparseattack.plugins.spec import seen
from sparseattack.report.console import VisibleConsole

from .terminal import print_text

MEANING: dict[Kind, str] = {
    "strategies": "how candidates are searched",
    "encodings": "how genes become pixels",
    "fitness": "the objective to minimise",
    "oracles": "the classifier to attack",
    "executors": "where the runs of a comparison are made",
}
USUAL = 80  # columns of a terminal: in a narrower one long names are folded
STYLES: dict[State, str] = {"installed": "green", "not installed": "yellow", "broken": "red"}


def list_plugins(*, imported: bool, as_json: bool) -> None:
    """Print every plugin and protocol, the plugins ``imported`` first if that is asked for."""
    found = {kind: catalogue.entries(kind) for kind in KINDS}
    if imported:
        found = {kind: [catalogue.try_import(entry) for entry in entries] for kind, entries in found.items()}
    if as_json:
        plugins = {kind: [asdict(entry) for entry in entries] for kind, entries in found.items()}
        protocols = [each.to_dict() for each in PROTOCOLS.values()]
        print(json.dumps(plugins | {"protocols": protocols}, indent=2))
        return
    print_entries(found, PROTOCOLS.values())


def show_name(name: str, *, as_json: bool) -> None:
    """Print all about the plugins and the protocol called ``name``; InputError if there is none."""
    found, protocols = catalogue.details(name), [PROTOCOLS[name]] if name in PROTOCOLS else []
    if not found and not protocols:
        raise InputError(f"nothing is called {name!r}{_others(name)}; sparseattack list describes all")
    if as_json:
        print(json.dumps([*map(asdict, found), *(each.to_dict() for each in protocols)], indent=2))
        return
    for detail in found:
        print_detail(detail)
    for protocol in protocols:
        print_protocol(protocol)


def _others(name: str) -> str:
    """The names that are like an unknown one; if none is, all of every kind."""
    known: dict[str, list[str]] = {kind: list(names(kind)) for kind in KINDS}
    known["protocols"] = list(PROTOCOLS)
    if alike := near(name, dict.fromkeys(each for some in known.values() for each in some)):
        return alike.rstrip("?")
    return (
        f". There are {'; '.join(' '.join((kind, ', '.join(some))) for kind, some in known.items() if some)}"
    )


def print_entries(found: Mapping[Kind, Sequence[Entry]], protocols: Iterable[Protocol]) -> None:
    """A table per kind, and one of the protocols."""
    console = VisibleConsole()
    for kind, entries in found.items():
        console.print(_entry_table(f"{kind}: {MEANING[kind]}", entries))
    console.print(_protocol_table(protocols))
    print("Describe one:        sparseattack show NAME")
    print("Use with settings:   sparseattack compare --strategies 'random(popsize=50),sparse-rs'")
    print("Use a protocol:      sparseattack compare --protocol NAME")
    print("Find broken plugins: sparseattack list --try")


def _protocol_table(protocols: Iterable[Protocol]) -> Table:
    table = _blank("protocols: settings of published experiments")
    table.add_column("description and source", ratio=1, overflow="fold")
    for each in protocols:
        table.add_row(Text(each.name, "bold"), Text(each.description))
    return table


def _blank(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("name", overflow="fold", min_width=13)
    return table


def _entry_table(title: str, entries: Sequence[Entry]) -> Table:
    table, strategies = _blank(title), [entry for entry in entries if entry.kind == "strategies"]
    if VisibleConsole().width >= USUAL:
        table.columns[0].min_width = max((len(entry.name) for entry in entries), default=0)
    table.add_column("description, settings and their defaults", ratio=1, overflow="fold")
    if strategies:
        table.add_column("sees", max_width=9)
    table.add_column("from", overflow="fold", min_width=13, max_width=30)
    for entry in entries:
        known = [sees(entry)] if strategies else []
        table.add_row(Text(entry.name, "bold"), _description(entry), *known, _origin(entry))
    return table


def sees(entry: Entry) -> str:
    """What a strategy sees, in a word; unknown where its source does not say it."""
    return "unknown" if entry.uses is None else seen(entry.uses)


def _description(entry: Entry) -> Text:
    settings = ", ".join(f"{key}={value or '...'}" for key, value in entry.settings.items())
    return Text("\n").join([Text(plain(entry.summary)), *([Text(settings, "cyan")] if settings else [])])


def _origin(entry: Entry) -> Text:
    state = f"{entry.state}: {entry.remedy}" if entry.remedy else entry.state
    return Text(f"{entry.distribution}\n").append(state, STYLES[entry.state])


def plain(text: str) -> str:
    """A docstring without its back-quotes."""
    return text.replace("``", "")


def print_detail(detail: Detail) -> None:
    """A page: name and kind, description, a table of settings, where it comes from."""
    console, entry = VisibleConsole(), detail.entry
    kind = "fitness function" if entry.kind == "fitness" else SINGULAR[entry.kind]
    console.print(Text(f"{entry.name}, ", "bold").append(f"{kind}\n", "not bold"))
    _print_paragraphs(console, detail.description)
    console.print(_setting_table(detail.settings) if detail.settings else "  It has no settings.\n")
    console.print(_facts(detail))


def print_protocol(protocol: Protocol) -> None:
    """A page: name, description, and a table of its settings with a target and without."""
    console, parts = VisibleConsole(), protocol.parts()
    console.print(Text(f"{protocol.name}, ", "bold").append("protocol\n", "not bold"))
    _print_paragraphs(console, protocol.description)
    table = Table(box=SIMPLE_HEAD)
    for heading in ("setting", *parts):
        table.add_column(heading, overflow="fold")
    for name in dict.fromkeys(name for part in parts.values() for name in part):
        table.add_row(Text(name, "cyan"), *(Text(_value(part.get(name, ""))) for part in parts.values()))
    console.print(table)
    print_text(f"  Run it:        sparseattack compare --protocol {protocol.name} --oracle ... --images ...")
    print("  Change it:     with other options, such as --num-images 20 or --target all")
    print("  Not set by it: --oracle, --images, --pixels, --seeds")


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _print_paragraphs(console: Console, description: str) -> None:
    for paragraph in filter(None, description.split("\n\n")):
        console.print(Padding(plain(" ".join(paragraph.split())), (0, 0, 1, 2)))


def _setting_table(settings: Sequence[Setting]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("setting", "type", "default", "meaning"):
        table.add_column(heading, overflow="fold")
    for each in settings:
        default = "required" if each.default is None else each.default
        table.add_row(Text(each.name, "cyan"), Text(each.type), Text(default), Text(plain(each.meaning)))
    return table


def _facts(detail: Detail) -> Table:
    entry, table = detail.entry, Table.grid(padding=(0, 2))
    state = f"{entry.state}: {entry.remedy}" if entry.remedy else entry.state
    strategy = entry.kind == "strategies"
    facts = {
        "sees": Text(sees(entry) if strategy else ""),
        "uses the budget": Text("yes" if strategy and "budget" in (entry.uses or ()) else ""),
        "module": Text(plain(" ".join(detail.module.split()))),
        "further objectives": Text(", ".join(detail.objectives)),
        "function": Text(entry.source),
        "from": Text(entry.distribution),
        "state": Text(state, STYLES[entry.state]),
    }
    for heading, fact in facts.items():
        if fact:
            table.add_row(f"  {heading}", fact)
    return table
