"""What is known by name, as its source tells: nothing is imported unless it is to be tried.

All about one name, told by importing it.
"""

import inspect
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from typing import Any, Literal, get_args, get_origin

from sparseattack.errors import InputError
from sparseattack.plugins import registry
from sparseattack.plugins.registry import Kind, entry_points_of, find
from sparseattack.plugins.requirements import describe, install_command
from sparseattack.plugins.spec import extra_objectives, settings_of, undecorated

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
    return [entry(kind, point) for _, point in sorted(entry_points_of(kind).items())]


def entry(kind: Kind, point: EntryPoint) -> Entry:
    """What the source behind an entry point says."""
    told = describe(point.module, point.attr)
    state: State = "broken" if told.problem else "not installed" if told.missing else "installed"
    commands = dict.fromkeys(install_command(point.module, package) for package in told.missing)
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


def try_import(entry: Entry) -> Entry:
    """The same, imported: broken where that fails for another reason than is known already."""
    try:
        find(entry.kind, entry.name)
    except InputError as error:
        return entry if entry.remedy else replace(entry, state="broken", remedy=str(error))
    return entry


@dataclass(frozen=True)
class Setting:
    """A keyword-only parameter, and what the docstring says of it in a line ``name: meaning``."""

    name: str
    type: str
    default: str | None  # None where one must be chosen
    meaning: str


@dataclass(frozen=True)
class Detail:
    """One strategy, encoding, fitness function or oracle in full."""

    entry: Entry
    description: str  # docstring, without the lines about settings
    settings: tuple[Setting, ...]
    module: str  # docstring of the file it stands in
    objectives: tuple[str, ...]  # searched beside the fitness


def details(name: str) -> list[Detail]:
    """Every strategy, encoding, fitness function and oracle called ``name``; often one, perhaps none."""
    found = ((kind, entry_points_of(kind).get(name)) for kind in registry.KINDS)
    return [_detail(entry(kind, point)) for kind, point in found if point]


def _detail(entry: Entry) -> Detail:
    """What an entry stands for, imported; as far as its source tells where that cannot be done."""
    if (told := try_import(entry)).remedy:
        chosen = tuple(Setting(name, "", value or None, "") for name, value in entry.settings.items())
        return Detail(told, entry.summary, chosen, "", ())
    plugin = registry.find(entry.kind, entry.name)
    known, function = settings_of(plugin), undecorated(plugin)
    description, meanings = _parted(inspect.getdoc(function) or "", known)
    chosen = tuple(
        Setting(name, _type(each.annotation), _default(each.default), meanings.get(name, ""))
        for name, each in known.items()
    )
    module = inspect.getdoc(inspect.getmodule(function)) or ""
    return Detail(entry, description, chosen, module, extra_objectives(plugin))


def _parted(text: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """A docstring without its lines about settings, and what those say."""
    said: list[str] = []
    meanings: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, meaning = line.partition(": ")
        if colon and name in names:
            meanings[name] = meaning
        elif meanings and line.startswith(" "):
            meanings[next(reversed(meanings))] += f" {line.strip()}"
        else:
            said.append(line)
    return "\n".join(said).strip(), meanings


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    return inspect.formatannotation(annotation)


def _default(value: object) -> str | None:
    return None if value is inspect.Parameter.empty else str(value)
