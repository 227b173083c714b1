"""The paper's tables: rows over networks, each cell computed from finished studies, the paper's beside it.

Tables IV to VII are the paper's Kaggle tables, measured on the original test set. Table VIII has rows of our
own below the paper's. The table imagenet has the ImageNet columns of Tables IV and VI.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sparseattack.errors import InputError
from sparseattack.plugins.spec import oracle_spec, parse

from . import metrics, paper
from .metrics import Measure, Records
from .studies import FinishedStudy, PlannedStudy

PIXELS = 3  # in Table V, for networks that the paper does not have there
CORNER_QUERIES = 8 * 32 * 32  # every pixel of a CIFAR-10 image in every corner colour

TITLES = {
    "4": "Table IV: one pixel, Kaggle-like",
    "5": "Table V: three pixels (NiN: five), Kaggle-like",
    "6": "Table VI: queries and distortion of a success, one pixel, Kaggle-like",
    "7": "Table VII: random search beside differential evolution, one pixel, Kaggle-like",
    "8": "Table VIII: original CIFAR-10 test set, one pixel",
    "imagenet": "Tables IV and VI, ImageNet: one pixel",
}


@dataclass(frozen=True)
class TableRow:
    """One metric of one network, and the studies it is computed from."""

    name: str
    metric: Callable[..., Measure | None]  # of one finished study for each of ``studies``
    studies: tuple[PlannedStudy, ...]


@dataclass(frozen=True)
class TableCell:
    """One metric of one network, ours and the paper's; None if there is none."""

    row: str
    network: str
    ours: Measure | None
    paper: Measure | None
    studies: tuple[str, ...] = ()  # names of the files that ours is computed from

    @property
    def verdict(self) -> str:
        """The paper's value is inside our interval, outside it but the intervals overlap, or outside."""
        if self.ours is None or self.paper is None or self.ours.interval is None:
            return ""
        if self.ours.holds(self.paper):
            return "inside"
        return "overlap" if self.ours.meets(self.paper) else "outside"

    def to_dict(self) -> dict[str, Any]:
        """The cell as one flat row of CSV or JSON."""
        row: dict[str, Any] = {"row": self.row, "network": self.network}
        for name, measure in {"ours": self.ours, "paper": self.paper}.items():
            values = measure.to_dict() if measure else dict.fromkeys(("value", "count", "low", "high"))
            row |= {name if key == "value" else f"{name}_{key}": value for key, value in values.items()}
        return row | {"verdict": self.verdict, "studies": " ".join(self.studies)}


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper, or the one that replaces it."""

    name: str
    title: str
    rows: Callable[[str], tuple[TableRow, ...]]  # of a network; every network has the same row names
    networks: tuple[str, ...]

    def studies(self) -> list[PlannedStudy]:
        """All studies of the table, quick ones first."""
        rows = [row for network in self.networks for row in self.rows(network)]
        every = dict.fromkeys(planned for row in rows for planned in row.studies)
        return sorted(every, key=lambda planned: (planned.targeted, planned.pixels, planned.strategy != ""))

    def cells(self, finished: Mapping[PlannedStudy, FinishedStudy]) -> list[TableCell]:
        """Every row of every network, from the finished studies."""
        columns = [
            [self._cell(row, network, finished) for row in self.rows(network)] for network in self.networks
        ]
        return [cell for row in zip(*columns, strict=True) for cell in row]

    def _cell(self, row: TableRow, network: str, finished: Mapping[PlannedStudy, FinishedStudy]) -> TableCell:
        printed = paper.TABLES[self.name].get(row.name, {}).get(paper_column(self.name, network))
        if not all(planned in finished for planned in row.studies):
            return TableCell(row.name, network, None, printed)
        studies = [finished[planned] for planned in row.studies]
        files = tuple(study.path.name for study in studies)
        return TableCell(row.name, network, row.metric(*studies), printed, files)


def paper_column(table: str, network: str) -> str:
    """The paper's network that ``network`` is compared with: for ImageNet AlexNet, its only one."""
    return "alexnet" if table == "imagenet" else oracle_spec(network).name


def table_names(text: str) -> list[str]:
    """The names of tables in ``4,8`` or ``all``, each once; InputError for unknown ones."""
    names = list(TITLES) if text == "all" else [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in TITLES]:
        raise InputError(f"there is no table {unknown[0]!r}, only {', '.join(TITLES)} and all")
    return list(dict.fromkeys(names))


def make_table(
    name: str, networks: Sequence[str], *, pixels: Sequence[int] = (1,), strategies: Sequence[str] = ()
) -> PaperTable:
    """The table ``name`` of ``networks``; ``pixels`` and ``strategies`` are our own rows of Table VIII."""
    rows: dict[str, Callable[[str], tuple[TableRow, ...]]] = {
        "4": one_pixel,
        "5": more_pixels,
        "6": cost,
        "7": random_search,
        "8": partial(original_images, pixels=pixels, strategies=strategies),
        "imagenet": photographs,
    }
    lacking = {"vgg16"} if name == "5" else set()  # networks of the paper that its Table V does not have
    chosen = tuple(network for network in networks if oracle_spec(network).name not in lacking)
    return PaperTable(name, TITLES[name], rows[name], chosen)


def _metric(name: str, metric: Callable[..., Measure | None], *studies: PlannedStudy) -> TableRow:
    """A row of a metric of records, one argument for each study."""

    def of_studies(*finished: FinishedStudy) -> Measure | None:
        records: list[Records] = [study.records for study in finished]
        return metric(*records)

    return TableRow(name, of_studies, studies)


def _accuracy(planned: PlannedStudy) -> TableRow:
    return TableRow(paper.ACCURACY, lambda study: study.accuracy, (planned,))


def _targeted(planned: PlannedStudy) -> tuple[TableRow, ...]:
    """Success rates and confidence of targeted runs."""
    return (
        _metric(paper.TARGETED, metrics.success_rate, planned),
        _metric(paper.DERIVED, metrics.derived_success_rate, planned),
        _metric(paper.CONFIDENCE, metrics.confidence, planned),
    )


def _untargeted(planned: PlannedStudy, suffix: str = "") -> tuple[TableRow, ...]:
    """Success rate and confidence of untargeted runs; ``suffix`` ends the names of the rows."""
    return (
        _metric(f"{paper.UNTARGETED}{suffix}", metrics.success_rate, planned),
        _metric(f"{paper.UNTARGETED_CONFIDENCE}{suffix}", metrics.confidence, planned),
    )


def _price(planned: PlannedStudy) -> tuple[TableRow, ...]:
    """Evaluations and distortion of a success."""
    return (
        _metric(paper.EVALUATIONS, metrics.evaluations, planned),
        _metric(paper.DISTORTION, metrics.distortion, planned),
    )


def _queries(planned: PlannedStudy, suffix: str = "") -> tuple[TableRow, ...]:
    """Queries to first success, those of failures included; ``suffix`` ends the names of the rows."""
    return (
        _metric(f"{paper.MEDIAN}{suffix}", metrics.median_queries, planned),
        _metric(f"{paper.MEAN}{suffix}", metrics.mean_queries, planned),
    )


def _kaggle(network: str, pixels: int = 1, strategy: str = "") -> PlannedStudy:
    """Nine targeted runs of every image."""
    return PlannedStudy("kaggle-like", True, pixels, strategy, network)


def one_pixel(network: str) -> tuple[TableRow, ...]:
    """Table IV: accuracy, success, confidence, classes reached."""
    planned = _kaggle(network)
    classes = _metric(paper.CLASSES, metrics.mean_classes, planned)
    return _accuracy(planned), *_targeted(planned), classes


def more_pixels(network: str) -> tuple[TableRow, ...]:
    """Table V: three pixels, or five on NiN."""
    return _targeted(_kaggle(network, paper.PIXELS.get(oracle_spec(network).name, PIXELS)))


def cost(network: str) -> tuple[TableRow, ...]:
    """Table VI: evaluations and distortion of a success, and queries to first success."""
    return *_price(_kaggle(network)), *_queries(_kaggle(network))


def random_search(network: str) -> tuple[TableRow, ...]:
    """Table VII: differential evolution, and random search under the same budget."""
    evolved, random = _kaggle(network), _kaggle(network, strategy="random")
    return (
        _metric(paper.DERIVED, metrics.derived_success_rate, evolved),
        _metric(paper.CONFIDENCE, metrics.confidence, evolved),
        _metric(paper.RANDOM, metrics.derived_success_rate, random),
        _metric(paper.RANDOM_CONFIDENCE, metrics.confidence, random),
    )


def original_images(network: str, pixels: Sequence[int], strategies: Sequence[str]) -> tuple[TableRow, ...]:
    """Table VIII: the paper's rows, then ours: more ``pixels``, and other ``strategies`` with one pixel."""
    targeted = PlannedStudy("original-cifar10", True, network=network)
    untargeted = PlannedStudy("original-cifar10", False, network=network)
    return (
        *_targeted(targeted),
        *_untargeted(untargeted),
        _accuracy(untargeted),
        _metric(paper.CLASSES, metrics.mean_classes, targeted),
        *_price(untargeted),
        *_queries(untargeted),
        *(row for k in pixels if k > 1 for row in _with_pixels(network, k)),
        *(row for strategy in strategies for row in _with_strategy(network, strategy)),
    )


def _with_pixels(network: str, pixels: int) -> tuple[TableRow, ...]:
    planned, suffix = PlannedStudy("original-cifar10", False, pixels, "", network), f", {pixels} pixels"
    return *_untargeted(planned, suffix), *_queries(planned, suffix)


def _with_strategy(network: str, strategy: str) -> tuple[TableRow, ...]:
    if parse(strategy).name == "exhaustive":
        return _exhaustive(network, strategy)
    planned, suffix = PlannedStudy("original-cifar10", False, 1, strategy, network), f", {strategy}"
    success = _metric(f"{paper.UNTARGETED}{suffix}", metrics.success_rate, planned)
    return success, *_queries(planned, suffix)


def _exhaustive(network: str, strategy: str) -> tuple[TableRow, ...]:
    """Every pixel in every corner colour, whatever the budget, and the share that DE finds."""
    evolved = PlannedStudy("original-cifar10", False, network=network)
    corners = PlannedStudy(
        "original-cifar10", False, 1, strategy, network, encoding="corners", budget=CORNER_QUERIES
    )
    suffix = ", every pixel in every corner colour" if strategy == "exhaustive" else f", {strategy}"
    return (
        _metric(f"{paper.UNTARGETED}{suffix}", metrics.success_rate, corners),
        *_queries(corners, suffix),
        _metric(paper.FOUND, metrics.share_found, evolved, corners),
        _metric(paper.CORNERS, metrics.share_found, corners, evolved),
    )


def photographs(network: str) -> tuple[TableRow, ...]:
    """The ImageNet columns of Tables IV and VI, and queries to first success."""
    planned = PlannedStudy("imagenet", False, network=network)
    return _accuracy(planned), *_untargeted(planned), *_price(planned), *_queries(planned)
