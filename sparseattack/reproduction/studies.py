"""The studies behind a table: planned from a few options, and read back once they are finished."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sparseattack.errors import InputError
from sparseattack.experiment.protocols import PROTOCOLS
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import digest
from sparseattack.report.results import Results, results
from sparseattack.study.facts import StudyRequest
from sparseattack.study.record import Record
from sparseattack.study.store import Study

from .metrics import Measure

TARGETS = 9  # of each image in a targeted attack
NAME_LENGTH = 40  # letters of a spec in the name of a file


@dataclass(frozen=True)
class Options:
    """The options of a reproduction, the same for all studies; None is the value of the protocol."""

    images: str = ""  # a spec
    photographs: str = ""  # a spec, for ImageNet
    untargeted: int | None = None  # images attacked without a target
    targeted: int | None = None  # images attacked towards nine targets each
    budget: int | None = None  # queries a run
    seed: int = 0
    device: str = "cpu"
    sparse_inference: bool = True


@dataclass(frozen=True)
class PlannedStudy:
    """One network attacked by one strategy under one protocol, stored in a study of its own."""

    protocol: str
    targeted: bool
    pixels: int = 1
    strategy: str = ""  # a spec; empty is the protocol's own
    network: str = ""  # the spec of an oracle
    encoding: str = ""  # a spec; empty is the protocol's own
    budget: int | None = None  # queries a run, whatever the options say

    def experiment(self, options: Options) -> Experiment:
        """The experiment, on as many images as are wanted, though fewer may be eligible."""
        chosen = PROTOCOLS[self.protocol].experiment(
            oracle=self.network,
            images=options.photographs if self.on_photographs else options.images,
            targeted=self.targeted,
            strategies=(self.strategy,) if self.strategy else None,
            pixels=self.pixels,
            num_images=self.num_images(options),
            budget=self.budget or options.budget,
            seed=options.seed,
            device=options.device,
        )
        encodings = (self.encoding,) if self.encoding else chosen.encodings
        return replace(chosen, sparse_inference=options.sparse_inference, encodings=encodings)

    def num_images(self, options: Options) -> int | None:
        """Images to attack; None is the protocol's number."""
        return options.targeted if self.targeted else options.untargeted

    def num_runs(self, options: Options) -> int:
        """Runs, if enough images are eligible."""
        return self.experiment(options).num_images * (TARGETS if self.targeted else 1)

    @property
    def on_photographs(self) -> bool:
        """Whether photographs of ImageNet are attacked."""
        return self.protocol == "imagenet"

    @property
    def mode(self) -> str:
        """``targeted`` or ``untargeted``."""
        return "targeted" if self.targeted else "untargeted"

    @property
    def title(self) -> str:
        """Network, mode and pixels, for people."""
        return f"{self.network}, {self.mode}, {self.pixels} pixel{'' if self.pixels == 1 else 's'}"

    @property
    def stem(self) -> str:
        """Protocol, network, mode, pixels and strategy, as the name of a file."""
        names = [self.protocol, self.network, self.mode, f"k{self.pixels}", self.strategy or "de"]
        return "-".join(re.sub(r"[^\w.]+", "-", name)[:NAME_LENGTH].strip("-") for name in names)

    def path(self, options: Options, folder: Path) -> Path:
        """The file of the study: more or fewer images, another budget or another seed find it again."""
        chosen = self.experiment(options)
        inference = [] if chosen.sparse_inference else ["whole images"]
        known = [asdict(replace(self, budget=None)), chosen.images, *inference]
        return folder / f"{self.stem}-{digest(known)[:8]}.study"


@dataclass(frozen=True)
class FinishedStudy:
    """All runs of a study that lacks none: everything that a cell of a table is computed from."""

    path: Path
    records: list[Record]
    request: StudyRequest  # what was asked of the study
    found: Results  # its tables

    @property
    def experiment(self) -> Experiment:
        """What was run."""
        return self.request.experiment

    @property
    def attacked(self) -> int:
        """Number of attacked images."""
        return len({record.image for record in self.records})

    @property
    def accuracy(self) -> Measure | None:
        """Clean accuracy: the share of the images that the network classifies correctly."""
        correct, images = self.request.correct, self.request.num_images
        return None if correct is None else Measure(correct / images, images, "rate")


def read_finished(path: Path, experiment: Experiment | None = None) -> FinishedStudy | None:
    """Read an experiment in the study at ``path``, by default the last one that was asked there.

    None if it was not asked there, or is not finished: an unfinished one is a biased sample, for its
    successes end before its failures.
    """
    try:
        with Study.read(path) as study:
            request = next((one for one in study.requests()[::-1] if _is_of(one, experiment)), None)
            found = request and results(study, request, courses=False)
    except InputError:  # no study, or one of another version: running it raises the same error
        return None
    if request is None or not found or not found.records or found.unfinished:
        return None
    return FinishedStudy(path, found.records, request, found)


def _is_of(request: StudyRequest, experiment: Experiment | None) -> bool:
    """Whether an experiment was asked for, on all images that may be attacked if these are fewer."""
    if experiment is None:
        return True
    held = request.experiment
    count = min(experiment.num_images, request.eligible)
    return replace(experiment, num_images=count, device=held.device) == held
