"""Merge studies: the union of their runs by key, in any order, any number of times.

Runs are read sorted by key from all files at once, so that equal keys meet and the result is written from
its first page to its last. All is stored in one transaction: a refused merge changes nothing.
"""

import heapq
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from sparseattack.errors import InputError
from sparseattack.experiment.identity import ProbeScores, Question
from sparseattack.provenance import digest
from sparseattack.study.database import store_errors, transaction
from sparseattack.study.facts import FinishedShard, SentImages, StudyRequest, parse_json
from sparseattack.study.record import NESTED
from sparseattack.study.store import Study
from sparseattack.study.tables import (
    BEFORE,
    CHECKSUM,
    PLACE,
    ROUNDING,
    TABLES,
    ImageRow,
    Row,
    agree,
    check_row,
    contradiction,
)

AT_ONCE = 256  # files that are read side by side
ROWS = 1000  # that are written together
CACHE = 64 * 1024  # KiB of pages kept in memory while a study is written
SMALL = ("study", "image", "environment")  # tables
SENT = f"{SentImages.KEY}, "  # begins the name of a fact that belongs to a run
RUN = TABLES["run"]
PAIRS = {table: f"SELECT {columns[0]}, checksum FROM {table}" for table, columns in TABLES.items()}
ONE = {
    table: f"SELECT {', '.join(columns)} FROM {table} WHERE {columns[0]} = ?"
    for table, columns in TABLES.items()
}
CHECKSUMS = (
    "SELECT run.key, run.checksum, coalesce(study.checksum, '') FROM run LEFT JOIN study"
    f" ON study.name = '{SENT}' || run.key || ' ' || run.budget WHERE run.key IN ({{marks}})"
)
MARKS = {table: ", ".join("?" * len(columns)) for table, columns in TABLES.items()}
CHECKED = len(BEFORE["run"])  # columns that the checksum of a run is of


class _Damaged(Exception):  # noqa: N818 (never seen outside)
    """One file of a merge cannot be read as it was written."""

    def __init__(self, path: Path, error: object) -> None:
        super().__init__(str(error))
        self.path = path


@dataclass
class Merged:
    """What a merge came to."""

    added: int = 0  # runs that the study did not have
    replaced: int = 0  # runs in whose place came the same under a larger budget
    damaged: dict[Path, str] = field(default_factory=dict)  # files that were left out, and why


def merge(study: Study, files: Sequence[Path], *, wanted: Callable[[str], bool] | None = None) -> Merged:
    """Add to a study all that other studies hold; of their runs only those whose keys are ``wanted``.

    Files that are damaged are left out and named. Raises InputError for a file that is no study, for one
    about another question or oracle, and for two results of one run: nothing is stored then. Of a run that
    was made with different budgets, the one with the largest is stored, if the others are its beginning.
    """
    merged = Merged()
    if not files:
        return merged
    sound = [file for file in dict.fromkeys(files) if not _same_file(file, study.path)]
    while True:
        try:
            found = _merge(study, sound, wanted)
        except _Damaged as error:
            merged.damaged[error.path] = str(error)
            sound.remove(error.path)
        else:
            merged.added, merged.replaced = found
            return merged


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _merge(study: Study, files: Sequence[Path], wanted: Callable[[str], bool] | None) -> tuple[int, int]:
    """Runs added and replaced by all files, in one transaction."""
    with store_errors(study.path), _once_written(study.connection), transaction(study.connection):
        union = _Union(study)
        for start in range(0, len(files), AT_ONCE):
            with ExitStack() as opened:
                others = [opened.enter_context(_reading(file)) for file in files[start : start + AT_ONCE]]
                for other in others:
                    with _damage(other.path):
                        _check_question(study, other)
                        union.add_tables(other, whole=wanted is None)
                union.add_runs(others, wanted)
    return union.added, union.replaced


@contextmanager
def _once_written(connection: sqlite3.Connection) -> Iterator[None]:
    """Write a study that has no run yet into its file at once, and not into a log first."""
    connection.execute(f"PRAGMA cache_size=-{CACHE}")
    logs = connection.execute("SELECT 1 FROM run LIMIT 1").fetchone() is not None
    if not logs:
        with suppress(sqlite3.OperationalError):  # another process has it open
            connection.execute("PRAGMA journal_mode=DELETE")
    try:
        yield
    finally:
        if not logs:
            connection.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _reading(file: Path) -> Iterator[Study]:
    with _damage(file):
        study = Study.read(file)
    with study:
        yield study


@contextmanager
def _damage(file: Path) -> Iterator[None]:
    """Turn an error about damage in one file into one that names the file."""
    try:
        yield
    except InputError as error:
        if not str(error).startswith(f"{file} is damaged"):
            raise
        raise _Damaged(file, error) from error


class _Run(NamedTuple):
    """A run of a study, and what it has sent to a server, where that stands in the study."""

    row: Row  # of table run
    sent: Row | None  # of table study

    @property
    def checksums(self) -> tuple[str, str]:
        """Of both; of equal rows the one that says what was sent comes last."""
        return self.row[PLACE["checksum"]], self.sent[CHECKSUM["study"]] if self.sent else ""


def _key(run: _Run) -> str:
    return str(run.row[0])


def _sent_name(row: Row) -> str:
    """The name of the fact of what a run has sent."""
    return f"{SENT}{SentImages.part_of(row[0], row[PLACE['budget']])}"


def _runs(study: Study, wanted: Callable[[str], bool] | None) -> Iterator[_Run]:
    """All runs of a study by key, each checked."""
    where = ""
    if wanted:
        study.connection.create_function("wanted", 1, wanted)
        where = "WHERE wanted(key)"
    with _damage(study.path), store_errors(study.path):
        found = study.connection.execute(
            "SELECT name, value, checksum FROM study WHERE name GLOB ?", [f"{SENT}*"]
        )
        sent = {fact[0]: fact for fact in found}
        for fact in sent.values():
            check_row("study", fact, study.path)
        for row in study.connection.execute(f"SELECT {', '.join(RUN)} FROM run {where} ORDER BY key"):
            if not _is_sound(row):
                raise InputError(f"{study.path} is damaged: run {row[0]} does not fit its checksum")
            yield _Run(row, sent.get(_sent_name(row)))


def _is_sound(row: Row) -> bool:
    try:
        own, nested = digest(row[:CHECKED]), digest(row[-len(NESTED) :])
    except TypeError:  # bytes in place of text
        return False
    return (own, nested) == (row[PLACE["checksum"]], row[PLACE["details"]])


def _is_noisy(study: Study) -> bool:
    question = study.get(Question)
    return question is not None and question.noisy_oracle


class _Union:
    """Adds rows to a study, those of runs a thousand at a time."""

    def __init__(self, study: Study) -> None:
        self.study, self.connection = study, study.connection
        self.added = self.replaced = 0  # runs
        self.known = {table: dict(self.connection.execute(PAIRS[table])) for table in SMALL}
        self.noisy = _is_noisy(study)

    def add_tables(self, other: Study, *, whole: bool) -> None:
        """Add the rows of the small tables; unless all runs are added, no shard is finished by them."""
        self.noisy = self.noisy or _is_noisy(other)  # a file that is empty says nothing
        for table in SMALL:
            self._add_table(table, other, (SENT,) if whole else (SENT, f"{FinishedShard.KEY}, "))

    def _add_table(self, table: str, other: Study, without: tuple[str, ...]) -> None:
        """Add rows of a small table, but for names that begin so; of one key, always the same is stored."""
        known = self.known[table]
        with store_errors(other.path):
            pairs = other.connection.execute(PAIRS[table]).fetchall()
            pairs = [pair for pair in pairs if not str(pair[0]).startswith(without)]
            fresh = [key for key, checksum in pairs if known.get(key) != checksum]
            rows = [other.connection.execute(ONE[table], [key]).fetchone() for key in fresh]
        for row in rows:
            check_row(table, row, other.path)
            stored = self._chosen(table, row, other.path) if row[0] in known else row
            self.connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({MARKS[table]})", stored)
            known[stored[0]] = stored[CHECKSUM[table]]

    def _chosen(self, table: str, row: Row, path: Path) -> Row:
        """The row of a small table that is stored, of this one and the study's own."""
        before = self.connection.execute(ONE[table], [row[0]]).fetchone()
        if table == "image" and not self.noisy:
            _check_image(before, row, path)
        return min(before, row, key=_first_made if table == "study" else itemgetter(CHECKSUM[table]))

    def add_runs(self, others: Sequence[Study], wanted: Callable[[str], bool] | None) -> None:
        """Add the runs of other studies, in the order of their keys."""
        streams = [_runs(other, wanted) for other in others]
        groups = groupby(heapq.merge(*streams, key=_key), key=_key)
        chosen = (reduce(self.better, same) for _, same in groups)
        while runs := list(islice(chosen, ROWS)):
            self._store(runs)

    def _store(self, runs: Sequence[_Run]) -> None:
        """Store those of the runs that the study has not, or not so good."""
        marks, stored = ", ".join("?" * len(runs)), list[_Run]()
        found = self.connection.execute(CHECKSUMS.format(marks=marks), [*map(_key, runs)])
        known = {key: tuple(checksums) for key, *checksums in found}
        for run in runs:
            if (key := _key(run)) not in known:
                self.added += 1
                stored.append(run)
            elif known[key] != run.checksums and self.better(own := self._own(key), run) is run:
                self.replaced += run.row[PLACE["budget"]] > own.row[PLACE["budget"]]
                if own.sent:
                    self.connection.execute("DELETE FROM study WHERE name = ?", own.sent[:1])
                stored.append(run)
        sent = [run.sent for run in stored if run.sent]
        for table, rows in (("run", [run.row for run in stored]), ("study", sent)):
            self.connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({MARKS[table]})", rows)

    def _own(self, key: str) -> _Run:
        """A run of the study."""
        row = self.connection.execute(ONE["run"], [key]).fetchone()
        return _Run(row, self.connection.execute(ONE["study"], [_sent_name(row)]).fetchone())

    def better(self, one: _Run, other: _Run) -> _Run:
        """Which of two of one run is stored: that of the larger budget, else always the same one.

        Raises InputError for different results.
        """
        small, big = sorted((one, other), key=lambda run: (run.row[PLACE["budget"]], run.checksums))
        same = one.checksums[0] == other.checksums[0]
        if not (same or self.noisy or agree(small.row, big.row)):
            raise InputError(contradiction(small.row, big.row))
        return big


def _first_made(row: Row) -> tuple[str, str]:
    """Order of two facts of one name: what was asked first comes first."""
    name, value, checksum = row
    held = parse_json(value) if str(name).startswith(StudyRequest.KEY) else None
    return str(held.get("created", "")) if isinstance(held, dict) else "", str(checksum)


def _check_image(before: Row, row: Row, path: Path) -> None:
    """Refuse an oracle that gives an image another class than it has in the study."""
    one, other = (ImageRow(*each[: CHECKSUM["image"]]) for each in (before, row))
    if not one.agrees(other):
        raise InputError(
            f"{path} was made with another oracle: it gave image {other.id} class {other.predicted} at"
            f" {other.confidence:.1%}, and the study has class {one.predicted} at {one.confidence:.1%}"
        )


def _check_question(study: Study, other: Study) -> None:
    """Refuse a study about another question, or made with another oracle."""
    query, names = "SELECT name, value FROM study WHERE name IN (?, ?)", (Question.KEY, ProbeScores.KEY)
    with store_errors(other.path):
        known, theirs = (set(each.connection.execute(query, names)) for each in (study, other))
    if theirs <= known:  # as of most shards: no need to read more
        return
    question, probes = other.get(Question), other.get(ProbeScores)
    ours, own = study.get(Question), study.get(ProbeScores)
    if ours and question and (differ := ours.differences(question)):
        oracles = [next((asked.oracle for asked in each.requests()), "") for each in (study, other)]
        named = f" (oracles {' and '.join(oracles)})" if len(set(oracles)) > 1 else ""
        raise InputError(
            f"{other.path} is about another question than {study.path}: {'; '.join(differ)}{named}. Merge it"
            " into another file; `sparseattack report A B` shows two side by side"
        )
    if own and probes and own.shape == probes.shape and (share := own.difference(probes)) > ROUNDING:
        raise InputError(
            f"{other.path} was made with another oracle than {study.path}: its scores of the same images"
            f" differ by up to {100 * share:.1f} %"
        )
