"""The columns of all runs that tables need, as arrays: a million runs fit, and none is an object.

What a record checks of one run is checked here of all of them at once. What is nested, the course of a run
and the pixels of its best edit, is read where it is asked for: as numbers one after another.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import InputError
from sparseattack.provenance import digest
from sparseattack.study.facts import LARGEST, SentImages
from sparseattack.study.record import FLAGS, NESTED, WHOLE, Record
from sparseattack.study.store import Study
from sparseattack.study.tables import BEFORE, ImageRow, sent_by

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]

AT_ONCE = 50_000  # rows
NUMBERS = ("k", "seed", "target", "budget", "first_fooled", "cost", "queries", "repeats", "verifications",
           "pixels", "restarts", "after_class")  # fmt: skip
REALS = ("value", "l2", "distortion", "oracle_seconds", "strategy_seconds", "after_confidence")
NAMES = ("key", "method", "strategy", "encoding", "fitness", "image_key", "error", "environment", "details")
NOT_KNOWN = -1


@dataclass(frozen=True)
class Columns:
    """Runs side by side, ``(R,)`` each; a number that is not known is -1, a time or a length NaN."""

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
    shown: Numbers
    attempts: Numbers
    flat: Numbers
    pixels: Numbers
    restarts: Numbers
    after_class: Numbers  # of a success
    oracle_seconds: Reals
    strategy_seconds: Reals
    failed: Flags  # whether the search ended with an error
    right: Flags  # whether the clean image was classified as its true class
    l2: Reals  # length of the best edit's change, colours in [0, 1]
    sparse: Flags
    environment: NDArray[np.object_]  # keys
    row: Numbers  # place among all runs of the study, where `Courses` have it

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
                (longer, ("repeats", "verifications", "shown", "attempts", "flat")),
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
            l2=np.where(other, np.nan, here.l2),
            **unknown,
            **times,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several, one after another."""
        names = [one.name for one in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

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
                elif name == "row":
                    values.append(len(values))
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
    reals = ("oracle_seconds", "strategy_seconds", "l2")
    return np.array(values, kinds.get(name, np.float64 if name in reals else np.int64))


@dataclass(frozen=True)
class Ragged:
    """A list of numbers for each of R runs, one list after another."""

    ends: Numbers  # (R + 1,) the numbers of run r are those from ends[r] to ends[r + 1]
    values: Reals

    def of(self, rows: Numbers) -> Iterator[Reals]:
        """The numbers of each of some runs."""
        return (self.values[self.ends[row] : self.ends[row + 1]] for row in rows)

    @classmethod
    def read(cls, texts: Sequence[str]) -> Self:
        """Those of JSON that holds nothing but lists of numbers, nested or not; InputError for other JSON."""
        bare = [text.translate(BRACKETS) for text in texts]
        counts = [text.count(",") + 1 if text else 0 for text in bare]
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            try:
                values = np.fromstring(",".join(filter(None, bare)), sep=",")
            except (DeprecationWarning, ValueError) as error:
                raise InputError("a run's lists are no numbers") from error
        ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        if len(values) != ends[-1]:
            raise InputError("a run's lists are no numbers")
        return cls(ends, values)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several, one after another."""
        starts = np.cumsum([0, *(part.ends[-1] for part in parts)])
        ends = [part.ends[1:] + start for part, start in zip(parts, starts, strict=False)]
        return cls(
            np.concatenate([np.zeros(1, np.int64), *ends]),
            np.concatenate([np.zeros(0), *(part.values for part in parts)]),
        )


BRACKETS = {ord(letter): None for letter in "[] "}


@dataclass(frozen=True)
class Courses:
    """What is nested in all runs of a study, by their rows there."""

    trace: Ragged  # query and value by turns, wherever the first objective became lower
    positions: Ragged  # row * width + column of each pixel of the best edit


def read_columns(study: Study) -> Columns:
    """The columns of all runs of a study; InputError for a damaged one."""
    return _read(study, nested=False)[0]


def read_courses(study: Study) -> tuple[Columns, Courses]:
    """The same, and what is nested in these runs."""
    return _read(study, nested=True)


def _read(study: Study, *, nested: bool) -> tuple[Columns, Courses]:
    images, numbers, sent = study.images(), study.image_numbers(), study.facts(SentImages)
    parts, courses, count = [Columns.of(())], [], len(BEFORE["run"])
    with study.damage():
        for rows in study.rows_of("run", (*BEFORE["run"], *(NESTED if nested else ())), AT_ONCE):
            if any(digest(row[:count]) != row[-1] for row in rows):
                raise InputError("a row of table run does not fit its checksum")
            parts.append(_columns(rows, images, numbers, sent))
            if nested:
                courses.append(_courses(rows))
    whole = Columns.joined(parts)
    trace, positions = (Ragged.joined([getattr(part, name) for part in courses]) for name in
                        ("trace", "positions"))  # fmt: skip
    return replace(whole, row=np.arange(len(whole))), Courses(trace, positions)


def _courses(rows: list[tuple[Any, ...]]) -> Courses:
    """What is nested in some rows of the table of runs; its digest is their column ``details``."""
    start, place = len(BEFORE["run"]), BEFORE["run"].index("details")
    if any(digest(row[start:-1]) != row[place] for row in rows):
        raise InputError("a row of table run does not fit its checksum")
    trace, positions = (
        Ragged.read([row[start + NESTED.index(name)] for row in rows]) for name in ("trace", "positions")
    )
    if (np.diff(trace.ends) % 2).any() or (positions.values < 0).any():
        raise InputError("a run's trace or positions cannot be")
    return Courses(trace, positions)


def _columns(
    rows: list[tuple[Any, ...]],
    images: Mapping[str, ImageRow],
    numbers: Mapping[str, int],
    sent: Mapping[str, SentImages],
) -> Columns:
    """The columns of some rows of the table of runs."""
    held = dict(zip(BEFORE["run"], zip(*rows, strict=False), strict=False))
    _check_types(held)
    array = {name: np.array(held[name]) for name in (*NUMBERS, "met", "success", "verified", "sparse")}
    if lacking := [key for key in set(held["image_key"]) if key not in images or key not in numbers]:
        raise InputError(f"the image {lacking[0]} of a run is missing")
    seen = [images[key] for key in held["image_key"]]
    found = Columns(
        method=_array("method", _shared(held["method"])),
        image=np.array([numbers[key] for key in held["image_key"]], np.int64),
        failed=np.array([error != "" for error in held["error"]], bool),
        right=np.array([image.predicted == image.label for image in seen], bool),
        **sent_by(held, array, sent),
        environment=_array("environment", _shared(held["environment"])),
        row=np.arange(len(rows)),
        l2=np.array(held["l2"], float),
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
    whole = np.array([fitness == WHOLE for fitness in held["fitness"]], bool)
    holds = {
        "numbers": (found.seed >= 0) & (array["k"] > 0) & (unknown >= NOT_KNOWN).all(0),
        "flags": ((flags == 0) | (flags == 1)).all(0),
        "queries": (found.first_fooled >= 0)
        & (found.first_fooled <= found.queries)
        & (found.queries <= found.budget)
        & (found.repeats <= found.queries)
        & (np.minimum(np.minimum(found.shown, found.attempts), found.flat) >= NOT_KNOWN)
        & (np.maximum(found.shown, found.flat) <= found.queries),
        "verification": (found.first_fooled > 0) | ~found.verified,
        "success": array["success"] == found.success,
        "cost": array["cost"] == found.cost,
        "pixels": (array["pixels"] <= array["k"]) | (whole & ~found.success),
        "confidence": (reals["after_confidence"] >= 0) & (reals["after_confidence"] <= 1),
        "times": np.stack([reals[name] for name in REALS if name not in ("value", "after_confidence")]).min(0)
        >= 0,
        "numbers that are not finite": np.isfinite(np.stack(list(reals.values()))).all(0),
    }
    if impossible := [what for what, which in holds.items() if not np.all(which)]:
        raise InputError(f"a run's {impossible[0]} cannot be")
