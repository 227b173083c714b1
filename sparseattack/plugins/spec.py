"""How a thing and its settings are written: ``name(setting=value,setting=[1,2],setting="a, (b)")``.

The keyword-only parameters of a plugin are its settings.

Short ways to say what is meant: a model file in place of an oracle's name.
"""

import inspect
import math
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from sparseattack.errors import InputError, brief

SHAPE = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<settings>.*)\))?", re.DOTALL)
QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Spec:
    """A name, and the settings chosen for it as text."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it is written on the command line."""
        inside = ",".join(f"{key}={_written(value)}" for key, value in self.settings.items())
        return f"{self.name}({inside})" if inside else self.name


def parse(text: str) -> Spec:
    """Read one spec."""
    match = SHAPE.fullmatch(text.strip())
    if not match or not balanced(text):
        raise InputError(f"{text!r} is not of the form name or name(setting=value,setting=value)")
    settings: dict[str, str] = {}
    for pair in split(match["settings"] or ""):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key.isidentifier():
            raise InputError(f"in {text!r}, {pair!r} is not of the form setting=value")
        if key in settings:
            raise InputError(f"in {text!r}, {key} is set twice")
        settings[key] = unquoted(value)
    return Spec(match["name"].strip(), settings)


def split(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket and no quotes."""
    parts, depth = [""], 0
    for letter, mark in zip(text, _veiled(text), strict=True):
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def balanced(text: str) -> bool:
    """Whether every bracket outside quotes is closed in its turn."""
    open_: list[str] = []
    for letter in _veiled(text):
        if letter in "([":
            open_.append(")" if letter == "(" else "]")
        elif letter in ")]" and (not open_ or open_.pop() != letter):
            return False
    return not open_


def unquoted(text: str) -> str:
    """What stands between double quotes, if all does."""
    return text[1:-1] if QUOTED.fullmatch(text) else text


def _veiled(text: str) -> str:
    """As long as ``text``, but what is quoted looks like letters."""
    return QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)


def _written(value: str) -> str:
    """In quotes, if it would be read as something else without."""
    return f'"{value}"' if value and (split(value) != [value] or not balanced(value)) else value


Plugin = Callable[..., Any]
WORDS = {int: "a whole number", float: "a number", str: "text"}
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def settings(plugin: Plugin) -> dict[str, inspect.Parameter]:
    """By name, with their types and defaults."""
    try:
        parameters = inspect.signature(plugin, eval_str=True).parameters.items()
    except (NameError, TypeError, ValueError) as error:  # a name that is imported for type checkers only
        raise InputError(f"the settings of {plugin} cannot be read: {brief(error)}") from error
    return {name: p for name, p in parameters if p.kind is p.KEYWORD_ONLY}


def bind(name: str, plugin: Plugin, chosen: Mapping[str, object]) -> Plugin:
    """The plugin with settings ``chosen`` for it, read from text where they are text."""
    known = settings(plugin)
    if unknown := [key for key in chosen if key not in known]:
        exist = f"only {', '.join(known)}" if known else "it has none"
        raise InputError(f"{name} has no setting {', '.join(unknown)}: {exist}")
    missing = [key for key, p in known.items() if p.default is p.empty and key not in chosen]
    if missing:
        raise InputError(f"{name} needs its setting {', '.join(missing)}, as in {name}({missing[0]}=...)")
    values = {
        key: read(value, _type(known[key]), f"{name}'s {key}") if isinstance(value, str) else value
        for key, value in chosen.items()
    }
    return partial(plugin, **values) if values else plugin


def complete(plugin: Plugin) -> dict[str, object]:
    """Every setting's value in a bound plugin, defaults included."""
    return {name: parameter.default for name, parameter in settings(plugin).items()}


def read(text: str, wanted: Any, what: str) -> object:
    """``text`` as a value of the type ``wanted``."""
    kind, kinds = get_origin(wanted), get_args(wanted)
    if kind in (Union, UnionType):
        return _any(text, kinds, what)
    if kind in (tuple, list):
        return kind(read(unquoted(part), kinds[0], what) for part in split(text.strip("[]")))
    if kind is Literal:
        return _among(text, {str(value): value for value in kinds}, what)
    if wanted is bool:
        return _among(text.lower(), TRUTHS, what)
    try:
        value = wanted(text)
        if isinstance(value, float) and not math.isfinite(value):  # no setting means anything by it
            raise ValueError(text)
        return value
    except (TypeError, ValueError):
        called = WORDS.get(wanted) or getattr(wanted, "__name__", wanted)
        raise InputError(f"{what} is {called}, not {text!r}") from None


def _type(setting: inspect.Parameter) -> Any:
    """What a setting is declared to be, or else what its default is."""
    if setting.annotation is not setting.empty:
        return setting.annotation
    return type(setting.default) if setting.default not in (setting.empty, None) else str


def _any(text: str, kinds: tuple[Any, ...], what: str) -> object:
    """``text`` as the first of several types that it can be read as."""
    if NoneType in kinds and text.lower() == "none":
        return None
    *others, last = (kind for kind in kinds if kind is not NoneType)
    for kind in others:
        with suppress(InputError):
            return read(text, kind, what)
    return read(text, last, what)


def _among(text: str, values: Mapping[str, object], what: str) -> object:
    if text not in values:
        raise InputError(f"{what} is {', '.join(values)}, not {text!r}")
    return values[text]


READERS = {".onnx": "onnx", ".pt2": "torch-export"}


def oracle_spec(text: str) -> Spec:
    """The oracle that ``text`` names; a model file, settings after it or not, is one by its suffix."""
    spec = Spec(text) if os.path.isfile(text) else parse(text)  # a file's name may hold brackets and commas
    reader = READERS.get(Path(spec.name).suffix.lower())
    return Spec(reader, {"path": spec.name, **spec.settings}) if reader else spec


Function = TypeVar("Function", bound=Callable[..., Any])


def several(*names: str) -> Callable[[Function], Function]:
    """Declare that a strategy searches further objectives, by default those called ``names``."""

    def declare(strategy: Function) -> Function:
        strategy.further = names  # type: ignore[attr-defined]
        return strategy

    return declare


def further(strategy: Callable[..., Any]) -> tuple[str, ...]:
    """The further objectives of a strategy, its settings bound or not; none unless it declares some."""
    while isinstance(strategy, partial) and not hasattr(strategy, "further"):
        strategy = strategy.func
    names: tuple[str, ...] = getattr(strategy, "further", ())
    return names


def name(function: Callable[..., Any]) -> str:
    """What a function is called, its settings bound or not."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def plain(plugin: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind bound settings and decorators."""
    while isinstance(plugin, partial):
        plugin = plugin.func
    inner: Callable[..., Any] = inspect.unwrap(plugin)
    return inner
