"""Run a strategy on every image under a per-image query budget; images share each oracle call.

Images are searched in groups. Every round collects queries of several groups into one batch, evaluates that
batch, gives each group its evaluations and yields the outcomes of the images that are finished.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Literal, NamedTuple, get_args
from uuid import uuid4

import torch

from sparseattack.errors import InputError
from sparseattack.plugins.spec import uses_of
from sparseattack.problem.criteria import fewest
from sparseattack.problem.encodings.encoding import require_slots
from sparseattack.problem.encodings.whole_images import WholeImages, most_of
from sparseattack.problem.fitness import fooled
from sparseattack.problem.inference import ONE_THREAD
from sparseattack.problem.oracle import evaluation_mode
from sparseattack.problem.problem import Problem
from sparseattack.problem.space import Strategy
from sparseattack.search.contract import as_declared
from sparseattack.search.descent import Descent
from sparseattack.search.group import AttackSettings, Group
from sparseattack.search.inference import with_faster_inference
from sparseattack.search.outcome import MISCLASSIFIED, REACHED, LeftOut, Outcome
from sparseattack.search.scheduler import PendingGroup, evaluate_batch, next_batch, refill

PATIENCE = 2.0  # seconds; where a full round would take longer, a round is one oracle call
GENERATIONS = 4  # of one group at most in a full round: each costs time, however few candidates it has
SHARES = 4  # groups among which a limited memory is divided: when one is finished, another starts


Clean = Literal["leave out", "keep"]
"""What becomes of an image that is misclassified, or classified as the target, without an attack."""


def attack(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
    clean: Clean = "leave out",
) -> list[Outcome | LeftOut]:
    """Attack every image of a problem with one strategy, under a budget of queries per image.

    A search ends at the stopping criterion ``problem.until``, or when its image has cost ``budget`` queries.
    ``key`` names the strategy in the random streams; at most ``group`` images share one search, which changes
    no outcome. In several threads, attacks take turns: outcomes are those of one thread. Where the oracle has
    sparse inference and the attack takes long enough, both ways are timed first and the faster one is used,
    unless ``problem.sparse`` is set.

    There is one entry for each image, in their order. An image that is misclassified without an attack, or of
    the target class already, is not attacked: its entry is a ``LeftOut``, which is neither a success nor a
    failure. The oracle is shown the clean images for that, which costs no query. ``clean="keep"`` attacks
    all images, and such a one succeeds at its first query. At the end at most four clean images are evaluated
    again, unless ``problem.checked``, of a noisy oracle, or of a server. Raises InputError, StrategyError,
    OracleError, and ChangedError, which is one, where an oracle has other scores then.
    """
    outcomes = outcomes_of(problem, strategy, budget, seed, key=key, group=group, clean=clean)
    return sorted(outcomes, key=lambda outcome: outcome.image)


def outcomes_of(
    problem: Problem,
    strategy: Strategy,
    budget: int,
    seed: int = 0,
    *,
    key: str = "",
    group: int = 1024,
    clean: Clean = "leave out",
) -> Iterator[Outcome | LeftOut]:
    """Attack as ``attack`` does, but yield each outcome as soon as its image is finished.

    Images that are left out come first, the others in the order in which they finish; those finished are
    yielded before an error is raised.
    """
    settings = AttackSettings(budget, seed, key, group)
    if clean not in get_args(Clean):
        raise InputError(f"clean is {' or '.join(map(repr, get_args(Clean)))}, not {clean!r}")
    given = replace(problem)  # what an earlier attack found out about an oracle may be so no longer
    problem = given.with_scale()  # refuses an oracle that is no function of the image alone
    attacked = torch.arange(len(problem.labels))
    if clean == "leave out" and len(attacked):
        done = problem.succeed_clean()
        reason = REACHED if problem.targeted else MISCLASSIFIED
        yield from (LeftOut(image, reason) for image in attacked[done].tolist())
        problem, attacked = problem.at(attacked[~done]), attacked[~done]
    for each in run_rounds(problem, strategy, settings):
        yield from (replace(outcome, image=int(attacked[outcome.image])) for outcome in each.outcomes)
    if not given.noisy:
        given.purity.require_same(given.classifier, given.images)


class Round(NamedTuple):
    """What one shared batch cost, and the outcomes of the images it finished."""

    queries: int  # charged; 0 if the round failed before its batch was complete
    outcomes: tuple[Outcome, ...]


def run_rounds(problem: Problem, strategy: Strategy, settings: AttackSettings) -> Iterator[Round]:
    """Evaluate one shared batch after another until every group has finished.

    A round that fails is yielded too, with the outcomes known by then, before its error is raised.
    """
    problem = as_declared(problem, uses_of(strategy) if callable(strategy) else frozenset())
    if problem.classifier.remote and not problem.runs:  # what is sent now is for these runs, and no others
        here = uuid4().hex
        problem = replace(problem, runs=tuple(f"{here} {case}" for case in range(len(problem.labels))))
    with ONE_THREAD, evaluation_mode(problem.classifier):
        problem = with_faster_inference(problem, settings.budget * len(problem.labels))
    if problem.until is fewest:
        yield from _fewest(problem, strategy, settings)
    else:
        yield from _rounds(problem, strategy, settings)


def with_pixels(problem: Problem, slots: int) -> Problem:
    """The same with so many pixels, until a success; InputError where the encoding has one size."""
    encoding = problem.encoding
    if isinstance(encoding, WholeImages):
        return replace(problem, encoding=replace(encoding, most=slots), until=fooled)
    if problem.encode:
        encoding = problem.encode(slots)
        require_slots(type(encoding).__name__, encoding, slots)
        return replace(problem, encoding=encoding, until=fooled)
    try:
        return replace(problem, encoding=replace(encoding, slots=slots), until=fooled)  # type: ignore[type-var]
    except TypeError:
        raise InputError(
            f"the encoding {type(encoding).__name__} is no dataclass with slots: give the problem"
            " encode=, a function that returns the encoding of so many pixels"
        ) from None


def _fewest(problem: Problem, strategy: Strategy, settings: AttackSettings) -> Iterator[Round]:
    """Search with k pixels; after a success with one less than it changed, and so on, in one budget.

    All images that are searched with the same number of pixels share a stage, the highest number first: a
    success always leads to a lower one.
    """
    most, whole = most_of(problem.encoding), isinstance(problem.encoding, WholeImages)
    slots, told = None if whole else most, "budget" in uses_of(strategy)
    descents = [Descent(settings.budget, slots) for _ in problem.labels]
    waiting = {most: list(range(len(descents)))}
    while waiting:
        places = sorted(waiting.pop(pixels := max(waiting)))
        used = {place: descents[place].used for place in places}
        shares = [[one for one in places if used[one] == each] for each in sorted(set(used.values()))]
        for share in shares if told else [places]:  # a strategy is told one budget for all its images
            stage = with_pixels(problem.at(torch.tensor(share)), pixels)
            spent = replace(settings, used=tuple(used[place] for place in share))
            for each in _rounds(stage, strategy, spent):
                finished = []
                for outcome in each.outcomes:
                    place = share[outcome.image]
                    descents[place].stages.append(outcome)
                    if fewer := descents[place].next_pixels:
                        waiting.setdefault(fewer, []).append(place)
                    else:
                        finished.append(descents[place].outcome(place))
                yield Round(each.queries, tuple(finished))


def _rounds(problem: Problem, strategy: Strategy, settings: AttackSettings) -> Iterator[Round]:
    finished: list[Outcome] = []
    groups: list[PendingGroup] = []
    waiting = (
        PendingGroup(group.run(finished), group.space.batch, group.space.journal.limits)
        for group in split(problem, strategy, settings)
    )
    one_call = problem.sizes._replace(round=problem.sizes.chunk)
    sizes, more = one_call, True
    try:
        while more:
            queries = 0
            try:
                # for one round only: between two, the caller may put the network in training mode
                with ONE_THREAD, evaluation_mode(problem.classifier):
                    refill(groups, waiting, sizes)
                    batch = next_batch(groups, sizes)
                    queries = sum(request.queries.cost for request in batch)
                    if more := bool(batch):
                        slow = evaluate_batch(problem, batch) * problem.sizes.round > PATIENCE
                        sizes = one_call if slow else problem.sizes
            finally:
                yield Round(queries, tuple(finished))
                finished.clear()
    finally:
        with ONE_THREAD:
            for group in groups:
                group.search.close()


def split(problem: Problem, strategy: Strategy, settings: AttackSettings) -> Iterator[Group]:
    """Groups of at most ``settings.group`` images, with candidates for at most a few rounds in a generation.

    How many candidates a generation has is measured by a trial search of the first image. There are at least
    two groups where one would leave a part of a padded block empty, so that the other fills it. Where the
    search logs that memory is limited, a group is a part of the images that it allows.
    """
    count, sizes = len(problem.labels), problem.sizes
    size = max(1, min(count, settings.group))
    if size > 1:
        trial = Group(problem, strategy, settings, slice(0, 1))
        each = max(1, trial.first_population())
        allowed = min((limit // SHARES for limit in trial.space.journal.limits), default=size)
        total = count * each
        full = total <= sizes.block or (total <= sizes.round and not total % sizes.block)
        half = count if full else -(-count // 2)
        size = max(1, min(size, half, allowed, GENERATIONS * sizes.round // each))
    for rows in slices(problem, size):
        yield Group(problem, strategy, settings, rows)


def slices(problem: Problem, size: int) -> Iterator[slice]:
    """Parts of at most ``size`` cases; in the images of each as many pixels may change."""
    areas, stop = areas_of(problem), 0
    for _, equal in groupby(areas):
        first, stop = stop, stop + len(list(equal))
        yield from (slice(start, min(start + size, stop)) for start in range(first, stop, size))


def areas_of(problem: Problem) -> list[int]:
    """How many pixels of the image of each case may change, where masks of images differ; else zeros."""
    count = len(problem.labels)
    if problem.mask is None or problem.mask.ndim == len("HW"):
        return [0] * count
    counts = problem.mask.sum((1, 2))
    return (counts if problem.cases is None else counts[problem.cases.to(counts.device)]).tolist()
