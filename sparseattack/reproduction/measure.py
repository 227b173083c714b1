"""A number that was measured or printed, and whether two of them agree."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sparseattack.report.statistics import wilson

Kind = Literal["rate", "share", "number"]
"""A rate is successes over trials and has an interval; a share is any other mean in [0, 1]."""


@dataclass(frozen=True)
class Measure:
    """A value, and over how many it was taken."""

    value: float
    count: int  # trials of a rate (images), or what the mean is over; 0 is not known
    kind: Kind

    @cached_property
    def interval(self) -> tuple[float, float] | None:
        """95 % score interval of a rate (Wilson, 1927); None where there is no count."""
        return wilson(self.value, self.count) if self.kind == "rate" and self.count else None

    def holds(self, other: "Measure") -> bool | None:
        """Whether the value of ``other`` lies in the interval; None without one."""
        return None if self.interval is None else self.interval[0] <= other.value <= self.interval[1]

    def meets(self, other: "Measure") -> bool | None:
        """Whether the two intervals have a value in common; None without both."""
        if self.interval is None or other.interval is None:
            return None
        return max(self.interval[0], other.interval[0]) <= min(self.interval[1], other.interval[1])

    def to_dict(self) -> dict[str, Any]:
        """Value, count and interval; what is infinite is None."""
        low, high = self.interval or (None, None)
        value = self.value if abs(self.value) < float("inf") else None
        return {"value": value, "count": self.count, "low": low, "high": high}
