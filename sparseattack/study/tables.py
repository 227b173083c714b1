"""The tables of a study's file: their columns, the checksums of their rows, and the row of an image."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from sparseattack.errors import InputError
from sparseattack.provenance import Environment, digest
from sparseattack.study.record import NESTED, RUN_COLUMNS

SCHEMA = 2  # version of the tables
ROUNDING = 0.01  # share of the greatest score by which another machine or version may change a score


@dataclass(frozen=True)
class ImageRow:
    """An image that is attacked in a study, with its true class."""

    key: str
    id: str  # name, such as a file's
    content: str  # digest of its shape and 8-bit colours
    shape: str  # channels, rows and columns, as in 3x32x32
    label: int  # true class
    predicted: int  # class that the oracle gives the clean image
    confidence: float  # of the oracle in that class

    @property
    def sides(self) -> tuple[int, ...]:
        """C, H, W; InputError where they are none."""
        sides = tuple(int(side) if side.isdecimal() else 0 for side in self.shape.split("x"))
        if len(sides) != len("CHW") or min(sides) < 1:
            raise InputError(f"an image's shape is {self.shape}")
        return sides

    def agrees(self, other: "ImageRow") -> bool:
        """Whether an oracle that gives ``other`` for the same image may be the same one."""
        near = abs(self.confidence - other.confidence) <= ROUNDING
        return self.predicted == other.predicted and near


IMAGE_COLUMNS = tuple(field.name for field in fields(ImageRow))
ENVIRONMENT_COLUMNS = tuple(field.name for field in fields(Environment))
TABLES = {
    "study": ("name", "value", "checksum"),
    "image": (*IMAGE_COLUMNS, "checksum"),
    "environment": ("key", *ENVIRONMENT_COLUMNS, "checksum"),
    "run": (*(name for name in RUN_COLUMNS if name not in NESTED), "details", "checksum", *NESTED),
    "claim": ("key", "owner", "beat"),
}
"""The columns of every table, its primary key first; ``details`` is a digest of what is nested in a run."""
BEFORE = {
    table: columns[: columns.index("checksum")] for table, columns in TABLES.items() if "checksum" in columns
}
"""The columns of a table that its checksum is of: those that stand before it."""


def row_checksum(table: str, row: Mapping[str, object]) -> str:
    """Digest of a row of a table."""
    return digest([row[name] for name in BEFORE[table]])


def details_of(row: Mapping[str, object]) -> str:
    """Digest of what is nested in the row of a run."""
    return digest([row[name] for name in NESTED])


def checked(table: str, values: tuple[object, ...]) -> dict[str, object]:
    """A row of a table by column; InputError where a checksum does not fit."""
    row = dict(zip(TABLES[table], values, strict=True))
    fits = row_checksum(table, row) == row.pop("checksum")
    if not fits or (table == "run" and details_of(row) != row.pop("details")):
        raise InputError(f"a row of table {table} does not fit its checksum")
    return row
