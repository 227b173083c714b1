"""Weights of torch networks: read without running any code, and loaded into a network."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from pickle import UnpicklingError
from typing import Self, TypeGuard
from warnings import catch_warnings

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sparseattack import InputError
from sparseattack.errors import brief
from sparseattack.plugins.model_files import refuse_model_file

from .networks import Module, fold, untrained

NAMED = 3  # weights at most that an error names


def required(path: str | Path) -> Path:
    """The file at ``path``; refused if there is none."""
    if not (found := Path(path).expanduser()).is_file():
        raise InputError(f"there is no file {found}")
    return found


def sha256(path: Path) -> str:
    """SHA-256 of the bytes of a file: 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def read_weights(file: str | Path) -> dict[str, Tensor]:
    """The state dict in a .safetensors file, or the only one in a file that torch.save wrote, as a .pt file.

    It may be one of the values in a dictionary, as ``{"state_dict": ..., "epoch": 3}``.
    """
    path = required(file)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with catch_warnings(action="ignore"):  # about a pickle that is refused anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise InputError(
            f"{path} is a pickle that could run any code, not a state dict: write model.state_dict() with"
            " safetensors.torch.save_file, or, if you trust the file and it holds a whole network, use"
            f" 'torch(module=load.py:make)' with `import torch` and `def make(): return"
            f" torch.load({str(path)!r}, weights_only=False)` in load.py"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        if "TorchScript" in str(error):
            refuse_model_file(str(path))
        raise InputError(
            f"{path} holds no weights that can be read: a .safetensors file or a state dict that"
            " torch.save wrote is needed"
        ) from error
    return dict(_state_dict_in(state, path))


def _state_dict_in(content: object, path: Path) -> Mapping[str, Tensor]:
    """The content of a file, if it is a state dict, or the only state dict among its values."""
    if _is_state_dict(content):
        return content
    held = content if isinstance(content, Mapping) else {}
    found = {name: value for name, value in held.items() if value and _is_state_dict(value)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise InputError(
            f"{path} holds several state dicts, {', '.join(map(str, found))}: write one of them to a file,"
            f" torch.save(torch.load({str(path)!r}, weights_only=True)[{next(iter(found))!r}], 'weights.pt')"
        )
    names = f" of {_few(list(map(str, held)))}" if held else ""
    raise InputError(f"{path} holds {type(content).__name__}{names}, not a state dict of tensors by name")


def _is_state_dict(value: object) -> TypeGuard[Mapping[str, Tensor]]:
    return isinstance(value, Mapping) and all(isinstance(part, Tensor) for part in value.values())


def unfilled(make: Callable[[], Module]) -> Module:
    """The network that ``make`` returns, in evaluation mode, with memory for weights but no values yet.

    No random number is drawn; ``fill`` sets the weights.
    """
    with torch.device("meta"):
        network = make()
    return network.to_empty(device="cpu").eval()


def fill(network: nn.Module, state: dict[str, Tensor], file: str | Path) -> None:
    """Load ``state``, which was read from ``file``, into ``network``.

    A prefix of all names, as ``module.``, may be in one of the two only. Refused unless names and shapes are
    the network's; the error names those that are not.
    """
    own = network.state_dict()
    state = _without_prefix(state, own)
    shapes = {name: tuple(own[name].shape) for name in own.keys() & state.keys()}
    wrong = [name for name, shape in sorted(shapes.items()) if tuple(state[name].shape) != shape]
    faults = {
        "lack": sorted(own.keys() - state.keys()),
        "have in excess": sorted(state.keys() - own.keys()),
        "have in another shape": wrong,
    }
    if any(faults.values()):
        found = "; ".join(f"they {fault} {_few(names)}" for fault, names in faults.items() if names)
        raise InputError(f"the weights in {file} do not fit the network: {found}")
    network.load_state_dict(state)


def _without_prefix(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``state`` by the names of ``own`` where all of them differ by the same prefix; else as it is.

    Networks that were trained in parallel, compiled, or as part of another have one.
    """
    if not own or not state or own.keys() == state.keys():
        return state
    for name in state:
        prefix = name.removesuffix(min(own))
        if prefix != name and state.keys() == {prefix + each for each in own}:
            return {each.removeprefix(prefix): value for each, value in state.items()}
    for name in own:
        prefix = name.removesuffix(min(state))
        if prefix != name and own.keys() == {prefix + each for each in state}:
            return {prefix + each: value for each, value in state.items()}
    return state


def _few(names: list[str]) -> str:
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest


@dataclass(frozen=True)
class ModelCard:
    """How a file of weights was made and how good they are; stands as JSON beside the file."""

    network: str  # name
    epochs: int
    recipe: dict[str, object]  # fields of Recipe
    seed: int
    date: str  # YYYY-MM-DD
    accuracy: float  # of the weights as they are stored, in half precision
    measured: str  # on which images, and how many
    sha256: str = ""  # of the file of weights

    @classmethod
    def read(cls, weights: Path) -> Self:
        """The card of the file ``weights``; refused if it is not there or cannot be read."""
        path = required(card_path(weights))
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} is no card of weights: {brief(error)}") from error

    def write(self, weights: Path) -> None:
        """Write the card of the file ``weights`` beside it."""
        card_path(weights).write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")


def card_path(weights: Path) -> Path:
    """The path of the card of a file of weights."""
    return weights.with_suffix(".json")


def read_trained(file: str | Path) -> tuple[nn.Sequential, ModelCard]:
    """The network whose weights ``training.write_weights`` wrote, in float32, and its card.

    Refused unless the card has the checksum of the file.
    """
    path = required(file)
    card = ModelCard.read(path)
    if sha256(path) != card.sha256:
        beside = card_path(path).name
        raise InputError(f"{path} is not the file that its card {beside} describes: the checksum differs")
    network = fold(untrained(card.network))
    fill(network, read_weights(path), path)
    return network, card
