"""The protocols of the one-pixel paper (Su, Vargas and Sakurai, 2019), as in arXiv 1710.08864, version 7."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparseattack.errors import InputError, near

if TYPE_CHECKING:  # `sparseattack list` shows protocols and imports no torch
    from sparseattack.experiment.settings import Experiment


Settings = Mapping[str, Any]
"""Fields of an Experiment, by name."""


@dataclass(frozen=True)
class Protocol:
    """What an experiment was made with; any of it can be chosen otherwise."""

    name: str
    description: str  # what it is, and where it stands
    shared: Settings
    untargeted: Settings | None = None  # beside the shared ones; none where no such part was published
    targeted: Settings | None = None

    def parts(self) -> dict[str, dict[str, Any]]:
        """All settings of the part that leaves the true class, and of the one that reaches another."""
        both = {"untargeted": self.untargeted, "targeted": self.targeted}
        return {name: {**self.shared, **own} for name, own in both.items() if own is not None}

    def settings(self, targeted: bool | None = None) -> dict[str, Any]:
        """Fields of the Experiment, by default of the first part. InputError for a part that it lacks."""
        parts = self.parts()
        if targeted is None:
            return next(iter(parts.values()))
        if (wanted := "targeted" if targeted else "untargeted") not in parts:
            raise InputError(f"protocol {self.name} has no {wanted} part, only {', '.join(parts)}")
        return parts[wanted]

    def experiment(
        self,
        *,
        oracle: str,
        images: str,
        targeted: bool | None = None,
        strategies: tuple[str, ...] | None = None,
        pixels: int = 1,
        num_images: int | None = None,
        budget: int | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> "Experiment":
        """The protocol on an oracle's images; what is None is as the protocol says."""
        from sparseattack.experiment.settings import Experiment

        chosen = {"strategies": strategies, "num_images": num_images, "budget": budget}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        fields = {**self.settings(targeted), **chosen}
        return Experiment(
            oracle=oracle, images=images, pixels=(pixels,), seeds=(seed,), device=device, **fields
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain text, lists and numbers."""
        return {"name": self.name, "description": self.description, "settings": self.parts()}

    def under(self, experiment: "Experiment", given: Collection[str]) -> "Experiment":
        """``experiment`` with the protocol's settings, but for those that were ``given``."""
        wanted = experiment.target != "none"
        has = (self.targeted if wanted else self.untargeted) is not None
        settings = self.settings(wanted if has and "target" in given else None)
        return replace(experiment, **{name: v for name, v in settings.items() if name not in given})


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
    shared={**EVOLUTION, "stop": "success", "correct_only": True},
    untargeted={"target": "none", "num_images": 500},
    targeted={"target": "all", "num_images": 300},
)
KAGGLE = Protocol(
    name="kaggle-like",
    description=f"{PAPER}, Tables IV to VII, CIFAR-10: 500 images with each of nine targets, misclassified"
    " ones too, with the oracle's predictions as their true classes; a run stops where the target has 90 %."
    " There the images are of Kaggle's test set, and success without a target is derived from these runs.",
    shared={**EVOLUTION, "stop": "confidence:0.9", "true_class": "prediction"},
    targeted={"target": "all", "num_images": 500},
)
KAGGLE_V5 = replace(
    KAGGLE,
    name="kaggle-like-v5",
    description="The same as kaggle-like, as in the paper's arXiv version 5: a run stops where the target has"
    " 50 %.",
    shared={**KAGGLE.shared, "stop": "confidence:0.5"},
)
IMAGENET = Protocol(
    name="imagenet",
    description=f"{PAPER}, Tables IV and VI, ImageNet: 105 photographs without a target; a run stops where"
    " the true class has less than 5 % and, here, another leads. Photographs are resized by nearest pixels,"
    " nothing cut off. Here they are correctly classified ones; the"
    " paper does not say.",
    shared={**EVOLUTION, "stop": "confidence:0.95", "resize": "nearest,squash"},
    untargeted={"target": "none", "num_images": 105},
)
PROTOCOLS = {one.name: one for one in (ORIGINAL, KAGGLE, KAGGLE_V5, IMAGENET)}
"""The settings of published experiments by name, such as ``PROTOCOLS["original-cifar10"]``.

``Experiment(**PROTOCOLS[name].settings())`` is such an experiment.
"""


def named(name: str) -> Protocol:
    """The protocol with this name; InputError with the known names for any other."""
    if name not in PROTOCOLS:
        raise InputError(f"no protocol {name!r}, only {', '.join(PROTOCOLS)}{near(name, PROTOCOLS)}")
    return PROTOCOLS[name]
