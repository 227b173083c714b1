"""A finished part, as its study holds it: all that a cell of a table is made of.

What has to be run for a table: one network attacked by one strategy under one protocol, in one study.
"""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sparseattack.errors import InputError
from sparseattack.plugins.spec import parse
from sparseattack.provenance import digest
from sparseattack.study.experiment import Experiment
from sparseattack.study.protocols import PROTOCOLS
from sparseattack.study.record import Record
from sparseattack.study.store import Study

from .metrics import Measure


@dataclass(frozen=True)
class Finding:
    """The runs of a study in which nothing is left to be done."""

    path: Path
    records: list[Record]
    experiment: dict[str, Any]
    classes: tuple[str, ...]  # names, some empty
    images: int  # whether or not attacked
    correct: int | None  # of these, as their own labels say; none where they have no labels

    @property
    def attacked(self) -> int:
        """Images."""
        return len({record.image for record in self.records})

    @property
    def accuracy(self) -> Measure | None:
        """Share of the clean images that the network classifies correctly."""
        return None if self.correct is None else Measure(self.correct / self.images, self.images, "rate")


def find(path: Path) -> Finding | None:
    """What the study at ``path`` holds; None if it is not there or not finished.

    An unfinished one is no sample: its successes are done before its failures.
    """
    try:
        with Study.read(path) as study:
            names = "manifest", "clean", "correct", "classes"
            manifest, clean, correct, classes = map(study.get, names)
            records = study.records()
    except InputError:  # nothing, or what another version wrote: running it says so
        return None
    if not manifest or not clean or not records or len(records) < clean["planned"]:
        return None
    experiment = manifest["determines"]["experiment"]
    return Finding(path, records, experiment, tuple(classes or ()), clean["images"], correct)


CORNERS = 8 * 32 * 32  # questions that every pixel of a CIFAR-10 image in every corner colour takes
NAMED = 40  # letters of a spec that a file's name holds
TARGETS = 9  # of each image


@dataclass(frozen=True)
class Choices:
    """What a person chooses, for all parts alike; None is as the protocol says."""

    images: str = ""  # a spec
    photographs: str = ""  # a spec, for ImageNet
    untargeted: int | None = None  # images that are drawn
    targeted: int | None = None  # images that are drawn, each for nine runs
    budget: int | None = None
    seed: int = 0
    device: str = "cpu"
    sparse_inference: bool = True


@dataclass(frozen=True)
class Part:
    """One study."""

    protocol: str
    targeted: bool
    pixels: int = 1
    strategy: str = ""  # a spec; empty is the protocol's own
    network: str = ""  # an oracle's spec

    def experiment(self, choices: Choices) -> Experiment:
        """All that is run, on as many images as are wanted, though there may be fewer."""
        chosen = PROTOCOLS[self.protocol].experiment(
            oracle=self.network,
            images=choices.photographs if self.protocol == "imagenet" else choices.images,
            targeted=self.targeted,
            strategies=(self.strategy,) if self.strategy else None,
            pixels=self.pixels,
            num_images=self.wanted(choices),
            budget=choices.budget,
            seed=choices.seed,
            device=choices.device,
        )
        chosen = replace(chosen, sparse_inference=choices.sparse_inference)
        return replace(chosen, encodings=("corners",), budget=CORNERS) if self.exhaustive else chosen

    def wanted(self, choices: Choices) -> int | None:
        """Images to be attacked; None is the protocol's number."""
        return choices.targeted if self.targeted else choices.untargeted

    @property
    def exhaustive(self) -> bool:
        """Whether everything is tried: what is possible, whatever a search may cost."""
        return bool(self.strategy) and parse(self.strategy).name == "exhaustive"

    @property
    def title(self) -> str:
        """What is attacked, and how."""
        mode, plural = "targeted" if self.targeted else "untargeted", "" if self.pixels == 1 else "s"
        return f"{self.network}, {mode}, {self.pixels} pixel{plural}"

    @property
    def stem(self) -> str:
        """All of it, as a file's name may hold it."""
        mode = "targeted" if self.targeted else "untargeted"
        named = [self.protocol, self.network, mode, f"k{self.pixels}", self.strategy or "de"]
        return "-".join(re.sub(r"[^\w.]+", "-", name)[:NAMED].strip("-") for name in named)

    def path(self, choices: Choices, folder: Path) -> Path:
        """The file of its study, another one for every choice but the device: the same command finds it."""
        chosen = self.experiment(choices)
        whole = [] if chosen.sparse_inference else ["whole images"]
        known = [asdict(self), chosen.images, chosen.num_images, chosen.budget, chosen.seeds, *whole]
        return folder / f"{self.stem}-{digest(known)[:8]}.study"


def runs(part: Part, choices: Choices) -> int:
    """That a part has, unless there are too few images."""
    return part.experiment(choices).num_images * (TARGETS if part.targeted else 1)
