"""The tables of a study's file: their columns, the checksums of their rows, and two rows of one run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattack.errors import InputError
from sparseattack.provenance import Environment, digest
from sparseattack.study.facts import SentImages, parse_json
from sparseattack.study.record import FLAGS, NESTED, OF_IMAGE, RUN_COLUMNS, SENT, Record

if TYPE_CHECKING:  # a report imports no torch
    from sparseattack.experiment.prepare import Setup

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

    @classmethod
    def of(cls, setup: "Setup", image: int) -> "ImageRow":
        """The image at a place in a setup."""
        predicted = setup.clean.predictions
        return cls(
            key=setup.image_keys[image],
            id=setup.images.ids[image],
            content=setup.selection.contents[image],
            shape="x".join(map(str, setup.images.pixels[image].shape)),
            label=int(setup.images.labels[image]),
            predicted=int(predicted.classes[image]),
            confidence=float(predicted.confidences[image]),
        )

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


PLACE = {name: place for place, name in enumerate(TABLES["run"])}
CHECKSUM = {table: columns.index("checksum") for table, columns in TABLES.items() if "checksum" in columns}
BESIDE = {  # columns that do not belong to a run's result: how and where it was made, and how it is called
    "key", "strategy", "encoding", "fitness", "budget", "cost", "oracle_seconds", "strategy_seconds",
    "sparse", "environment", "details", "checksum",
}  # fmt: skip
RESULT = tuple(name for name in TABLES["run"] if name not in BESIDE)
SHOWN = 60  # characters of a value in an error

Row = tuple[Any, ...]
"""A row of a table as it is stored."""


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


def run_row(record: Record) -> dict[str, object]:
    """The row of a run in its table, by column."""
    held = record.to_dict()
    row: dict[str, object] = {name: held[name] for name in RUN_COLUMNS}
    row |= {name: json.dumps(held[name], separators=(",", ":")) for name in NESTED}
    row |= {name: int(held[name]) for name in FLAGS}
    row["details"] = details_of(row)
    return row | {"checksum": row_checksum("run", row)}


def record_in(
    row: dict[str, object],
    images: Mapping[str, ImageRow],
    numbers: Mapping[str, int],
    sent: Mapping[str, SentImages],
) -> Record:
    """The run in a row of the table, given all images, their numbers, and what was sent to servers."""
    key = str(row["image_key"])
    if key not in images or key not in numbers:
        raise InputError("a run's image is missing")
    image = images[key]
    row |= {name: bool(row[name]) for name in FLAGS if row[name] in (0, 1)}
    row |= {name: parse_json(row[name]) for name in NESTED}
    row |= {name: getattr(image, field) for name, field in OF_IMAGE.items()}
    fact = sent.get(SentImages.part_of(row["key"], row["budget"]))
    beside = dict(zip(SENT, _sent(fact, row["queries"], row["repeats"]), strict=True))
    record = Record.from_dict(row | {"image": numbers[key]} | beside)
    channels, height, width = image.sides
    if any(place >= height * width for place in record.positions) or any(
        len(colour) != channels for colour in record.colours
    ):
        raise InputError("a run's edit is none of its image")
    return record


def sent_images(record: Record) -> SentImages | None:
    """What a run has sent to a server and was told nothing by; None where both is nothing, as of most."""
    if (record.shown, record.attempts, record.flat) == _sent(None, record.queries, record.repeats):
        return None
    return SentImages(record.key, record.budget, record.shown, record.attempts, record.flat)


def _sent(sent: SentImages | None, queries: object, repeats: object) -> tuple[int, int, int]:
    """Queries that were shown, images sent to a server, each time counted, and queries that told nothing."""
    if sent:
        return sent.shown, sent.attempts, sent.flat
    if isinstance(queries, int) and isinstance(repeats, int) and repeats >= 0:
        return queries - repeats, 0, 0
    return -1, 0, 0


def sent_by(
    held: Mapping[str, Sequence[object]],
    array: Mapping[str, NDArray[np.int64]],
    sent: Mapping[str, SentImages],
) -> dict[str, NDArray[np.int64]]:
    """The same of some runs ``(R,)``, by the columns of their rows: those ``held``, or as an ``array``."""
    shown = np.where(array["repeats"] >= 0, array["queries"] - array["repeats"], -1)
    attempts, flat = np.zeros_like(shown), np.zeros_like(shown)
    for place, pair in enumerate(zip(held["key"], held["budget"], strict=True) if sent else ()):
        if fact := sent.get(SentImages.part_of(*pair)):
            shown[place], attempts[place], flat[place] = fact.shown, fact.attempts, fact.flat
    return {"shown": shown, "attempts": attempts, "flat": flat}


def check_row(table: str, row: Row, path: Path) -> None:
    """InputError for a row of the file ``path`` that is not as it was written; not of table run."""
    if row_checksum(table, dict(zip(TABLES[table], row, strict=True))) != row[CHECKSUM[table]]:
        raise InputError(f"{path} is damaged: a row of table {table} does not fit its checksum")


def agree(small: Row, big: Row) -> bool:
    """Whether one run is what another one was after so many queries."""
    budget = small[PLACE["budget"]]
    if big[PLACE["queries"]] <= budget:
        return all(small[PLACE[name]] == big[PLACE[name]] for name in RESULT)
    fooled = big[PLACE["first_fooled"]]
    early = 0 < fooled <= budget
    trace = [step for step in _trace(big) if step[0] <= budget]
    return (
        small[PLACE["first_fooled"]] == (fooled if early else 0)
        and (not early or small[PLACE["verified"]] == big[PLACE["verified"]])
        and _trace(small) == trace
    )


def _trace(row: Row) -> list[Any]:
    held = parse_json(row[PLACE["trace"]])
    return held if isinstance(held, list) else []


def contradiction(one: Row, other: Row) -> str:
    """What two rows of one run differ in."""
    differ = [name for name in RESULT if one[PLACE[name]] != other[PLACE[name]]]
    name = differ[0] if differ else "trace"
    why = (
        "one was made by sparse inference, the other by whole images"
        if one[PLACE["sparse"]] != other[PLACE["sparse"]]
        else "they were made on other machines or with other versions"
        if one[PLACE["environment"]] != other[PLACE["environment"]]
        else "one of the files is not what was run, or the oracle is no function of the image alone"
    )
    return (
        f"run {one[0]} has two results: strategy {one[PLACE['strategy']]}, seed {one[PLACE['seed']]}, image"
        f" {one[PLACE['image_key']]}, {name} {_short(one[PLACE[name]])} and {_short(other[PLACE[name]])};"
        f" {why}. Nothing was merged"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
