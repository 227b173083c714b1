"""Presets: named groups of settings of a plugin, chosen by ``name(preset=NAME)``."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sparseattack.errors import InputError

PRESET = "preset"  # the name of no other setting

Plugin = Callable[..., Any]
Preset = Mapping[str, object]
Function = TypeVar("Function", bound=Plugin)


def presets(named: Mapping[str, Preset]) -> Callable[[Function], Function]:
    """Declare named groups of settings of a plugin: a decorator.

    ``load("strategies", "de(preset=scipy)")`` binds those of the group, as if each were written out; settings
    that are chosen beside the preset are kept. Its name is no setting: what is stored is the group's content.
    """

    def declare(plugin: Function) -> Function:
        plugin.presets = named  # type: ignore[attr-defined]
        return plugin

    return declare


def with_preset(name: str, plugin: Plugin, chosen: Mapping[str, object]) -> dict[str, object]:
    """The ``chosen`` settings of a plugin, and those of the preset that is among them.

    InputError, with the plugin's ``name``, for a preset that it does not have.
    """
    known: Mapping[str, Preset] = getattr(plugin, "presets", {})
    if not known or PRESET not in chosen:
        return dict(chosen)
    wanted = str(chosen[PRESET])
    if wanted not in known:
        raise InputError(f"{name} has no preset {wanted!r}: only {', '.join(known)}")
    return {**known[wanted], **{key: value for key, value in chosen.items() if key != PRESET}}
