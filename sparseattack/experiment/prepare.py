"""An experiment made ready to run: oracle, images, predictions, true classes and plugins, loaded and checked.

`prepare` is the only way to a `Setup`: what does not exist or does not fit is refused there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, product
from typing import NamedTuple

import torch
from torch import Tensor

from sparseattack.data.images import ImageGroups, check_images
from sparseattack.errors import InputError
from sparseattack.experiment.cases import Case, Selection, aims, class_number, select_cases
from sparseattack.experiment.clean import CleanEvaluation, CleanSettings, evaluate_clean, labelled
from sparseattack.experiment.identity import Question, image_key, method_key, run_key
from sparseattack.experiment.mask import NONE, Masks, load_masks
from sparseattack.experiment.settings import Condition, Experiment
from sparseattack.experiment.starts import note_of_labels, start_of, starts_of
from sparseattack.plugins.registry import load, make, names
from sparseattack.plugins.spec import Plugin, Spec, extra_objectives, parse, uses_of
from sparseattack.problem import criteria
from sparseattack.problem.edits import Unit
from sparseattack.problem.encodings.encoding import AnyEncoding, require_slots, unit_of
from sparseattack.problem.oracle import EAGER
from sparseattack.problem.problem import Problem
from sparseattack.provenance import Environment, digest, environment
from sparseattack.search.contract import as_declared, ask, close, start
from sparseattack.search.loop import with_pixels

FEWEST = "fooling-l0"  # the fitness of strategies that begin with another image


class ChosenStrategy(NamedTuple):
    """A strategy of an experiment, and what it minimises."""

    spec: Spec
    plugin: Plugin  # settings bound
    objectives: tuple[Plugin, ...]  # M: the fitness, and further ones where it searches several
    fitness: str  # a spec, as chosen, or what a strategy that begins with another image minimises


class ChosenEncoding(NamedTuple):
    """An encoding of an experiment, for one number of pixels."""

    plugin: Plugin  # settings bound
    encoding: AnyEncoding


@dataclass(frozen=True)
class Setup:
    """An experiment, and all that it needs to be run."""

    experiment: Experiment
    clean: CleanEvaluation
    images: ImageGroups  # each label is the true class, numbered as the oracle's
    strategies: dict[tuple[str, str], ChosenStrategy]  # by spec and fitness as chosen
    encodings: dict[tuple[str, int], ChosenEncoding]  # by spec as chosen, and k

    @cached_property
    def selection(self) -> Selection:
        """The cases that are attacked."""
        predicted = self.clean.predictions.classes_given(self.images.labels)
        return select_cases(self.experiment, self.images, predicted, self.clean.classes)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences about images left out, turned or resized, doubtful labels, how the oracle computes."""
        doubt = self.clean.doubt if self.experiment.true_class == "label" else ()
        blind = note_of_labels(self.clean, {text: one.plugin for (text, _), one in self.strategies.items()})
        masked = (self.masks.note,) if self.masks else ()
        computed = self.clean.oracle.notes()
        images = self.clean.notes + self.images.notes + _repeated(self.selection.repeated)
        return images + doubt + masked + blind + computed

    @cached_property
    def masks(self) -> Masks | None:
        """Which pixels of the images may change; None for all."""
        return load_masks(self.experiment.mask, [tuple(stack.shape) for stack in self.clean.stacks])

    def unit_of(self, condition: Condition) -> Unit:
        """What the encoding of a condition counts."""
        return unit_of(self.encodings[condition.encoding, condition.pixels].encoding)

    @cached_property
    def question(self) -> Question:
        """What the experiment is about."""
        chosen = self.experiment
        is_class = chosen.target not in ("none", "random", "all")
        kind, _, level = chosen.stop.partition(":")
        stop = "success" if kind == "fooled" else f"{kind}:{float(level)}" if level else kind
        return Question(
            oracle=self.clean.digest,
            scale=self.clean.predictions.scale,
            target=str(class_number(chosen.target, self.clean.classes)) if is_class else chosen.target,
            true_class=chosen.true_class,
            correct_only=chosen.correct_only,
            noisy_oracle=chosen.noisy_oracle,
            stop=stop,
            mask=self.masks.identity if self.masks else NONE,
            backend=chosen.backend,
        )

    @cached_property
    def method_keys(self) -> dict[Condition, str]:
        """The key of the method of each condition, which does not depend on its seed or label."""
        keys: dict[Condition, str] = {}
        for condition in self.experiment.conditions():
            same = condition._replace(seed=0, label="")
            keys[condition] = keys[same] = keys.get(same) or self._method_key(condition)
        return keys

    def _method_key(self, condition: Condition) -> str:
        chosen = self.strategies[condition.strategy, condition.fitness]
        return method_key(
            (chosen.spec, chosen.plugin),
            self.encodings[condition.encoding, condition.pixels].plugin,
            chosen.objectives,
            condition.budget if "budget" in uses_of(chosen.plugin) else None,
        )

    @cached_property
    def image_keys(self) -> tuple[str, ...]:
        """The key of each of the N images, with its true class."""
        pairs = zip(self.selection.contents, self.images.labels.tolist(), strict=True)
        return tuple(image_key(content, label) for content, label in pairs)

    def start_of(self, condition: Condition, case: Case) -> int | None:
        """The image that the search of a case begins with; None for one that the strategy makes itself."""
        plugin = self.strategies[condition.strategy, condition.fitness].plugin
        return start_of(self.clean, self.selection.contents, case) if "start" in uses_of(plugin) else None

    def run_key(self, condition: Condition, case: Case) -> str:
        """Digest of everything that determines the run of a case under a condition."""
        method, image = self.method_keys[condition], self.image_keys[case.image]
        if (start := self.start_of(condition, case)) is not None:
            method = digest([method, self.selection.contents[start]])
        return run_key(self._question_key, method, image, case.target, condition.seed)

    @cached_property
    def _question_key(self) -> str:
        return self.question.key

    def environment(self, condition: Condition, backend: str = EAGER) -> Environment:
        """What runs under a condition are made with on this machine, and by which backend."""
        chosen = self.strategies[condition.strategy, condition.fitness]
        encoding = self.encodings[condition.encoding, condition.pixels].plugin
        plugins = self.clean.plugin, chosen.plugin, encoding, *chosen.objectives
        return environment(self.experiment.device, plugins, "" if backend == EAGER else backend)

    def sampled(self, num_images: int) -> "Setup":
        """The same on ``num_images`` of the images, or on all that may be attacked if they are fewer."""
        count = min(num_images, self.selection.eligible)
        return replace(self, experiment=replace(self.experiment, num_images=count))


def prepare(
    experiment: Experiment,
    *,
    label: str | None = None,
    clean: CleanEvaluation | None = None,
    unlabelled: bool = False,
) -> Setup:
    """Load and check all that an experiment needs.

    label: the true class of every image, by name or number; without it ``experiment.true_class`` decides
    unlabelled: take the oracle's prediction as the true class of an image without a label
    clean: the clean evaluation of the same `CleanSettings`, if there is one

    Raises InputError for a name or a setting that does not fit, for a label that is no class of the oracle's,
    for an image without a label, for a ``clean`` of other settings, and where more images are to be sampled
    than may be attacked.
    """
    strategies, encodings = _strategies(experiment), _encodings(experiment)
    clean = _required(clean, experiment) if clean else evaluate_clean(experiment)
    for stack in clean.stacks:
        for chosen in encodings.values():
            check_images(stack[:1], chosen.encoding.slots, unit_of(chosen.encoding))
    setup = Setup(experiment, clean, labelled(clean, experiment, label, unlabelled), strategies, encodings)
    _ = setup.selection
    _check_methods(setup)
    dry_run(setup)
    return setup


def _repeated(count: int) -> tuple[str, ...]:
    """A note about images that are the same as earlier ones."""
    one = "1 image is the same as another one and has its label: it is taken once"
    many = f"{count} images are the same as others and have their labels: each is taken once"
    return () if not count else (one if count == 1 else many,)


def _check_methods(setup: Setup) -> None:
    """Refuse two ways of writing the same strategy, of which every run would be the same."""
    seen: dict[tuple[str, int, int], Condition] = {}
    for one in setup.experiment.conditions():
        first = seen.setdefault((setup.method_keys[one], one.budget, one.seed), one)
        for name in ("strategy", "encoding", "fitness"):
            if (before := getattr(first, name)) != (now := getattr(one, name)):
                raise InputError(f"{before} and {now} are the same {name}: name it once")


def _required(clean: CleanEvaluation, experiment: Experiment) -> CleanEvaluation:
    """The clean evaluation; refused where it is of other settings than the experiment's."""
    held, wanted = clean.settings, CleanSettings.of(experiment)
    for name, before, now in zip(held._fields, held, wanted, strict=True):
        if before != now:
            raise InputError(
                f"clean= is of {name}={before!r}, the experiment of {name}={now!r}: leave it out"
            )
    return clean


def _strategies(experiment: Experiment) -> dict[tuple[str, str], ChosenStrategy]:
    """By spec and fitness; each has the fitness, and further objectives if it searches several."""
    if taken := [label for label in experiment.labels if label in names("strategies")]:
        raise InputError(
            f"the label {taken[0]} is the name of a strategy, too: choose another, as in my-{taken[0]}=..."
        )
    specs = {text: parse(text) for text in experiment.specs}
    plugins = {text: load("strategies", spec) for text, spec in specs.items()}
    declared = {text: extra_objectives(plugin) for text, plugin in plugins.items()}
    chosen = experiment.objectives
    if chosen and not any(declared.values()):
        raise InputError(f"no strategy here searches further objectives such as {chosen[0]}; nsga2 does")
    more = {text: chosen or own if own else () for text, own in declared.items()}
    extra = {text: tuple(load("fitness", one) for one in some) for text, some in more.items()}
    pairs = dict.fromkeys((one.strategy, one.fitness) for one in experiment.configurations)
    first = {name: load("fitness", name) for name in dict.fromkeys(fitness for _, fitness in pairs)}
    fewest = load("fitness", FEWEST)
    return {
        (text, fitness): ChosenStrategy(specs[text], plugins[text], (fewest,), FEWEST)
        if "start" in uses_of(plugins[text])
        else ChosenStrategy(specs[text], plugins[text], (first[fitness], *extra[text]), fitness)
        for text, fitness in pairs
    }


def _encodings(experiment: Experiment) -> dict[tuple[str, int], ChosenEncoding]:
    """By spec as chosen, and number of pixels."""
    pairs = dict.fromkeys((one.encoding, one.pixels) for one in experiment.conditions())
    specs = {text: parse(text) for text, _ in pairs}
    for text, spec in specs.items():
        if "pixels" in spec.settings:
            raise InputError(f"how many pixels may change is set by --pixels, not in encoding {text}")
    plugins = {(text, k): load("encodings", specs[text], {"pixels": k}) for text, k in pairs}
    made = {pair: make(plugin, f"encoding {pair[0]}") for pair, plugin in plugins.items()}
    for (text, k), encoding in made.items():
        require_slots(text, encoding, k)
    return {pair: ChosenEncoding(plugins[pair], encoding) for pair, encoding in made.items()}


def problem_of(setup: Setup, condition: Condition, chosen: Sequence[Case]) -> Problem:
    """The problem of cases on images of one size, as the strategy of one condition searches it."""
    stack, start = _stack_of(setup.clean, chosen[0].image)
    problem = Problem(
        setup.clean.oracle,
        setup.encodings[condition.encoding, condition.pixels].encoding,
        stack,
        aims(chosen, setup.images.labels).to(stack.device),
        targeted=setup.experiment.target != "none",
        fitness=setup.strategies[condition.strategy, condition.fitness].objectives,
        until=criteria.rule(setup.experiment.stop),
        cases=torch.tensor([case.image - start for case in chosen], dtype=torch.int64),
        noisy=setup.experiment.noisy_oracle,
        checked=True,
        predictions=setup.clean.predictions.part(start, start + len(stack)),
        encode=lambda k: make(load("encodings", condition.encoding, {"pixels": k}), condition.encoding),
        mask=_mask_of(setup, stack),
        runs=tuple(setup.run_key(condition, case) for case in chosen),
        starts=starts_of(setup.clean, [setup.start_of(condition, case) for case in chosen]),
    )
    return as_declared(problem, uses_of(setup.strategies[condition.strategy, condition.fitness].plugin))


def _mask_of(setup: Setup, stack: Tensor) -> Tensor | None:
    """The mask of the images of a stack."""
    of_side = {mask.shape[-2:]: mask for mask in (setup.masks.each if setup.masks else ())}
    return torch.from_numpy(of_side[tuple(stack.shape[2:])]) if of_side else None


def split_by_size(setup: Setup, cases: Sequence[Case]) -> list[tuple[Case, ...]]:
    """The cases of each size of image."""
    groups: dict[int, list[Case]] = {}
    for case in cases:
        groups.setdefault(_stack_of(setup.clean, case.image)[1], []).append(case)
    return [tuple(group) for group in groups.values()]


def _stack_of(clean: CleanEvaluation, image: int) -> tuple[Tensor, int]:
    """The stack that has an image, and the number of its first one."""
    starts = [0, *accumulate(map(len, clean.stacks))]
    place = bisect_right(starts, image) - 1
    return clean.stacks[place], starts[place]


def dry_run(setup: Setup) -> None:
    """Start every search on the smallest and the largest image, without a query: strategies refuse here."""
    images = range(len(setup.images))
    ends = {choose(images, key=lambda image: setup.clean.floats[image].numel()) for choose in (min, max)}
    fewest = setup.experiment.stop == "fewest"  # then a search may come down to one pixel
    for condition, case in product(setup.experiment.conditions(), [Case(image, 0) for image in sorted(ends)]):
        whole, who = problem_of(setup, condition, [case]), f"strategy {condition.strategy}"
        plugin = setup.strategies[condition.strategy, condition.fitness].plugin
        for problem in [whole, with_pixels(whole, 1)] if fewest else [whole]:
            space = problem.space(
                slice(0, 1), condition.budget, condition.seed, condition.strategy, uses=uses_of(plugin)
            )
            try:
                search = start(plugin, space, who)
                ask(search, None, space, who)
                close(search, who)
            except InputError as error:
                raise InputError(f"{error}; this is of {who} in encoding {condition.encoding}") from error
