"""A plugin's name and settings as text: ``name(setting=value,setting=[1,2],setting="a, (b)")``.

The settings of a plugin are its keyword-only parameters; their types and defaults stand in its signature.
"""

import inspect
import math
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from sparseattack.errors import InputError, brief
from sparseattack.plugins.presets import with_preset

Plugin = Callable[..., Any]
"""A strategy, a fitness function, or a function that makes an encoding or an oracle."""

FORM = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<settings>.*)\))?", re.DOTALL)
QUOTED = re.compile(r'"[^"]*"')
LABELLED = re.compile(r"(?P<label>[^=()\[\]\"/\\:]*)=(?P<spec>.*)", re.DOTALL)  # no path holds a label's =
LABEL = re.compile(r"[^\W_][\w.-]*(?: [\w.-]+)*")
LONGEST_LABEL = 30  # characters
READERS = {  # the oracle that reads a model file, by its suffix
    ".onnx": "onnx", ".pt2": "torch-export", ".keras": "keras", ".tflite": "tflite", ".xml": "openvino",
    ".npz": "table",
}  # fmt: skip
TYPE_NAMES = {int: "a whole number", float: "a number", str: "text"}
TRUTH_VALUES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Spec:
    """The name of a plugin, and the text of every setting that is chosen for it."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As written on the command line: ``parse`` reads it back."""
        inside = ",".join(f"{key}={_quoted(value)}" for key, value in self.settings.items())
        return f"{self.name}({inside})" if inside else self.name

    @property
    def stream_name(self) -> str:
        """The name without the folder of a file: what random streams and the keys of runs depend on."""
        return re.split(r"[/\\]", self.name)[-1]


def parse(text: str) -> Spec:
    """Parse ``name`` or ``name(setting=value,setting=value)``; InputError for anything else."""
    match = FORM.fullmatch(text.strip())
    if not match or not _balanced(text):
        raise InputError(f"{text!r} is not of the form name or name(setting=value,setting=value)")
    settings: dict[str, str] = {}
    for pair in split(match["settings"] or ""):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key.isidentifier():
            raise InputError(f"in {text!r}, {pair!r} is not of the form setting=value")
        if key in settings:
            raise InputError(f"in {text!r}, {key} is set twice")
        settings[key] = _unquoted(value)
    return Spec(match["name"].strip(), settings)


def split_label(text: str) -> tuple[str, str]:
    """Parse ``label=SPEC`` into label and spec; a spec without a label has the label "".

    What stands before the first ``=`` is a label, unless it holds a bracket, a quote or, being part of a
    path, one of ``/ \\ :``. Raises InputError for a label that is no plain name, and where no spec follows.
    """
    match = LABELLED.fullmatch(text.strip())
    if not match:
        return "", text
    label, spec = match["label"].strip(), match["spec"].strip()
    check_label(label, f" in {text!r}")
    if not spec:
        raise InputError(f"{text!r} has a label and no strategy: write {label}=NAME, as in {label}=de")
    return label, spec


def check_label(label: str, where: str = "") -> None:
    """Refuse a label that is no plain name; ``where`` is said in the error."""
    if not LABEL.fullmatch(label) or len(label) > LONGEST_LABEL:
        raise InputError(
            f"{label!r}{where} is no label: a label has letters, digits, - _ . and single spaces,"
            f" begins with a letter or digit and has at most {LONGEST_LABEL} characters, as in fast=de"
        )


def oracle_spec(text: str) -> Spec:
    """Parse an oracle's spec; a model file ``net.onnx`` or ``net.pt2``, too, with or without settings."""
    spec = (
        Spec(text) if os.path.isfile(os.path.expanduser(text)) else parse(text)
    )  # a file's name may hold brackets and commas
    reader = READERS.get(Path(spec.name).suffix.lower())
    return Spec(reader, {"path": spec.name, **spec.settings}) if reader else spec


def split(text: str) -> list[str]:
    """Split a list at its commas, but not at those in brackets or double quotes."""
    parts, depth = [""], 0
    for letter, mark in zip(text, _masked(text), strict=True):
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _balanced(text: str) -> bool:
    """Whether all brackets outside double quotes are closed in the right order."""
    closing: list[str] = []
    for letter in _masked(text):
        if letter in "([":
            closing.append(")" if letter == "(" else "]")
        elif letter in ")]" and (not closing or closing.pop() != letter):
            return False
    return not closing


def _masked(text: str) -> str:
    """``text`` with everything in double quotes replaced by as many underscores."""
    return QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)


def _unquoted(text: str) -> str:
    """``text`` without the double quotes around it, if there are any."""
    return text[1:-1] if QUOTED.fullmatch(text) else text


def _quoted(value: str) -> str:
    """``value`` in double quotes if ``parse`` would split it otherwise."""
    return f'"{value}"' if value and (split(value) != [value] or not _balanced(value)) else value


def settings_of(plugin: Plugin) -> dict[str, inspect.Parameter]:
    """The settings of a plugin by name, with their types and defaults."""
    try:
        parameters = inspect.signature(plugin, eval_str=True).parameters.items()
    except (NameError, TypeError, ValueError) as error:  # a name that is imported for type checkers only
        raise InputError(f"the settings of {plugin} cannot be read: {brief(error)}") from error
    return {name: p for name, p in parameters if p.kind is p.KEYWORD_ONLY}


def setting_values(plugin: Plugin) -> dict[str, object]:
    """The value of every setting of a plugin with bound settings, defaults included."""
    return {name: parameter.default for name, parameter in settings_of(plugin).items()}


def bind(name: str, plugin: Plugin, chosen: Mapping[str, object]) -> Plugin:
    """Bind the ``chosen`` settings to a plugin; text is converted to the type of its setting.

    InputError, with the plugin's ``name``, for a setting that is unknown, missing or of another type.
    """
    known, chosen = settings_of(plugin), with_preset(name, plugin, chosen)
    if unknown := [key for key in chosen if key not in known]:
        exist = f"only {', '.join(known)}" if known else "it has none"
        if unknown[0] in [*inspect.signature(plugin).parameters][1:]:  # the first is what it is given
            exist = f"a setting stands behind a *, with its type: def {name}(..., *, {unknown[0]}: int = 1)"
        raise InputError(f"{name} has no setting {', '.join(unknown)}: {exist}")
    missing = [key for key, p in known.items() if p.default is p.empty and key not in chosen]
    if missing:
        raise InputError(f"{name} needs its setting {', '.join(missing)}, as in {name}({missing[0]}=...)")
    values = {
        key: convert(value, _declared_type(known[key]), f"{name}'s {key}")
        if isinstance(value, str)
        else value
        for key, value in chosen.items()
    }
    return partial(plugin, **values) if values else plugin


def convert(text: str, wanted: Any, what: str) -> object:
    """Convert ``text`` to the type ``wanted``; InputError if that fails, about ``what`` the text is for.

    A path that begins with ~ begins with the home folder instead.
    """
    kind, kinds = get_origin(wanted), get_args(wanted)
    if kind in (Union, UnionType):
        return _convert_to_any(text, kinds, what)
    if kind in (tuple, list):
        return kind(convert(_unquoted(part), kinds[0], what) for part in split(text.strip("[]")))
    if kind is Literal:
        return _choice(text, {str(value): value for value in kinds}, what)
    if wanted is bool:
        return _choice(text.lower(), TRUTH_VALUES, what)
    try:
        value = wanted(os.path.expanduser(text))
        if isinstance(value, float) and not math.isfinite(value):  # no setting may be NaN or infinite
            raise ValueError(text)
        return value
    except (TypeError, ValueError):
        expected = TYPE_NAMES.get(wanted) or getattr(wanted, "__name__", wanted)
        raise InputError(f"{what} must be {expected}, not {text!r}") from None


def _declared_type(setting: inspect.Parameter) -> Any:
    """The annotated type of a setting, or else the type of its default, or else text."""
    if setting.annotation is not setting.empty:
        return setting.annotation
    return type(setting.default) if setting.default not in (setting.empty, None) else str


def _convert_to_any(text: str, kinds: tuple[Any, ...], what: str) -> object:
    """Convert ``text`` to the first of several types that it fits; ``none`` is None."""
    if NoneType in kinds and text.lower() == "none":
        return None
    *others, last = (kind for kind in kinds if kind is not NoneType)
    for kind in others:
        with suppress(InputError):
            return convert(text, kind, what)
    return convert(text, last, what)


def _choice(text: str, values: Mapping[str, object], what: str) -> object:
    if text not in values:
        raise InputError(f"{what} must be one of {', '.join(values)}, not {text!r}")
    return values[text]


Function = TypeVar("Function", bound=Callable[..., Any])


def several(*names: str) -> Callable[[Function], Function]:
    """Declare that a strategy minimises further objectives too: the decorator ``@several("l2")``.

    ``names`` are fitness functions by name. Their values follow the fitness's in M.
    """

    def declare(strategy: Function) -> Function:
        strategy.extra_objectives = names  # type: ignore[attr-defined]
        return strategy

    return declare


def extra_objectives(strategy: Plugin) -> tuple[str, ...]:
    """The fitness functions that a strategy declares with ``several``, by name; usually none."""
    declared = (getattr(layer, "extra_objectives", ()) for layer in layers(strategy))
    return next(filter(None, declared), ())


Use = Literal["image", "scores", "budget", "start", "external"]
"""What a strategy uses beside its candidates' values: what it may know, and "external", another's attack."""
USES: tuple[Use, ...] = get_args(Use)
EXTERNAL = "external, metered"


def uses(*names: Use) -> Callable[[Function], Function]:
    """Declare what a strategy uses beside its candidates' values: the decorator ``@uses("image")``.

    "image" is the clean image, "scores" all scores of the oracle and the label, "budget" the query budget;
    "start" says that it changes whole images, and may begin with another one that fools the oracle.
    "external" says that the search is another library's own attack, metered here. InputError for other names.
    """
    check_uses(names)

    def declare(strategy: Function) -> Function:
        strategy.declared_uses = frozenset(names)  # type: ignore[attr-defined]
        return strategy

    return declare


def check_uses(names: Collection[object]) -> None:
    """Refuse what no strategy can use, and a decorator without names."""
    if wrong := [name for name in names if name not in USES]:
        known = " and ".join([", ".join(f'"{use}"' for use in USES[:-1]), f'"{USES[-1]}"'])
        raise InputError(f"uses takes the names {known}, not {', '.join(map(repr, wrong))}")
    if not names:
        raise InputError('uses takes at least one name, as in @uses("image")')


def uses_of(strategy: Plugin) -> frozenset[Use]:
    """What a strategy declares with ``uses``; usually nothing."""
    empty: frozenset[Use] = frozenset()
    declared = (getattr(layer, "declared_uses", empty) for layer in layers(strategy))
    return next(filter(None, declared), empty)


def seen(names: Collection[str]) -> str:
    """What a strategy sees, in tables, of what it ``uses``: value, image, scores, or image and scores.

    Of another library's attack it says so too.
    """
    known = ", ".join(name for name in ("image", "scores") if name in names) or "value"
    return f"{known}; {EXTERNAL}" if "external" in names else known


def function_name(function: Plugin) -> str:
    """The name of a function with or without bound settings; of another callable, its class."""
    inner = next(layer for layer in layers(function) if not isinstance(layer, partial))
    return getattr(inner, "__name__", type(inner).__name__)


def undecorated(plugin: Plugin) -> Plugin:
    """The function behind bound settings and decorators."""
    *_, innermost = layers(plugin)
    return innermost


def layers(plugin: Plugin) -> Iterator[Plugin]:
    """The plugin itself, and one after another what its bound settings and decorators are around."""
    layer: Any = plugin
    while layer is not None:
        yield layer
        layer = layer.func if isinstance(layer, partial) else getattr(layer, "__wrapped__", None)
