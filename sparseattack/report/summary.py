"""One line of a comparison's table."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Row(NamedTuple):
    """What one line of the table is about."""

    strategy: str
    encoding: str
    k: int


@dataclass(frozen=True)
class Summary:
    """One line of the table."""

    strategy: str
    encoding: str
    k: int  # pixels allowed
    images: int  # attacked
    runs: int  # images x seeds x targets
    successes: int  # verified
    success: float  # rate: mean over the images of the share of their runs
    low: float  # 95 % interval, images as trials
    high: float
    success_at: dict[int, float]  # rate within so many queries
    met: float  # rate that the rule to stop by was met at
    median_queries: float | None  # to success, failures censored; none where the middle run fails
    mean_queries: float  # failures at the budget
    mean_pixels: float | None  # changed, over successes
    queries: int  # all rows asked
    repeats: int  # of these, not shown to the oracle, for the same was shown in their turn
    oracle_seconds: float
    strategy_seconds: float
    restarts: int
    unverified: int  # fooled once, but not when shown alone: counted as failures
    errors: int  # searches given up: counted as failures
    any_target: float | None  # rate of images moved to some class, where every other class was a target

    @property
    def queries_per_second(self) -> float:
        """Of oracle and strategy together."""
        return self.queries / max(self.oracle_seconds + self.strategy_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """By name, with the rate of queries."""
        return asdict(self) | {"queries_per_second": self.queries_per_second}
