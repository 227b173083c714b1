"""All that the page says of one study, in the order in which it says it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sparseattack.errors import number_of
from sparseattack.report.figures.collection import not_drawn
from sparseattack.report.page.cells import (
    PageTable,
    class_table,
    pair_table,
    section_table,
    surest,
)
from sparseattack.report.page.drawings import FIRST, Drawings, PageFigure
from sparseattack.report.page.fragility import Fragility, Share, fragility
from sparseattack.report.page.gallery import Card, cards, fragile_runs, shown_runs
from sparseattack.report.page.origin import Fact, commands, origins, settings
from sparseattack.report.page.thumbnails import Thumbnail, thumbnails
from sparseattack.report.page.wording import (
    Verdicts,
    asked,
    classes_of,
    kept_heading,
    kept_meaning,
    resistance_text,
    verdicts,
)
from sparseattack.report.results import Results
from sparseattack.report.statistics.comparisons import comparisons
from sparseattack.report.summary import condition, each_run_once, failures, flat_answers, limits
from sparseattack.report.tables import (
    changes,
    explanation,
    generations,
    headline,
    percent,
    sections,
)


class ShareFact(NamedTuple):
    """One of the figures of the first screen."""

    heading: str
    value: str
    interval: str
    low: float  # shares, drawn as a bar
    high: float
    text: str


class StoredPicture(NamedTuple):
    """An image that is in the page once, and shown where its ``id`` is."""

    id: str
    width: int
    height: int
    source: str


@dataclass(frozen=True)
class Chapter:
    """One study."""

    id: str  # in the page
    name: str  # empty where it is the only study
    oracle: str
    asked: str
    unfinished: str  # how much is done; empty where all is
    shares: list[ShareFact]
    meaning: str
    classes: PageTable | None
    fragile: list[Card]
    fooled: int  # images
    about: list[str]
    warnings: list[str]
    bounds: list[PageTable]
    curves: list[PageFigure]
    tables: list[PageTable]
    explanation: str
    pairs: PageTable | None
    verdicts: Verdicts
    words: list[str]  # of each pair
    not_drawn: str  # what figure is lacking for want of a library
    figures: list[PageFigure]  # the others
    cards: list[Card]
    shown: str  # how many of how many
    problems: list[str]  # why pictures are missing
    pictures: list[StoredPicture]
    commands: list[str]
    origin: list[Fact]
    settings: list[Fact]


def chapter(id: str, name: str, found: Results, draw: Drawings) -> Chapter:
    """The chapter of a study, called ``name`` where there are others; ``draw`` makes its figures."""
    fragile, classes = fragility(found), classes_of(found)
    first, runs = fragile_runs(found, fragile.fragile), shown_runs(found)
    pictures, problems = thumbnails(found, [run.image for run in (*first, *runs)])
    ids = {number: f"{id}-image-{number}" for number in pictures}
    compared = comparisons(found)
    every = found.methods
    names = {one: f"{condition(one, every)} ({limits(one, every)})" for one in every}
    drawn = list(draw.of(found, id))
    gallery = list(cards(found, runs, pictures, ids, len(first)))
    parts = sections(found.subject, found.lines, [])
    return Chapter(
        id=id,
        name=name,
        oracle=found.requests[-1].oracle.removeprefix("oracle "),
        asked=asked(found),
        unfinished=_unfinished(found),
        shares=list(_shares(fragile, found)),
        meaning=kept_meaning(fragile, found),
        classes=class_table(fragile, classes),
        fragile=list(cards(found, first, pictures, ids)),
        fooled=len(fragile.fragile),
        about=_about(found),
        warnings=_warnings(found),
        bounds=[section_table(part, found.methods) for part in sections(found.subject, [], found.unfinished)],
        curves=[figure for figure in drawn if figure.kind in FIRST],
        tables=[section_table(part, found.methods) for part in parts],
        explanation=" ".join(explanation(found.methods).split()),
        pairs=pair_table(compared, found.methods),
        verdicts=verdicts(compared),
        words=[one.in_words(names) for one in surest(compared)],
        not_drawn=not_drawn(found),
        figures=[figure for figure in drawn if figure.kind not in FIRST],
        cards=gallery,
        shown=_shown(found, gallery),
        problems=problems,
        pictures=[_stored(ids[number], each) for number, each in pictures.items()],
        commands=commands(found),
        origin=list(origins(found)),
        settings=settings(found),
    )


def _stored(id: str, picture: Thumbnail) -> StoredPicture:
    return StoredPicture(id, picture.width, picture.height, picture.source)


def _warnings(found: Results) -> list[str]:
    """In what runs differ, which of them failed, and which searched blindly."""
    every = found.methods
    names = {one: f"{condition(one, every)}, {limits(one, every)}" for one in every}
    failed = [one for line in found.lines for one in failures(line, names[line.method])]
    blind = [one for line in found.lines for one in flat_answers(line, names[line.method])]
    return [*found.mixtures, *failed, *blind]


def _unfinished(found: Results) -> str:
    """How much is done; empty where all is."""
    if not found.unfinished:
        return ""
    lacking, planned = number_of(len(found.unfinished), "condition"), number_of(found.subject.runs, "run")
    return (
        f"{found.finished:,} of {planned} done; {lacking} of {len(found.methods)} lack"
        f"{'s' * (len(found.unfinished) == 1)} runs, and {'its' if len(found.unfinished) == 1 else 'their'}"
        " success rates are known only between bounds."
    )


def _shares(fragile: Fragility, found: Results) -> Iterator[ShareFact]:
    """Clean accuracy, and what each number of pixels leaves."""
    if fragile.clean:
        images = number_of(fragile.images, "image")
        text = f"{fragile.correct:,} of {images} classified correctly without an attack."
        yield _fact("Clean accuracy", fragile.clean, text)
    for level in fragile.resistances:
        counted = changes([method for method in found.methods if method.k == level.k], level.k != 1)
        heading = f"{kept_heading(fragile, found)}, {level.k:,} {counted}"
        why = "bounds, as runs are missing" if level.lacking else "no image was attacked"
        yield _fact(heading, level.kept, resistance_text(level), why)


def _fact(heading: str, share: Share, text: str, why: str = "") -> ShareFact:
    """A figure; where it is not known, its bounds, and ``why``."""
    ends = f"{100 * share.low:.1f} to {percent(share.high)}"
    if share.value is None:
        return ShareFact(heading, ends, why, *share[1:], text)
    return ShareFact(heading, percent(share.value), f"95 % interval {ends}", *share[1:], text)


def _about(found: Results) -> list[str]:
    """What was attacked and how, what was left out, and what else is to be known."""
    lines = headline(found.subject)
    notes = [f"{note[:1].upper()}{note[1:]}." for note in found.notes]
    planned = number_of(found.subject.runs, "planned run")
    runs = f"{found.finished:,} of {planned} {'is' if found.subject.runs == 1 else 'are'} finished."
    runs = runs if found.subject.runs else "No run is planned."
    labels = {one.name: one.strategy for one in found.methods if one.label}
    named = [f"{name} is {spec}." for name, spec in labels.items() if f"({spec})" not in name]
    return [*lines, *notes, *named, runs, *generations(found.methods)]


def _shown(found: Results, gallery: Sequence[Card]) -> str:
    """How many of the runs the gallery has."""
    once = each_run_once(found.columns).values()
    hits = [int(runs.success.sum()) for runs in once]
    successes, of = sum(hits), {card.method for card in gallery if card.success}
    shown = sum(card.success for card in gallery)
    failed = sum(map(len, once)) - successes
    if not found.finished:
        return "No run is finished: there is nothing to show."
    counts = (
        f"{shown} of {number_of(successes, 'success', 'successes')} and {len(gallery) - shown} of"
        f" {number_of(failed, 'failure')}"
    )
    if not successes:
        return f"{counts}."
    every = sum(count > 0 for count in hits)
    some = "every condition" if len(of) == every else f"{len(of)} of {number_of(every, 'condition')}"
    return (
        f"{counts}: of {some} with a success those of fewest {changes(found.methods)} and queries. These"
        " first, failures last."
    )
