"""A study: one SQLite file that holds an experiment's manifest and its finished runs.

Table ``study`` holds facts as JSON by name, table ``run`` one `Record` a row; each row
has a checksum. A file is not trusted: one with anything but these two tables, with a row that its checksum
does not fit, or with values that no run has, is refused.
"""

import json
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self, TypeVar

from sparseattack.errors import InputError, SparseattackWarning, StoreError
from sparseattack.provenance import digest
from sparseattack.study.facts import StudyFact
from sparseattack.study.record import COLUMNS, FLAGS, NESTED, Record
from sparseattack.study.schema import decode, encode, parse_json

LIMIT_SECONDS = 30.0  # to wait for another process that writes
LARGEST_ROW = 2**28  # bytes
OPEN, CLOSED = 1, 0  # user_version of a file: whether it was closed after it was last written to
WAL = b"\x02\x02"  # bytes 18 and 19 of a file whose newest pages stand in a file beside it
TABLES = {
    "study": ("name", "value", "checksum"),
    "run": ("key", *(name for name in COLUMNS if name != "key"), "checksum"),
}
FORM = re.compile(r"CREATE TABLE \w+ \(([\w ,]+)\)(?: WITHOUT ROWID)?")  # of any version

Fact = TypeVar("Fact", bound=StudyFact)


def check_writable(path: Path, advice: str = "Name another file with --study") -> None:
    """Refuse, before anything is run, a path at which no study can be written, or which is something else."""
    if path == Path(":memory:"):
        return
    check_folder(path.parent, f"study {path}", advice, create=False)
    if path.is_file() and path.stat().st_size:
        with Study.read(path):
            pass
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
        lone = _is_lone(path)
        with _connected(path, path) as connection:
            if _check_schema(connection, path, lone, new=True):
                _check_complete(connection, path, lone)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a run that is there survives loss of power
            for table, columns in TABLES.items():
                connection.execute(f"CREATE TABLE IF NOT EXISTS {_columns(table, columns)}")
            connection.execute(f"PRAGMA user_version={OPEN}")
            connection.execute("PRAGMA wal_checkpoint")  # into the file itself, though it be copied alone
        return cls(path, connection, writes=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The study at ``path``, for reading only."""
        if not path.is_file():
            raise InputError(f"there is no study {path}: `sparseattack compare` writes one")
        lone = _is_lone(path)
        quiet = "&immutable=1" if lone else ""  # a folder may be read-only too
        with _connected(path, f"{path.absolute().as_uri()}?mode=ro{quiet}", uri=True) as connection:
            _check_schema(connection, path, lone)
            _check_complete(connection, path, lone)
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
        with _store_errors(self.path):
            name = _name(kind, part)
            query = "SELECT value, checksum FROM study WHERE name = ?"
            row = self.connection.execute(query, (name,)).fetchone()
        if row is None:
            return None
        value, checksum = row
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
        with _store_errors(self.path):
            self.connection.execute("INSERT OR REPLACE INTO study VALUES (?, ?, ?)", _row(fact, part))

    def set_default(self, fact: Fact, part: str = "") -> Fact:
        """Store a fact unless there is one of its kind and ``part``; the one that is there now.

        Of several processes that do this at once, the first one's fact is stored, and all get that.
        """
        with _store_errors(self.path):
            self.connection.execute("INSERT OR IGNORE INTO study VALUES (?, ?, ?)", _row(fact, part))
        return self.get(type(fact), part) or fact

    def add(self, record: Record) -> None:
        """Store a run; one with its key that is there already stays as it is."""
        row = record.to_dict()
        row |= {name: json.dumps(row[name], separators=(",", ":")) for name in NESTED}
        row |= {name: int(row[name]) for name in FLAGS}
        row["checksum"] = _checksum(row)
        marks = ", ".join(f":{name}" for name in TABLES["run"])
        with _store_errors(self.path):
            self.connection.execute(f"INSERT OR IGNORE INTO run VALUES ({marks})", row)

    def keys(self) -> frozenset[str]:
        """The keys of all runs."""
        with _store_errors(self.path):
            return frozenset(key for (key,) in self.connection.execute("SELECT key FROM run"))

    def records(self) -> list[Record]:
        """All runs, in an order that does not depend on when they were made; InputError for a damaged one."""
        order = "seed, k, encoding, strategy, image, target"
        query = f"SELECT {', '.join(TABLES['run'])} FROM run ORDER BY {order}"
        with _store_errors(self.path):
            rows = self.connection.execute(query).fetchall()
        return [self._record(dict(zip(TABLES["run"], row, strict=True))) for row in rows]

    def _record(self, row: dict[str, object]) -> Record:
        """The run in a row of the table."""
        checksum = row.pop("checksum")
        try:
            if _checksum(row) != checksum:
                raise InputError("a run does not fit its checksum")
            row |= {name: bool(row[name]) for name in FLAGS if row[name] in (0, 1)}
            return Record.from_dict(row | {name: parse_json(row[name]) for name in NESTED})
        except (InputError, TypeError, RecursionError) as error:  # TypeError: bytes in place of text
            raise InputError(f"{self.path} is damaged: {error}") from error


def _name(kind: type[StudyFact], part: str) -> str:
    return f"{kind.KEY}, {part}" if part else kind.KEY


def _row(fact: StudyFact, part: str) -> tuple[str, str, str]:
    name, value = _name(type(fact), part), encode(fact)
    return name, value, digest([name, value])


def _checksum(row: Mapping[str, object]) -> str:
    """Digest of a row of the table of runs."""
    return digest([row[name] for name in COLUMNS])


def _beside(path: Path) -> Path:
    """The file of the newest pages."""
    return Path(f"{path}-wal")


def _is_lone(path: Path) -> bool:
    """Whether there are no newer pages than in the file itself; to be asked before it is opened."""
    beside = _beside(path)
    return not (beside.exists() and beside.stat().st_size)


def _columns(table: str, columns: tuple[str, ...]) -> str:
    first, *others = columns
    return f"{table} ({first} TEXT PRIMARY KEY, {', '.join(others)}) WITHOUT ROWID"


@contextmanager
def _connected(path: Path, target: str | Path, *, uri: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection that trusts no file: its schema calls no function, no value takes all memory."""
    with _store_errors(path):
        connection = sqlite3.connect(target, timeout=LIMIT_SECONDS, isolation_level=None, uri=uri)
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_ROW)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            yield connection
        except BaseException:
            connection.close()
            raise


def _check_schema(connection: sqlite3.Connection, path: Path, lone: bool, *, new: bool = False) -> bool:
    """Refuse a database of anything but our two tables, such as views and triggers; whether these are there.

    Nothing else is read before. A database without tables is refused unless it may be ``new``.
    """
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 3"
    found = connection.execute(query).fetchall()
    if not found and lone and path.is_file() and path.read_bytes()[18:20] == WAL:
        raise InputError(
            f"{path} holds no run: it was copied, or its process killed, while its runs were still in"
            f" {_beside(path).name}, which is not beside it. Copy both files"
        )
    if not found and new:
        return False
    held = {name: match for _, name, sql in found if (match := FORM.fullmatch(f"{sql}"))}
    if held.keys() != TABLES.keys() or len(found) != len(TABLES):
        raise InputError(f"{path} is no study")
    for table, columns in TABLES.items():
        if held[table][0] != f"CREATE TABLE {_columns(table, columns)}":
            names = {part.split()[0] for part in held[table][1].split(", ")}
            differ = ", ".join(sorted(names.symmetric_difference(columns))) or "their tables"
            raise InputError(f"{path} is a study of another version of sparseattack: they differ in {differ}")
    return True


def _check_complete(connection: sqlite3.Connection, path: Path, lone: bool) -> None:
    """Warn of a file whose newest runs may stand in a file that is not beside it."""
    (state,) = connection.execute("PRAGMA user_version").fetchone()
    if state == OPEN and lone:
        warnings.warn(
            f"{path} was not closed when it was last written to, and {_beside(path).name}, which may hold its"
            " newest runs, is not beside it. If this is a copy, copy both files",
            SparseattackWarning,
            stacklevel=2,
        )


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into one sentence that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")  # absent where text is no UTF-8
        if name == "SQLITE_NOTADB":
            raise InputError(f"{path} is no study") from error
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_TOOBIG", "SQLITE_MISMATCH")):
            raise InputError(f"{path} is damaged: {error}") from error
        raise StoreError(f"study {path}: {error}; what was finished before is kept") from error
