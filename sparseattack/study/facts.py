"""What a study stores beside its runs and manifest: openings, labels, uses, scope, how edits are evaluated.

Each fact is a frozen dataclass, which `Study` stores as JSON by field name, under its ``KEY``.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from sparseattack.experiment.manifest import Opening
from sparseattack.plugins.spec import seen


class StudyFact(Protocol):
    """A thing that a study can store under a name."""

    KEY: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True)
class Openings:
    """Every opening of a study for writing, in order."""

    KEY: ClassVar[str] = "opened"
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class StrategyLabels:
    """The labels under which strategies are printed; no result depends on them."""

    KEY: ClassVar[str] = "labels"
    labels: dict[str, str]  # by spec, of the strategies that have one


@dataclass(frozen=True)
class DeclaredUses:
    """What a strategy declares to use beside its candidates' values; a part for each spec."""

    KEY: ClassVar[str] = "uses"
    names: tuple[str, ...]

    @property
    def sees(self) -> str:
        """As tables show it: value, image, scores, or image and scores."""
        return seen(self.names)


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
