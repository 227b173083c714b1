"""A comparison's parts: the oracle, the images, what it says of them, and all plugins."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from sparseattack.data.images import Images
from sparseattack.plugins import registry
from sparseattack.problem.encodings import Encoding
from sparseattack.problem.objectives import name
from sparseattack.problem.oracle import Oracle
from sparseattack.problem.verification import Verdicts
from sparseattack.provenance import digest
from sparseattack.study.experiment import Experiment
from sparseattack.study.manifest import manifest

Plugin = Callable[..., Any]


@dataclass(frozen=True)
class Prepared:
    """Everything that a comparison needs."""

    experiment: Experiment
    plugin: Plugin  # that made the oracle
    oracle: Oracle
    images: Images
    floats: Tensor  # (N, C, H, W) on the experiment's device
    verdicts: Verdicts  # of the clean images
    classes: tuple[str, ...]  # K names, some empty
    strategies: dict[str, Plugin]  # by spec
    encodings: dict[tuple[str, int], Encoding]  # by spec and k
    fitness: dict[str, tuple[Plugin, ...]]  # by strategy: all objectives

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What all this is."""
        used = {f"oracle {self.experiment.oracle}": self.plugin}
        used |= {f"strategy {spec}": plugin for spec, plugin in self.strategies.items()}
        for spec, k in self.encodings:
            used[f"encoding {spec}, {k} pixels"] = registry.load("encodings", spec, {"pixels": k})
        used |= {f"fitness {name(one)}": one for each in self.fitness.values() for one in each}
        return manifest(self.experiment, self.oracle, self.images, self.verdicts.scores, used)

    @cached_property
    def identity(self) -> str:
        """Digest of all that every result depends on."""
        return digest(self.manifest["determines"])
