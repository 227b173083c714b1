"""How a thing and its settings are written: ``name(setting=value,setting=[1,2],setting="a, (b)")``."""

import re
from dataclasses import dataclass, field

from sparseattack.errors import InputError

SHAPE = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<settings>.*)\))?", re.DOTALL)
QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Spec:
    """A name, and the settings chosen for it as text."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it is written on the command line."""
        inside = ",".join(f"{key}={_written(value)}" for key, value in self.settings.items())
        return f"{self.name}({inside})" if inside else self.name


def parse(text: str) -> Spec:
    """Read one spec."""
    match = SHAPE.fullmatch(text.strip())
    if not match or not balanced(text):
        raise InputError(f"{text!r} is not of the form name or name(setting=value,setting=value)")
    settings: dict[str, str] = {}
    for pair in split(match["settings"] or ""):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key.isidentifier():
            raise InputError(f"in {text!r}, {pair!r} is not of the form setting=value")
        if key in settings:
            raise InputError(f"in {text!r}, {key} is set twice")
        settings[key] = unquoted(value)
    return Spec(match["name"].strip(), settings)


def split(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket and no quotes."""
    parts, depth = [""], 0
    for letter, mark in zip(text, _veiled(text), strict=True):
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def balanced(text: str) -> bool:
    """Whether every bracket outside quotes is closed in its turn."""
    open_: list[str] = []
    for letter in _veiled(text):
        if letter in "([":
            open_.append(")" if letter == "(" else "]")
        elif letter in ")]" and (not open_ or open_.pop() != letter):
            return False
    return not open_


def unquoted(text: str) -> str:
    """What stands between double quotes, if all does."""
    return text[1:-1] if QUOTED.fullmatch(text) else text


def _veiled(text: str) -> str:
    """As long as ``text``, but what is quoted looks like letters."""
    return QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)


def _written(value: str) -> str:
    """In quotes, if it would be read as something else without."""
    return f'"{value}"' if value and (split(value) != [value] or not balanced(value)) else value
