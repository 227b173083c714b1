"""The code behind a plugin: a changed plugin makes other results."""

import ast
import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import resolve_name
from typing import Any

LOST = (OSError, TypeError, KeyError, AttributeError)  # source typed in or compiled, or no function


def plain(plugin: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind bound settings and decorators."""
    while isinstance(plugin, partial):
        plugin = plugin.func
    inner: Callable[..., Any] = inspect.unwrap(plugin)
    return inner


def code(plugin: Callable[..., Any]) -> dict[str, str]:
    """The source of its module and of all that this imports relatively, by name; or of the function alone."""
    function = plain(plugin)
    with suppress(*LOST):
        return _family(function.__module__)
    with suppress(*LOST):
        return {"": inspect.getsource(function)}
    return {"": getattr(function, "__qualname__", type(function).__qualname__)}


def _family(module: str) -> dict[str, str]:
    found: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = inspect.getsource(sys.modules[name])
            nodes = [node for node in ast.walk(ast.parse(found[name])) if isinstance(node, ast.ImportFrom)]
            here = sys.modules[name].__package__
            left += [resolve_name("." * n.level + (n.module or ""), here) for n in nodes if n.level]
    return found
