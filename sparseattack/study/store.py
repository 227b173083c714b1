"""A study: one SQLite file that holds a question, experiments that were asked, and their finished runs.

Table ``study`` holds facts as JSON by name, ``run`` one `Record` a row without what its ``image`` has,
``environment`` machines and versions, ``claim`` the runs that a process is at work on; docs/study-format.md
describes them. Rows have checksums. A file is not trusted: one with anything but these tables, with a row
that its checksum does not fit, or with values that no run has, is refused.
"""

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple, Self, TypeVar

from sparseattack.errors import ChangedError, InputError
from sparseattack.provenance import Environment, digest
from sparseattack.study.database import (
    CLOSED,
    check_complete,
    check_schema,
    connected,
    create_tables,
    has_log,
    is_lone,
    store_errors,
    transaction,
)
from sparseattack.study.facts import (
    FinishedShard,
    ImageList,
    SentImages,
    StudyFact,
    StudyRequest,
    conform,
    decode,
    encode,
    parse_json,
)
from sparseattack.study.record import Record
from sparseattack.study.tables import TABLES, ImageRow, checked, record_in, row_checksum, run_row, sent_images

Fact = TypeVar("Fact", bound=StudyFact)
MOMENT = 0.3  # seconds in which another process makes a file

ADD = (
    f"INSERT INTO run VALUES ({', '.join(f':{name}' for name in TABLES['run'])})"
    f" ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in TABLES['run'][1:])}"
    " WHERE excluded.budget > run.budget"
)
"""Store a run; it replaces one of the same key only where it was made with a larger budget."""

ENDED = "queries < budget AND error = ''"
"""Whether a run ended before its budget; one that did not may have been cut within a generation."""


def check_writable(path: Path, advice: str = "Name another file with --study") -> None:
    """Refuse, before anything is run, a path at which no study can be written, or which is something else."""
    if path == Path(":memory:"):
        return
    check_folder(path.parent, f"study {path}", advice, create=False)
    if path.is_file() and path.stat().st_size:
        try:
            Study.read(path).connection.close()
        except InputError:
            time.sleep(MOMENT)  # another process may be making it
            Study.read(path).connection.close()
    if path.exists():
        try:
            path.open("r+b").close()
        except OSError as error:
            raise InputError(f"study {path} cannot be written: {error.strerror}. {advice}") from error


def check_folder(folder: Path, what: str, advice: str, *, create: bool = True) -> None:
    """Refuse a folder in which ``what`` cannot be written; unless ``create``, it must be there already."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if create is False or each.exists())
    if not nearest.is_dir():
        found = f"{nearest} is no folder" if nearest.exists() else f"there is no folder {nearest}"
        raise InputError(f"{what} cannot be written: {found}. {advice}")
    try:
        TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise InputError(f"{what} cannot be written in {nearest}: {error.strerror}. {advice}") from error


class Held(NamedTuple):
    """What is known of a stored run before it is read."""

    budget: int
    ended: bool  # before its budget, so that it is the same under any larger one

    def is_enough(self, budget: int) -> bool:
        """Whether a run of this budget need not be made."""
        return self.ended or self.budget >= budget


class Study:
    """Reads and writes one file; what is in it survives ``kill -9`` at any moment."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, writes: bool = False) -> None:
        self.path, self.connection, self.writes = path, connection, writes

    @classmethod
    def create(cls, path: Path) -> Self:
        """The study at ``path``, created if there is none, for reading and writing.

        Raises InputError where there is something else, and where it is damaged.
        """
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent} for a study")
        lone, log = is_lone(path), has_log(path)
        with connected(path, path) as connection:
            if check_schema(connection, path, lone, new=True):
                check_complete(connection, path, log)
            create_tables(connection)
        return cls(path, connection, writes=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The study at ``path``, for reading only."""
        if not path.is_file():
            raise InputError(f"there is no study {path}: `sparseattack compare` writes one")
        lone, log = is_lone(path), has_log(path)
        quiet = "&immutable=1" if lone else ""  # a folder may be read-only too
        with connected(path, f"{path.absolute().as_uri()}?mode=ro{quiet}", uri=True) as connection:
            check_schema(connection, path, lone)
            check_complete(connection, path, log)
        return cls(path, connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.writes:
            with suppress(sqlite3.Error):
                self.connection.execute(f"PRAGMA user_version={CLOSED}")
        self.connection.close()

    def get(self, kind: type[Fact], part: str = "") -> Fact | None:
        """The stored fact of a ``kind``, of one ``part`` where there are several; None if there is none.

        Raises InputError where it is damaged, or another version of sparseattack wrote it.
        """
        name = _name(kind, part)
        rows = self._rows("SELECT name, value, checksum FROM study WHERE name = ?", (name,))
        return next((self._fact(kind, *row) for row in rows), None)

    def facts(self, kind: type[Fact]) -> dict[str, Fact]:
        """All stored facts of a ``kind`` by part, in the order of their parts; InputError as for ``get``."""
        start = f"{kind.KEY}, "
        query = "SELECT name, value, checksum FROM study WHERE substr(name, 1, ?) = ? ORDER BY name"
        rows = self._rows(query, (len(start), start))
        return {str(row[0]).removeprefix(start): self._fact(kind, *row) for row in rows}

    def _fact(self, kind: type[Fact], name: object, value: object, checksum: object) -> Fact:
        if not isinstance(value, str) or digest([name, value]) != checksum:
            raise InputError(f"{self.path} is damaged: its {kind.KEY} does not fit its checksum")
        try:
            return decode(kind, value)
        except InputError as error:
            raise InputError(
                f"{self.path} is a study of another version of sparseattack: its {kind.KEY} cannot be read"
                f" ({error})"
            ) from error

    def set(self, fact: StudyFact, part: str = "") -> None:
        """Store a fact in place of the one of its kind and ``part``."""
        with store_errors(self.path):
            self.connection.execute("INSERT OR REPLACE INTO study VALUES (?, ?, ?)", _row(fact, part))

    def set_default(self, fact: Fact, part: str = "") -> Fact:
        """Store a fact unless there is one of its kind and ``part``; the one that is there now.

        Of several processes that do this at once, the first one's fact is stored, and all get that.
        """
        with store_errors(self.path):
            self.connection.execute("INSERT OR IGNORE INTO study VALUES (?, ?, ?)", _row(fact, part))
        return self.get(type(fact), part) or fact

    def requests(self) -> list[StudyRequest]:
        """The experiments that were asked, the first one first."""
        found = self.facts(StudyRequest)
        return [found[part] for part in sorted(found, key=lambda part: (found[part].created, part))]

    def image_numbers(self) -> dict[str, int]:
        """The number of every image by key: its place in the selection of the first request that has it.

        Images of later selections follow. InputError where a request lacks its list of images.
        """
        lists, numbers, seen = self.facts(ImageList), dict[str, int](), set[str]()
        for request in self.requests():
            if request.images not in lists:
                raise InputError(f"{self.path} is damaged: a request's list of images is missing")
            if request.images not in seen:
                start = max(numbers.values(), default=-1) + 1
                fresh = [key for key in lists[request.images].keys if not seen or key not in numbers]
                for place, key in enumerate(fresh, start):
                    numbers.setdefault(key, place)
                seen.add(request.images)
        return numbers

    def add_images(self, images: Iterable[ImageRow]) -> None:
        """Store images; one with the key of another stays as it is."""
        rows = [asdict(image) for image in images]
        self._insert("image", [row | {"checksum": row_checksum("image", row)} for row in rows])

    def images(self) -> dict[str, ImageRow]:
        """All images by key; InputError for a damaged one."""
        rows = self._rows(f"SELECT {', '.join(TABLES['image'])} FROM image")
        with self.damage():
            found = [conform(ImageRow, checked("image", row), "image") for row in rows]
        return {image.key: image for image in found}

    def add_environment(self, environment: Environment) -> str:
        """Store a machine with its versions, unless it is there; its key."""
        row: dict[str, object] = {"key": environment.key, **asdict(environment)}
        row["versions"] = json.dumps(row["versions"], sort_keys=True)
        self._insert("environment", [row | {"checksum": row_checksum("environment", row)}])
        return environment.key

    def environments(self, used: Collection[str] | None = None) -> dict[str, Environment]:
        """All machines with their versions, by key, or those of keys; InputError for a damaged one."""
        rows = self._rows(f"SELECT {', '.join(TABLES['environment'])} FROM environment ORDER BY key")
        found: dict[str, Environment] = {}
        with self.damage():
            for row in (checked("environment", row) for row in rows):
                key, versions = row.pop("key"), parse_json(row.pop("versions"))
                found[str(key)] = conform(Environment, row | {"versions": versions}, "environment")
        return found if used is None else {key: each for key, each in found.items() if key in used}

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection, for statements that all are executed or none, while no other process writes."""
        with store_errors(self.path), transaction(self.connection):
            yield self.connection

    def _insert(self, table: str, rows: list[dict[str, object]]) -> None:
        marks = ", ".join(f":{name}" for name in TABLES[table])
        with self.writing() as connection:
            connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)

    def add(self, record: Record) -> None:
        """Store a run; one with its key stays as it is, unless that had a smaller budget."""
        sent = sent_images(record)
        with self.writing() as connection:
            if connection.execute(ADD, run_row(record)).rowcount and sent:
                connection.execute("INSERT OR REPLACE INTO study VALUES (?, ?, ?)", _row(sent, sent.part))

    @contextmanager
    def taking_back(self) -> Iterator[None]:
        """Within it, the runs that a ChangedError names are removed: they may be of two classifiers."""
        try:
            yield
        except ChangedError as error:
            with self.writing() as connection:
                connection.executemany("DELETE FROM run WHERE key = ?", [(key,) for key in error.runs])
                costs = [(_name(SentImages, f"{key} %"),) for key in error.runs]
                finished = (_name(FinishedShard, "%"),)
                connection.executemany("DELETE FROM study WHERE name LIKE ?", [*costs, finished])
            raise

    def keys(self) -> frozenset[str]:
        """The keys of all runs."""
        return frozenset(str(key) for (key,) in self._rows("SELECT key FROM run"))

    def held(self, keys: Sequence[str] | None = None) -> dict[str, Held]:
        """What is known of all runs, or of those with some ``keys``, by key."""
        some = "" if keys is None else f" WHERE key IN ({', '.join('?' * len(keys))})"
        rows = self._rows(f"SELECT key, budget, {ENDED} FROM run{some}", tuple(keys or ()))
        with self.damage():
            return {
                str(key): Held(conform(int, budget, "a run's budget"), bool(end)) for key, budget, end in rows
            }

    def records(self, keys: Sequence[str] | None = None) -> list[Record]:
        """All runs, or those of ``keys``, in an order of what they are; InputError for a damaged one."""
        images, numbers, sent = self.images(), self.image_numbers(), self.facts(SentImages)
        some = "" if keys is None else f" WHERE key IN ({', '.join('?' * len(keys))})"
        rows = self._rows(f"SELECT {', '.join(TABLES['run'])} FROM run{some}", tuple(keys or ()))
        with self.damage():
            found = [record_in(checked("run", row), images, numbers, sent) for row in rows]
        return sorted(
            found, key=lambda one: (one.seed, one.k, one.encoding, one.strategy, one.image, one.target)
        )

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        with store_errors(self.path):
            return self.connection.execute(query, values).fetchall()

    def rows_of(self, table: str, columns: Sequence[str], count: int) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a table, ``count`` at a time: its ``columns`` and the checksum."""
        with store_errors(self.path):
            found = self.connection.execute(f"SELECT {', '.join(columns)}, checksum FROM {table}")
            while rows := found.fetchmany(count):
                yield rows

    @contextmanager
    def damage(self) -> Iterator[None]:
        """Name the file where something in it cannot be."""
        try:
            yield
        except (InputError, TypeError, RecursionError) as error:  # TypeError: bytes in place of text
            raise InputError(f"{self.path} is damaged: {error}") from error


def _name(kind: type[StudyFact], part: str) -> str:
    return f"{kind.KEY}, {part}" if part else kind.KEY


def _row(fact: StudyFact, part: str) -> tuple[str, str, str]:
    name, value = _name(type(fact), part), encode(fact)
    return name, value, digest([name, value])
