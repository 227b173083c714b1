"""The keyword-only parameters of a plugin are its settings."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from sparseattack.errors import InputError
from sparseattack.spec import split

Plugin = Callable[..., Any]


def settings(plugin: Plugin) -> dict[str, inspect.Parameter]:
    """By name, with their types and defaults."""
    parameters = inspect.signature(plugin, eval_str=True).parameters.items()
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
        key: read(value, known[key].annotation, f"{name}'s {key}") if isinstance(value, str) else value
        for key, value in chosen.items()
    }
    return partial(plugin, **values) if values else plugin


def complete(plugin: Plugin) -> dict[str, object]:
    """Every setting's value in a bound plugin, defaults included."""
    return {name: parameter.default for name, parameter in settings(plugin).items()}


def read(text: str, wanted: Any, what: str) -> object:
    """``text`` as a value of the type ``wanted``."""
    if get_origin(wanted) in (Union, UnionType):
        kinds = [kind for kind in get_args(wanted) if kind is not type(None)]
        return None if text.lower() == "none" else read(text, kinds[0], what)
    if get_origin(wanted) is tuple:
        return tuple(read(part, get_args(wanted)[0], what) for part in split(text.strip("[]")))
    if get_origin(wanted) is Literal:
        if text not in get_args(wanted):
            raise InputError(f"{what} is {', '.join(map(str, get_args(wanted)))}, not {text!r}")
        return text
    return _plain(text, wanted, what)


def _plain(text: str, wanted: Any, what: str) -> object:
    if wanted is bool:
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise InputError(f"{what} is true or false, not {text!r}")
        return text.lower() in ("true", "yes", "1")
    try:
        return wanted(text)
    except (TypeError, ValueError):
        called = {int: "a whole number", float: "a number"}.get(
            wanted, getattr(wanted, "__name__", str(wanted))
        )
        raise InputError(f"{what} is {called}, not {text!r}") from None
