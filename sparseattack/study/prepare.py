"""A comparison's parts, loaded and checked."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

from sparseattack.data.load import Images, load_images
from sparseattack.errors import InputError
from sparseattack.plugins import registry
from sparseattack.plugins.loading import named, oracle_plugin
from sparseattack.plugins.shortcuts import oracle_spec
from sparseattack.plugins.spec import parse
from sparseattack.problem.devices import device_of
from sparseattack.problem.encodings import Encoding
from sparseattack.problem.inputs import check_images
from sparseattack.problem.objectives import further
from sparseattack.problem.oracle import Oracle
from sparseattack.problem.verification import judge
from sparseattack.study.cases import cases
from sparseattack.study.experiment import Experiment
from sparseattack.study.pose import rehearse
from sparseattack.study.prepared import Prepared

Plugin = Callable[..., Any]


def prepare(experiment: Experiment, like: Prepared | None = None) -> Prepared:
    """Load and check all parts; every name and setting that does not fit is refused here.

    The oracle, the images and what it says of them are those of ``like``, if given: one with the same.
    """
    strategies = {spec: registry.load("strategies", spec) for spec in experiment.strategies}
    encodings, fitness = _encodings(experiment), _fitness(experiment, strategies)
    known = like or _loaded(experiment)
    check_images(known.floats, max(encoding.slots for encoding in encodings.values()))
    prepared = replace(
        known, experiment=experiment, strategies=strategies, encodings=encodings, fitness=fitness
    )
    images, first = prepared.images, experiment.seeds[0]
    cases(images.pixels, images.labels, experiment.target, first, prepared.classes)
    rehearse(prepared)
    return prepared


def _loaded(experiment: Experiment) -> Prepared:
    """The oracle, the images and what it says of them; nothing to search with yet."""
    device_of(experiment.device)
    plugin = oracle_plugin(experiment.oracle, experiment.device)
    oracle = named(plugin(), oracle_spec(experiment.oracle).name)
    images = load_images(experiment.images)
    floats = images.floats().to(experiment.device)
    verdicts = judge(oracle, floats)
    classes = _classes(oracle, images, verdicts.scores.shape[1])
    return Prepared(experiment, plugin, oracle, images, floats, verdicts, classes, {}, {}, {})


def _encodings(experiment: Experiment) -> dict[tuple[str, int], Encoding]:
    """By spec and number of pixels."""
    for spec in experiment.encodings:
        if "pixels" in parse(spec).settings:
            raise InputError(f"how many pixels may change is set by --pixels, not in encoding {spec}")
    pairs = product(experiment.encodings, experiment.pixels)
    return {(spec, k): registry.load("encodings", spec, {"pixels": k})() for spec, k in pairs}


def _fitness(experiment: Experiment, strategies: dict[str, Plugin]) -> dict[str, tuple[Plugin, ...]]:
    """By strategy: the fitness, and further objectives for one that searches several."""
    chosen = experiment.objectives
    declared = {spec: further(strategy) for spec, strategy in strategies.items()}
    if chosen and not any(declared.values()):
        raise InputError(f"no strategy here searches further objectives such as {chosen[0]}; nsga2 does")
    names = {spec: chosen or own if own else () for spec, own in declared.items()}
    first = registry.load("fitness", experiment.fitness)
    return {spec: (first, *(registry.load("fitness", one) for one in more)) for spec, more in names.items()}


def _classes(oracle: Oracle, images: Images, count: int) -> tuple[str, ...]:
    """A name for each of the oracle's classes, empty where nobody gave one."""
    names: tuple[str, ...] = getattr(oracle, "classes", ()) or images.classes
    return (*names, *("",) * count)[:count]
