"""Weights of torch networks, read without running anything.

Files that oracles are made from.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b, file_digest
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from warnings import catch_warnings

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.errors import brief

from .networks import fold, untrained


def required(path: str | Path) -> Path:
    """The file at ``path``, if there is one."""
    if not (found := Path(path).expanduser()).is_file():
        raise InputError(f"there is no file {found}")
    return found


def sha256(path: Path) -> str:
    """Of the bytes of a file: 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


NAMED = 3  # keys at most that an error names


def read_weights(file: str | Path) -> dict[str, Tensor]:
    """The state dict in a .safetensors file, or in a .pt or .pth file that holds nothing else."""
    path = required(file)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with catch_warnings(action="ignore"):  # about a pickle that is refused anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise InputError(
            f"{path} is a pickle that could run anything, not a state dict: write model.state_dict() with"
            " safetensors.torch.save_file"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{path} holds no weights that can be read: {brief(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds {type(state).__name__}, not a state dict of tensors by name")
    return dict(state)


def fill(network: nn.Module, state: dict[str, Tensor], file: str | Path) -> None:
    """Load ``state``, read from ``file``, into ``network``; what does not fit is named."""
    own = network.state_dict()
    shapes = {name: tuple(own[name].shape) for name in own.keys() & state.keys()}
    wrong = [name for name, shape in sorted(shapes.items()) if tuple(state[name].shape) != shape]
    faults = {
        "lacks": sorted(own.keys() - state.keys()),
        "has in excess": sorted(state.keys() - own.keys()),
        "has in another shape": wrong,
    }
    if any(faults.values()):
        said = "; ".join(f"it {fault} {_few(names)}" for fault, names in faults.items() if names)
        raise InputError(f"the weights in {file} do not fit the network: {said}")
    network.load_state_dict(state)


def _few(names: list[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest


def digest_weights(network: nn.Module) -> str:
    """Of names, kinds and bytes of all weights: 32 hexadecimal digits."""
    told = blake2b(digest_size=16)
    for name, value in sorted(network.state_dict().items()):
        told.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        told.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return told.hexdigest()


def unpack(file: str | Path) -> tuple[nn.Sequential, dict[str, Any]]:
    """The network that ``ship`` wrote, float32, and its card; refused if the file is not the card's."""
    path = required(file)
    beside = required(card_of(path))
    try:
        card: dict[str, Any] = json.loads(beside.read_text("utf-8"))
        known, name = card["sha256"], card["network"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{beside} is no card of weights: {brief(error)}") from error
    if sha256(path) != known:
        raise InputError(f"{path} is not what its card {beside.name} describes: the checksum differs")
    network = fold(untrained(name))
    fill(network, read_weights(path), path)
    return network, card


def card_of(path: Path) -> Path:
    """Where the card of weights lies."""
    return path.with_suffix(".json")
