"""Python callables by place: ``package.module:callable`` or ``file.py:callable``."""

import sys
from collections.abc import Callable
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from sparseattack import InputError
from sparseattack.errors import brief

from .files import required


def made_at(place: str) -> tuple[Callable[..., Any], Any]:
    """The callable at ``place``, and what it returns when called without arguments."""
    module, colon, name = place.rpartition(":")
    if not colon:
        raise InputError(f"{place!r} is not of the form package.module:callable or file.py:callable")
    try:
        make = getattr(_file(module) if module.endswith(".py") else import_module(module), name)
        return make, make()
    except InputError:
        raise
    except Exception as error:  # whatever foreign code raises
        raise InputError(f"{place} cannot be used: {brief(error)}") from error


def _file(text: str) -> ModuleType:
    """The module in a file, under a name that no other file has, nor the same one once it is edited."""
    path = required(text).resolve()
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
