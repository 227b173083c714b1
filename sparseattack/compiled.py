"""A function as it was compiled, with the values it has bound: what no module's source tells."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType
from typing import Any

PLAIN = bool | int | float | complex | str | bytes | None


def typed_in(function: Callable[..., Any]) -> bool:
    """Whether a function stands in no file, whatever its module has."""
    return isinstance(function, FunctionType) and function.__code__.co_filename.startswith("<")


def compiled(plugin: Callable[..., Any], home: str, *, bare: bool) -> str:
    """What ``plugin`` and what it decorates close over, and defaults: the same text in every process.

    Functions of the module ``home`` among that are followed. If ``bare`` their code is told as well, and
    what they use of ``home``. Of values that are neither plain nor functions only the type is told.
    """
    functions = _layers(plugin)
    told: list[str] = []
    for each in functions:  # grows
        values = _bound(each)
        if bare and each.__module__ == home:
            values += [each.__code__, *_used(each)]
        inner = [value for value in values if isinstance(value, FunctionType) and value.__module__ == home]
        functions += [one for one in inner if one not in functions]
        told += map(_text, values)
    return "\n".join(told)


def _layers(plugin: Callable[..., Any]) -> list[FunctionType]:
    """The function, or what calling an object calls, and what it decorates."""
    layers: list[FunctionType] = []
    layer: Any = plugin
    while layer is not None:
        called = layer if isinstance(layer, FunctionType) else type(layer).__call__
        layers += [called] if isinstance(called, FunctionType) else []
        layer = layer.func if isinstance(layer, partial) else getattr(layer, "__wrapped__", None)
    return layers


def _bound(function: FunctionType) -> list[object]:
    bound: list[object] = [cell.cell_contents for cell in function.__closure__ or ()]
    return [*bound, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]


def _used(function: FunctionType) -> list[object]:
    """The values of all names of its module that a function mentions."""
    here = function.__globals__
    return [here[name] for name in sorted(set(_names(function.__code__))) if name in here]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _text(value: object) -> str:
    if isinstance(value, CodeType):
        return _text((value.co_code, value.co_names, value.co_consts))
    if isinstance(value, Mapping):
        return _text(tuple(value.items()))
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"  # their order differs from process to process
    return repr(value) if isinstance(value, PLAIN) else type(value).__qualname__
