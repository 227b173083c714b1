"""What a study stores beside its runs: its question, the experiments asked of it, how edits are evaluated.

Each fact is a frozen dataclass, which `Study` stores as JSON by field name, under its ``KEY``. All but the
question and the probe scores can be there several times, each in a ``part`` of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sparseattack.errors import InputError
from sparseattack.experiment.identity import plain_settings
from sparseattack.experiment.settings import Condition, Experiment
from sparseattack.plugins.spec import function_name, seen, uses_of
from sparseattack.provenance import digest

if TYPE_CHECKING:  # a report imports no torch
    from sparseattack.experiment.prepare import Setup


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
    uses: tuple[str, ...]  # what the strategy uses beside values: image, scores, budget
    settings: dict[str, Any] = field(default_factory=dict, compare=False)  # of the strategy, after defaults

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
    checks: int  # evaluations of clean images that show whether the oracle is a function of the image alone
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
        checks=clean.checks,
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
        fitness=condition.fitness,
        objectives=tuple(map(function_name, chosen.objectives)),
        k=condition.pixels,
        budget=condition.budget,
        uses=tuple(sorted(uses_of(chosen.plugin))),
        settings=plain_settings(chosen.plugin),
    )


@dataclass(frozen=True)
class InferenceChoice:
    """Whether edits are evaluated by sparse inference, for one number of pixels."""

    KEY: ClassVar[str] = "sparse inference"
    used: bool
    speedup: float | None  # over whole images; None where it was not measured


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
