"""A study: one SQLite file that holds a comparison's manifest and its finished runs.

The tables of a study's file, and what can be wrong with the file.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sparseattack.errors import InputError, StoreError
from sparseattack.study.record import COLUMNS, Record

OTHERS = ", ".join(name for name in COLUMNS if name != "key")

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, {OTHERS}) WITHOUT ROWID;
"""


def check(connection: sqlite3.Connection, path: Path, new: bool = False) -> None:
    """Refuse what is a database of something else, and a study whose runs have other columns."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    if "study" not in tables and (tables or not new):
        raise InputError(f"{path} is no study")
    held = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('run')")}
    if held and (differ := held.symmetric_difference(COLUMNS)):
        columns = ", ".join(sorted(differ))
        raise InputError(f"{path} is a study of another version of sparseattack: they differ in {columns}")


@contextmanager
def said(path: Path) -> Iterator[None]:
    """Say what SQLite says in one sentence that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        if error.sqlite_errorname == "SQLITE_NOTADB":
            raise InputError(f"{path} is no study") from error
        raise StoreError(f"study {path}: {error}; what was finished before is kept") from error


NESTED = ("positions", "colours", "trace", "front")
LIMIT_SECONDS = 30.0  # to wait for another process that writes


class Study:
    """Reads and writes one file; what is in it survives ``kill -9`` at any moment."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection

    @classmethod
    def create(cls, path: Path) -> Self:
        """The study at ``path``, made if it is not there, to be written."""
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent} for a study")
        with said(path):
            connection = sqlite3.connect(path, timeout=LIMIT_SECONDS, isolation_level=None)
            check(connection, path, new=True)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a run that is there survives loss of power
            connection.executescript(SCHEMA)
        return cls(path, connection)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The study at ``path``, to be read only."""
        if not path.is_file():
            raise InputError(f"there is no study {path}")
        quiet = "" if Path(f"{path}-wal").exists() else "&immutable=1"  # a folder may be read-only too
        with said(path):
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{quiet}", uri=True)
            check(connection, path)
        return cls(path, connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def set(self, **things: object) -> None:
        """Keep JSON things by name."""
        rows = [(name, json.dumps(thing)) for name, thing in things.items()]
        with said(self.path):
            self.connection.executemany("INSERT OR REPLACE INTO study VALUES (?, ?)", rows)

    def set_default(self, name: str, thing: object) -> Any:
        """Keep a JSON thing unless one is there, from whatever process; the one that is there now."""
        with said(self.path):
            self.connection.execute("INSERT OR IGNORE INTO study VALUES (?, ?)", (name, json.dumps(thing)))
        return self.get(name)

    def get(self, name: str) -> Any:
        """What was kept by ``name``; None if nothing."""
        with said(self.path):
            row = self.connection.execute("SELECT value FROM study WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def add(self, record: Record) -> None:
        """Keep a run; one that is there already stays as it is."""
        row = record.to_dict()
        row |= {name: json.dumps(row[name], separators=(",", ":")) for name in NESTED}
        marks = ", ".join(f":{name}" for name in COLUMNS)
        with said(self.path):
            self.connection.execute(f"INSERT OR IGNORE INTO run ({', '.join(COLUMNS)}) VALUES ({marks})", row)

    def keys(self) -> frozenset[str]:
        """The keys of all runs that are there."""
        with said(self.path):
            return frozenset(key for (key,) in self.connection.execute("SELECT key FROM run"))

    def records(self) -> list[Record]:
        """All runs, in an order that does not depend on when they were made."""
        order = "seed, k, encoding, strategy, image, target"
        with said(self.path):
            rows = self.connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM run ORDER BY {order}"
            ).fetchall()
        named = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
        return [Record.from_dict(row | {name: json.loads(row[name]) for name in NESTED}) for row in named]
