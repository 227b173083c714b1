"""Dataclasses as JSON and back: what lacks a field, or holds a value of another type, is refused.

A study may be damaged, or come from somebody else, so nothing that is read from one is trusted.
"""

import json
import math
from dataclasses import asdict, fields, is_dataclass
from reprlib import repr as short
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from sparseattack.errors import InputError
from sparseattack.experiment.settings import Experiment
from sparseattack.study.facts import StudyFact

LARGEST = 2**63 - 1  # whole number
Fact = TypeVar("Fact")


def encode(fact: StudyFact) -> str:
    """A dataclass as JSON, by field name."""
    return json.dumps(asdict(fact))


def decode(kind: type[Fact], text: str) -> Fact:
    """The inverse of ``encode``; InputError for anything that is no ``kind``."""
    fact: Fact = conform(kind, parse_json(text), kind.__name__)
    return fact


def parse_json(text: object) -> object:
    """What JSON holds; InputError for text that is none, or nested too deeply."""
    try:
        return json.loads(text if isinstance(text, str) else "", parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"what should be JSON cannot be read ({type(error).__name__})") from error


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(constant)


def conform(kind: Any, held: Any, name: str) -> Any:
    """The value ``held``, called ``name``, as the type ``kind``: lists as tuples, mappings as dataclasses.

    InputError where it is of another type, or a number that is not finite or too large.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass(kind, held, name)
    if origin is UnionType:
        return None if held is None and NoneType in inner else conform(inner[0], held, name)
    if origin in (list, tuple) and isinstance(held, list):
        return origin(conform(inner[0], each, name) for each in held)
    if origin is dict and isinstance(held, dict):
        return {key: conform(inner[1], value, f"{name} {key}") for key, value in held.items()}
    if kind is Any or (origin is Literal and held in inner) or _is_plain(kind, held):
        return held
    raise InputError(f"{name} is {short(held)}")


def _is_plain(kind: Any, held: object) -> bool:
    """Whether a value is text, a truth value or a finite number, as its type says; a whole one is a float."""
    if kind is int or (kind is float and isinstance(held, int)):
        return isinstance(held, int) and not isinstance(held, bool) and abs(held) <= LARGEST
    return type(held) is kind and (not isinstance(held, float) or math.isfinite(held))


def _dataclass(kind: Any, held: Any, name: str) -> Any:
    if kind is Experiment:
        return Experiment.from_json(held)
    if not isinstance(held, dict):
        raise InputError(f"{name} is no mapping of fields to values")
    known = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    for what, wrong in (("lacks", set(names) - set(held)), ("has no field", set(held) - set(names))):
        if wrong:
            raise InputError(f"{name} {what} {', '.join(sorted(wrong))}")
    return kind(**{field: conform(known[field], held[field], f"{name} {field}") for field in names})
