"""A study: one SQLite file that holds an experiment's manifest and its finished runs.

Table ``study`` holds facts of `study.manifest` as JSON by name, table ``run`` one `Record` a row.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from sparseattack.errors import InputError, StoreError
from sparseattack.study.manifest import StudyFact
from sparseattack.study.record import COLUMNS, NESTED, Record

LIMIT_SECONDS = 30.0  # to wait for another process that writes

_OTHERS = ", ".join(name for name in COLUMNS if name != "key")
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, {_OTHERS}) WITHOUT ROWID;
"""

Fact = TypeVar("Fact", bound=StudyFact)


class Study:
    """Reads and writes one file; what is in it survives ``kill -9`` at any moment."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection

    @classmethod
    def create(cls, path: Path) -> Self:
        """The study at ``path``, created if there is none, for reading and writing."""
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent} for a study")
        with _store_errors(path):
            connection = sqlite3.connect(path, timeout=LIMIT_SECONDS, isolation_level=None)
            _check_schema(connection, path, new=True)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a run that is there survives loss of power
            connection.executescript(SCHEMA)
        return cls(path, connection)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The study at ``path``, for reading only."""
        if not path.is_file():
            raise InputError(f"there is no study {path}")
        quiet = "" if Path(f"{path}-wal").exists() else "&immutable=1"  # a folder may be read-only too
        with _store_errors(path):
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{quiet}", uri=True)
            _check_schema(connection, path)
        return cls(path, connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, kind: type[Fact], part: str = "") -> Fact | None:
        """The stored fact of a ``kind``, of one ``part`` where there are several; None if there is none.

        Raises InputError where another version of sparseattack wrote it.
        """
        with _store_errors(self.path):
            name = _name(kind, part)
            row = self.connection.execute("SELECT value FROM study WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        try:
            return kind.from_json(json.loads(row[0]))
        except (KeyError, TypeError, InputError) as error:
            raise InputError(
                f"{self.path} is a study of another version of sparseattack: its {kind.KEY} cannot be read"
                f" ({error})"
            ) from error

    def set(self, fact: StudyFact, part: str = "") -> None:
        """Store a fact in place of the one of its kind and ``part``."""
        row = _name(type(fact), part), json.dumps(fact.to_json())
        with _store_errors(self.path):
            self.connection.execute("INSERT OR REPLACE INTO study VALUES (?, ?)", row)

    def set_default(self, fact: Fact, part: str = "") -> Fact:
        """Store a fact unless there is one of its kind and ``part``; the one that is there now.

        Of several processes that do this at once, the first one's fact is stored, and all get that.
        """
        row = _name(type(fact), part), json.dumps(fact.to_json())
        with _store_errors(self.path):
            self.connection.execute("INSERT OR IGNORE INTO study VALUES (?, ?)", row)
        return self.get(type(fact), part) or fact

    def add(self, record: Record) -> None:
        """Store a run; one with its key that is there already stays as it is."""
        row = record.to_dict()
        row |= {name: json.dumps(row[name], separators=(",", ":")) for name in NESTED}
        marks = ", ".join(f":{name}" for name in COLUMNS)
        with _store_errors(self.path):
            self.connection.execute(f"INSERT OR IGNORE INTO run ({', '.join(COLUMNS)}) VALUES ({marks})", row)

    def keys(self) -> frozenset[str]:
        """The keys of all runs."""
        with _store_errors(self.path):
            return frozenset(key for (key,) in self.connection.execute("SELECT key FROM run"))

    def records(self) -> list[Record]:
        """All runs, in an order that does not depend on when they were made."""
        order = "seed, k, encoding, strategy, image, target"
        query = f"SELECT {', '.join(COLUMNS)} FROM run ORDER BY {order}"
        with _store_errors(self.path):
            rows = self.connection.execute(query).fetchall()
        named = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
        return [Record.from_dict(row | {name: json.loads(row[name]) for name in NESTED}) for row in named]


def _name(kind: type[StudyFact], part: str) -> str:
    return f"{kind.KEY}, {part}" if part else kind.KEY


def _check_schema(connection: sqlite3.Connection, path: Path, new: bool = False) -> None:
    """Refuse a database of something else, and a study whose runs have other columns."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    if "study" not in tables and (tables or not new):
        raise InputError(f"{path} is no study")
    held = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('run')")}
    if held and (differ := held.symmetric_difference(COLUMNS)):
        columns = ", ".join(sorted(differ))
        raise InputError(f"{path} is a study of another version of sparseattack: they differ in {columns}")


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Turn an error of SQLite into one sentence that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        if error.sqlite_errorname == "SQLITE_NOTADB":
            raise InputError(f"{path} is no study") from error
        raise StoreError(f"study {path}: {error}; what was finished before is kept") from error
