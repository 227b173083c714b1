"""Strategies, encodings, fitness functions and oracles, ours or not: found by name, imported on use."""

import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from typing import Literal, get_args

from sparseattack.errors import InputError, brief, near
from sparseattack.plugins.places import module_at
from sparseattack.plugins.requirements import advice
from sparseattack.plugins.settings import Plugin, bind
from sparseattack.plugins.spec import Spec, parse

Kind = Literal["strategies", "encodings", "fitness", "oracles"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SINGULAR: dict[Kind, str] = {
    "strategies": "strategy", "encodings": "encoding", "fitness": "fitness", "oracles": "oracle",
}  # fmt: skip

NAME = re.compile(r'[^()\[\],"\s]+')  # others no spec can tell from settings

_registered: dict[tuple[Kind, str], Plugin] = {}


def register(kind: Kind, name: str, plugin: Plugin, *, replace: bool = False) -> None:
    """Make ``plugin`` known by ``name`` in this process: the way in for a notebook."""
    _check_kind(kind)
    if not callable(plugin) or not NAME.fullmatch(name):
        raise InputError(
            f"a function is registered, under a name without brackets, commas, quotes and spaces, "
            f"not {plugin!r} under {name!r}"
        )
    if not replace and name in names(kind):
        raise InputError(
            f"there is a {SINGULAR[kind]} {name!r} already: choose another name, or replace=True"
        )
    _registered[kind, name] = plugin


def names(kind: Kind) -> list[str]:
    """All that is known of one kind, whether or not it can be imported."""
    mine = {name for one, name in _registered if one == kind}
    return sorted(mine | set(entry_points(group=f"sparseattack.{kind}").names))


def points(kind: Kind) -> dict[str, EntryPoint]:
    """The entry points of one kind by name, sparseattack's own before another's of the same name."""
    found = entry_points(group=f"sparseattack.{kind}")
    ours = [point for point in found if point.value.startswith("sparseattack.")]
    return {point.name: point for point in (*found, *ours)}


def find(kind: Kind, name: str) -> Plugin:
    """The plugin called ``name``, or the function at ``module:function`` or ``file.py:function``."""
    _check_kind(kind)
    if (kind, name) in _registered:
        return _registered[kind, name]
    if point := points(kind).get(name):
        return _imported(kind, name, point.value)
    if ":" in name:
        return _imported(kind, name, name)
    known = f"{', '.join(names(kind))}, module:function or file.py:function"
    raise InputError(f"no {SINGULAR[kind]} {name!r}, only {known}{near(name, names(kind))}")


def load(kind: Kind, spec: str | Spec, extra: Mapping[str, object] | None = None) -> Plugin:
    """The plugin of a spec such as ``de(popsize=50)``, its settings bound, ``extra`` ones as well."""
    spec = parse(spec) if isinstance(spec, str) else spec
    return bind(spec.name, find(kind, spec.name), {**spec.settings, **(extra or {})})


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"there is no kind {kind!r}, only {', '.join(KINDS)}")


def _imported(kind: Kind, name: str, place: str) -> Plugin:
    """The function at ``module:function`` or ``file.py:function``."""
    who = f"{SINGULAR[kind]} {name}"
    module, attribute = (part.strip() for part in place.rpartition(":")[::2])
    try:
        found: Plugin = attrgetter(attribute)(module_at(module))
    except InputError as error:
        raise InputError(f"{who}: {error}") from error
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{module}.".startswith(f"{missing}."):
            raise InputError(f"{who}: there is no module {missing!r}") from error
        raise InputError(f"{who} needs {missing}: {advice(module, missing)}") from error
    except (Exception, SystemExit) as error:  # a broken plugin harms nothing else
        raise InputError(f"{who} is broken: {brief(error)}") from error
    if not callable(found):
        raise InputError(f"{who}: {attribute!r} in {module} is no function")
    return found
