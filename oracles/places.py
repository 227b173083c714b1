"""What Python callables make, by place: ``package.module:callable`` or ``file.py:callable``."""

from collections.abc import Callable
from typing import Any

from sparseattack import InputError
from sparseattack.errors import brief
from sparseattack.plugins.places import module_at


def made_at(place: str) -> tuple[Callable[..., Any], Any]:
    """The callable at ``place``, and what it returns when called without arguments."""
    module, colon, name = place.rpartition(":")
    if not colon:
        raise InputError(f"{place!r} is not of the form package.module:callable or file.py:callable")
    try:
        make = getattr(module_at(module), name)
        return make, make()
    except InputError:
        raise
    except Exception as error:  # whatever foreign code raises
        raise InputError(f"{place} cannot be used: {brief(error)}") from error
