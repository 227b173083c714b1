"""Which runs are shown: of each method in turn successes of few pixels and queries, and some failures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from sparseattack.errors import number_of
from sparseattack.experiment.identity import run_key
from sparseattack.report.page.fragility import FragileImage, fragility, sizes
from sparseattack.report.page.thumbnails import Thumbnail
from sparseattack.report.page.wording import class_of
from sparseattack.report.results import Results
from sparseattack.report.summary import condition, each_run_once, limits
from sparseattack.report.tables import percent
from sparseattack.study.columns import Columns
from sparseattack.study.facts import Method
from sparseattack.study.record import WHITE, Record
from sparseattack.study.store import Study

SUCCESSES, FAILURES, FRAGILE = 36, 12, 8  # shown
TWICE = 2  # times that an image is shown before all others are
COLOUR = 3  # channels; a fourth is opacity


class ShownRun(NamedTuple):
    """One run, before it is read whole."""

    method: Method
    image: int  # number in the study
    seed: int
    target: int
    success: bool
    queries: int  # to success, or the budget
    size: int  # pixels by which it is ordered: k, or those changed where the fewest are sought


class Pixel(NamedTuple):
    """A changed pixel, in columns and rows of its image."""

    x: int
    y: int
    fill: str  # colour as CSS has it


@dataclass(frozen=True)
class Card:
    """One run as it is shown."""

    id: str  # in the page
    picture: str  # id of its image in the page
    name: str  # of the image
    width: int
    height: int
    pixels: tuple[Pixel, ...]
    method: Method
    condition: str  # what it is of, with all in which the methods of the study differ
    seed: int
    success: bool
    label: str  # true class
    before: str  # predicted class, and the confidence in it
    after: str  # of a success
    target: str  # class to be reached; empty in an untargeted attack
    cost: str  # in words, the queries

    @property
    def ring(self) -> str:
        """The id of the ring around its changed pixels."""
        return f"ring-{max(self.width, self.height)}"


def shown_runs(found: Results) -> list[ShownRun]:
    """The runs of the gallery: successes by pixels and queries, then failures on the same images."""
    each = {method: _rows(found, method, runs) for method, runs in each_run_once(found.columns).items()}
    fast = [sorted((run for run in runs if run.success), key=_worst) for runs in each.values()]
    successes = sorted(_in_turn([_each_image_once(runs) for runs in fast], SUCCESSES), key=_worst)
    seen = {run.image for run in successes}
    slow = [[run for run in runs if not run.success] for runs in each.values()]
    failed = [sorted(runs, key=lambda run: (run.image not in seen, run.image, run.seed)) for runs in slow]
    return successes + sorted(_in_turn([_each_image_once(runs) for runs in failed], FAILURES), key=_worst)


def _worst(run: ShownRun) -> tuple[int, ...]:
    return run.size, run.queries, run.image, run.seed, run.target


def _each_image_once(runs: Sequence[ShownRun]) -> list[ShownRun]:
    first: dict[int, ShownRun] = {}
    for run in runs:
        first.setdefault(run.image, run)
    return list(first.values())


def _in_turn(lists: Sequence[Sequence[ShownRun]], most: int) -> list[ShownRun]:
    """The first of every list, then the second of every list, and so on, ``most`` of them.

    After the first of every list, an image that is there ``TWICE`` waits until no other is left.
    """
    shown, waiting, count = list[ShownRun](), list[ShownRun](), Counter[int]()
    for place, rank in enumerate(zip_longest(*lists)):
        for run in (run for run in rank if run is not None):
            waits = place > 0 and count[run.image] >= TWICE
            (waiting if waits else shown).append(run)
            count[run.image] += not waits
    return [*shown, *waiting][:most]


def _rows(found: Results, method: Method, runs: Columns) -> list[ShownRun]:
    """Those runs of a method that may be shown: its successes of fewest pixels and queries, and failures."""
    hits = np.flatnonzero(runs.success)
    size = sizes(found, runs, method.k)
    hits = hits[np.lexsort((runs.first_fooled[hits], size[hits]))][: 8 * SUCCESSES]
    rows = np.concatenate([hits, np.flatnonzero(~runs.success)[: 8 * FAILURES]])
    some = runs.at(rows)
    columns = (some.image, some.seed, some.target, some.success, some.cost, size[rows])
    return [
        ShownRun(method, *values) for values in zip(*(column.tolist() for column in columns), strict=True)
    ]


def fragile_runs(found: Results, images: Sequence[FragileImage]) -> list[ShownRun]:
    """For each of the most fragile images of the runs with the fewest pixels the one that fooled first."""
    shown = []
    for one in images[:FRAGILE]:
        best = []
        for method, runs in found.columns.items():
            here = (runs.image == one.number) & runs.success & (runs.first_fooled == one.queries)
            here &= sizes(found, runs, method.k) == one.pixels
            if method.k == one.k and here.any():
                best += _rows(found, method, runs.at(here))
        shown.append(min(best, key=_worst))
    return shown


def key_of(found: Results, run: ShownRun) -> str:
    """The key of a run in the study."""
    image = found.images[run.image].key
    return run_key(found.question.key, run.method.key, image, run.target, run.seed)


def with_shown(found: Results, study: Study) -> Results:
    """The results with the records of the runs that are shown, and of no others."""
    runs = dict.fromkeys((*fragile_runs(found, fragility(found).fragile), *shown_runs(found)))
    keys = {run: key_of(found, run) for run in runs}
    held, stop = {record.key: record for record in study.records(list(keys.values()))}, found.question.stop
    records = [held[key].at_budget(run.method.budget, stop) for run, key in keys.items() if key in held]
    return replace(found, records=records)


def cards(
    found: Results,
    runs: Sequence[ShownRun],
    pictures: Mapping[int, Thumbnail],
    ids: Mapping[int, str],
    start: int = 0,
) -> Iterator[Card]:
    """What is shown of runs whose edit is known and whose image has a picture, called by its id.

    The cards are numbered from ``start``.
    """
    known = {(record.key, record.budget): record for record in found.records}
    classes = max((request.classes for request in found.requests), key=len)
    for place, run in enumerate(runs, start):
        record = known.get((key_of(found, run), run.method.budget))
        picture = pictures.get(run.image)
        if record is not None and record.positions and picture is not None:
            named = f"{ids[run.image]}-{place}"
            every = found.methods
            of = f"{condition(run.method, every)}, {limits(run.method, every)}"
            card = _card(run, record, picture, classes, found.question.stop)
            yield replace(card, id=named, picture=ids[run.image], condition=of)


def _cost(run: ShownRun, charged: int, stop: str) -> str:
    """When a run fooled, or in how many queries, those ``charged``, it did not."""
    if not run.success:
        return f"in {number_of(charged, 'query', 'queries')}"
    queries = number_of(run.queries, "query", "queries")
    if stop == "success":
        return f"after {queries}"
    best = "fewest pixels" if stop == "fewest" else "best edit"  # which a later query may have found
    return f"first fooled after {queries}, here with its {best}"


def _card(run: ShownRun, record: Record, picture: Thumbnail, classes: Sequence[str], stop: str) -> Card:
    before = f"{class_of(classes, record.before_class)}, {percent(record.before_confidence)}"
    after = f"{class_of(classes, record.after_class)}, {percent(record.after_confidence)}"
    return Card(
        id="",
        picture="",
        name=record.image_id,
        width=picture.width,
        height=picture.height,
        pixels=tuple(_pixels(record, picture)),
        method=run.method,
        condition="",
        seed=run.seed,
        success=run.success,
        label=class_of(classes, record.label),
        before=before,
        after=after if run.success else "",
        target=class_of(classes, run.target) if run.target >= 0 else "",
        cost=_cost(run, record.queries, stop),
    )


def _pixels(record: Record, picture: Thumbnail) -> Iterator[Pixel]:
    """The pixels of an edit that differ from the image; of two on one place the last counts."""
    last = dict(zip(record.positions, record.colours, strict=True))
    for place, colour in last.items():
        row, column = divmod(place, picture.width)
        if picture.colours[:, row, column].tolist() != colour:
            yield Pixel(column, row, _css(colour))


def _css(colour: Sequence[int]) -> str:
    """A colour of one, three or four channels; a transparent one as it is on white."""
    levels = [*colour] * COLOUR if len(colour) == 1 else colour
    alpha = levels[COLOUR] / WHITE if len(levels) == COLOUR + 1 else 1
    shown = [round(alpha * level + (1 - alpha) * WHITE) for level in levels[:COLOUR]]
    return f"#{''.join(f'{level:02x}' for level in shown)}"
