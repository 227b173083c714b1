"""Strategies, encodings, fitness functions and oracles, ours or not: found by name, imported on use.

Modules of Python by place: ``package.module``, or the file ``path/to/file.py``.

What Python callables make, by place: ``package.module:callable`` or ``file.py:callable``.

Oracles by name or path.
"""

import re
import sys
from collections.abc import Callable, Mapping
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from sparseattack.errors import InputError, brief, near
from sparseattack.plugins.requirements import advice
from sparseattack.plugins.spec import Plugin, Spec, bind, oracle_spec, parse, settings


def module_at(place: str) -> ModuleType:
    """The module at ``place``, imported; a file is loaded anew once it is edited."""
    return _file(Path(place).expanduser()) if place.endswith(".py") else import_module(place)


def _file(path: Path) -> ModuleType:
    """The module in a file, under a name that no other file has, nor the same one once it is edited."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    path = path.resolve()
    content = path.read_bytes()
    name = f"{path.stem}_{blake2b(f'{path} '.encode() + content, digest_size=8).hexdigest()}"
    if name not in sys.modules:
        _load(name, path, content)
    return sys.modules[name]


def _load(name: str, path: Path, content: bytes) -> None:
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(path)
    try:
        exec(compile(content, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise


def made_at(place: str) -> tuple[Callable[..., Any], Any]:
    """The callable at ``place``, and what it returns when called without arguments."""
    module, colon, name = place.rpartition(":")
    if not colon:
        raise InputError(f"{place!r} is not of the form package.module:callable or file.py:callable")
    try:
        make = getattr(module_at(module), name)
        return make, make()
    except InputError:
        raise
    except Exception as error:  # whatever foreign code raises
        raise InputError(f"{place} cannot be used: {brief(error)}") from error


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


def oracle_plugin(spec: str, device: str = "cpu") -> Plugin:
    """The function that makes the oracle of a spec or a model file, its settings bound.

    ``device`` is bound as well where the function has that setting and the spec does not choose one.
    """
    read = oracle_spec(spec)
    plugin = find("oracles", read.name)
    extra = {"device": device} if "device" in settings(plugin) and "device" not in read.settings else {}
    return load("oracles", read, extra)
