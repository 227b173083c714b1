"""Rows of the ImageNet columns of Tables IV and VI of the one-pixel paper.

A table: rows over networks, each cell a function of finished studies, the paper's figure beside it.

Rows of Tables IV to VII of the one-pixel paper, its Kaggle images replaced by the original test set.

Rows of Table VIII of the one-pixel paper, the original CIFAR-10 test set, and of our own beside them.

The tables that can be measured again, by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sparseattack.errors import InputError
from sparseattack.plugins.spec import oracle_spec

from . import metrics, paper
from .metrics import Measure
from .part import Finding, Part

Metric = Callable[..., Measure | None]
"""Of as many findings as the row has parts."""


@dataclass(frozen=True)
class Row:
    """One metric of one network, and the parts it is measured on."""

    name: str
    metric: Metric
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Cell:
    """A row's figure of one network, ours and the paper's; None where there is none."""

    row: str
    network: str
    ours: Measure | None
    paper: Measure | None
    studies: tuple[str, ...] = ()  # names of the files that ours is a function of

    @property
    def verdict(self) -> str:
        """Where the paper's figure lies: inside our interval, outside though the intervals meet, or apart."""
        if self.ours is None or self.paper is None or self.ours.interval is None:
            return ""
        if self.ours.holds(self.paper):
            return "inside"
        return "overlap" if self.ours.meets(self.paper) else "outside"

    def to_dict(self) -> dict[str, Any]:
        """Flat, for a machine."""
        both = {"ours": self.ours, "paper": self.paper}
        told: dict[str, Any] = {"row": self.row, "network": self.network}
        for name, measure in both.items():
            values = measure.to_dict() if measure else dict.fromkeys(("value", "count", "low", "high"))
            told |= {name if key == "value" else f"{name}_{key}": value for key, value in values.items()}
        return told | {"verdict": self.verdict, "studies": " ".join(self.studies)}


@dataclass(frozen=True)
class Table:
    """One of the paper's tables, or what stands in its place."""

    name: str
    title: str
    rows: Callable[[str], tuple[Row, ...]]  # of a network; of every network as many, and called the same
    networks: tuple[str, ...]

    def parts(self) -> list[Part]:
        """All that has to be run for it, quick ones first."""
        every = dict.fromkeys(part for one in self.networks for row in self.rows(one) for part in row.parts)
        return sorted(every, key=lambda part: (part.targeted, part.pixels, part.strategy != ""))

    def cells(self, found: Mapping[Part, Finding]) -> list[Cell]:
        """Every row of every network, from what was found."""
        columns = [[self._cell(row, one, found) for row in self.rows(one)] for one in self.networks]
        return [cell for row in zip(*columns, strict=True) for cell in row]

    def _cell(self, row: Row, network: str, found: Mapping[Part, Finding]) -> Cell:
        printed = paper.TABLES[self.name].get(row.name, {}).get(column(self.name, network))
        if not all(part in found for part in row.parts):
            return Cell(row.name, network, None, printed)
        findings = [found[part] for part in row.parts]
        studies = tuple(finding.path.name for finding in findings)
        return Cell(row.name, network, row.metric(*findings), printed, studies)


def on_runs(metric: Metric) -> Metric:
    """A metric of runs as one of findings."""
    return lambda *findings: metric(*(finding.records for finding in findings))


def column(table: str, network: str) -> str:
    """The paper's network beside ``network``: on ImageNet the only one that it has, whatever ours is."""
    return "alexnet" if table == "imagenet" else oracle_spec(network).name


PIXELS = 3  # where the paper has no number for a network


def one_pixel(network: str) -> tuple[Row, ...]:
    """Table IV: success, confidence, classes reached."""
    part = _kaggle_part(network)
    return (
        Row(paper.ACCURACY, lambda finding: finding.accuracy, (part,)),
        *_success(part),
        Row(paper.CLASSES, on_runs(metrics.mean_classes), (part,)),
    )


def more_pixels(network: str) -> tuple[Row, ...]:
    """Table V: three pixels, or five on NiN."""
    return _success(_kaggle_part(network, paper.PIXELS.get(oracle_spec(network).name, PIXELS)))


def cost(network: str) -> tuple[Row, ...]:
    """Table VI: what a success costs and changes; beside it queries to first success."""
    return *price(_kaggle_part(network)), *queries(_kaggle_part(network))


def beside_random(network: str) -> tuple[Row, ...]:
    """Table VII: differential evolution, and random search under the same budget."""
    derived, confidence = on_runs(metrics.derived_success_rate), on_runs(metrics.confidence)
    evolved, random = (_kaggle_part(network),), (_kaggle_part(network, strategy="random"),)
    return (
        Row(paper.DERIVED, derived, evolved),
        Row(paper.CONFIDENCE, confidence, evolved),
        Row(paper.RANDOM, derived, random),
        Row(paper.RANDOM_CONFIDENCE, confidence, random),
    )


def price(part: Part) -> tuple[Row, ...]:
    """Evaluations and distortion."""
    return (
        Row(paper.EVALUATIONS, on_runs(metrics.evaluations), (part,)),
        Row(paper.DISTORTION, on_runs(metrics.distortion), (part,)),
    )


def queries(part: Part, name: str = "") -> tuple[Row, ...]:
    """Queries to first success, those of failures among them; ``name`` ends what the rows are called."""
    return (
        Row(f"{paper.MEDIAN}{name}", on_runs(metrics.median_queries), (part,)),
        Row(f"{paper.MEAN}{name}", on_runs(metrics.mean_queries), (part,)),
    )


def _kaggle_part(network: str, pixels: int = 1, strategy: str = "") -> Part:
    """Nine targeted runs of every image."""
    return Part("kaggle-like", True, pixels, strategy, network)


def _success(part: Part) -> tuple[Row, ...]:
    return (
        Row(paper.TARGETED, on_runs(metrics.success_rate), (part,)),
        Row(paper.DERIVED, on_runs(metrics.derived_success_rate), (part,)),
        Row(paper.CONFIDENCE, on_runs(metrics.confidence), (part,)),
    )


def photographs(network: str) -> tuple[Row, ...]:
    """Accuracy, untargeted success, confidence, cost, distortion."""
    part = Part("imagenet", False, 1, "", network)
    return (
        Row(paper.ACCURACY, lambda finding: finding.accuracy, (part,)),
        Row(paper.UNTARGETED, on_runs(metrics.success_rate), (part,)),
        Row(paper.UNTARGETED_CONFIDENCE, on_runs(metrics.confidence), (part,)),
        *price(part),
        *queries(part),
    )


NAMES = {"exhaustive": ", every pixel in every corner colour"}  # of strategies, in a row


def original(network: str, pixels: Sequence[int], strategies: Sequence[str]) -> tuple[Row, ...]:
    """The paper's rows; then our own: more pixels, and other ``strategies`` with one."""
    targeted, untargeted = Part("original-cifar10", True, 1, "", network), _original_part(network)
    return (
        Row(paper.TARGETED, on_runs(metrics.success_rate), (targeted,)),
        Row(paper.DERIVED, on_runs(metrics.derived_success_rate), (targeted,)),
        Row(paper.CONFIDENCE, on_runs(metrics.confidence), (targeted,)),
        Row(paper.UNTARGETED, on_runs(metrics.success_rate), (untargeted,)),
        Row(paper.UNTARGETED_CONFIDENCE, on_runs(metrics.confidence), (untargeted,)),
        Row(paper.ACCURACY, lambda finding: finding.accuracy, (untargeted,)),
        Row(paper.CLASSES, on_runs(metrics.mean_classes), (targeted,)),
        *price(untargeted),
        *queries(untargeted),
        *(row for k in pixels if k > 1 for row in _more(network, k)),
        *(row for strategy in strategies for row in _beside(network, strategy)),
    )


def _original_part(network: str, pixels: int = 1, strategy: str = "") -> Part:
    return Part("original-cifar10", False, pixels, strategy, network)


def _more(network: str, pixels: int) -> tuple[Row, ...]:
    part, name = _original_part(network, pixels), f", {pixels} pixels"
    return (
        Row(f"{paper.UNTARGETED}{name}", on_runs(metrics.success_rate), (part,)),
        Row(f"{paper.UNTARGETED_CONFIDENCE}{name}", on_runs(metrics.confidence), (part,)),
        *queries(part, name),
    )


def _beside(network: str, strategy: str) -> tuple[Row, ...]:
    evolved, other = _original_part(network), _original_part(network, strategy=strategy)
    name = NAMES.get(strategy, f", {strategy}")
    success = Row(f"{paper.UNTARGETED}{name}", on_runs(metrics.success_rate), (other,))
    if not other.exhaustive:
        return success, *queries(other, name)
    return (
        success,
        *queries(other, name),
        Row(paper.FOUND, on_runs(metrics.share_found), (evolved, other)),
        Row(paper.CORNERS, on_runs(metrics.share_found), (other, evolved)),
    )


TITLES = {
    "4": "Table IV: one pixel, Kaggle-like",
    "5": "Table V: three pixels (NiN: five), Kaggle-like",
    "6": "Table VI: what a success costs and changes, one pixel, Kaggle-like",
    "7": "Table VII: random search beside differential evolution, one pixel, Kaggle-like",
    "8": "Table VIII: original CIFAR-10 test set, one pixel",
    "imagenet": "Tables IV and VI, ImageNet: one pixel",
}
KAGGLE = {"4": one_pixel, "5": more_pixels, "6": cost, "7": beside_random}


def names(text: str) -> list[str]:
    """``4,8`` or ``all`` as names of tables; InputError for others."""
    chosen = list(TITLES) if text == "all" else [part.strip() for part in text.split(",")]
    if unknown := [name for name in chosen if name not in TITLES]:
        raise InputError(f"there is no table {unknown[0]!r}, only {', '.join(TITLES)} and all")
    return list(dict.fromkeys(chosen))


def table(
    name: str, networks: Sequence[str], *, pixels: Sequence[int] = (1,), strategies: Sequence[str] = ()
) -> Table:
    """The table called so, of ``networks``; ``pixels`` and ``strategies`` are for our rows of Table VIII."""
    if name == "8":
        rows = partial(original, pixels=pixels, strategies=strategies)
        return Table(name, TITLES[name], rows, tuple(networks))
    if name == "imagenet":
        return Table(name, TITLES[name], photographs, tuple(networks))
    lacking = {"vgg16"} if name == "5" else set()  # of the paper's networks, but not in its Table V
    chosen = tuple(network for network in networks if oracle_spec(network).name not in lacking)
    return Table(name, TITLES[name], KAGGLE[name], chosen)
