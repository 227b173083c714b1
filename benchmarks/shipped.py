"""A short measurement that anyone can repeat, beside the figures of it that are shipped."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import throughput
from benchmarks.options import BenchmarkOptions
from benchmarks.results import Benchmark
from benchmarks.timing import Spread
from sparseattack import InputError
from sparseattack.problem.oracle import EAGER

SHIPPED = Path(__file__).with_name("shipped.json")  # the results.json of a run
TITLE = "Ratios to the raw forward pass, and those shipped"
SAME = 0.05  # relative: less apart than this is no difference


@dataclass(frozen=True)
class ComparedRow:
    """The throughput of an attack in one mode, relative to the raw forward pass, here and as shipped."""

    network: str
    k: int
    strategy: str
    mode: str  # dense, library or sparse
    ratio: Spread
    shipped: Spread | None  # None where nothing is shipped for it

    @property
    def verdict(self) -> str:
        """As shipped where the two spreads meet or are hardly apart, else slower or faster."""
        if self.shipped is None:
            return "not shipped"
        if self.ratio.high < self.shipped.low * (1 - SAME):
            return "slower"
        return "faster" if self.ratio.low > self.shipped.high * (1 + SAME) else "as shipped"

    def record(self) -> dict[str, Any]:
        """The row as one JSON object."""
        return asdict(self) | {"verdict": self.verdict}


Subject = tuple[str, int, str, str]


def measure(options: BenchmarkOptions) -> Iterator[ComparedRow]:
    """A row for every attack of the throughput part and every mode of it."""
    known = shipped()
    for row in throughput.measure(options):
        subject = row.subject
        for mode, ratio in row.modes.items():
            key = subject.network, subject.k, subject.strategy, mode
            beside = known.get(key) if subject.raw_library == EAGER else None  # as those shipped
            yield ComparedRow(*key, ratio, beside)


def shipped(file: Path = SHIPPED) -> dict[Subject, Spread]:
    """The ratios of a results.json by network, k, strategy and mode; InputError where it cannot be read."""
    try:
        rows = json.loads(file.read_text("utf-8"))["results"][TITLE]
        return {
            (row["network"], row["k"], row["strategy"], row["mode"]): Spread(**row["ratio"]) for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{file} holds no figures to compare with ({type(error).__name__}): copy the results.json of"
            " python -m benchmarks --quick there"
        ) from error


COMPARISON = Benchmark[ComparedRow](
    TITLE,
    "Rows per second of a whole attack, in rows per second of the same network alone; in processor time where"
    " the options say so. *Shipped* are those of benchmarks/shipped.json, measured where that file says."
    " Ratios depend on the machine: another one may well be slower or faster in all of them.",
    measure,
    {
        "network": lambda row: row.network,
        "k": lambda row: row.k,
        "strategy": lambda row: row.strategy,
        "mode": lambda row: row.mode,
        "here": lambda row: row.ratio,
        "shipped": lambda row: row.shipped,
        "verdict": lambda row: row.verdict,
    },
)
