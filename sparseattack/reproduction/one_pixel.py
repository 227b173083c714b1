"""Su, Vargas and Sakurai, One pixel attack for fooling deep neural networks (2019), to be measured again.

All that is asked for: some tables, measured into a folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sparseattack.data.load import load_images
from sparseattack.errors import InputError
from sparseattack.plugins.registry import load, oracle_plugin
from sparseattack.problem.oracle import device_of
from sparseattack.study.prepare import Setup

from .part import TARGETS, Choices, Finding, Part, find
from .run import Stage, conduct, shown
from .tables import Table, names, table

Event = tuple[Part, Stage | str]
"""How far a part has come, or why it is left out."""


@dataclass(frozen=True)
class Reproduction:
    """Tables, and the studies they are made of."""

    tables: tuple[Table, ...]
    choices: Choices
    folder: Path

    @cached_property
    def parts(self) -> list[Part]:
        """All that has to be run, each once; quick ones first."""
        every = dict.fromkeys(part for table in self.tables for part in table.parts())
        return [part for part in every if part.wanted(self.choices) != 0]

    @property
    def studies(self) -> Path:
        """Where they are."""
        return self.folder / "studies"

    def found(self) -> dict[Part, Finding]:
        """The parts that are finished."""
        paths = {part: part.path(self.choices, self.studies) for part in self.parts}
        return {part: finding for part, path in paths.items() if (finding := find(path))}

    def check(self) -> None:
        """Refuse what does not exist, before anything is run."""
        device_of(self.choices.device)
        if not self.parts:
            raise InputError("there is nothing to run: every number of images is 0")
        for part in self.parts:
            load("strategies", part.strategy or "de")
            oracle_plugin(part.network, self.choices.device)
        for images in {part.experiment(self.choices).images for part in self.parts}:
            load_images(images)

    def run(self) -> Iterator[Event]:
        """Run what the studies lack, after ``check``; a network that cannot be loaded is left out."""
        self.studies.mkdir(parents=True, exist_ok=True)
        known: dict[tuple[str, str], Setup] = {}
        for part in self.parts:
            which = part.network, part.experiment(self.choices).images
            try:
                known[which] = shown(part, self.choices, known.get(which))
            except InputError as error:
                yield part, str(error)
                continue
            for stage in conduct(part, self.choices, self.studies, known[which]):
                yield part, stage


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
