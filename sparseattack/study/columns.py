"""The columns of all runs that tables need, as arrays: a million runs fit, and none is an object.

What a record checks of one run is checked here of all of them at once. What is nested is not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import InputError
from sparseattack.provenance import digest
from sparseattack.study.record import FLAGS, Record
from sparseattack.study.store import Study
from sparseattack.study.tables import BEFORE, ImageRow

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]

AT_ONCE = 50_000  # rows
LARGEST = 2**62  # of a number
NUMBERS = ("k", "seed", "target", "budget", "first_fooled", "cost", "queries", "repeats", "verifications",
           "pixels", "restarts", "after_class")  # fmt: skip
REALS = ("value", "l2", "distortion", "oracle_seconds", "strategy_seconds", "after_confidence")
NAMES = ("key", "method", "strategy", "encoding", "fitness", "image_key", "error", "environment", "details")
NOT_KNOWN = -1


@dataclass(frozen=True)
class Columns:
    """Runs side by side, ``(R,)`` each; a number that is not known is -1, a time NaN."""

    method: NDArray[np.object_]  # keys
    image: Numbers  # number in the study
    seed: Numbers
    target: Numbers
    budget: Numbers
    first_fooled: Numbers
    met: Numbers  # 0 or 1
    verified: Flags
    queries: Numbers
    repeats: Numbers
    verifications: Numbers
    pixels: Numbers
    restarts: Numbers
    after_class: Numbers  # of a success
    oracle_seconds: Reals
    strategy_seconds: Reals
    failed: Flags  # whether the search ended with an error
    right: Flags  # whether the clean image was classified as its true class
    sparse: Flags
    environment: NDArray[np.object_]  # keys

    def __len__(self) -> int:
        return len(self.image)

    @property
    def success(self) -> Flags:
        """Whether a query fooled the oracle, and its verification did."""
        found: Flags = (self.first_fooled > 0) & self.verified
        return found

    @property
    def cost(self) -> Numbers:
        """Queries to success; a failure is censored at the budget."""
        return np.where(self.success, self.first_fooled, self.budget)

    @property
    def ended(self) -> Flags:
        """Whether the search ended before its budget, so that it is the same under any larger one."""
        found: Flags = (self.queries < self.budget) & ~self.failed
        return found

    def at(self, rows: Any) -> Self:
        """Some of the runs, by a mask or by their places."""
        return replace(self, **{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def at_budget(self, budget: int, stop: str) -> Self:
        """Those that have come to a ``budget``, as `Record.at_budget` says."""
        here = self.at(self.ended | (self.budget >= budget))
        longer = here.queries > budget
        early = (here.first_fooled > 0) & (here.first_fooled <= budget)
        unsure = longer & early & (here.met == 1) & (stop != "success")
        met = np.where(longer & ~early, 0, np.where(unsure, NOT_KNOWN, here.met))
        other = longer & ~(early & (stop == "success"))  # the best edit may have been another one
        unknown = {
            name: np.where(which, NOT_KNOWN, getattr(here, name))
            for which, names in (
                (longer, ("repeats", "verifications")),
                (other, ("pixels", "restarts", "after_class")),
            )
            for name in names
        }
        times = {name: np.where(longer, np.nan, getattr(here, name)) for name in
                 ("oracle_seconds", "strategy_seconds")}  # fmt: skip
        return replace(
            here,
            budget=np.full_like(here.budget, budget),
            queries=np.minimum(here.queries, budget),
            first_fooled=np.where(longer & ~early, 0, here.first_fooled),
            verified=here.verified & ~(longer & ~early),
            met=met,
            failed=here.failed & ~longer,
            **unknown,
            **times,
        )

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self:
        """The columns of records."""
        held: dict[str, list[Any]] = {one.name: [] for one in fields(cls)}
        for record in records:
            for name, values in held.items():
                if name == "failed":
                    values.append(bool(record.error))
                elif name == "right":
                    values.append(record.before_class == record.label)
                else:
                    values.append(getattr(record, name))
        held["met"] = [NOT_KNOWN if met is None else int(met) for met in held["met"]]
        return cls(**{name: _array(name, values) for name, values in held.items()})


def _array(name: str, values: Sequence[Any]) -> NDArray[Any]:
    if name in ("method", "environment"):
        array: NDArray[Any] = np.empty(len(values), object)
        array[:] = values
        return array
    kinds = {"verified": bool, "failed": bool, "right": bool, "sparse": bool}
    reals = ("oracle_seconds", "strategy_seconds")
    return np.array(values, kinds.get(name, np.float64 if name in reals else np.int64))


def read_columns(study: Study) -> Columns:
    """The columns of all runs of a study; InputError for a damaged one."""
    images, numbers = study.images(), study.image_numbers()
    parts = []
    with study.damage():
        for rows in study.rows_of("run", BEFORE["run"], AT_ONCE):
            parts.append(_columns(rows, images, numbers))
    if not parts:
        return Columns.of(())
    whole = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Columns)}
    return Columns(**whole)


def _columns(
    rows: list[tuple[Any, ...]], images: Mapping[str, ImageRow], numbers: Mapping[str, int]
) -> Columns:
    """The columns of some rows of the table of runs, each with its checksum last."""
    if any(digest(row[:-1]) != row[-1] for row in rows):
        raise InputError("a row of table run does not fit its checksum")
    held = dict(zip(BEFORE["run"], zip(*rows, strict=False), strict=False))
    _check_types(held)
    array = {name: np.array(held[name]) for name in (*NUMBERS, "met", "success", "verified", "sparse")}
    if lacking := [key for key in set(held["image_key"]) if key not in images or key not in numbers]:
        raise InputError(f"the image {lacking[0]} of a run is missing")
    shown = [images[key] for key in held["image_key"]]
    found = Columns(
        method=_array("method", _shared(held["method"])),
        image=np.array([numbers[key] for key in held["image_key"]], np.int64),
        failed=np.array([error != "" for error in held["error"]], bool),
        right=np.array([image.predicted == image.label for image in shown], bool),
        environment=_array("environment", _shared(held["environment"])),
        oracle_seconds=np.array(held["oracle_seconds"], float),
        strategy_seconds=np.array(held["strategy_seconds"], float),
        verified=array["verified"].astype(bool),
        sparse=array["sparse"].astype(bool),
        **{name: array[name].astype(np.int64) for name in ("met", *NUMBERS) if name in _names()},
    )
    _check_values(found, held, array)
    return found


def _names() -> set[str]:
    return {one.name for one in fields(Columns)}


def _shared(texts: Sequence[str]) -> list[str]:
    """The same texts, equal ones as one object."""
    known: dict[str, str] = {}
    return [known.setdefault(text, text) for text in texts]


def _check_types(held: Mapping[str, Sequence[Any]]) -> None:
    """Refuse a value of another type than its column has."""
    for names, kinds in ((NUMBERS, {int}), (FLAGS, {int}), (NAMES, {str}), (REALS, {int, float, type(None)})):
        for name in names:
            if wrong := set(map(type, held[name])) - kinds:
                raise InputError(f"a run's {name} is {wrong.pop().__name__}")
            if kinds == {int} and max(map(abs, held[name])) > LARGEST:
                raise InputError(f"a run's {name} is too large")


def _check_values(found: Columns, held: Mapping[str, Sequence[Any]], array: Mapping[str, Any]) -> None:
    """Refuse what no run can be, as `Record.invariants` does for one."""
    reals = {name: np.array([0 if value is None else value for value in held[name]], float) for name in REALS}
    flags = np.stack([array[name] for name in FLAGS])
    from_minus_one = ("target", "repeats", "verifications", "restarts", "after_class", "pixels")
    unknown = np.stack([array[name] for name in from_minus_one])
    holds = {
        "numbers": (found.seed >= 0) & (array["k"] > 0) & (unknown >= NOT_KNOWN).all(0),
        "flags": ((flags == 0) | (flags == 1)).all(0),
        "queries": (found.first_fooled >= 0)
        & (found.first_fooled <= found.queries)
        & (found.queries <= found.budget)
        & (found.repeats <= found.queries),
        "verification": (found.first_fooled > 0) | ~found.verified,
        "success": array["success"] == found.success,
        "cost": array["cost"] == found.cost,
        "pixels": array["pixels"] <= array["k"],
        "confidence": (reals["after_confidence"] >= 0) & (reals["after_confidence"] <= 1),
        "times": np.stack([reals[name] for name in REALS if name not in ("value", "after_confidence")]).min(0)
        >= 0,
        "numbers that are not finite": np.isfinite(np.stack(list(reals.values()))).all(0),
    }
    if impossible := [what for what, which in holds.items() if not np.all(which)]:
        raise InputError(f"a run's {impossible[0]} cannot be")
