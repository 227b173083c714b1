"""Digests and versions: what a result depends on, and where it was made.

A function as it was compiled, with the values it has bound: what no module's source tells.

The code behind a plugin: a changed plugin makes other results.
"""

import inspect
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import packages_distributions, requires, version
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor

from sparseattack.plugins.requirements import imported_modules, module_spec, required_packages, source_of
from sparseattack.plugins.spec import layers, undecorated

PLAIN = bool | int | float | complex | str | bytes | None


def typed_in(function: Callable[..., Any]) -> bool:
    """Whether a function stands in no file, whatever its module has."""
    return isinstance(function, FunctionType) and function.__code__.co_filename.startswith("<")


def compiled(plugin: Callable[..., Any], home: str, *, bare: bool) -> str:
    """What ``plugin`` and what it decorates close over, and defaults: the same text in every process.

    Functions of the module ``home`` among that are followed. If ``bare`` their code is told as well, and
    what they use of ``home``. Of values that are neither plain nor functions only the type is told.
    """
    functions = _functions(plugin)
    told: list[str] = []
    for each in functions:  # grows
        values = _bound(each)
        if bare and each.__module__ == home:
            values += [each.__code__, *_used(each)]
        inner = [value for value in values if isinstance(value, FunctionType) and value.__module__ == home]
        functions += [one for one in inner if one not in functions]
        told += map(_value_text, values)
    return "\n".join(told)


def _functions(plugin: Callable[..., Any]) -> list[FunctionType]:
    """The function, or what calling an object calls, and what it decorates."""
    called: list[Any] = [
        each if isinstance(each, FunctionType) else type(each).__call__ for each in layers(plugin)
    ]
    return [each for each in called if isinstance(each, FunctionType)]


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


def _value_text(value: object) -> str:
    if isinstance(value, CodeType):
        return _value_text((value.co_code, value.co_names, value.co_consts))
    if isinstance(value, Mapping):
        return _value_text(tuple(value.items()))
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_value_text, value))})"
    if isinstance(value, set | frozenset):  # their order differs from process to process
        return f"{{{', '.join(sorted(map(_value_text, value)))}}}"
    return repr(value) if isinstance(value, PLAIN) else type(value).__qualname__


UNREAD = (OSError, TypeError, KeyError, ImportError, ValueError, SyntaxError)  # lost, compiled or garbled
OURS = "sparseattack"  # the version stands for the core


def code(plugin: Callable[..., Any]) -> dict[str, str]:
    """The source of its module and of all that this imports of its own package, by name.

    Under the empty name what no module's source tells: what a function closes over, or all of one that was
    typed in.
    """
    function = undecorated(plugin)
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
                left += _own_imports(text, _package(name), module)
    return found


def _text(module: str) -> str | None:
    """The source of a module, loaded or not; empty where it is compiled, None where there is none."""
    with suppress(*UNREAD):
        return inspect.getsource(sys.modules[module])
    with suppress(*UNREAD):
        return source_of(module)
    return None


def _package(module: str) -> str:
    """What the relative imports of a module start from."""
    loaded = sys.modules.get(module)
    return (loaded.__package__ if loaded else module_spec(module).parent) or ""


def _own_imports(text: str, package: str, module: str) -> Iterator[str]:
    """Modules that a source imports from the plugin's own package."""
    root = (package or module).partition(".")[0]
    for name, relative in imported_modules(text, package):
        if relative or (root != OURS and name.partition(".")[0] == root):
            yield name


ARITHMETIC = ("cma", "scipy", "scikit-learn")  # other packages' results depend on these


def digest(thing: object) -> str:
    """Of anything that JSON can write: 32 hexadecimal digits."""
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def digest_image(image: Tensor) -> str:
    """Of an image ``(C, H, W)`` uint8: 32 hexadecimal digits."""
    told = f"{tuple(image.shape)} ".encode() + image.cpu().numpy().tobytes()
    return blake2b(told, digest_size=16).hexdigest()


def digest_source(plugin: Callable[..., Any]) -> str:
    """Of the code behind a plugin: 32 hexadecimal digits."""
    return digest(code(plugin))


def versions(plugins: Iterable[Callable[..., Any]]) -> dict[str, str]:
    """Of this package, of all that the plugins' code imports, and of the arithmetic beneath that."""
    homes = packages_distributions()
    texts = {text for plugin in plugins for name, text in code(plugin).items() if name}
    roots = {"torch", "numpy"}.union(*map(required_packages, texts))
    names = {name for root in roots for name in homes.get(root, ())} - {"sparseattack"}
    names |= {below for name in names for below in _needed(name) if below in ARITHMETIC}
    known = {"sparseattack": version("sparseattack"), "python": platform.python_version()}
    return known | {name: version(name) for name in sorted(names)}


def _needed(name: str) -> set[str]:
    """What a distribution needs, without its extras."""
    needs = [need for need in requires(name) or () if "extra ==" not in need]
    return {re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in needs}


def hardware(device: str) -> dict[str, object]:
    """Where a run is made: processor, cores, threads, accelerator."""
    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else ""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": f"{device} {gpu}".strip(),
    }


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()
