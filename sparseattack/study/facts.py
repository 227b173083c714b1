"""What a study stores beside its runs: its question, the experiments asked of it, how edits are evaluated.

Each fact is a frozen dataclass, which `Study` stores as JSON by field name, under its ``KEY``. All but the
question and the probe scores can be there several times, each in a ``part`` of its own. A study may be
damaged, or come from somebody else, so what lacks a field, or holds a value of another type, is refused; a
field with a default is one that earlier versions did not store.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from reprlib import repr as short
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from sparseattack.errors import InputError
from sparseattack.experiment.identity import plain_settings
from sparseattack.experiment.settings import Condition, Experiment
from sparseattack.plugins.spec import function_name, seen, uses_of
from sparseattack.provenance import digest

if TYPE_CHECKING:  # a report imports no torch
    from sparseattack.experiment.prepare import Setup


LARGEST = 2**63 - 1  # whole number
Fact = TypeVar("Fact")


class StudyFact(Protocol):
    """A thing that a study can store under a name."""

    KEY: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """A way to attack, as it was chosen: all of a condition but its seed."""

    key: str  # in the keys of its runs
    strategy: str  # spec as chosen
    label: str  # of the strategy, or empty
    encoding: str
    fitness: str
    objectives: tuple[str, ...]  # M names
    k: int  # pixels allowed
    budget: int  # queries per image
    uses: tuple[str, ...]  # what the strategy uses beside values: image, scores, budget, external
    settings: dict[str, Any] = field(default_factory=dict, compare=False)  # of the strategy, after defaults
    counts: Literal["pixels", "coordinates"] = "pixels"  # what k and the changes of edits are numbers of

    @property
    def name(self) -> str:
        """Of the strategy in tables: its label, or else its spec."""
        return self.label or self.strategy

    @property
    def sees(self) -> str:
        """What the strategy sees, in tables: value, image, scores, or image and scores."""
        return seen(self.uses)


@dataclass(frozen=True)
class RequestedMethod:
    """A method of an experiment, and its seeds."""

    method: Method
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class ImageList:
    """The keys of the N images of a selection, in order, whether attacked or not."""

    KEY: ClassVar[str] = "images"
    keys: tuple[str, ...]

    @property
    def part(self) -> str:
        """Digest of all of it: the same selection is stored once."""
        return digest(self.keys)


@dataclass(frozen=True)
class StudyRequest:
    """An experiment that was asked of a study: when, and which runs it comes to."""

    KEY: ClassVar[str] = "request"
    experiment: Experiment
    created: str  # ISO 8601, UTC
    methods: tuple[RequestedMethod, ...]
    images: str  # part of the ImageList
    runs: dict[str, tuple[int, ...]]  # by seed, of each of the N images by every method; 0 if not attacked
    shapes: tuple[tuple[int, ...], ...]  # n, C, H, W of the images of each size, one after another
    oracle: str  # name
    oracle_settings: dict[str, Any]  # after defaults
    classes: tuple[str, ...]  # K names, some empty
    correct: int | None  # images that the oracle gives their own label; None where one has no known label
    eligible: int  # images that may be attacked, sampled or not
    left_out: int  # cases that are no attack: misclassified, or of the target class already
    checks: int  # evaluations of clean images that show whether the oracle is a function of them alone
    evaluations: int  # of clean images, to classify them
    block: int  # calls of the oracle have a multiple of so many images; 1 is no padding
    notes: tuple[str, ...]  # about images left out, turned or resized, and doubtful labels

    @property
    def part(self) -> str:
        """Digest of what was asked: asked twice, it is stored once, with the time of the first."""
        methods = [[one.method.key, one.method.name, one.method.budget, one.seeds] for one in self.methods]
        return digest([self.experiment.to_json(), self.images, self.runs, methods])

    def runs_by_seed(self) -> dict[int, tuple[int, ...]]:
        """Runs of each of the N images by every method, by seed; InputError where a seed is none."""
        if wrong := [seed for seed in self.runs if not seed.isdecimal()]:
            raise InputError(f"a request has the seed {wrong[0]!r}")
        return {int(seed): runs for seed, runs in self.runs.items()}

    @property
    def num_images(self) -> int:
        """N."""
        return sum(shape[0] for shape in self.shapes)


def image_list(setup: "Setup") -> ImageList:
    """The images of a setup."""
    return ImageList(setup.image_keys)


def request(setup: "Setup", created: str) -> StudyRequest:
    """What a setup asks of a study, at a time ``created``."""
    from sparseattack.problem.inference import sizes

    selection, clean = setup.selection, setup.clean
    return StudyRequest(
        experiment=setup.experiment,
        created=created,
        methods=tuple(_requested(setup)),
        images=image_list(setup).part,
        runs={str(seed): selection.runs(seed) for seed in selection.cases},
        shapes=tuple(tuple(group.pixels.shape) for group in setup.images.groups),
        oracle=str(clean.oracle),
        oracle_settings=plain_settings(clean.plugin),
        classes=clean.classes,
        correct=clean.correct,
        eligible=selection.eligible,
        left_out=selection.left_out,
        checks=clean.checks + clean.again,
        evaluations=clean.evaluations,
        block=sizes(clean.oracle, clean.stacks[0]).block,
        notes=setup.notes,
    )


def _requested(setup: "Setup") -> Iterable[RequestedMethod]:
    """Every method once, with all its seeds, in the order of tables: by k, encoding, strategy."""
    seeds: dict[Condition, list[int]] = {}
    for condition in setup.experiment.conditions():
        seeds.setdefault(condition._replace(seed=0), []).append(condition.seed)
    for condition in sorted(seeds, key=lambda one: one.pixels):
        yield RequestedMethod(_method(setup, condition), tuple(seeds[condition]))


def _method(setup: "Setup", condition: Condition) -> Method:
    chosen = setup.strategies[condition.strategy, condition.fitness]
    return Method(
        key=setup.method_keys[condition._replace(label="")],
        strategy=condition.strategy,
        label=condition.label,
        encoding=condition.encoding,
        fitness=chosen.fitness,
        objectives=tuple(map(function_name, chosen.objectives)),
        k=condition.pixels,
        budget=condition.budget,
        uses=tuple(sorted(uses_of(chosen.plugin))),
        settings=plain_settings(chosen.plugin),
        counts=setup.unit_of(condition),
    )


@dataclass(frozen=True)
class InferenceChoice:
    """Whether edits are evaluated by sparse inference, for one number of pixels."""

    KEY: ClassVar[str] = "sparse inference"
    used: bool
    speedup: float | None  # over whole images; None where it was not measured


@dataclass(frozen=True)
class BackendChoice:
    """The library that computes the scores of candidates that are evaluated as whole images."""

    KEY: ClassVar[str] = "backend"
    backend: str  # eager for the oracle itself
    speedup: float | None  # over the oracle itself; None where it was not measured

    @property
    def sentence(self) -> str:
        """What was chosen, and why."""
        if self.backend == Experiment.backend:  # the default
            why = "" if self.speedup is None else "; no backend was faster on a sample"
            return f"whole images were evaluated by the oracle itself{why}"
        why = f", on a sample {self.speedup} times as fast as the oracle itself" if self.speedup else ""
        return f"whole images were evaluated by {self.backend}{why}; successes by the oracle itself"


@dataclass(frozen=True)
class SentImages:
    """What a run has sent to a server, behind a network, and how many queries told it nothing."""

    KEY: ClassVar[str] = "sent"
    run: str  # key
    budget: int  # of that run: one of a larger budget has a fact of its own
    shown: int  # queries that were sent at least once
    attempts: int  # images that were sent, each time counted
    flat: int = 0  # queries of exactly the clean image's value

    @property
    def part(self) -> str:
        """Names it among all."""
        return self.part_of(self.run, self.budget)

    @staticmethod
    def part_of(run: object, budget: object) -> str:
        """The name of the one of a run, by its key and budget."""
        return f"{run} {budget}"


@dataclass(frozen=True)
class FinishedShard:
    """A shard of an experiment whose runs are all in the file that this stands in."""

    KEY: ClassVar[str] = "finished shard"
    number: int  # from 1
    count: int  # of shards
    request: str  # part of the StudyRequest

    @property
    def part(self) -> str:
        """Names it among all."""
        return f"{self.number}/{self.count} of {self.request}"


def encode(fact: StudyFact) -> str:
    """A dataclass as JSON, by field name."""
    return json.dumps(asdict(fact))


def decode(kind: type[Fact], text: str) -> Fact:
    """The inverse of ``encode``; InputError for anything that is no ``kind``."""
    fact: Fact = conform(kind, parse_json(text), kind.__name__)
    return fact


def parse_json(text: object) -> object:
    """What JSON holds; InputError for text that is none, or nested too deeply."""
    try:
        return json.loads(text if isinstance(text, str) else "", parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"what should be JSON cannot be read ({type(error).__name__})") from error


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(constant)


def conform(kind: Any, held: Any, name: str) -> Any:
    """The value ``held``, called ``name``, as the type ``kind``: lists as tuples, mappings as dataclasses.

    InputError where it is of another type, or a number that is not finite or too large.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _dataclass(kind, held, name)
    if origin is UnionType:
        return None if held is None and NoneType in inner else conform(inner[0], held, name)
    if origin in (list, tuple) and isinstance(held, list):
        return origin(conform(inner[0], each, name) for each in held)
    if origin is dict and isinstance(held, dict):
        return {key: conform(inner[1], value, f"{name} {key}") for key, value in held.items()}
    if kind is Any or (origin is Literal and held in inner) or _is_plain(kind, held):
        return held
    raise InputError(f"{name} is {short(held)}")


def _is_plain(kind: Any, held: object) -> bool:
    """Whether a value is text, a truth value or a finite number, as its type says; a whole one is a float."""
    if kind is int or (kind is float and isinstance(held, int)):
        return isinstance(held, int) and not isinstance(held, bool) and abs(held) <= LARGEST
    return type(held) is kind and (not isinstance(held, float) or math.isfinite(held))


def _dataclass(kind: Any, held: Any, name: str) -> Any:
    if kind is Experiment:
        return Experiment.from_json(held)
    if not isinstance(held, dict):
        raise InputError(f"{name} is no mapping of fields to values")
    known = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    held = {each.name: each.default for each in fields(kind) if each.default is not MISSING} | held
    for what, wrong in (("lacks", set(names) - set(held)), ("has no field", set(held) - set(names))):
        if wrong:
            raise InputError(f"{name} {what} {', '.join(sorted(wrong))}")
    return kind(**{field: conform(known[field], held[field], f"{name} {field}") for field in names})
