"""Which figures go with a table: those of its finished parts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure

from . import paper, rows
from .charts import against_pixels, against_queries, classes_reached
from .finding import Finding
from .gallery import gallery
from .heat_maps import Pairs, heat_map
from .paper_pairs import KAGGLE, ORIGINAL
from .part import Part
from .table import Table, column

Found = Mapping[Part, Finding]
Named = tuple[str, Figure]


def illustrations(table: Table, found: Found) -> Iterator[Named]:
    """Figures, and what to call them; none for Table VI, whose runs are those of Table IV."""
    mine = {part: found[part] for part in table.parts() if part in found}
    evolved = {part: finding for part, finding in mine.items() if not part.strategy}
    if not mine or table.name == "6":
        return
    yield from _maps(table, evolved)
    yield from _charts(table, mine, evolved)
    for part, finding in evolved.items():
        if figure := gallery(finding, part.title):
            yield f"gallery-{part.stem}", figure


def _maps(table: Table, evolved: Found) -> Iterator[Named]:
    for part, finding in evolved.items():
        if part.protocol != "imagenet":
            theirs = _printed(part).get(column(table.name, part.network))
            yield f"pairs-{part.stem}", heat_map(finding, part.title, theirs)


def _printed(part: Part) -> Mapping[str, Pairs]:
    """The paper's heat-maps of the same attack, by network."""
    one = part.targeted and part.pixels == 1
    return {"kaggle-like": KAGGLE, "original-cifar10": ORIGINAL}.get(part.protocol, {}) if one else {}


def _charts(table: Table, mine: Found, evolved: Found) -> Iterator[Named]:
    """What is drawn of all networks together."""
    targeted = {part.network: finding for part, finding in evolved.items() if part.targeted}
    if targeted and table.name != "7":
        printed = paper.REACHED if table.name == "4" else {}
        yield f"classes-table-{table.name}", classes_reached(targeted, printed)
    by_pixels: dict[str, dict[int, Finding]] = defaultdict(dict)
    for part, finding in evolved.items():
        if not part.targeted:
            by_pixels[part.network][part.pixels] = finding
    if any(len(some) > 1 for some in by_pixels.values()):
        theirs = paper.TABLES["8"][rows.UNTARGETED]
        names = {network: column(table.name, network) for network in by_pixels}
        marks = {network: theirs[name] for network, name in names.items() if name in theirs}
        yield f"pixels-table-{table.name}", against_pixels(by_pixels, marks)
    if by_strategy := _by_strategy(mine, targeted=table.name == "7"):
        yield f"queries-table-{table.name}", against_queries(by_strategy)


def _by_strategy(mine: Found, *, targeted: bool) -> dict[str, dict[str, Finding]]:
    """One pixel: by network, then by strategy."""
    chosen: dict[str, dict[str, Finding]] = defaultdict(dict)
    for part, finding in mine.items():
        if part.pixels == 1 and part.targeted == targeted:
            chosen[part.network][part.strategy or "de"] = finding
    return chosen
