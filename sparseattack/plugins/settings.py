"""The keyword-only parameters of a plugin are its settings."""

import inspect
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from sparseattack.errors import InputError, brief
from sparseattack.plugins.spec import split, unquoted

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
