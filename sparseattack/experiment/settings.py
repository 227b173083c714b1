"""An experiment: everything that a person chooses about a comparison, frozen and as JSON."""

import json
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from inspect import formatannotation
from itertools import chain, product
from types import UnionType
from typing import Any, NamedTuple, Self, TypeVar, get_args

from sparseattack.data.load import ImagesSpec
from sparseattack.data.resize import DEFAULT, parse_resize
from sparseattack.errors import InputError
from sparseattack.experiment.mask import centre_share
from sparseattack.plugins.spec import check_label, split_label
from sparseattack.problem.criteria import confidence_of

TRUE_CLASSES = ("label", "prediction")  # an image's own label, or what the oracle predicts
LATER: dict[str, Any] = {"mask": "none", "backend": "eager"}  # what earlier versions did not have
LARGEST = 2**53  # up to here whole numbers are exact in JSON and SQLite


class Condition(NamedTuple):
    """What all images of a task are attacked with."""

    strategy: str  # a spec, as chosen, without label
    encoding: str  # a spec, as chosen
    pixels: int  # k
    seed: int
    fitness: str  # a spec, as chosen
    budget: int  # queries per image
    label: str = ""  # of the strategy, in tables; no result depends on it


@dataclass(frozen=True)
class Configuration:
    """A strategy of an experiment with choices of its own; what is left empty is as the experiment says.

    ``Experiment(strategies=("de", Configuration("exhaustive", pixels=(1,))), pixels=(1, 3))`` searches
    exhaustively with one pixel only.
    """

    strategy: str  # a spec, without label
    label: str = ""
    encodings: tuple[str, ...] = ()
    pixels: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    fitness: str = ""
    budget: int = 0  # queries per image; 0 is the experiment's

    def __post_init__(self) -> None:
        """Refuse what is of another type, and a label that is none; the rest is checked by the experiment."""
        _check_types(self)
        if self.label:
            check_label(self.label)
        label, spec = split_label(self.strategy)
        if label:
            raise InputError(
                f"strategy {self.strategy!r} has a label: give strategy {spec!r}, label {label!r}"
            )


@dataclass(frozen=True)
class Experiment:
    """The settings of a comparison: every strategy, encoding, number of pixels and seed on the same images.

    Plugins are given by name, with settings such as ``"de(popsize=50)"``; images as for ``load_images``.
    ``budget`` is in queries per image. A `Configuration` in place of a strategy's name has its own encodings,
    numbers of pixels, seeds, fitness and budget. ``to_json`` and ``from_json`` convert it.
    Raises InputError for a value of the wrong type or out of range; names are looked up by `prepare`.
    """

    strategies: tuple[str | Configuration, ...] = ("de", "cmaes")  # a spec may have a label: fast=de(f=0.9)
    encodings: tuple[str, ...] = ("rgb",)
    pixels: tuple[int, ...] = (1,)
    seeds: tuple[int, ...] = (0,)
    oracle: str = "allconv-small"
    images: str = "sample"
    resize: str = DEFAULT  # how images of a named size, as FOLDER@224, are brought to it
    native_size: bool = False  # whether images are attacked at their own size, and the oracle resizes them
    budget: int = 1000  # queries per image
    fitness: str = "margin"
    objectives: tuple[str, ...] = ()  # further ones, in place of those that a strategy declares
    stop: str = "success"  # stopping criterion: success, budget, fewest or confidence:LEVEL
    target: str = "none"  # none, random, all, or a class by name or number
    true_class: str = "label"  # label, or prediction: the oracle's on the clean image
    correct_only: bool = False  # in targeted attacks too, skip images that the oracle misclassifies
    num_images: int = 0  # images attacked, sampled from those that may be; 0 is all
    sample_seed: int = 0
    device: str = "cpu"
    sparse_inference: bool = True  # where the oracle offers it and it is faster
    backend: str = (
        "eager"  # library that evaluates whole images; eager is the oracle itself, auto the fastest
    )
    mask: str = "none"  # pixels that may change: none for all, a file (PNG, .npy), or centre:0.5
    noisy_oracle: bool = False  # whether scores may differ by chance: most of several evaluations then decide

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        _check_types(self)
        for name in ("strategies", "encodings", "pixels", "seeds"):
            chosen = getattr(self, name)
            if not chosen:
                usual = ",".join(map(str, getattr(type(self), name)))
                raise InputError(f"{name} is empty: name at least one, as in {usual}")
            if twice := [value for value in chosen if chosen.count(value) > 1]:
                raise InputError(f"{name} holds {twice[0]} twice")
        self._check_labels()
        self._check_numbers()
        if self.true_class not in TRUE_CLASSES:
            raise InputError(f"true_class is {' or '.join(TRUE_CLASSES)}, not {self.true_class!r}")
        confidence_of(self.stop)
        parse_resize(self.resize, 0)
        centre_share(self.mask)
        if self.native_size and (side := ImagesSpec.parse(self.images).side):
            raise InputError(
                f"--native-size attacks images at their own size, and {self.images} names another: leave out"
                f" @{side}, or --native-size"
            )

    @property
    def attacked_images(self) -> str:
        """The images as chosen, and that they are attacked at their native size."""
        return f"{self.images}{' at native size' * self.native_size}"

    def _check_numbers(self) -> None:
        budgets = [self.budget, *(one.budget for one in self.configurations)]
        pixels = [*self.pixels, *(k for one in self.configurations for k in one.pixels)]
        seeds = [*self.seeds, *(seed for one in self.configurations for seed in one.seeds)]
        if min(budgets) < 1:
            raise InputError(f"budget, in queries per image, is at least 1, not {min(budgets)}")
        if min(pixels) < 1:
            raise InputError(f"pixels, those that may change, are at least 1, not {min(pixels)}")
        if (least := min(*seeds, self.sample_seed)) < 0:
            raise InputError(f"a seed is at least 0, not {least}")
        if self.num_images < 0:
            raise InputError(f"num_images is a number of images, or 0 for all, not {self.num_images}")
        if (most := max(*seeds, self.sample_seed, self.num_images, *budgets)) > LARGEST:
            raise InputError(f"seeds, num_images and budget are at most {LARGEST}, not {most}")

    def _check_labels(self) -> None:
        chosen = [condition._replace(label="") for condition in self.conditions()]
        if twice := next((one for one in chosen if chosen.count(one) > 1), None):
            raise InputError(
                f"strategies holds {twice.strategy} twice, under different labels: with {twice.encoding},"
                f" k = {twice.pixels}, {twice.fitness}, a budget of {twice.budget} and seed {twice.seed}"
            )
        specs = {one.strategy for one in self.configurations}
        named = [one.label for one in self.configurations if one.label]
        if repeated := [label for label in named if named.count(label) > 1]:
            raise InputError(f"two strategies have the label {repeated[0]}: give each its own")
        pairs = [(one.strategy, one.label) for one in self.configurations]
        if taken := [label for spec, label in pairs if label != spec and label in specs]:
            raise InputError(f"the label {taken[0]} is the name of another strategy here: choose another")

    @cached_property
    def configurations(self) -> tuple[Configuration, ...]:
        """Every strategy, as all is chosen for it: nothing is empty but labels."""
        return tuple(map(self._configuration, self.strategies))

    def _configuration(self, entry: str | Configuration) -> Configuration:
        if isinstance(entry, str):
            label, spec = split_label(entry)
            entry = Configuration(spec, label)
        return Configuration(
            entry.strategy,
            entry.label,
            entry.encodings or self.encodings,
            entry.pixels or self.pixels,
            entry.seeds or self.seeds,
            entry.fitness or self.fitness,
            entry.budget or self.budget,
        )

    @property
    def specs(self) -> tuple[str, ...]:
        """The strategies without their labels, each once: what results depend on."""
        return tuple(dict.fromkeys(one.strategy for one in self.configurations))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all strategies that have one."""
        return tuple(one.label for one in self.configurations if one.label)

    def conditions(self) -> Iterator[Condition]:
        """Every combination, in the order in which they are run: by seed, number of pixels and encoding."""
        every = [
            Condition(one.strategy, encoding, k, seed, one.fitness, one.budget, one.label)
            for one in self.configurations
            for seed, k, encoding in product(one.seeds, one.pixels, one.encodings)
        ]
        seeds = _ranks(self.seeds, (one.seeds for one in self.configurations))
        pixels = _ranks(self.pixels, (one.pixels for one in self.configurations))
        encodings = _ranks(self.encodings, (one.encodings for one in self.configurations))
        every.sort(key=lambda one: (seeds[one.seed], pixels[one.pixels], encodings[one.encoding]))
        return iter(every)

    def to_json(self) -> dict[str, object]:
        """By field name: lists, numbers and text; a `Configuration` is a mapping of its fields."""
        held: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return held

    @classmethod
    def from_json(cls, held: object) -> Self:
        """The inverse of ``to_json``; raises InputError for anything else, a missing field included."""
        if not isinstance(held, dict):
            raise InputError(f"an experiment is written as fields and their values, not as {held!r}")
        known = [field.name for field in fields(cls)]
        held = LATER | held
        if unknown := [name for name in held if name not in known]:
            raise InputError(f"an experiment has no field {', '.join(unknown)}, only {', '.join(known)}")
        if missing := [name for name in known if name not in held]:
            raise InputError(f"this experiment lacks its field {', '.join(missing)}")
        chosen = held["strategies"]
        if isinstance(chosen, list | tuple):
            held = held | {"strategies": tuple(map(_configuration_of, chosen))}
        return cls(**held)


def _configuration_of(held: object) -> object:
    """A configuration that is written as fields and their values; anything else as it is."""
    if not isinstance(held, dict):
        return held
    known = [field.name for field in fields(Configuration)]
    if unknown := [name for name in held if name not in known]:
        raise InputError(f"a strategy of an experiment has no {unknown[0]!r}, only {', '.join(known)}")
    if "strategy" not in held:
        raise InputError(f"a strategy of an experiment lacks its name: strategy=..., beside {held}")
    return Configuration(**held)


Value = TypeVar("Value", bound=Hashable)


def _ranks(own: Sequence[Value], more: Iterable[Sequence[Value]]) -> dict[Value, int]:
    """The place of each value: an experiment's own ones before those that only some strategies have."""
    return {value: place for place, value in enumerate(dict.fromkeys([*own, *chain.from_iterable(more)]))}


def _check_types(chosen: Any) -> None:
    """Refuse a field of another type than is declared; lists become tuples."""
    for field in fields(chosen):
        if not _fits(value := getattr(chosen, field.name), field.type):
            kind = formatannotation(field.type).replace(f"{__name__}.", "")
            raise InputError(f"{field.name} is {kind}, not {value!r}")
        if isinstance(value, list):
            object.__setattr__(chosen, field.name, tuple(value))


def _fits(value: object, wanted: Any) -> bool:
    """Whether a value is of its type; a list is accepted for a tuple, and no truth value for a number."""
    if isinstance(wanted, UnionType):
        return any(_fits(value, kind) for kind in get_args(wanted))
    if kinds := get_args(wanted):
        return isinstance(value, tuple | list) and all(_fits(each, kinds[0]) for each in value)
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
