"""Every plugin that is installed or registered under a name: summary, settings, origin and state.

``entries`` reads sources only and imports nothing, so that a list needs neither torch nor any optimizer.
``details`` imports the plugin, for the types of its settings.
"""

import inspect
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from typing import Any, Literal, get_args, get_origin

from sparseattack.errors import InputError
from sparseattack.plugins.registry import KINDS, Kind, entry_points_of, find
from sparseattack.plugins.requirements import describe, install_command
from sparseattack.plugins.spec import extra_objectives, settings_of, undecorated, uses_of

State = Literal["installed", "not installed", "broken"]


@dataclass(frozen=True)
class Entry:
    """One strategy, encoding, fitness function or oracle, as a line of a list."""

    kind: Kind
    name: str
    source: str  # module:function
    distribution: str  # name and version of the distribution that it comes with
    summary: str = ""  # first line of its docstring
    settings: dict[str, str] = field(default_factory=dict)  # name and default; empty where one is required
    uses: tuple[str, ...] | None = None  # what a strategy declares to use; None where that is not known
    state: State = "installed"
    remedy: str = ""  # the pip command if it is not installed, the reason if it is broken


def entries(kind: Kind) -> list[Entry]:
    """All entry points of one kind, sorted by name; nothing is imported."""
    return [_entry(kind, point) for _, point in sorted(entry_points_of(kind).items())]


def _entry(kind: Kind, point: EntryPoint) -> Entry:
    """An entry point, as far as its source tells."""
    described = describe(point.module, point.attr)
    state: State = "broken" if described.problem else "not installed" if described.missing else "installed"
    commands = dict.fromkeys(install_command(point.module, package) for package in described.missing)
    return Entry(
        kind=kind,
        name=point.name,
        source=point.value,
        distribution=f"{point.dist.name} {point.dist.version}" if point.dist else "",
        summary=described.summary,
        settings={name: default.strip("'") for name, default in described.settings.items()},
        uses=described.uses if kind == "strategies" else None,
        state=state,
        remedy=described.problem or "; ".join(commands),
    )


def try_import(entry: Entry) -> Entry:
    """The entry after an import of the plugin: broken if the import fails for a reason not yet known."""
    try:
        plugin = find(entry.kind, entry.name)
    except InputError as error:
        return entry if entry.remedy else replace(entry, state="broken", remedy=str(error))
    return replace(entry, uses=tuple(sorted(uses_of(plugin)))) if entry.kind == "strategies" else entry


@dataclass(frozen=True)
class Setting:
    """One setting of a plugin: a keyword-only parameter and its line ``name: meaning`` in the docstring."""

    name: str
    type: str
    default: str | None  # None where one must be chosen
    meaning: str


@dataclass(frozen=True)
class Detail:
    """One strategy, encoding, fitness function or oracle, as a page."""

    entry: Entry
    description: str  # docstring, without the lines about settings
    settings: tuple[Setting, ...]
    module: str  # docstring of the module
    objectives: tuple[str, ...]  # fitness functions that a multi-objective strategy adds


def details(name: str) -> list[Detail]:
    """Every strategy, encoding, fitness function and oracle of that name; often one, perhaps none."""
    points = {kind: entry_points_of(kind).get(name) for kind in KINDS}
    return [_detail(_entry(kind, point)) for kind, point in points.items() if point]


def _detail(entry: Entry) -> Detail:
    """All about an entry, by importing it; as far as its source tells where the import fails."""
    if (tried := try_import(entry)).remedy:
        settings = tuple(Setting(name, "", default or None, "") for name, default in entry.settings.items())
        return Detail(tried, entry.summary, settings, "", ())
    plugin = find(entry.kind, entry.name)
    function, parameters = undecorated(plugin), settings_of(plugin)
    description, meanings = _split_docstring(inspect.getdoc(function) or "", parameters)
    settings = tuple(
        Setting(name, _type_text(each.annotation), _default_text(each.default), meanings.get(name, ""))
        for name, each in parameters.items()
    )
    module = inspect.getdoc(inspect.getmodule(function)) or ""
    return Detail(entry, description, settings, module, extra_objectives(plugin))


def _split_docstring(text: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """A docstring without its lines ``name: meaning`` about settings, and the meaning of each by name."""
    description: list[str] = []
    meanings: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, meaning = line.partition(": ")
        if colon and name in names:
            meanings[name] = meaning
        elif meanings and line.startswith(" "):
            meanings[next(reversed(meanings))] += f" {line.strip()}"
        else:
            description.append(line)
    return "\n".join(description).strip(), meanings


def _type_text(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    return inspect.formatannotation(annotation)


def _default_text(value: object) -> str | None:
    return None if value is inspect.Parameter.empty else str(value)
