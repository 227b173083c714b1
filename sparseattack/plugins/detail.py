"""All about one name, told by importing it."""

import inspect
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from sparseattack.errors import InputError, near
from sparseattack.plugins import registry
from sparseattack.plugins.catalogue import Entry, entries, tried
from sparseattack.plugins.settings import settings
from sparseattack.problem.objectives import further
from sparseattack.sources import plain
from sparseattack.study.protocols import PROTOCOLS


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
    """Everything registered as ``name``, of whatever kind; nothing for the name of a protocol."""
    every = [entry for kind in registry.KINDS for entry in entries(kind)]
    if (found := [entry for entry in every if entry.name == name]) or name in PROTOCOLS:
        return [_detail(entry) for entry in found]
    names = sorted({entry.name for entry in every} | set(PROTOCOLS))
    raise InputError(f"nothing is called {name!r}, only {', '.join(names)}{near(name, names)}")


def _detail(entry: Entry) -> Detail:
    """What an entry stands for, imported; as far as its source tells where that cannot be done."""
    if (told := tried(entry)).remedy:
        chosen = tuple(Setting(name, "", value or None, "") for name, value in entry.settings.items())
        return Detail(told, entry.summary, chosen, "", ())
    plugin = registry.find(entry.kind, entry.name)
    known, function = settings(plugin), plain(plugin)
    description, meanings = _parted(inspect.getdoc(function) or "", known)
    chosen = tuple(
        Setting(name, _type(each.annotation), _default(each.default), meanings.get(name, ""))
        for name, each in known.items()
    )
    module = inspect.getdoc(inspect.getmodule(function)) or ""
    return Detail(entry, description, chosen, module, further(plugin))


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
