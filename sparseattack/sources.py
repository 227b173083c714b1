"""The code behind a plugin: a changed plugin makes other results."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.util import resolve_name
from typing import Any

from sparseattack.compiled import compiled, typed_in
from sparseattack.plugins.requirements import source, spec_of

UNREAD = (OSError, TypeError, KeyError, ImportError, ValueError, SyntaxError)  # lost, compiled or garbled
OURS = "sparseattack"  # the version stands for the core


def plain(plugin: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind bound settings and decorators."""
    while isinstance(plugin, partial):
        plugin = plugin.func
    inner: Callable[..., Any] = inspect.unwrap(plugin)
    return inner


def code(plugin: Callable[..., Any]) -> dict[str, str]:
    """The source of its module and of all that this imports of its own package, by name.

    Under the empty name what no module's source tells: what a function closes over, or all of one that was
    typed in.
    """
    function = plain(plugin)
    home = function.__module__
    found = _family(home)
    bare = not found.get(home) or typed_in(function)
    return found | {"": compiled(plugin, home, bare=bare)}


def _family(module: str) -> dict[str, str]:
    found: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        if name not in found and (text := _text(name)) is not None:
            found[name] = text
            with suppress(*UNREAD):
                left += _followed(ast.parse(text), _package(name), module)
    return found


def _text(module: str) -> str | None:
    """The source of a module, loaded or not; empty where it is compiled, None where there is none."""
    with suppress(*UNREAD):
        return inspect.getsource(sys.modules[module])
    with suppress(*UNREAD):
        return source(module)
    return None


def _package(module: str) -> str:
    """What the relative imports of a module start from."""
    loaded = sys.modules.get(module)
    return (loaded.__package__ if loaded else spec_of(module).parent) or ""


def _followed(tree: ast.Module, package: str, module: str) -> Iterator[str]:
    """What is imported of the plugin's own package; what is imported from a module may be one as well."""
    root = (package or module).partition(".")[0]
    for node in ast.walk(tree):
        for name in _imported(node, package):
            if getattr(node, "level", 0) or (root != OURS and name.partition(".")[0] == root):
                yield name


def _imported(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = resolve_name("." * node.level + (node.module or ""), package)
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]
