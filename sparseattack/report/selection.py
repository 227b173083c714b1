"""Which runs a table is about: what was asked of a study, and a part of that."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sparseattack.errors import InputError, near, number_of, tied
from sparseattack.plugins.spec import parse, split
from sparseattack.study.columns import Columns, Flags, Numbers
from sparseattack.study.facts import ImageList, Method, StudyRequest
from sparseattack.study.record import Record
from sparseattack.study.store import Study
from sparseattack.study.tables import ImageRow

AXES = {"k": "k", "budget": "budget", "encoding": "encoding", "fitness": "fitness"}  # of methods, as written


@dataclass(frozen=True)
class Planned:
    """A method, and how often it attacks each of the N images of a study with each seed."""

    method: Method
    runs: dict[int, Numbers]  # (N,) by seed

    @property
    def by_image(self) -> Numbers:
        """Runs of each image ``(N,)``, over all seeds."""
        total: Numbers = np.stack(list(self.runs.values())).sum(axis=0)
        return total

    def covers(self, other: Self) -> bool:
        """Whether all runs of another one are among these."""
        return all(seed in self.runs and (runs <= self.runs[seed]).all() for seed, runs in other.runs.items())

    def with_runs(self, seed: int, runs: Numbers) -> Self:
        """The same, and these runs as well."""
        before = self.runs.get(seed)
        return replace(self, runs=self.runs | {seed: runs if before is None else np.maximum(before, runs)})

    def has(self, columns: Columns) -> Flags:
        """Which of the runs of its method are of its seeds and images."""
        here = np.zeros(len(columns), bool)
        for seed, runs in self.runs.items():
            here |= (columns.seed == seed) & (runs[columns.image] > 0)
        return here

    def of(self, columns: Columns, stop: str) -> Columns:
        """The runs among ``columns`` that are its own, by image, seed and target, as under its budget."""
        mine = columns.at(columns.method == self.method.key)
        mine = mine.at(self.has(mine)).at_budget(self.method.budget, stop)
        return mine.at(np.lexsort((mine.target, mine.seed, mine.image)))  # in the same order as other methods


def planned(study: Study, requests: Sequence[StudyRequest], numbers: dict[str, int]) -> list[Planned]:
    """What some requests come to, in the order of tables: by k, then as it was asked.

    A method is named as the last request names it. InputError where a request does not fit its images.
    """
    lists = study.facts(ImageList)
    found: dict[tuple[str, int], Planned] = {}
    for request in requests:
        places = np.array([numbers[key] for key in lists[request.images].keys], np.int64)
        with study.damage():
            by_seed = request.runs_by_seed()
        spread = {seed: _spread(study, places, runs, len(numbers)) for seed, runs in by_seed.items()}
        for one in request.methods:
            same = one.method.key, one.method.budget
            before = found.get(same, Planned(one.method, {}))
            for seed in one.seeds:
                if seed not in spread:
                    raise InputError(f"{study.path} is damaged: a request lacks the runs of seed {seed}")
                before = before.with_runs(seed, spread[seed])
            found[same] = replace(before, method=one.method)
    return sorted(_told_apart(list(found.values())), key=lambda one: one.method.k)


def widest(study: Study, requests: Sequence[StudyRequest]) -> list[StudyRequest]:
    """The requests whose selection has every image of the others; none where each lacks some."""
    lists = study.facts(ImageList)
    keys = {request.images: {*lists[request.images].keys} for request in requests}
    every = set[str]().union(*keys.values())
    whole = [images for images, mine in keys.items() if mine == every]
    return [request for request in requests if request.images in whole[:1]]


def _told_apart(methods: list[Planned]) -> list[Planned]:
    """The methods, all but the last of one name with a longer one that says in what they differ.

    A name is that of one strategy in the whole study, whatever the number of pixels and the budget.
    """
    differ: list[tuple[Callable[[Method], object], Callable[[Method], str]]] = [
        (lambda method: method.name, lambda method: method.strategy),
        (_visible, lambda method: " and ".join(method.objectives)),
        (_visible, lambda method: f"other code, {method.key[:6]}"),
    ]
    for same, what in differ:
        last = {same(one.method): one.method for one in methods}
        methods = [_with_difference(one, last[same(one.method)], what) for one in methods]
    return methods


def _visible(method: Method) -> tuple[object, ...]:
    """What tables show of a method."""
    return method.name, method.encoding, method.fitness, method.k, method.budget


def _with_difference(one: Planned, last: Method, what: Callable[[Method], str]) -> Planned:
    """A method that says in its name ``what`` it is, if that is another one than of the ``last``."""
    method = one.method
    if method.key == last.key or what(method) == what(last):
        return one
    return replace(one, method=replace(method, label=f"{method.name} ({what(method)})"))


def _spread(study: Study, places: Numbers, runs: Sequence[int], count: int) -> Numbers:
    """The ``runs`` of a selection whose images have these numbers, by number."""
    if len(runs) != len(places) or min(runs, default=0) < 0:
        raise InputError(f"{study.path} is damaged: a request's runs are not those of its images")
    spread = np.zeros(max(count, int(places.max(initial=-1)) + 1), np.int64)
    np.maximum.at(spread, places, np.array(runs, np.int64))
    return spread


def check_planned(
    study: Study,
    columns: Columns,
    every: Sequence[Planned],
    requests: Sequence[StudyRequest],
    images: Mapping[str, ImageRow],
) -> None:
    """Refuse runs that nobody asked for, and requests that cannot be: InputError."""
    shapes = [shape for request in requests for shape in request.shapes]
    classes = max(len(request.classes) for request in requests)
    possible = all(len(shape) == len("NCHW") and min(shape) > 0 for shape in shapes) and all(
        request.num_images == len(next(iter(request.runs.values()), ())) for request in requests
    )
    known, whole = np.zeros(len(columns), bool), dict[str, Planned]()
    for one in every:  # whatever its budget
        for seed, runs in one.runs.items():
            whole[one.method.key] = whole.get(one.method.key, one).with_runs(seed, runs)
    for key, one in whole.items():
        mine = columns.method == key
        for seed, runs in one.runs.items():
            here = mine & (columns.seed == seed)
            if (np.bincount(columns.image[here], minlength=len(runs)) > runs).any():
                possible = False
            known |= here
    if any(max(image.label, image.predicted) >= classes for image in images.values()):
        possible = False
    if not (possible and known.all() and (np.maximum(columns.target, columns.after_class) < classes).all()):
        raise InputError(f"{study.path} is damaged: it holds runs that its experiments do not have")


def view(study: Study, methods: Sequence[Planned], stop: str) -> Iterator[Record]:
    """The records of some methods, as they were under their budgets and as these name their strategies."""
    by_key: dict[str, list[Planned]] = {}
    for one in methods:
        by_key.setdefault(one.method.key, []).append(one)
    for record in study.records():
        for one in by_key.get(record.method, ()):
            budget, runs = one.method.budget, one.runs.get(record.seed)
            if runs is not None and runs[record.image] and (record.ended or record.budget >= budget):
                seen = record.at_budget(budget, stop)
                same = seen.strategy == one.method.strategy
                yield seen if same else replace(seen, strategy=one.method.strategy)


def without_smaller_budgets(methods: Sequence[Planned], lacking: Collection[Method] = ()) -> list[Planned]:
    """Those that are not the first queries of the same runs under a larger budget.

    One that is complete is among them where the larger budgets are ``lacking`` runs.
    """
    return [
        one
        for one in methods
        if not any(
            other.method.key == one.method.key
            and other.method.budget > one.method.budget
            and other.covers(one)
            and (other.method not in lacking or one.method in lacking)
            for other in methods
        )
    ]


def planned_once(methods: Sequence[Planned]) -> list[Planned]:
    """The same methods, each without the runs that one with a larger budget goes on with."""
    kept = list[Planned]()
    for one in sorted(methods, key=lambda one: -one.method.budget):
        runs = one.runs
        for other in (other for other in kept if other.method.key == one.method.key):
            runs = {
                seed: np.where(other.runs[seed] > 0, 0, each) if seed in other.runs else each
                for seed, each in runs.items()
            }
        kept.append(replace(one, runs=runs))
    return kept


def continued_notes(left_out: Sequence[Method], shown: Sequence[Method]) -> Iterator[str]:
    """Which methods are not shown under a budget that others have, as their runs go on to a larger one."""
    for budget in sorted({method.budget for method in shown}):
        ks = {method.k for method in shown if method.budget == budget}
        some = [one for one in left_out if one.budget == budget and one.k in ks]
        names = dict.fromkeys(f"{one.name}/{one.encoding}, k = {one.k}" for one in some)
        if names:
            yield (
                f"not shown with a budget of {number_of(budget, 'query', 'queries')}, as their runs are shown"
                f" with a larger one: {'; '.join(names)} (--only budget={budget} shows all of that budget)"
            )


def shared_names(images: Mapping[int, ImageRow], planned: Iterable[Numbers]) -> Iterator[str]:
    """A sentence about names of several images, of those ``images`` by number that are ``planned (N,)``."""
    contents: dict[str, set[str]] = {}
    for place in np.flatnonzero(sum(planned)).tolist():
        if image := images.get(place):
            contents.setdefault(image.id, set()).add(image.content)
    if several := [name for name, each in contents.items() if len(each) > 1]:
        yield (
            f"{tied(several)}: not one image each but several, as of files that were changed or resized"
            " since; all of them are counted"
        )


def only(methods: Sequence[Planned], text: str) -> list[Planned]:
    """The part that a text such as ``de,fast,k=1,seed=0`` names; InputError for what there is not.

    A strategy is named by its label, its spec or its name without settings; ``k=``, ``seed=``, ``budget=``,
    ``encoding=`` and ``fitness=`` choose among the rest. Of one kind any may hold, of several kinds all.
    """
    wanted: dict[str, set[str]] = {}
    for entry in split(text):
        axis, equals, value = entry.partition("=")
        is_axis = equals and axis in (*AXES, "seed")
        wanted.setdefault(axis if is_axis else "strategy", set()).add(value if is_axis else entry)
    chosen = list(methods)
    for axis, values in wanted.items():
        parts = [_matching(methods, axis, value) for value in sorted(values)]
        keep = {id(one) for part in parts for one in part}
        chosen = [one for one in chosen if id(one) in keep]
    if seeds := wanted.get("seed"):
        chosen = [
            replace(one, runs={seed: runs for seed, runs in one.runs.items() if str(seed) in seeds})
            for one in chosen
        ]
    if not chosen:
        raise InputError(f"no runs are all of {text}")
    return chosen


def _matching(methods: Sequence[Planned], axis: str, value: str) -> list[Planned]:
    """The methods that have a value; InputError, with those that exist, where none has."""
    names = [_values(one, axis) for one in methods]
    found = [one for one, known in zip(methods, names, strict=True) if value in known]
    if not found and axis == "strategy":
        found = [one for one in methods if parse(one.method.strategy).name == value]
    if not found:
        known = list(dict.fromkeys(name for some in names for name in some))
        listed = ", ".join(known)
        raise InputError(f"there are no runs of {axis} {value!r}, only of {listed}{near(value, known)}")
    return found


def _values(one: Planned, axis: str) -> list[str]:
    if axis == "seed":
        return [str(seed) for seed in one.runs]
    if axis == "strategy":
        name, spec = one.method.name, one.method.strategy
        return list(dict.fromkeys([name.removesuffix(f" ({spec})"), name, spec]))
    return [str(getattr(one.method, AXES[axis]))]
