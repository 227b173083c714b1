"""A trained network made small: batch-norm folded, half precision, a card that says what it is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from sparseattack.data.images import Images
from sparseattack.errors import InputError, SparseattackError, brief

from ..files import required, sha256
from ..networks import fold, untrained
from ..weights import fill, read_weights
from .measuring import accuracy, normalised
from .resuming import read


def ship(checkpoint: Path, out: Path, measured: Images, called: str) -> dict[str, Any]:
    """Write the network of ``checkpoint`` to ``out`` and its card beside it, as JSON; return the card.

    Its accuracy is that of the small weights on the images ``measured``, which are ``called`` so.
    """
    saved = read(checkpoint)
    network = untrained(saved["recipe"]["network"])
    fill(network, saved["network"], checkpoint)
    small = fold(network)
    weights = {name: value.half() for name, value in small.state_dict().items()}
    small.load_state_dict(weights)
    card = _card(saved) | {
        "accuracy": accuracy(normalised(small), measured),
        "measured": f"{called}, {len(measured)} images",
    }
    try:
        out.write_bytes(save(weights, {name: json.dumps(value) for name, value in card.items()}))
        card["sha256"] = sha256(out)
        card_of(out).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise SparseattackError(f"{out} cannot be written: {brief(error)}") from error
    return card


def _card(saved: dict[str, Any]) -> dict[str, Any]:
    recipe = saved["recipe"]
    return {
        "network": recipe["network"],
        "epochs": saved["epoch"],
        "recipe": recipe,
        "seed": recipe["seed"],
        "date": datetime.now(UTC).date().isoformat(),
    }


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
