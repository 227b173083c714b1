"""A comparison's parts, loaded and checked.

What a comparison is made of, written down so that it can be repeated and told from others.

A comparison's parts: the oracle, the images, what it says of them, and all plugins.

What the images of a comparison show, told by the oracle's classes: decided here and nowhere else.

Cases of a comparison, posed as a problem.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import product
from typing import Any

import torch
from torch import Tensor

from sparseattack.data.images import UNKNOWN, Images
from sparseattack.data.load import load_images
from sparseattack.errors import InputError
from sparseattack.plugins import registry
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.plugins.spec import extra_objectives, function_name, oracle_spec, parse, setting_values
from sparseattack.problem import criteria
from sparseattack.problem.encodings import Encoding
from sparseattack.problem.oracle import Classifier, device_of
from sparseattack.problem.problem import Problem, check_images
from sparseattack.problem.verification import Predictions, classify
from sparseattack.provenance import digest, digest_source, hardware, versions
from sparseattack.search.contract import ask, start
from sparseattack.study.cases import Case, Selection, aims, cases, select_cases
from sparseattack.study.experiment import Condition, Experiment

Plugin = Callable[..., Any]


def manifest(
    experiment: Experiment, oracle: Classifier, images: Images, scores: Tensor, plugins: Mapping[str, Plugin]
) -> dict[str, Any]:
    """As JSON holds it; results depend on what is under ``determines``, and on nothing else.

    ``scores (N, K)`` of the clean images stand for an oracle that has no digest of its own.
    """
    determines = {
        "experiment": experiment.to_json(),
        "settings": {name: setting_values(plugin) for name, plugin in plugins.items()},
        "sources": {name: digest_source(plugin) for name, plugin in plugins.items()},
        "oracle": oracle.digest or digest(scores.double().round(decimals=4).tolist()),
        "images": images.digest,
        "versions": versions(plugins.values()),
    }
    written = {
        "determines": determines,
        "oracle": {"name": str(oracle), "scale": oracle.scale},
        "images": {"count": len(images.ids), "shape": list(images.pixels.shape[1:])},
        "hardware": hardware(experiment.device),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    whole: dict[str, Any] = json.loads(json.dumps(written, default=str))
    return whole


@dataclass(frozen=True)
class Setup:
    """Everything that a comparison needs."""

    experiment: Experiment
    plugin: Plugin  # that made the oracle
    oracle: Classifier
    images: Images
    floats: Tensor  # (N, C, H, W) on the experiment's device
    predictions: Predictions  # of the clean images
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
        used |= {f"fitness {function_name(one)}": one for each in self.fitness.values() for one in each}
        return manifest(self.experiment, self.oracle, self.images, self.predictions.scores, used)

    @cached_property
    def selection(self) -> Selection:
        """The cases that are attacked."""
        return select_cases(self.experiment, self.images, self.predictions.classes, self.classes)

    @cached_property
    def identity(self) -> str:
        """Digest of all that every result depends on."""
        return digest(self.manifest["determines"])


def labelled(setup: Setup) -> Setup:
    """The same, every label the class that is taken as true, numbered as the oracle's.

    Raises InputError for a label that is no class of the oracle's, for an image without a label, and where
    more images are to be drawn than may be attacked.
    """
    by_oracle = setup.experiment.true_class == "prediction"
    known = showing(setup, setup.predictions.classes) if by_oracle else _numbered(setup)
    _ = known.selection  # refuses what cannot be drawn
    return known


def showing(setup: Setup, labels: Tensor) -> Setup:
    """The same, its images showing the classes ``labels (N,)`` of the oracle's."""
    return replace(setup, images=replace(setup.images, labels=labels, classes=setup.classes))


def _numbered(setup: Setup) -> Setup:
    """The same, labels numbered as the oracle's classes where both have names."""
    images = setup.images.with_classes(setup.oracle.classes)
    if (unknown := images.labels == UNKNOWN).any():
        first = images.ids[int(unknown.nonzero()[0])]
        raise InputError(
            f"image {first} has no label: sub-folders named by class give one, or a CSV of columns file and"
            " label (sparseattack attack takes pictures without)"
        )
    count, highest = len(setup.classes), int(images.labels.max())
    if highest >= count:
        worst, who = images.ids[int(images.labels.argmax())], setup.oracle
        raise InputError(f"{who} knows {count} classes, but image {worst} has label {highest}")
    return replace(setup, images=images)


def problem_of(setup: Setup, condition: Condition, chosen: Sequence[Case]) -> Problem:
    """The cases, side by side, under one condition."""
    return Problem(
        setup.oracle,
        setup.encodings[condition.encoding, condition.pixels],
        setup.floats,
        aims(chosen, setup.images.labels).to(setup.floats.device),
        targeted=setup.experiment.target != "none",
        fitness=setup.fitness[condition.strategy],
        until=criteria.rule(setup.experiment.stop),
        cases=torch.tensor([case.image for case in chosen], dtype=torch.int64),
    )


def dry_run(setup: Setup) -> None:
    """Start every search on one image and ask nothing: what a strategy refuses, it refuses here."""
    for condition in setup.experiment.conditions():
        problem = problem_of(setup, condition, [Case(0, 0)])
        space = problem.space(slice(0, 1), setup.experiment.budget, condition.seed, condition.strategy)
        who = f"strategy {condition.strategy}"
        search = start(setup.strategies[condition.strategy], space, who)
        ask(search, None, space, who)
        search.close()


def prepare(experiment: Experiment, like: Setup | None = None) -> Setup:
    """Load and check all parts; every name and setting that does not fit is refused here.

    The oracle, the images and what it says of them are those of ``like``, if given: one with the same.
    """
    strategies = {spec: registry.load("strategies", spec) for spec in experiment.strategies}
    encodings, fitness = _encodings(experiment), _fitness(experiment, strategies)
    known = like or _loaded(experiment)
    check_images(known.floats, max(encoding.slots for encoding in encodings.values()))
    setup = replace(known, experiment=experiment, strategies=strategies, encodings=encodings, fitness=fitness)
    images, first = setup.images, experiment.seeds[0]
    cases(images.pixels, images.labels, experiment.target, first, setup.classes)
    dry_run(setup)
    return setup


def _loaded(experiment: Experiment) -> Setup:
    """The oracle, the images and what it says of them; nothing to search with yet."""
    device_of(experiment.device)
    plugin = oracle_plugin(experiment.oracle, experiment.device)
    oracle = Classifier.of(plugin(), oracle_spec(experiment.oracle).name)
    images = load_images(experiment.images)
    floats = images.floats().to(experiment.device)
    predictions = classify(oracle, floats)
    classes = _classes(oracle, images, predictions.scores.shape[1])
    return Setup(experiment, plugin, oracle, images, floats, predictions, classes, {}, {}, {})


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
    declared = {spec: extra_objectives(strategy) for spec, strategy in strategies.items()}
    if chosen and not any(declared.values()):
        raise InputError(f"no strategy here searches further objectives such as {chosen[0]}; nsga2 does")
    names = {spec: chosen or own if own else () for spec, own in declared.items()}
    first = registry.load("fitness", experiment.fitness)
    return {spec: (first, *(registry.load("fitness", one) for one in more)) for spec, more in names.items()}


def _classes(oracle: Classifier, images: Images, count: int) -> tuple[str, ...]:
    """A name for each of the oracle's classes, empty where nobody gave one."""
    names = oracle.classes or images.classes
    return (*names, *("",) * count)[:count]
