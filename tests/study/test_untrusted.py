"""Studies that are damaged or hostile: each is one sentence, none hangs, and no number of one is wrong."""

import json
import random
import shutil
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Run

from sparseattack import compare
from sparseattack.errors import InputError, SparseattackError, SparseattackWarning
from sparseattack.experiment.settings import Experiment
from sparseattack.provenance import digest
from sparseattack.report.results import results
from sparseattack.study.record import COLUMNS, Record
from sparseattack.study.store import Study

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


VALUES: dict[str, object] = {
    "queries": "many",
    "first_fooled": 10**6,
    "budget": -5,
    "k": 2,
    "image": 10**9,
    "label": 10,
    "strategy": "de",
    "image_id": b"\xff\xfe",
    "value": "1.5",
    "l2": 9e999,
    "distortion": None,
    "before_confidence": 7.0,
    "verified": 3,
    "positions": "[",
    "colours": "[[0, 0, 256]]",
    "trace": "[[1, NaN]]",
    "front": "[" * 100_000,
    "met": "1" * 10_000,
    "restarts": -1,
    "error": 5,
    "seed": 2**62,
    "target": 10,
}


@pytest.mark.parametrize("column", VALUES)
def test_values_that_no_run_has_are_refused_though_the_checksum_fits(column: str, study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        row = dict(
            zip(COLUMNS, connection.execute(f"SELECT {', '.join(COLUMNS)} FROM run").fetchone(), strict=True)
        )
        changed = row | {column: VALUES[column]}
        fits = digest([str(value) if isinstance(value, bytes) else value for value in changed.values()])
        update = f"UPDATE run SET {column} = ?, checksum = ? WHERE key = ?"
        connection.execute(update, (VALUES[column], fits, row["key"]))
        connection.commit()
    with Study.read(study) as held, pytest.raises(InputError, match=r"a\.study is damaged: "):
        results(held)


def test_text_that_is_no_utf_8_is_damage(study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        connection.execute("UPDATE run SET image_id = CAST(x'fffe41' AS TEXT)")
        connection.commit()
    with Study.read(study) as held, pytest.raises(InputError, match=r"a\.study is damaged"):
        held.records()


FACTS: list[tuple[str, str, object]] = [
    ("scope", "runs", [1] * 29 + [-1]),
    ("scope", "runs", [1]),
    ("scope", "runs", [1.5] * 30),
    ("scope", "images", "thirty"),
    ("scope", "classes", []),
    ("scope", "classes", [1] * 10),
    ("scope", "eligible", 10**400),
    ("manifest", "shapes", [[8, 8]]),
    ("manifest", "shapes", [[5, 1, 8, 8]]),
    ("manifest", "shapes", [[10**15, 1, 8, 8]]),
    ("manifest", "shapes", [8, 8]),
    ("manifest", "shapes", "1x8x8"),
    ("manifest", "scale", "decibel"),
    ("manifest", "determines", None),
    ("manifest", "opening", {"created": "now"}),
]


@pytest.mark.parametrize(("fact", "field", "value"), FACTS)
def test_facts_that_no_study_has_are_refused(fact: str, field: str, value: object, study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        (text,) = connection.execute("SELECT value FROM study WHERE name = ?", (fact,)).fetchone()
        text = json.dumps(json.loads(text) | {field: value})
        connection.execute(
            "UPDATE study SET value = ?, checksum = ? WHERE name = ?", (text, digest([fact, text]), fact)
        )
        connection.commit()
    with (
        Study.read(study) as held,
        pytest.raises(InputError, match=r"a\.study is (damaged|a study of another)"),
    ):
        results(held)


def test_a_changed_number_is_noticed(study: Path) -> None:
    with closing(sqlite3.connect(study)) as connection:
        connection.execute("UPDATE run SET queries = queries - 1 WHERE queries > first_fooled + 1")
        connection.commit()
    with (
        Study.read(study) as held,
        pytest.raises(InputError, match="damaged: a run does not fit its checksum"),
    ):
        held.records()


def test_names_of_a_study_are_printed_visibly(study: Path, run: Run) -> None:
    with Study.create(study) as held:
        records = held.records()
        held.connection.execute("DELETE FROM run")
        for record in records:
            held.add(Record(**{**vars(record), "image_id": "a\x1b[2Jb", "error": "c\x9bd"}))
    for form in ((), ("--runs",), ("--json",), ("--csv",)):
        answer = run("report", str(study), *form)
        assert answer.code == 0 and not {"\x1b", "\x9b"} & set(answer.out + answer.err)


def killed(path: Path, connection: sqlite3.Connection) -> None:
    """Copy a study that is being written, without the file beside it."""
    assert Path(f"{path}-wal").exists() and connection
    shutil.copy(path, path.with_name("copy.study"))


def test_a_killed_study_copied_without_its_newest_pages_warns_of_the_missing_file(study: Path) -> None:
    with Study.create(study) as held:
        held.connection.execute("DELETE FROM run WHERE image > 20")
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
