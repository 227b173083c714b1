"""The protocols of the one-pixel paper (Su, Vargas and Sakurai, 2019), as in arXiv 1710.08864, version 7."""

from dataclasses import replace

from sparseattack.errors import InputError, near
from sparseattack.study.protocol import Protocol

EVOLUTION = {
    "strategies": ("de(restart=no)",),
    "encodings": ("rgb",),
    "budget": 400 + 100 * 400,  # a first population, and a hundred generations
    "fitness": "probability",
}

PAPER = "Su, Vargas and Sakurai, One pixel attack for fooling deep neural networks, 2019"

ORIGINAL = Protocol(
    name="original-cifar10",
    description=f"{PAPER}, section V and Table VIII: correctly classified images of the CIFAR-10 test set,"
    " 500 attacked without a target and 300 with each of nine. There a targeted run stops where the target"
    " overtakes the true class; here it goes on until the target leads all classes, which is a success.",
    shared={**EVOLUTION, "until": "fooled", "correct_only": True},
    untargeted={"target": "none", "draw": 500},
    targeted={"target": "all", "draw": 300},
)

KAGGLE = Protocol(
    name="kaggle-like",
    description=f"{PAPER}, Tables IV to VII, CIFAR-10: 500 images with each of nine targets, misclassified"
    " ones too, what the oracle calls them being their true class; a run stops where the target has 90 %."
    " There the images are of Kaggle's test set, and success without a target is derived from these runs.",
    shared={**EVOLUTION, "until": "confidence:0.9", "truth": "prediction"},
    targeted={"target": "all", "draw": 500},
)

KAGGLE_V5 = replace(
    KAGGLE,
    name="kaggle-like-v5",
    description="The same as kaggle-like, as in the paper's arXiv version 5: a run stops where the target has"
    " 50 %.",
    shared={**KAGGLE.shared, "until": "confidence:0.5"},
)

IMAGENET = Protocol(
    name="imagenet",
    description=f"{PAPER}, Tables IV and VI, ImageNet: 105 photographs without a target; a run stops where"
    " the true class has less than 5 % and, here, another leads. Here they are correctly classified ones; the"
    " paper does not say.",
    shared={**EVOLUTION, "until": "confidence:0.95"},
    untargeted={"target": "none", "draw": 105},
)

PROTOCOLS = {one.name: one for one in (ORIGINAL, KAGGLE, KAGGLE_V5, IMAGENET)}


def named(name: str) -> Protocol:
    """The one called ``name``."""
    if name not in PROTOCOLS:
        raise InputError(f"no protocol {name!r}, only {', '.join(PROTOCOLS)}{near(name, PROTOCOLS)}")
    return PROTOCOLS[name]
