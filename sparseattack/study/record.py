"""A record: what a study holds of one run, which is one image attacked under one condition."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from sparseattack.errors import InputError
from sparseattack.study.facts import conform


@dataclass(frozen=True)
class FrontPoint:
    """One edit of a Pareto set, as JSON holds it."""

    values: list[float]  # M
    positions: list[int]  # (k,) row * W + column
    colours: list[list[int]]  # (k, C)


@dataclass(frozen=True)
class Record:
    """One row of a study; its key is a digest of everything that determines the rest."""

    key: str
    method: str  # key of all that it was attacked with, but the seed
    strategy: str  # spec as it was first chosen
    encoding: str
    fitness: str
    k: int  # pixels allowed
    seed: int
    image: int  # number among the images of the study
    image_id: str
    image_key: str
    label: int  # true class
    target: int  # class to be reached, -1 when untargeted
    budget: int
    first_fooled: int  # query of the first success, from 1; 0 is never
    met: bool | None  # whether the stopping criterion was met; None is not known
    queries: int  # charged, at most the budget
    repeats: int  # of the queries, duplicates that the oracle did not evaluate; -1 is not known
    verifications: int  # evaluations singly or in full precision, which are no queries; -1 is not known
    shown: int  # queries that the oracle evaluated, or that were sent to its server; -1 is not known
    attempts: int  # images sent to a server, each time, verifications too; 0 where none is; -1 is not known
    flat: int  # queries of exactly the clean image's value, of a fitness of scores alone; -1 is not known
    verified: bool  # whether the success, saved as 8 bit and classified singly, fools the oracle again
    value: float | None  # first objective of the best edit; None where nothing was evaluated, or not known
    pixels: int  # that the best edit changes, of a failed whole image perhaps more than k; -1 is not known
    l2: float | None  # length of the change, colours in [0, 1]; None is not known
    distortion: float | None  # mean absolute change of a channel of the changed pixels, 0 to 255
    restarts: int  # -1 is not known
    oracle_seconds: float | None
    strategy_seconds: float | None
    before_class: int
    before_confidence: float
    after_class: int  # of a success; else -1
    after_confidence: float
    positions: list[int]  # (k,) row * W + column, or (pixels,) of a whole image; empty is not known
    colours: list[list[int]]  # (k, C)
    trace: list[list[float]]  # (query, first objective), or pixels with --stop fewest, wherever that fell
    front: list[FrontPoint]  # Pareto set, where there are several objectives
    error: str  # why the search failed
    sparse: bool  # whether edits were evaluated by sparse inference
    environment: str  # key of the machine and the versions

    @property
    def success(self) -> bool:
        """Whether a query fooled the oracle, and its verification did."""
        return self.first_fooled > 0 and self.verified

    @property
    def cost(self) -> int:
        """Queries to success; a failure is censored at the budget."""
        return self.first_fooled if self.success else self.budget

    @property
    def ended(self) -> bool:
        """Whether the search ended before its budget, so that it is the same under any larger one.

        One that met the criterion with its last query may have been cut within a generation.
        """
        return self.queries < self.budget and not self.error

    def at_budget(self, budget: int, stop: str) -> Self:
        """What the run was after ``budget`` queries; its strategy must not use the budget.

        Where the run went on after that, what is not known of the time before is -1, None or empty: a
        success is known by its query, and the best edit's value by the trace while there is no success. With
        the stopping criterion ``stop="success"`` the first success is the best edit; when another criterion
        was met, and which success was best before, is not known. Raises InputError for a budget that the run
        has not come to.
        """
        if budget > self.budget and not self.ended:
            raise InputError(f"run {self.key} was ended by its budget of {self.budget}, below {budget}")
        if self.queries <= budget:
            return replace(self, budget=budget)
        early = 0 < self.first_fooled <= budget
        trace = [step for step in self.trace if step[0] <= budget]
        cut = replace(self, budget=budget, queries=budget, trace=trace, error="", **OF_ALL_QUERIES)
        if early and stop == "success":
            return cut
        return replace(
            cut,
            first_fooled=self.first_fooled if early else 0,
            verified=early and self.verified,
            met=None if early and self.met else False,
            value=trace[-1][1] if trace and not early else None,
            **OF_BEST_EDIT,
        )

    def to_dict(self) -> dict[str, Any]:
        """By column: the fields, with ``success`` and ``cost`` after the budget."""
        held = asdict(self)
        return {name: getattr(self, name) if name in ("success", "cost") else held[name] for name in COLUMNS}

    @classmethod
    def from_dict(cls, row: dict[str, object]) -> Self:
        """The inverse of ``to_dict``; InputError for values of another type, and for impossible ones."""
        known = {name: value for name, value in row.items() if name not in ("success", "cost")}
        record: Self = conform(cls, known, "run")
        holds = record.invariants()
        holds["success"] = row.get("success", record.success) == record.success
        holds["cost"] = row.get("cost", record.cost) == record.cost
        if impossible := [what for what, held in holds.items() if not held]:
            raise InputError(f"a run's {impossible[0]} cannot be")
        return record

    def invariants(self) -> dict[str, bool]:
        """What holds for the fields of every run, by what it is about."""
        edits = [(self.positions, self.colours), *((point.positions, point.colours) for point in self.front)]
        counts = (self.label, self.image, self.seed, self.before_class)
        may_be_unknown = (self.target, self.after_class, self.repeats, self.verifications, self.restarts,
                          self.shown, self.attempts, self.flat)  # fmt: skip
        lengths = (self.oracle_seconds, self.strategy_seconds, self.l2, self.distortion)
        whole = self.fitness == WHOLE
        sizes = (0, self.k, self.pixels) if whole else (0, self.k)
        return {
            "numbers": min(self.k - 1, *counts, *(each + 1 for each in may_be_unknown)) >= 0,
            "queries": 0 <= self.first_fooled <= self.queries <= self.budget
            and max(self.repeats, self.shown, self.flat) <= self.queries,
            "verification": self.first_fooled > 0 or not self.verified,
            "pixels": all(len(places) == len(colours) in sizes for places, colours in edits)
            and self.pixels >= -1
            and (self.pixels <= self.k or (whole and not self.success)),
            "positions": all(place >= 0 for places, _ in edits for place in places),
            "colours": all(0 <= level <= WHITE for _, colours in edits for one in colours for level in one),
            "trace": all(len(step) == len(("query", "value")) for step in self.trace),
            "confidences": all(0 <= each <= 1 for each in (self.before_confidence, self.after_confidence)),
            "times": all(each is None or each >= 0 for each in lengths),
        }


WHITE = 255  # highest level of a channel
WHOLE = "fooling-l0"  # fitness of searches over whole images, of which only what differs is stored
FIELDS = tuple(field.name for field in fields(Record))
COLUMNS = tuple(
    name for field in FIELDS for name in ((field, "success", "cost") if field == "budget" else (field,))
)
OF_IMAGE = {
    "image_id": "id",
    "label": "label",
    "before_class": "predicted",
    "before_confidence": "confidence",
}
"""Columns of a run that its image has, and their names there."""
SENT = ("shown", "attempts", "flat")
"""Columns of a run that stand in a fact of their own, where they are not those of most runs."""
RUN_COLUMNS = tuple(name for name in COLUMNS if name not in {*OF_IMAGE, "image", *SENT})
"""Columns of the table of runs."""
NESTED = ("positions", "colours", "trace", "front")  # columns that hold JSON
FLAGS = ("success", "met", "verified", "sparse")  # columns that hold 0 or 1
OF_ALL_QUERIES: dict[str, Any] = {
    **dict.fromkeys(("repeats", "verifications", "shown", "attempts", "flat"), -1),
    **dict.fromkeys(("oracle_seconds", "strategy_seconds")),
}
"""What is not known of a run before its last query."""
OF_BEST_EDIT: dict[str, Any] = {
    **dict.fromkeys(("pixels", "restarts", "after_class"), -1),
    **dict.fromkeys(("l2", "distortion")),
    "after_confidence": 0.0,
    "positions": [],
    "colours": [],
    "front": [],
}
"""What is not known before the best edit was found."""
