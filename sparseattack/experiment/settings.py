"""An experiment: everything that a person chooses about a comparison, frozen and as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from inspect import formatannotation
from itertools import product
from typing import Any, NamedTuple, Self, get_args

from sparseattack.data.resize import DEFAULT, parse_resize
from sparseattack.errors import InputError
from sparseattack.plugins.spec import split_label
from sparseattack.problem.criteria import confidence_of

TRUE_CLASSES = ("label", "prediction")  # an image's own label, or what the oracle predicts
LARGEST = 2**53  # up to here whole numbers are exact in JSON and SQLite


class Condition(NamedTuple):
    """What all images of a task are attacked with."""

    strategy: str  # a spec, as chosen, without label
    encoding: str  # a spec, as chosen
    pixels: int  # k
    seed: int


@dataclass(frozen=True)
class Experiment:
    """The settings of a comparison: every strategy, encoding, number of pixels and seed on the same images.

    Plugins are given by name, with settings such as ``"de(popsize=50)"``; images as for ``load_images``.
    ``budget`` is in queries per image. ``to_json`` and ``from_json`` convert it.
    Raises InputError for a value of the wrong type or out of range; names are looked up by `prepare`.
    """

    strategies: tuple[str, ...] = ("de", "cmaes")  # specs, each with or without a label: fast=de(popsize=20)
    encodings: tuple[str, ...] = ("rgb",)
    pixels: tuple[int, ...] = (1,)
    seeds: tuple[int, ...] = (0,)
    oracle: str = "allconv-small"
    images: str = "sample"
    resize: str = DEFAULT  # how images of a named size, as FOLDER@224, are brought to it
    budget: int = 1000  # queries per image
    fitness: str = "margin"
    objectives: tuple[str, ...] = ()  # further ones, in place of those that a strategy declares
    stop: str = "success"  # stopping criterion: success, budget or confidence:LEVEL
    target: str = "none"  # none, random, all, or a class by name or number
    true_class: str = "label"  # label, or prediction: the oracle's on the clean image
    correct_only: bool = False  # in targeted attacks too, skip images that the oracle misclassifies
    num_images: int = 0  # images attacked, sampled from those that may be; 0 is all
    sample_seed: int = 0
    device: str = "cpu"
    sparse_inference: bool = True  # where the oracle offers it and it is faster
    noisy_oracle: bool = False  # whether scores may differ by chance: most of several evaluations then decide

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for field in fields(self):
            if not _fits(value := getattr(self, field.name), field.type):
                raise InputError(f"{field.name} is {formatannotation(field.type)}, not {value!r}")
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
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

    def _check_numbers(self) -> None:
        if self.budget < 1:
            raise InputError(f"budget, in queries per image, is at least 1, not {self.budget}")
        if min(self.pixels) < 1:
            raise InputError(f"pixels, those that may change, are at least 1, not {min(self.pixels)}")
        if (least := min(*self.seeds, self.sample_seed)) < 0:
            raise InputError(f"a seed is at least 0, not {least}")
        if self.num_images < 0:
            raise InputError(f"num_images is a number of images, or 0 for all, not {self.num_images}")
        if (most := max(*self.seeds, self.sample_seed, self.num_images, self.budget)) > LARGEST:
            raise InputError(f"seeds, num_images and budget are at most {LARGEST}, not {most}")

    def _check_labels(self) -> None:
        specs, labels = self.specs, self.labels
        if twice := [spec for spec in specs if specs.count(spec) > 1]:
            raise InputError(f"strategies holds {twice[0]} twice, under different labels")
        named = list(labels.values())
        if twice := [label for label in named if named.count(label) > 1]:
            raise InputError(f"two strategies have the label {twice[0]}: give each its own")
        if taken := [label for spec, label in labels.items() if label != spec and label in specs]:
            raise InputError(f"the label {taken[0]} is the name of another strategy here: choose another")

    @property
    def specs(self) -> tuple[str, ...]:
        """The strategies without their labels: what results depend on."""
        return tuple(split_label(text)[1] for text in self.strategies)

    @property
    def labels(self) -> dict[str, str]:
        """The label of every strategy that has one, by its spec."""
        pairs = map(split_label, self.strategies)
        return {spec: label for label, spec in pairs if label}

    def without_labels(self) -> Self:
        """The same experiment without labels, which change no result."""
        return replace(self, strategies=self.specs)

    def conditions(self) -> Iterator[Condition]:
        """Every combination, in the order in which they are run."""
        axes = product(self.seeds, self.pixels, self.encodings, self.specs)
        return (Condition(strategy, encoding, pixels, seed) for seed, pixels, encoding, strategy in axes)

    def to_json(self) -> dict[str, object]:
        """By field name: lists, numbers and text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, held: object) -> Self:
        """The inverse of ``to_json``; raises InputError for anything else, a missing field included."""
        if not isinstance(held, dict):
            raise InputError(f"an experiment is written as fields and their values, not as {held!r}")
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in held if name not in known]:
            raise InputError(f"an experiment has no field {', '.join(unknown)}, only {', '.join(known)}")
        if missing := [name for name in known if name not in held]:
            raise InputError(f"this experiment lacks its field {', '.join(missing)}")
        return cls(**held)


def _fits(value: object, wanted: Any) -> bool:
    """Whether a value is of its type; a list is accepted for a tuple, and no truth value for a number."""
    if kinds := get_args(wanted):
        return isinstance(value, tuple | list) and all(_fits(each, kinds[0]) for each in value)
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
