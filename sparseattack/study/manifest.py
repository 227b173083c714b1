"""What a study stores beside its runs: the manifest, the scope, and how edits are evaluated.

Each fact is a frozen dataclass, which `Study` stores as JSON by field name, under its ``KEY``.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from math import inf
from typing import Any, ClassVar, Protocol

from sparseattack.problem.scale import Scale
from sparseattack.provenance import Hardware
from sparseattack.study.experiment import Experiment


class StudyFact(Protocol):
    """A thing that a study can store under a name."""

    KEY: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True)
class Determinants:
    """Everything that the results of an experiment depend on, and nothing else."""

    experiment: Experiment
    settings: dict[str, Any]  # of each plugin, after defaults, as JSON holds them
    sources: dict[str, str]  # digest of each plugin's code
    oracle: str  # digest
    images: str  # digest of colours and true classes
    versions: dict[str, str]  # of Python and of the packages that the code needs

    def differences(self, other: "Determinants") -> list[str]:
        """Every value that is another one in ``other``, as in "experiment budget was 90, is 91"."""
        return list(_differences(asdict(self), asdict(other)))


def _differences(was: object, now: object, where: str = "") -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _differences(was.get(key), now.get(key), f"{where} {key}".strip())
    elif was != now:
        yield f"{where} was {_plain(was)}, is {_plain(now)}"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Opening:
    """When a study was opened for writing, and on what."""

    hardware: Hardware
    created: str  # ISO 8601, UTC


@dataclass(frozen=True)
class Openings:
    """Every opening of a study for writing, in order."""

    KEY: ClassVar[str] = "opened"
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What an experiment is made of, so that it can be repeated and distinguished from others."""

    KEY: ClassVar[str] = "manifest"
    determines: Determinants
    oracle: str  # name
    scale: Scale
    images: int
    shapes: tuple[tuple[int, ...], ...]  # n, C, H, W of the images of each size, one after another
    notes: tuple[str, ...]  # about images left out, turned or resized, and doubtful labels
    opening: Opening  # the first

    @property
    def experiment(self) -> Experiment:
        """What was compared."""
        return self.determines.experiment


@dataclass(frozen=True)
class StrategyLabels:
    """The labels under which strategies are printed; no result depends on them."""

    KEY: ClassVar[str] = "labels"
    labels: dict[str, str]  # by spec, of the strategies that have one


@dataclass(frozen=True)
class ProbeScores:
    """An oracle's scores of a few clean and random images, by which another oracle is noticed."""

    KEY: ClassVar[str] = "probe scores"
    scores: tuple[tuple[float, ...], ...]  # of each image, of K classes; none of a noisy oracle

    def difference(self, other: "ProbeScores") -> float:
        """The greatest difference of a score, as a share of the greatest score; infinite for other shapes."""
        if list(map(len, self.scores)) != list(map(len, other.scores)):
            return inf
        pairs = list(zip(chain(*self.scores), chain(*other.scores), strict=True))
        greatest = max((abs(one) for one, _ in pairs), default=0.0)
        return max((abs(one - two) for one, two in pairs), default=0.0) / (greatest or 1.0)


@dataclass(frozen=True)
class Scope:
    """How many images and runs an experiment comes to, and the names of its classes.

    A method is a strategy with an encoding and a number of pixels; all have the same runs.
    """

    KEY: ClassVar[str] = "scope"
    images: int  # whether or not attacked
    correct: int | None  # images that the oracle gives their own label; None where one has no known label
    eligible: int  # images that may be attacked, sampled or not
    left_out: int  # cases that are no attack: misclassified, or of the target class already
    runs: tuple[int, ...]  # N, of each image by every method, over all seeds and targets; 0 if not attacked
    checks: int  # evaluations of clean images that show whether the oracle is a function of the image alone
    evaluations: int  # of clean images, to classify them
    block: int  # calls of the oracle have a multiple of so many images; 1 is no padding
    classes: tuple[str, ...]  # K names, some empty

    @property
    def attacked(self) -> int:
        """Images that are attacked, as planned."""
        return sum(count > 0 for count in self.runs)


@dataclass(frozen=True)
class InferenceChoice:
    """Whether edits are evaluated by sparse inference, for one number of pixels."""

    KEY: ClassVar[str] = "sparse inference"
    used: bool
    speedup: float | None  # over whole images; None where it was not measured
