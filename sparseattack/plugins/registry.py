"""Plugins by name: strategies, encodings, fitness functions, oracles, executors; imported when first used.

A name is an entry point of any installed distribution, a function that was registered in this process,
``package.module:function`` or ``path/to/file.py:function``.
"""

import re
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, isclass, isroutine, signature
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from sparseattack.errors import InputError, SparseattackError, failure, near
from sparseattack.plugins.model_files import refuse_address, refuse_model_file
from sparseattack.plugins.requirements import install_command
from sparseattack.plugins.spec import Plugin, Spec, bind, function_name, oracle_spec, parse, settings_of

Kind = Literal["strategies", "encodings", "fitness", "oracles", "executors"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SINGULAR: dict[Kind, str] = {
    "strategies": "strategy", "encodings": "encoding", "fitness": "fitness", "oracles": "oracle",
    "executors": "executor",
}  # fmt: skip
POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
NAMED = (*POSITIONAL, Parameter.KEYWORD_ONLY)
MADE = ("encodings", "oracles")  # kinds that a function without positional parameters makes
NAME = re.compile(r'[^()\[\],"\s]+')  # a spec may hold any of the others
_registered: dict[tuple[Kind, str], Plugin] = {}


def register(kind: Kind, name: str, plugin: Plugin, *, replace: bool = False) -> None:
    """Register a function of this process under a name, as in ``register("strategies", "mine", my_search)``.

    ``kind`` is strategies, encodings, fitness, oracles or executors. InputError for another kind, for a name
    with brackets, commas, quotes or spaces, and for one that exists already, unless ``replace`` is true.
    """
    _check_kind(kind)
    if not callable(plugin) or not NAME.fullmatch(name):
        raise InputError(
            f"register takes a function and a name without brackets, commas, quotes and spaces, "
            f"not {plugin!r} and {name!r}"
        )
    if not replace and name in names(kind):
        raise InputError(f"the {SINGULAR[kind]} {name!r} exists already: use another name, or replace=True")
    _registered[kind, name] = plugin


def load(kind: Kind, spec: str | Spec, extra: Mapping[str, object] | None = None) -> Plugin:
    """The plugin that a spec such as ``"de(popsize=50)"`` names, with its settings bound.

    ``kind`` is strategies, encodings, fitness, oracles or executors; ``extra`` are further settings as Python
    values. InputError for a name or a setting that does not exist, and for a plugin that cannot be imported.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    plugin = find(kind, spec.name)
    if kind in MADE:
        _check_parameters(spec.name, plugin)
    return bind(spec.name, plugin, {**spec.settings, **(extra or {})})


def _check_parameters(name: str, plugin: Plugin) -> None:
    """Refuse a function that needs arguments which are no settings: it could not be called."""
    if needed := _needed(plugin, POSITIONAL):
        function = function_name(plugin)
        raise InputError(
            f"{name} needs the positional parameter {', '.join(needed)}: settings are keyword-only, as in"
            f" def {function}(*, {', '.join(needed)}). If {function} is the oracle itself, name a function"
            f" that returns it: def make(): return {function}"
        )


def _needed(function: Callable[..., Any], kinds: Collection[object]) -> list[str]:
    """The parameters of these ``kinds`` that have no default; none where the signature cannot be read."""
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in parameters if one.kind in kinds and one.default is one.empty]


def oracle_plugin(spec: str | Spec, device: str = "cpu") -> Plugin:
    """The function that makes the oracle of a spec or a model file, its settings bound.

    ``device`` is bound as well where the function has that setting and the spec does not choose one.
    """
    parsed = oracle_spec(spec) if isinstance(spec, str) else spec
    known = settings_of(find("oracles", parsed.name))
    extra = {"device": device} if "device" in known and "device" not in parsed.settings else {}
    return load("oracles", parsed, extra)


def names(kind: Kind) -> list[str]:
    """The sorted names of one kind of plugin, whether or not they can be imported."""
    registered = {name for one, name in _registered if one == kind}
    return sorted(registered | set(entry_points(group=f"sparseattack.{kind}").names))


def entry_points_of(kind: Kind) -> dict[str, EntryPoint]:
    """The entry points of one kind by name; sparseattack's own take precedence over others."""
    found = entry_points(group=f"sparseattack.{kind}")
    own = [point for point in found if point.value.startswith("sparseattack.")]
    return {point.name: point for point in (*found, *own)}


def find(kind: Kind, name: str) -> Plugin:
    """The plugin of that name, or the function at ``module:function`` or ``file.py:function``, unbound."""
    _check_kind(kind)
    if (kind, name) in _registered:
        return _registered[kind, name]
    if point := entry_points_of(kind).get(name):
        return _import_plugin(kind, name, point.value)
    if kind == "oracles":
        refuse_address(name)
    if ":" in name:
        return _import_plugin(kind, name, name)
    if kind == "oracles":
        refuse_model_file(name)
    known = f"{', '.join(names(kind))}, module:function or file.py:function"
    raise InputError(f"no {SINGULAR[kind]} {name!r}, only {known}{near(name, names(kind))}")


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"no kind of plugin {kind!r}, only {', '.join(KINDS)}")


def _import_plugin(kind: Kind, name: str, place: str) -> Plugin:
    """The function at ``module:function`` or ``file.py:function``; InputError if it cannot be imported."""
    label = f"{SINGULAR[kind]} {name}"
    module, attribute = (part.strip() for part in place.rpartition(":")[::2])
    try:
        home = module_at(module)
        plugin = _attribute(home, module, attribute)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if f"{module}.".startswith(f"{missing}."):
            raise InputError(f"{label}: there is no module {missing!r}") from error
        raise InputError(f"{label} needs {missing}: {install_command(module, missing)}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # one broken plugin must not stop the others, nor by SystemExit
        raise InputError(f"{label} is broken: {failure(error)}") from error
    if not callable(plugin):
        raise InputError(f"{label}: {attribute!r} in {module} is not a function")
    return _maker(plugin, home) if kind == "oracles" else plugin


def _attribute(home: ModuleType, module: str, attribute: str) -> Plugin:
    """The ``attribute`` of a module; InputError names what the module defines in its place."""
    try:
        found: Plugin = attrgetter(attribute)(home)
    except AttributeError as error:
        own = [
            name
            for name, value in vars(home).items()
            if getattr(value, "__module__", "") == home.__name__ and not name.startswith("_")
        ]
        exist = f"only {', '.join(own)}" if own else "and defines none"
        raise InputError(f"{module} has no function {attribute!r}, {exist}{near(attribute, own)}") from error
    return found


def _maker(found: Any, home: ModuleType) -> Callable[..., Any]:
    """The function that was found in module ``home``, or one that returns the object that was found.

    A network or an estimator that is made already is used as it is.
    """
    if isroutine(found) or isclass(found) or isinstance(found, partial):
        return found
    with suppress(TypeError, ValueError):  # what is not callable has no signature
        if all(one.kind is one.KEYWORD_ONLY for one in signature(found).parameters.values()):
            return found  # type: ignore[no-any-return]

    def made() -> Any:
        return found

    made.__module__ = home.__name__  # so that its code is that of the user's file
    return made


def module_at(place: str) -> ModuleType:
    """Import ``package.module`` or the file ``path/to/file.py``, again if the file has changed."""
    return _module_of_file(Path(place).expanduser()) if place.endswith(".py") else import_module(place)


def _module_of_file(path: Path) -> ModuleType:
    """The module in a file, imported under a name that depends on the file's path and content."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    path = path.resolve()
    content = path.read_bytes()
    name = f"{path.stem}_{blake2b(f'{path} '.encode() + content, digest_size=8).hexdigest()}"
    if name not in sys.modules:
        _execute(name, path, content)
    return sys.modules[name]


def _execute(name: str, path: Path, content: bytes) -> None:
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(path)
    try:
        exec(compile(content, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise


def make(plugin: Plugin, who: str) -> Any:
    """What a plugin returns, whose settings are bound and which errors call ``who``: an oracle, an encoding.

    SparseattackError where it raises anything but an error of this package.
    """
    try:
        return plugin()
    except (SparseattackError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever the plugin raises, SystemExit too
        raise SparseattackError(f"{who} cannot be made: {failure(error)}") from error


def call_at(place: str) -> tuple[Callable[..., Any], Any]:
    """Call the function at ``package.module:function`` or ``file.py:function``; return it and its result.

    The function takes no arguments; in its place may be what it would return, made already. InputError if it
    cannot be imported, needs arguments or raises.
    """
    module, colon, name = place.rpartition(":")
    if not colon:
        raise InputError(f"{place!r} is not of the form package.module:function or file.py:function")
    try:
        home = module_at(module)
        function = _maker(attrgetter(name)(home), home)
        if needed := _needed(function, NAMED):
            given = ", ".join(f"{one}=..." for one in needed)
            raise InputError(
                f"{place} needs {', '.join(needed)}: name a function without parameters that returns the"
                f" model, def make(): return {name}({given}), or return {name} if that is the model itself"
            )
        return function, function()
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever the user's code raises, SystemExit too
        raise InputError(f"{place} cannot be used: {failure(error)}") from error
