"""A comparison's parts, loaded: the oracle, the images, what it says of them, and all plugins."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from sparseattack import registry
from sparseattack.clean import Verdicts, judge
from sparseattack.data import Images, load_images
from sparseattack.devices import device_of
from sparseattack.encoding import Encoding
from sparseattack.errors import InputError
from sparseattack.experiment import Experiment
from sparseattack.fingerprint import digest
from sparseattack.inputs import check_images
from sparseattack.loading import oracle_plugin
from sparseattack.manifest import manifest
from sparseattack.objectives import further
from sparseattack.oracle import Oracle, title
from sparseattack.targets import cases

Plugin = Callable[..., Any]


@dataclass(frozen=True)
class Prepared:
    """Everything that a comparison needs."""

    experiment: Experiment
    plugin: Plugin  # that made the oracle
    oracle: Oracle
    images: Images  # labels numbered as the oracle's classes, where both have names
    floats: Tensor  # (N, C, H, W) on the experiment's device
    verdicts: Verdicts  # of the clean images
    classes: tuple[str, ...]  # K names, some empty
    strategies: dict[str, Plugin]  # by spec
    encodings: dict[tuple[str, int], Encoding]  # by spec and k
    fitness: dict[str, tuple[Plugin, ...]]  # by strategy: all objectives

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What all this is."""
        encodings = [registry.load("encodings", spec) for spec in self.experiment.encodings]
        objectives = {one: None for each in self.fitness.values() for one in each}
        used = [self.plugin, *self.strategies.values(), *encodings, *objectives]
        return manifest(self.experiment, self.oracle, self.images, self.verdicts.scores, used)

    @cached_property
    def identity(self) -> str:
        """Digest of all that every result depends on."""
        return digest(self.manifest["determines"])


def prepare(experiment: Experiment) -> Prepared:
    """Load and check all parts; every name and setting that does not fit is refused here."""
    strategies = {spec: registry.load("strategies", spec) for spec in experiment.strategies}
    encodings = {
        (spec, k): registry.load("encodings", spec, {"pixels": k})()
        for spec in experiment.encodings
        for k in experiment.pixels
    }
    fitness = {spec: _objectives(experiment, strategy) for spec, strategy in strategies.items()}
    device_of(experiment.device)
    plugin = oracle_plugin(experiment.oracle, experiment.device)
    oracle: Oracle = plugin()
    images = load_images(experiment.images).numbered(getattr(oracle, "classes", ()))
    floats = images.floats().to(experiment.device)
    verdicts = judge(oracle, floats)
    classes = _classes(oracle, images, verdicts.scores.shape[1])
    cases(images.pixels, images.labels, experiment.target, experiment.seeds[0], classes)
    check_images(floats, max(encoding.slots for encoding in encodings.values()))
    found = (images, floats, verdicts, classes)
    return Prepared(experiment, plugin, oracle, *found, strategies, encodings, fitness)


def _objectives(experiment: Experiment, strategy: Plugin) -> tuple[Plugin, ...]:
    """The fitness, and further objectives for a strategy that searches several."""
    declared = further(strategy)
    names = (experiment.objectives or declared) if declared else ()
    return tuple(registry.load("fitness", name) for name in (experiment.fitness, *names))


def _classes(oracle: Oracle, images: Images, count: int) -> tuple[str, ...]:
    """A name for each of the oracle's classes, empty where nobody gave one."""
    highest = int(images.labels.max())
    if highest >= count:
        worst = images.ids[int(images.labels.argmax())]
        raise InputError(f"{title(oracle)} knows {count} classes, but image {worst} has label {highest}")
    names: tuple[str, ...] = getattr(oracle, "classes", ()) or images.classes
    return (*names, *("",) * count)[:count]
