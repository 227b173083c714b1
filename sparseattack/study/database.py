"""The tables of a study's file, and what can be wrong with the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparseattack.errors import InputError, StoreError
from sparseattack.study.record import COLUMNS

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
