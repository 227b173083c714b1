"""The SQLite file of a study: opened without trust, and refused where it is something else, damaged or older.

``user_version`` is twice the version of the schema, and one more while the file is open for writing.
"""

import re
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sparseattack.errors import InputError, SparseattackWarning, StoreError
from sparseattack.study.tables import SCHEMA, TABLES

LIMIT_SECONDS = 30.0  # to wait for another process that writes
LARGEST_ROW = 2**28  # bytes
CLOSED, OPEN = 2 * SCHEMA, 2 * SCHEMA + 1  # user_version: whether the file was closed after it was written to
WAL = b"\x02\x02"  # bytes 18 and 19 of a file whose newest pages stand in a file beside it
FIRST = {"study", "run"}  # the tables of schema 1
FORM = re.compile(r"CREATE TABLE \w+ \(([\w ,]+)\)(?: WITHOUT ROWID)?")  # of any version


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables that are not there, all at once, and mark the file as open for writing."""
    connection.execute("PRAGMA synchronous=FULL")  # a run that is there survives loss of power
    with transaction(connection):  # another process finds all tables or none
        for table, columns in TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {_columns(table, columns)}")
        connection.execute(f"PRAGMA user_version={CLOSED}")
    _use_log(connection)
    connection.execute(f"PRAGMA user_version={OPEN}")
    connection.execute("PRAGMA wal_checkpoint")  # into the file itself, though it be copied alone


def _use_log(connection: sqlite3.Connection) -> None:
    """Write ahead into a log; SQLite does not wait here while another process does the same."""
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements within it or none; another process that writes waits until it ends."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _beside(path: Path) -> Path:
    """The file of the newest pages."""
    return Path(f"{path}-wal")


def is_lone(path: Path) -> bool:
    """Whether there are no newer pages than in the file itself; to be asked before it is opened."""
    beside = _beside(path)
    return not (beside.exists() and beside.stat().st_size)


def _columns(table: str, columns: tuple[str, ...]) -> str:
    first, *others = columns
    return f"{table} ({first} TEXT PRIMARY KEY, {', '.join(others)}) WITHOUT ROWID"


@contextmanager
def connected(path: Path, target: str | Path, *, uri: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection that trusts no file: its schema calls no function, no value takes all memory."""
    with store_errors(path):
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


def check_schema(connection: sqlite3.Connection, path: Path, lone: bool, *, new: bool = False) -> bool:
    """Refuse a database of anything but our tables, such as views and triggers; whether these are there.

    Nothing else is read before. A database without tables is refused unless it may be ``new``.
    """
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 9"
    found = connection.execute(query).fetchall()
    if not found and lone and path.is_file() and path.read_bytes()[18:20] == WAL:
        raise InputError(
            f"{path} holds no run: it was copied, or its process killed, while its runs were still in"
            f" {_beside(path).name}, which is not beside it. Copy both files"
        )
    if not found and new:
        return False
    held = {name: match for _, name, sql in found if (match := FORM.fullmatch(f"{sql}"))}
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if held.keys() == FIRST and len(found) == len(FIRST) and version // 2 == 0:
        raise InputError(
            f"{path} is a study of schema 1, and this version of sparseattack reads schema {SCHEMA}: the"
            " version that wrote it shows it still. The same command with another --study makes a new one"
        )
    if held.keys() != TABLES.keys() or len(found) != len(TABLES):
        raise InputError(f"{path} is no study")
    for table, columns in TABLES.items():
        if version // 2 != SCHEMA or held[table][0] != f"CREATE TABLE {_columns(table, columns)}":
            names = {part.split()[0] for part in held[table][1].split(", ")}
            differ = ", ".join(sorted(names.symmetric_difference(columns))) or "their tables"
            raise InputError(f"{path} is a study of another version of sparseattack: they differ in {differ}")
    return True


def is_open(path: Path) -> bool:
    """Whether another connection, of this or another process, has the file of a study open.

    Where none has, what was in its log is in the file afterwards, and that is closed.
    """
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # nobody else may have it open for that
            if connection.execute("PRAGMA user_version").fetchone() == (OPEN,):
                connection.execute(f"PRAGMA user_version={CLOSED}")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
        except sqlite3.DatabaseError:  # damaged
            return False
    return False


def has_log(path: Path) -> bool:
    """Whether there is a file for newer pages, though it be empty; to be asked before it is opened."""
    return _beside(path).exists()


def check_complete(connection: sqlite3.Connection, path: Path, log: bool) -> None:
    """Warn of a file whose newest runs may stand in a file that is not beside it."""
    (state,) = connection.execute("PRAGMA user_version").fetchone()
    if state == OPEN and not log:
        warnings.warn(
            f"{path} was not closed when it was last written to, and {_beside(path).name}, which may hold its"
            " newest runs, is not beside it. If this is a copy, copy both files",
            SparseattackWarning,
            stacklevel=2,
        )


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
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
