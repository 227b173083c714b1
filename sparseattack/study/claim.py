"""Claims: which runs of a study a process is at work on, so that several processes share the work.

A process claims a portion of runs before it makes them; the claims of one that has died are deleted by the
next that looks. Claims only save time. Whatever goes wrong with them, a run is stored once: two processes
that make the same run come to the same result.
"""

import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from uuid import uuid4

from sparseattack.study.store import Study

PORTION = 256  # runs that are claimed at once where no other process is at work
SMALLEST = 8  # portion where there are others
HEARTBEAT = 10.0  # seconds between two
TIMEOUT = 600.0  # seconds without a heartbeat after which a process on another machine counts as ended
AT_ONCE = 500  # keys that are looked up together


class Owner(NamedTuple):
    """A process that claims runs."""

    host: str
    process: int
    started: str  # when, as the system says it; empty where it does not
    name: str  # differs for every use of a study

    @classmethod
    def this(cls) -> "Owner":
        """This process."""
        number = os.getpid()
        return cls(socket.gethostname(), number, started(number), uuid4().hex)

    @classmethod
    def parse(cls, text: str) -> "Owner | None":
        """The inverse of ``str``; None for anything else."""
        host, _, rest = text.partition(" ")
        number, _, more = rest.partition(" ")
        begun, _, name = more.partition(" ")
        return cls(host, int(number), begun, name) if number.isdecimal() and name else None

    def __str__(self) -> str:
        return f"{self.host} {self.process} {self.started} {self.name}"

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == socket.gethostname()

    @property
    def runs(self) -> bool:
        """Whether a process of this machine is still the one that it was."""
        with suppress(PermissionError):  # there is one, of another user
            try:
                os.kill(self.process, 0)
            except (ProcessLookupError, OverflowError):
                return False
        return started(self.process) == self.started


def started(process: int) -> str:
    """When a process of this machine was started, in ticks since that was; empty if it is unknown."""
    try:
        status = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]  # field 22; the second, a name, may hold spaces


class Claims:
    """The claims of this process on the runs of one study."""

    def __init__(self, study: Study) -> None:
        self.study, self.owner = study, str(Owner.this())
        self.last_beat = monotonic()
        self.last: dict[str, tuple[int, float]] = {}  # of others: their beat, and when it was first found

    def take(self, keys: Sequence[str], budget: int) -> tuple[list[str], list[str]]:
        """Claim a portion of the runs ``keys`` that are neither stored nor claimed; it, and those stored.

        A stored run of a smaller ``budget`` that was ended by it does not count as stored.
        """
        with self.study.writing() as connection:
            others = self._others(connection)
            claimed = {
                key for key, owner in connection.execute("SELECT key, owner FROM claim") if owner in others
            }
            stored = set(self._stored(keys, budget))
            free = [key for key in keys if key not in stored and key not in claimed]
            size = max(SMALLEST, -(-len(free) // (2 * (1 + len(others))))) if others else PORTION
            mine = free[: min(size, PORTION)]
            rows = [(key, self.owner, 0) for key in mine]
            connection.executemany("INSERT OR REPLACE INTO claim VALUES (?, ?, ?)", rows)
        return mine, [key for key in keys if key in stored]

    def _stored(self, keys: Sequence[str], budget: int) -> Iterator[str]:
        for start in range(0, len(keys), AT_ONCE):
            held = self.study.held(keys[start : start + AT_ONCE])
            yield from (key for key, one in held.items() if one.is_enough(budget))

    def _others(self, connection: sqlite3.Connection) -> set[str]:
        """The other processes that are at work; what is left of those that are not is deleted."""
        rows = connection.execute("SELECT key, owner, beat FROM claim").fetchall()
        beats = {owner: beat for key, owner, beat in rows if key == owner}
        found = set()
        for owner in {owner for _, owner, _ in rows} - {self.owner}:
            if self._is_at_work(owner, beats.get(owner)):
                found.add(owner)
            else:
                connection.execute("DELETE FROM claim WHERE owner IS ?", (owner,))
        return found

    def _is_at_work(self, text: object, beat: object) -> bool:
        owner = Owner.parse(text) if isinstance(text, str) else None
        if owner is None or not isinstance(beat, int) or not isinstance(text, str):
            return False
        if owner.is_here:
            return owner.runs
        known, since = self.last.get(text, (beat - 1, 0.0))
        if known != beat:
            since = monotonic()  # no clock that can be set: this process has seen it so long
            self.last[text] = beat, since
        return monotonic() - since < TIMEOUT

    def beat(self) -> None:
        """Show processes on other machines that this one is at work; to be called often."""
        if monotonic() - self.last_beat > HEARTBEAT:
            self.last_beat = monotonic()
            with self.study.writing() as connection:
                connection.execute("UPDATE claim SET beat = beat + 1 WHERE key = ?", (self.owner,))

    def release(self) -> None:
        """End the claims of this process on runs."""
        with self.study.writing() as connection:
            connection.execute("DELETE FROM claim WHERE owner = ? AND key <> owner", (self.owner,))


@contextmanager
def claims(study: Study) -> Iterator[Claims]:
    """Claims on the runs of a study, which end with the block."""
    found = Claims(study)
    with study.writing() as connection:
        connection.execute("INSERT INTO claim VALUES (?, ?, 0)", (found.owner, found.owner))
    try:
        yield found
    finally:
        with suppress(Exception), study.writing() as connection:  # such as a full disk: it is dead soon
            connection.execute("DELETE FROM claim WHERE owner = ?", (found.owner,))
