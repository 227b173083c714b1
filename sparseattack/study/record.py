"""What is kept of one run: one image, attacked under one condition."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Record:
    """One row of a study; its key is a digest of everything that determines the rest."""

    key: str
    strategy: str  # spec as chosen
    encoding: str
    k: int  # pixels allowed
    seed: int
    image: int  # place among the images
    image_id: str
    label: int  # true class
    target: int  # class to be reached, -1 when untargeted
    budget: int
    first_fooled: int  # query of the first success, from 1; 0 is never
    met: bool  # stopped by the rule, as where confidence:0.9 was asked for and reached
    queries: int  # rows asked
    repeats: int  # of these, not shown to the oracle, for the same was shown in their turn
    verified: bool  # the success, saved as 8 bit and shown alone, fooled the oracle again
    value: float | None  # first objective of the kept edit; none where nothing was asked
    pixels: int  # that the kept edit changes
    l2: float  # length of the change, in widths of [0, 1]
    distortion: float  # mean absolute change of a channel of the changed pixels, 0 to 255
    restarts: int
    oracle_seconds: float
    strategy_seconds: float
    before_class: int
    before_confidence: float
    after_class: int  # of a success; else -1
    after_confidence: float
    positions: list[int]  # (k,) row * W + column
    colours: list[list[int]]  # (k, C)
    trace: list[list[float]]  # (query, value) wherever the first objective became lower
    front: list[dict[str, Any]]  # Pareto set, where there are several objectives
    error: str  # why the search was given up

    @property
    def success(self) -> bool:
        """Fooled, and fooled again when shown alone."""
        return self.first_fooled > 0 and self.verified

    @property
    def cost(self) -> int:
        """Queries to success; a failure is censored at the budget."""
        return self.first_fooled if self.success else self.budget

    def to_dict(self) -> dict[str, Any]:
        """By field name."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Self:
        """The inverse of ``to_dict``; flags may have become numbers."""
        return cls(**(row | {name: bool(row[name]) for name in ("verified", "met")}))


COLUMNS = {field.name: field.type for field in fields(Record)}
