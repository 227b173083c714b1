"""How a thing and its settings are written down: ``name(setting=value,setting=[1,2])``."""

import re
from dataclasses import dataclass, field

from sparseattack.errors import InputError

SHAPE = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<settings>.*)\))?", re.DOTALL)


@dataclass(frozen=True)
class Spec:
    """A name, and the settings chosen for it as text."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it is written on the command line."""
        inside = ",".join(f"{key}={value}" for key, value in self.settings.items())
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
        settings[key] = value
    return Spec(match["name"].strip(), settings)


def split(text: str) -> list[str]:
    """The parts between the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def balanced(text: str) -> bool:
    """Whether every bracket is closed in its turn."""
    open_: list[str] = []
    for letter in text:
        if letter in "([":
            open_.append(")" if letter == "(" else "]")
        elif letter in ")]" and (not open_ or open_.pop() != letter):
            return False
    return not open_
