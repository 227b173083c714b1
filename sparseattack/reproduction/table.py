"""A table: rows over networks, each cell a function of finished studies, the paper's figure beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sparseattack.plugins.shortcuts import oracle_spec

from . import paper
from .finding import Finding
from .measure import Measure
from .part import Part

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
