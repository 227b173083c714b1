"""What is known by name, as its source tells: nothing is imported unless it is to be tried."""

from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from typing import Literal

from sparseattack.errors import InputError
from sparseattack.plugins.registry import Kind, find, points
from sparseattack.plugins.requirements import advice, describe

State = Literal["installed", "not installed", "broken"]


@dataclass(frozen=True)
class Entry:
    """One strategy, encoding, fitness function or oracle."""

    kind: Kind
    name: str
    source: str  # module:function
    distribution: str  # that it came with, and its version
    summary: str = ""
    settings: dict[str, str] = field(default_factory=dict)  # and their defaults; empty where one is needed
    state: State = "installed"
    remedy: str = ""  # what to install, or why it is broken


def entries(kind: Kind) -> list[Entry]:
    """All of one kind, by name."""
    return [entry(kind, point) for _, point in sorted(points(kind).items())]


def entry(kind: Kind, point: EntryPoint) -> Entry:
    """What the source behind an entry point says."""
    told = describe(point.module, point.attr)
    state: State = "broken" if told.problem else "not installed" if told.missing else "installed"
    commands = dict.fromkeys(advice(point.module, package) for package in told.missing)
    return Entry(
        kind=kind,
        name=point.name,
        source=point.value,
        distribution=f"{point.dist.name} {point.dist.version}" if point.dist else "",
        summary=told.summary,
        settings={name: default.strip("'") for name, default in told.settings.items()},
        state=state,
        remedy=told.problem or "; ".join(commands),
    )


def tried(entry: Entry) -> Entry:
    """The same, imported: broken where that fails for another reason than is known already."""
    try:
        find(entry.kind, entry.name)
    except InputError as error:
        return entry if entry.remedy else replace(entry, state="broken", remedy=str(error))
    return entry
