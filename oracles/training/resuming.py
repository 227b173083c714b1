"""Checkpoints of a training: what is needed to go on as if it had never stopped."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from sparseattack import InputError
from sparseattack.errors import SparseattackError, brief

from .recipe import Recipe


class Stateful(Protocol):
    """A network, an optimizer or a schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


def save(recipe: Recipe, images: str, parts: dict[str, Any], epoch: int, checkpoint: Path) -> None:
    """Write a checkpoint in place of the last one; ``images`` is the digest of what is trained with."""
    states = {name: part.state_dict() for name, part in parts.items()}
    fresh = checkpoint.with_name(f"{checkpoint.name}.new")
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**states, "epoch": epoch, "recipe": asdict(recipe), "images": images}, fresh)
        fresh.replace(checkpoint)  # at once: who stops here has the old one or the new one
    except (OSError, RuntimeError) as error:
        raise SparseattackError(f"{checkpoint} cannot be written: {brief(error)}") from error


def resume(recipe: Recipe, images: str, parts: dict[str, Any], checkpoint: Path) -> int:
    """Load ``checkpoint`` into ``parts`` if it is there; the number of epochs behind it."""
    if not checkpoint.exists():
        return 0
    saved = read(checkpoint)
    if differences := recipe.difference(saved["recipe"]):
        raise InputError(f"{checkpoint} was made by another recipe, with {differences}: name another file")
    if saved.get("images") != images:
        raise InputError(f"{checkpoint} was made with other images: name another file")
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return int(saved["epoch"])


def read(checkpoint: Path) -> dict[str, Any]:
    """What ``save`` wrote."""
    try:
        saved = torch.load(checkpoint, weights_only=True, map_location="cpu")
        return {"network": saved["network"], "epoch": saved["epoch"], **saved}
    except Exception as error:  # torch, zipfile and pickle have many words for it
        raise InputError(f"{checkpoint} is no checkpoint of a training: {brief(error)}") from error
