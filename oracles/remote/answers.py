"""The ledger of a service: every answer that was ever received, on disk before the search sees it.

One SQLite file. Before a request leaves, its images are marked as sent; what has no answer when the file is
opened may have been paid by a process that was killed. Several processes may share one file.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from sparseattack import InputError, OracleError

WAIT = 30.0  # seconds for another process that writes
AT_ONCE = 500  # keys in a statement
TEMPORARY = Path(":temporary:")  # a file without a name, which goes with its process
ANSWERED = "(answer IS NOT NULL AND status != 'changed')"
TABLES = (
    "CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, service TEXT, attempts INTEGER, status TEXT,"
    " answer BLOB, first REAL, last REAL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS service (key TEXT PRIMARY KEY, name TEXT, attempts INTEGER, next REAL,"
    " paused REAL, facts BLOB) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS buyer (key TEXT PRIMARY KEY, run TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS model (service TEXT PRIMARY KEY, confirmed REAL, changes INTEGER)"
    " WITHOUT ROWID",
)
APPLICATION = 0x73704C31  # application_id of such a file: "spL1"


class AnswerLedger:
    """The answers of one ``service``, a digest, in a file that may hold those of others too."""

    def __init__(self, path: Path, service: str, name: str, *, durable: bool) -> None:
        """Open the file, or make it; ``durable`` answers survive loss of power, all survive ``kill -9``."""
        self.path, self.service, self._lock = path, service, Lock()
        try:
            file = "" if path == TEMPORARY else path  # without a name it is on disk once it is large
            self._connection = sqlite3.connect(file, WAIT, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise InputError(f"{path} is no ledger that can be written: {error}") from error
        try:
            self._prepare(name, durable)
        except sqlite3.Error as error:
            self.close()
            raise InputError(f"{path} is no ledger that can be written: {error}") from error
        except InputError:
            self.close()
            raise

    def _prepare(self, name: str, durable: bool) -> None:
        run = self._connection.execute
        run("PRAGMA trusted_schema=OFF")
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and run("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise InputError(f"{self.path} is another file, no ledger: name another one with ledger=FILE")
        run("PRAGMA journal_mode=WAL")
        run(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        run(f"PRAGMA application_id={APPLICATION}")
        for table in TABLES:
            run(table)
        run("INSERT OR IGNORE INTO service VALUES (?, ?, 0, 0, 0, NULL)", (self.service, name))
        run("INSERT OR IGNORE INTO model VALUES (?, 0, 0)", (self.service,))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """All statements within it or none, while no other thread or process writes."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection.execute
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise OracleError(f"ledger {self.path}: {error}; what was answered before is kept") from error

    def known(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The answers to those of some ``keys`` that have one."""
        found: dict[str, bytes] = {}
        with self._lock:
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = f"SELECT key, answer FROM answer WHERE {ANSWERED} AND key IN ({marks})"
                found |= dict(self._connection.execute(query, list(some)).fetchall())
        return found

    def assign(self, runs: Mapping[str, str]) -> None:
        """For which run the image of each key is about to be sent; the first run of a key stays."""
        with self._writing() as run:
            for pair in runs.items():
                run("INSERT OR IGNORE INTO buyer VALUES (?, ?)", pair)

    def attempts_for(self, run: str, keys: Sequence[str]) -> list[int]:
        """How often each of those of the ``keys`` was sent that were sent first for a run."""
        found: list[int] = []
        with self._lock:
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = (
                    f"SELECT attempts FROM buyer JOIN answer USING (key) WHERE run = ? AND key IN ({marks})"
                )
                found += [count for (count,) in self._connection.execute(query, [run, *some])]
        return found

    def send(self, keys: Sequence[str], most: int | None) -> None:
        """Mark images as sent, once more; InputError, and nothing is marked, beyond ``most`` of all time."""
        now = time.time()
        with self._writing() as run:
            if most is not None and (sent := self._attempts(run)) + len(keys) > most:
                raise InputError(
                    f"{sent:,} images were sent, as {self.path} says, and {len(keys):,} more would be above"
                    f" --max-paid {most}: all answers are kept, and the same command with a larger number"
                    " goes on"
                )
            for key in keys:
                run(
                    "INSERT INTO answer VALUES (?, ?, 1, 'sent', NULL, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                    f" attempts = attempts + 1, last = iif({ANSWERED}, last, excluded.last),"
                    f" status = iif({ANSWERED}, status, excluded.status),"
                    f" answer = iif({ANSWERED}, answer, NULL)",
                    (key, self.service, now, now),
                )
            run("UPDATE service SET attempts = attempts + ? WHERE key = ?", (len(keys), self.service))

    def withdraw(self, keys: Sequence[str]) -> None:
        """The images were not sent after all: no connection was made."""
        with self._writing() as run:
            for key in keys:
                run("UPDATE answer SET attempts = attempts - 1 WHERE key = ?", (key,))
                run("DELETE FROM answer WHERE key = ? AND attempts = 0 AND answer IS NULL", (key,))
            run("UPDATE service SET attempts = attempts - ? WHERE key = ?", (len(keys), self.service))

    def refuse(self, keys: Sequence[str], status: str) -> None:
        """The service did not answer these images, and said so: the ``status`` is no answer."""
        with self._writing() as run:
            for key in keys:
                run("UPDATE answer SET status = ? WHERE key = ? AND answer IS NULL", (status, key))

    def store(self, answers: Mapping[str, bytes]) -> None:
        """Store answers by key; the first one of a key stays."""
        with self._writing() as run:
            for key, answer in answers.items():
                run(
                    "UPDATE answer SET answer = ?, status = '200', last = ? WHERE key = ? AND answer IS NULL",
                    (answer, time.time(), key),
                )

    def confirm(self, when: float) -> None:
        """The service has answered as it did before: what was answered until ``when`` is of its model."""
        with self._writing() as run:
            run("UPDATE model SET confirmed = ? WHERE service = ?", (when, self.service))

    def take_back(self, but: Sequence[str]) -> frozenset[str]:
        """Set aside the answers since the service was confirmed, ``but`` some; the runs of which they are."""
        some = (
            f"{ANSWERED} AND answer.service = ? AND key NOT IN ({', '.join('?' * len(but))})"
            " AND last > (SELECT confirmed FROM model WHERE model.service = answer.service)"
        )
        values = [self.service, *but]
        with self._writing() as run:
            runs = run(f"SELECT DISTINCT run FROM buyer JOIN answer USING (key) WHERE {some}", values)
            found = frozenset(str(each) for (each,) in runs)
            run(f"UPDATE answer SET status = 'changed' WHERE {some}", values)
            run("UPDATE model SET changes = changes + 1 WHERE service = ?", (self.service,))
        return found

    @property
    def changes(self) -> int:
        """How often answers were taken back."""
        with self._lock:
            query = "SELECT changes FROM model WHERE service = ?"
            return int(self._connection.execute(query, (self.service,)).fetchone()[0])

    def trust(self) -> None:
        """Take what was set aside for answers again, but what was asked again since."""
        with self._writing() as run:
            query = "UPDATE answer SET status = '200' WHERE status = 'changed' AND service = ?"
            run(query, (self.service,))

    @property
    def attempts(self) -> int:
        """Images that were ever sent to the service, each time counted."""
        with self._lock:
            return self._attempts(self._connection.execute)

    def _attempts(self, run: Callable[..., sqlite3.Cursor]) -> int:
        return int(run("SELECT attempts FROM service WHERE key = ?", (self.service,)).fetchone()[0])

    @property
    def unanswered(self) -> int:
        """Images that were sent, and of which it is not known whether the service saw them."""
        query = "SELECT count(*) FROM answer WHERE service = ? AND answer IS NULL AND status = 'sent'"
        with self._lock:
            return int(self._connection.execute(query, (self.service,)).fetchone()[0])

    def reserve(self, interval: float, longest: float) -> float:
        """Take the next turn of all processes, ``interval`` seconds after the one before; when it is.

        One that is more than ``longest`` seconds ahead is of a clock that was set back, and is forgotten.
        """
        now = time.time()
        with self._writing() as run:
            ahead = "UPDATE service SET next = 0, paused = 0 WHERE key = ? AND max(next, paused) > ?"
            run(ahead, (self.service, now + longest))
            query = "SELECT max(next, paused) FROM service WHERE key = ?"
            turn = max(float(run(query, (self.service,)).fetchone()[0]), now)
            if interval:
                run("UPDATE service SET next = ? WHERE key = ?", (turn + interval, self.service))
        return turn

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long, in no process."""
        until = time.time() + seconds
        with self._writing() as run:
            run("UPDATE service SET paused = max(paused, ?) WHERE key = ?", (until, self.service))

    @property
    def paused(self) -> bool:
        """Whether a pause is not over."""
        with self._lock:
            query = "SELECT paused FROM service WHERE key = ?"
            return float(self._connection.execute(query, (self.service,)).fetchone()[0]) > time.time()

    @property
    def facts(self) -> bytes | None:
        """What the service said about itself when the ledger was begun; None if nothing is stored."""
        with self._lock:
            query = "SELECT facts FROM service WHERE key = ?"
            (found,) = self._connection.execute(query, (self.service,)).fetchone()
        return bytes(found) if found is not None else None

    @facts.setter
    def facts(self, said: bytes) -> None:
        with self._writing() as run:
            run("UPDATE service SET facts = ? WHERE key = ?", (said, self.service))
