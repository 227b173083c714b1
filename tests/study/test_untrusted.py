"""Studies that are damaged or hostile: each is one sentence, none hangs, and no number of one is wrong."""

import json
import random
import shutil
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Run

from sparseattack import compare
from sparseattack.errors import InputError, SparseattackError, SparseattackWarning
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import digest
from sparseattack.report.results import results
from sparseattack.study.record import COLUMNS, NESTED
from sparseattack.study.store import Study
from sparseattack.study.tables import TABLES, details_of, row_checksum

PAGE = 4096
DAMAGES = 80
EXPERIMENT = Experiment(
    strategies=("random(popsize=5)", "nsga2"),
    oracle="linear(classes=10,inputs=64)",
    images="digits[0:30]",
    true_class="prediction",
    budget=60,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real study."""
    path = tmp_path_factory.mktemp("real") / "whole.study"
    compare(EXPERIMENT, path)
    return path


@pytest.fixture
def study(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(whole, tmp_path / "a.study"))


def flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 3, 40])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def header(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(100)] = chance.randrange(256)


def truncate(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def zero(content: bytearray, chance: random.Random) -> None:
    start = PAGE * chance.randrange(len(content) // PAGE)
    content[start : start + PAGE] = bytes(PAGE)


def swap(content: bytearray, chance: random.Random) -> None:
    one, other = (PAGE * chance.randrange(len(content) // PAGE) for _ in range(2))
    kept = content[one : one + PAGE]
    content[one : one + PAGE] = content[other : other + PAGE]
    content[other : other + PAGE] = kept


@pytest.mark.parametrize("damage", [flip, header, truncate, zero, swap])
def test_no_damage_is_a_traceback_or_another_number(
    damage: Callable[[bytearray, random.Random], None], whole: Path, tmp_path: Path
) -> None:
    with Study.read(whole) as read:
        truth = {record.key: record for record in read.records()}
    refused = 0
    for seed in range(DAMAGES // 5):
        content, path = bytearray(whole.read_bytes()), tmp_path / f"{seed}.study"
        damage(content, random.Random(seed))
        path.write_bytes(content)
        for opened in (Study.read, Study.create):
            try:
                with (
                    warnings.catch_warnings(action="ignore", category=SparseattackWarning),
                    opened(path) as held,
                ):
                    found = results(held)
            except SparseattackError as error:
                assert str(path) in str(error)
                refused += 1
                continue
            assert all(record == truth[record.key] for record in found.records)
            assert found.unfinished or len(found.records) == len(truth)
    assert refused or damage in (header, flip)


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
SCHEMAS = {
    "an endless view in place of the runs": [
        "DROP TABLE run",
        f"CREATE VIEW run AS {ENDLESS} SELECT {', '.join(f'i AS {name}' for name in COLUMNS)}, i FROM n",
    ],
    "an endless view in place of the facts": [
        "DROP TABLE study",
        f"CREATE VIEW study AS {ENDLESS} SELECT i AS name, i AS value, i AS checksum FROM n",
    ],
    "a further view": [f"CREATE VIEW more AS {ENDLESS} SELECT i FROM n"],
    "a trigger": ["CREATE TRIGGER t AFTER INSERT ON study BEGIN DELETE FROM run; END"],
    "an index of an expression": ["CREATE INDEX i ON run (abs(queries))"],
    "a further table": ["CREATE TABLE more (x)"],
    "a virtual table": ["CREATE VIRTUAL TABLE more USING fts5(x)"],
    "a generated column": ["ALTER TABLE run ADD COLUMN more AS (zeroblob(1e9))"],
    "a default of an expression": ["ALTER TABLE run ADD COLUMN more DEFAULT (1)"],
}


@pytest.mark.parametrize("what", SCHEMAS)
def test_anything_but_our_tables_is_no_study(what: str, study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        for statement in SCHEMAS[what]:
            connection.execute(statement)
    before = study.read_bytes()
    for opened in (Study.read, Study.create):
        with pytest.raises(InputError, match=r"a\.study is no study"):
            opened(study)
    assert study.read_bytes() == before


VALUES: list[tuple[str, str, object]] = [
    ("run", "queries", "many"),
    ("run", "first_fooled", 10**6),
    ("run", "budget", -5),
    ("run", "k", 0),
    ("run", "k", 2),
    ("run", "pixels", 2),
    ("run", "pixels", -2),
    ("run", "repeats", 10**6),
    ("run", "success", 2),
    ("run", "cost", 10**9),
    ("run", "image_key", "0" * 32),
    ("run", "method", "0" * 32),
    ("run", "image_key", b"\xff\xfe"),
    ("run", "value", "1.5"),
    ("run", "l2", 9e999),
    ("run", "distortion", -1.0),
    ("run", "verified", 3),
    ("run", "positions", "["),
    ("run", "positions", "[64]"),
    ("run", "colours", "[[0, 0, 256]]"),
    ("run", "trace", "[[1, NaN]]"),
    ("run", "front", "[" * 100_000),
    ("run", "met", "1" * 10_000),
    ("run", "restarts", -2),
    ("run", "error", 5),
    ("run", "seed", 2**62),
    ("run", "target", 10),
    ("run", "after_class", 10),
    ("run", "environment", 7),
    ("image", "label", 10),
    ("image", "predicted", -1),
    ("image", "confidence", 7.0),
    ("image", "shape", "8x8"),
    ("image", "shape", 8),
    ("image", "id", b"\xff"),
    ("environment", "versions", "[]"),
    ("environment", "cores", "many"),
]


@pytest.mark.parametrize(("table", "column", "value"), VALUES)
def test_values_that_no_row_has_are_refused_though_the_checksum_fits(
    table: str, column: str, value: object, study: Path
) -> None:
    names = [name for name in TABLES[table] if name != "checksum"]
    with closing(sqlite3.connect(study)) as connection:
        found = connection.execute(f"SELECT {', '.join(names)} FROM {table}").fetchone()
        plain = str(value) if isinstance(value, bytes) else value
        changed = dict(zip(names, found, strict=True)) | {column: plain}
        if table == "run":
            changed["details"] = details_of(changed)
            connection.execute("UPDATE run SET details = ? WHERE key = ?", (changed["details"], found[0]))
        update = f"UPDATE {table} SET {column} = ?, checksum = ? WHERE key = ?"
        connection.execute(update, (value, row_checksum(table, changed), found[0]))
        connection.commit()
    by_edit = table != "run" or column in NESTED or (column, value) == ("k", 2)
    for records in (True,) if by_edit else (True, False):  # columns alone do not show it
        with Study.read(study) as held, pytest.raises(InputError, match=r"a\.study is damaged: "):
            results(held, records=records, courses=records)


def test_text_that_is_no_utf_8_is_damage(study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        connection.execute("UPDATE run SET strategy = CAST(x'fffe41' AS TEXT)")
        connection.commit()
    for records in (True, False):
        with Study.read(study) as held, pytest.raises(InputError, match=r"a\.study is damaged"):
            results(held, records=records)


FACTS: list[tuple[str, str, object]] = [
    ("request", "runs", {"0": [1] * 29 + [-1]}),
    ("request", "runs", {"0": [1]}),
    ("request", "runs", {"0": [1.5] * 30}),
    ("request", "runs", {"1": [1] * 30}),
    ("request", "runs", {"x": [1] * 30}),
    ("request", "runs", {}),
    ("request", "images", "0" * 32),
    ("request", "classes", []),
    ("request", "classes", [1] * 10),
    ("request", "eligible", 10**400),
    ("request", "methods", []),
    ("request", "shapes", [[8, 8]]),
    ("request", "shapes", [[5, 1, 8, 8]]),
    ("request", "shapes", [[10**15, 1, 8, 8]]),
    ("request", "shapes", [8, 8]),
    ("request", "shapes", "1x8x8"),
    ("request", "experiment", None),
    ("request", "created", 3),
    ("images", "keys", []),
    ("images", "keys", "abc"),
    ("question", "scale", "decibel"),
    ("question", "oracle", None),
]


@pytest.mark.parametrize(("fact", "field", "value"), FACTS)
def test_facts_that_no_study_has_are_refused(fact: str, field: str, value: object, study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        query = "SELECT name, value FROM study WHERE name LIKE ?"
        name, text = connection.execute(query, (f"{fact}%",)).fetchone()
        text = json.dumps(json.loads(text) | {field: value})
        connection.execute(
            "UPDATE study SET value = ?, checksum = ? WHERE name = ?", (text, digest([name, text]), name)
        )
        connection.commit()
    with (
        Study.read(study) as held,
        pytest.raises(InputError, match=r"a\.study is (damaged|a study of another)"),
    ):
        results(held)


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize(
    "change",
    ["run SET queries = queries - 1 WHERE queries > first_fooled + 1", "image SET label = 9 - label"],
)
def test_a_changed_number_is_noticed(change: str, records: bool, study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        connection.execute(f"UPDATE {change}")
        connection.commit()
    with (
        Study.read(study) as held,
        pytest.raises(InputError, match=r"damaged: a row of table .* does not fit its checksum"),
    ):
        results(held, records=records)


SCHEMA_1 = [
    "CREATE TABLE study (name TEXT PRIMARY KEY, value, checksum) WITHOUT ROWID",
    "CREATE TABLE run (key TEXT PRIMARY KEY, strategy, encoding, k, seed, image, checksum) WITHOUT ROWID",
]


def test_a_study_of_the_first_schema_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    with closing(sqlite3.connect(path)) as connection:
        for statement in SCHEMA_1:
            connection.execute(statement)
    before = path.read_bytes()
    for opened in (Study.read, Study.create):
        with pytest.raises(InputError, match=r"a\.study is a study of schema 1, .* reads schema 2: "):
            opened(path)
    assert path.read_bytes() == before


def test_names_of_a_study_are_printed_visibly(study: Path, run: Run) -> None:
    with Study.create(study) as held:
        records, images = held.records(), held.images().values()
        held.connection.execute("DELETE FROM run")
        held.connection.execute("DELETE FROM image")
        held.add_images(replace(image, id="a\x1b[2Jb") for image in images)
        for record in records:
            held.add(replace(record, error="c\x9bd"))
    for form in ((), ("--runs",), ("--json",), ("--csv",)):
        answer = run("report", str(study), *form)
        assert answer.code == 0 and not {"\x1b", "\x9b"} & set(answer.out + answer.err)


def killed(path: Path, connection: sqlite3.Connection) -> None:
    """Copy a study that is being written, without the file beside it."""
    assert Path(f"{path}-wal").exists() and connection
    shutil.copy(path, path.with_name("copy.study"))


def test_a_killed_study_copied_without_its_newest_pages_warns_of_the_missing_file(study: Path) -> None:
    with Study.create(study) as held:
        held.connection.execute("DELETE FROM run WHERE key > '8'")
        killed(study, held.connection)
    for opened in (Study.read, Study.create):
        with (
            pytest.warns(
                SparseattackWarning, match=r"copy\.study was not closed .* copy\.study-wal, .* copy both"
            ),
            opened(study.with_name("copy.study")) as copy,
        ):
            assert len(copy.records()) == 60
    with Study.read(study) as held:  # closed as it should be: nothing to be said
        assert len(held.records()) < 60


def test_a_new_study_copied_without_its_newest_pages_is_not_no_study(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE study (name)")
        killed(path, connection)
    for opened in (Study.read, Study.create):
        with pytest.raises(InputError, match=r"copy\.study holds no run: it was copied.* copy\.study-wal"):
            opened(tmp_path / "copy.study")


def test_a_killed_study_with_its_newest_pages_is_whole(tmp_path: Path) -> None:
    with Study.create(tmp_path / "a.study") as held:
        for name in ("a.study", "a.study-wal"):
            shutil.copy(tmp_path / name, tmp_path / name.replace("a.", "copy."))
        assert held.path
    with Study.read(tmp_path / "copy.study") as copy:
        assert copy.records() == []
