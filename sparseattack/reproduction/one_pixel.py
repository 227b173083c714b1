"""Su, Vargas and Sakurai, One pixel attack for fooling deep neural networks (2019), to be measured again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sparseattack.data.load import load_images
from sparseattack.errors import InputError

from .part import TARGETS, Choices
from .reproduction import Reproduction
from .tables import names, table

NETWORKS = ("allconv", "nin", "vgg16")
IMAGENET = ("efficientnet-lite0",)
STRATEGIES = ("random", "exhaustive")


def one_pixel(
    choices: Choices,
    folder: str | Path,
    *,
    tables: str = "8",
    networks: Sequence[str] = NETWORKS,
    imagenet_networks: Sequence[str] = IMAGENET,
    pixels: Sequence[int] = (),
    strategies: Sequence[str] = STRATEGIES,
) -> Reproduction:
    """The tables called ``4,8`` or ``all``, of oracles, with all that is kept in ``folder``.

    ``pixels``, beside one, and ``strategies``, beside differential evolution, are for Table VIII. All tables
    are without that on ImageNet where no photographs are chosen. Where images are not chosen they are the
    usual ones; where the number of targeted ones is not, but that of the others is, they make about as many
    runs.
    """
    chosen = names(tables)
    if "imagenet" in chosen and not choices.photographs:
        if tables != "all":
            raise InputError("the table imagenet needs photographs: name them with --photographs")
        chosen.remove("imagenet")
    if not networks or not imagenet_networks:
        raise InputError("no network is named")
    if pixels and min(pixels) < 1:
        raise InputError(f"at least 1 pixel changes, not {min(pixels)}")
    used = {name: imagenet_networks if name == "imagenet" else networks for name in chosen}
    more, others = sorted({*pixels} - {1}), list(dict.fromkeys(strategies))
    made = [
        table(name, list(dict.fromkeys(some)), pixels=more, strategies=others) for name, some in used.items()
    ]
    if not (known := tuple(each for each in made if each.networks)):
        raise InputError(f"in the paper's table {tables} there is no {', '.join(networks)}")
    return Reproduction(known, _completed(choices), Path(folder))


def _completed(choices: Choices) -> Choices:
    targeted = fitting(choices.untargeted) if choices.targeted is None else choices.targeted
    return replace(choices, images=choices.images or usual_images(), targeted=targeted)


def usual_images() -> str:
    """The CIFAR-10 test set if it is here, or else what the package has of it."""
    try:
        load_images("cifar10:test[0]")
    except InputError:
        return "sample"
    return "cifar10:test"


def fitting(images: int | None) -> int | None:
    """Images with nine targets that make about as many runs as ``images`` without; None is the paper's."""
    return None if images is None else max(images // TARGETS, min(images, 1))
