"""The manifest of an experiment: what it is made of, so that it can be repeated and distinguished."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sparseattack.experiment.settings import Experiment
from sparseattack.problem.scale import Scale
from sparseattack.provenance import Hardware


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
