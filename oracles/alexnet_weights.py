"""The layouts in which weights of BVLC's AlexNet are found."""

import re

from torch import Tensor

from sparseattack import InputError

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
NAMED = re.compile(r"(?:.*\.)?(conv[1-5]|fc[678])")
NUMBERED = re.compile(r"(?:.*\.)?(features|classifier)\.(\d+)")
FILTERS = 96  # of the first layer


def named(state: dict[str, Tensor], file: str) -> dict[str, Tensor]:
    """The state dict read from ``file``, its layers called conv1 to fc8 as in Caffe.

    They may have prefixes (``module.``, ``features.``), or be numbered in ``features`` and ``classifier``.
    Other names are left as they are.
    """
    stems = {name.rpartition(".")[0] for name in state}
    layers = _counted(stems) or {stem: _called(stem) for stem in stems}
    found = {
        f"{layers[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": each for name, each in state.items()
    }
    if "conv1.weight" in found and len(first := found["conv1.weight"]) != FILTERS:
        raise InputError(
            f"{file} holds another AlexNet: its first layer has {len(first)} filters, BVLC's has {FILTERS}"
            " (torchvision's AlexNet is such another, without groups and normalisation)"
        )
    return found


def _counted(stems: set[str]) -> dict[str, str]:
    """Names of layers that are numbered, if all are and there are as many: features first."""
    matches = {stem: match for stem in stems if (match := NUMBERED.fullmatch(stem))}
    if not len(matches) == len(stems) == len(LAYERS):
        return {}
    order = sorted(stems, key=lambda stem: (matches[stem][1] == "classifier", int(matches[stem][2])))
    return dict(zip(order, LAYERS, strict=True))


def _called(stem: str) -> str:
    match = NAMED.fullmatch(stem)
    return match[1] if match else stem
