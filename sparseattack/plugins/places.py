"""Modules of Python by place: ``package.module``, or the file ``path/to/file.py``."""

import sys
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sparseattack.errors import InputError


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
