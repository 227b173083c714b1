"""One comparison, written down: everything that determines its results."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from inspect import formatannotation
from itertools import product
from typing import Any, NamedTuple, get_args

from sparseattack.errors import InputError
from sparseattack.problem.criteria import rule

TRUE_CLASSES = ("label", "prediction")  # what may be taken as an image's true class
LARGEST = 2**53  # up to here whole numbers are exact wherever they are kept


class Condition(NamedTuple):
    """What all images are attacked with, side by side."""

    strategy: str  # a spec, as chosen
    encoding: str
    pixels: int  # k
    seed: int


@dataclass(frozen=True)
class Experiment:
    """Images x encodings x numbers of pixels x strategies x seeds, under one budget."""

    strategies: tuple[str, ...] = ("de", "cmaes")
    encodings: tuple[str, ...] = ("rgb",)
    pixels: tuple[int, ...] = (1,)
    seeds: tuple[int, ...] = (0,)
    oracle: str = "allconv-small"
    images: str = "sample"
    budget: int = 1000  # queries per image
    fitness: str = "margin"
    objectives: tuple[str, ...] = ()  # further ones, instead of those the strategy declares
    stop: str = "success"  # or budget, or confidence:LEVEL
    target: str = "none"  # or random, all, or a class
    true_class: str = "label"  # or prediction: what the oracle calls a clean image is its true class
    correct_only: bool = False  # with a target too, which misclassified images may have otherwise
    num_images: int = 0  # images attacked, at random among those that may be; 0 is all
    sample_seed: int = 0
    device: str = "cpu"
    sparse_inference: bool = True  # where the oracle offers it and it is faster

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for field in fields(self):
            if not _fits(getattr(self, field.name), field.type):
                found = repr(getattr(self, field.name))
                raise InputError(f"{field.name} is {formatannotation(field.type)}, not {found}")
        for name in ("strategies", "encodings", "pixels", "seeds"):
            chosen = getattr(self, name)
            if not chosen:
                raise InputError(f"an experiment needs at least one of {name}")
            if twice := [str(one) for one in chosen if chosen.count(one) > 1]:
                raise InputError(f"{name} holds {twice[0]} twice")
        self._check_numbers()
        if self.true_class not in TRUE_CLASSES:
            raise InputError(f"true_class is {' or '.join(TRUE_CLASSES)}, not {self.true_class!r}")
        rule(self.stop)

    def _check_numbers(self) -> None:
        if self.budget < 1 or min(self.pixels) < 1:
            raise InputError("budget and pixels are at least 1")
        if (least := min(*self.seeds, self.sample_seed)) < 0:
            raise InputError(f"a seed is at least 0, not {least}")
        if self.num_images < 0:
            raise InputError(f"num_images is a number of images, or 0 for all, not {self.num_images}")
        if (most := max(*self.seeds, self.sample_seed, self.num_images, self.budget)) > LARGEST:
            raise InputError(f"seeds, num_images and budget are at most {LARGEST}, not {most}")

    def conditions(self) -> Iterator[Condition]:
        """In the order in which they are run."""
        parts = product(self.seeds, self.pixels, self.encodings, self.strategies)
        return (Condition(strategy, encoding, pixels, seed) for seed, pixels, encoding, strategy in parts)

    def to_json(self) -> dict[str, object]:
        """Plain lists, numbers and text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


def inference_key(k: int) -> str:
    """What a study calls its choice between sparse and whole inference for ``k`` pixels."""
    return f"sparse inference, k={k}"


def _fits(value: object, wanted: Any) -> bool:
    """Whether a value is of its type; a list will do for a tuple."""
    if parts := get_args(wanted):
        return isinstance(value, tuple | list) and all(isinstance(one, parts[0]) for one in value)
    return isinstance(value, wanted)
