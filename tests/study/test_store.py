"""Runs stored in a study survive a crash; errors of the file or the disk are one sentence."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from records import add_images, record

from sparseattack.errors import InputError, SparseattackWarning, StoreError
from sparseattack.provenance import digest
from sparseattack.study.facts import InferenceChoice, StudyRequest
from sparseattack.study.record import FrontPoint
from sparseattack.study.store import Study


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = [record(1, 5), record(0, front=[FrontPoint([1.0, 2.0], [3], [[1, 2, 3]])])]
    with Study.create(tmp_path / "a.study") as study:
        add_images(study, 2)
        for one in kept:
            study.add(one)
        assert study.keys() == {one.key for one in kept}
    with Study.read(tmp_path / "a.study") as study:
        assert study.records() == [kept[1], kept[0]]


def test_a_study_of_another_version_is_refused(tmp_path: Path) -> None:
    with Study.create(tmp_path / "a.study") as study:
        study.connection.execute("ALTER TABLE run DROP COLUMN distortion")
    for opened in (Study.create, Study.read):
        with pytest.raises(InputError, match="another version of sparseattack: they differ in distortion"):
            opened(tmp_path / "a.study")


def test_a_stored_run_is_never_overwritten(tmp_path: Path) -> None:
    with Study.create(tmp_path / "a.study") as study:
        add_images(study, 1)
        study.add(record(0, 5, key="same"))
        study.add(record(0, 9, key="same"))
        assert [one.first_fooled for one in study.records()] == [5]


def test_facts_are_stored_by_kind_and_part(tmp_path: Path) -> None:
    choices = {k: InferenceChoice(used=k == 1, speedup=None) for k in (1, 3)}
    with Study.create(tmp_path / "a.study") as study:
        for k, choice in choices.items():
            study.set(choice, f"k={k}")
        assert {k: study.get(InferenceChoice, f"k={k}") for k in choices} == choices
        assert study.get(InferenceChoice, "k=5") is None and study.get(StudyRequest) is None


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ('{"used": true}', "speedup"),
        ('{"used": true, "speedup": null, "more": 1}', "more"),
        ("[]", "mapping"),
    ],
)
def test_a_fact_of_another_version_is_one_sentence(tmp_path: Path, held: str, words: str) -> None:
    with Study.create(tmp_path / "a.study") as study:
        study.set(InferenceChoice(used=True, speedup=None))
        checksum = digest([InferenceChoice.KEY, held])
        study.connection.execute("UPDATE study SET value = ?, checksum = ?", (held, checksum))
        with pytest.raises(InputError, match=rf"a\.study is a study of another version .*{words}"):
            study.get(InferenceChoice)


def test_what_was_added_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from pathlib import Path
from records import add_images, record
from sparseattack.study.store import Study
study = Study.create(Path({str(path)!r}))
add_images(study, 20)
for image in range(20):
    study.add(record(image))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    with Study.create(path) as study:
        assert len(study.records()) == 20
        assert study.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_study_can_be_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    with Study.create(folder / "a.study") as study:
        add_images(study, 1)
        study.add(record(0))
    folder.chmod(0o555)
    try:
        with Study.read(folder / "a.study") as study:
            assert len(study.records()) == 1
    finally:
        folder.chmod(0o755)


def test_a_read_only_file_is_one_sentence(tmp_path: Path) -> None:
    with Study.create(tmp_path / "a.study"):
        pass
    with Study.read(tmp_path / "a.study") as study, pytest.raises(StoreError, match=r"a\.study.*readonly"):
        study.add(record(0))


@pytest.mark.parametrize("what", ["folder", "no folder", "text"])
def test_what_is_no_study_is_one_sentence(tmp_path: Path, what: str) -> None:
    path = {"folder": tmp_path, "no folder": tmp_path / "x" / "a.study", "text": tmp_path / "a.txt"}[what]
    if what == "text":
        path.write_text("no database at all, but long enough to look at: " * 40)
    for opened in (Study.create, Study.read):
        with pytest.raises((InputError, StoreError), match="study"):
            opened(path)


def test_another_database_is_no_study_and_stays_as_it_is(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "b.db")
    other.execute("CREATE TABLE other (x)")
    other.close()
    before = (tmp_path / "b.db").read_bytes()
    for opened in (Study.create, Study.read):
        with pytest.raises(InputError, match="no study"):
            opened(tmp_path / "b.db")
    assert (tmp_path / "b.db").read_bytes() == before


def test_the_first_default_stands(tmp_path: Path) -> None:
    first, second = InferenceChoice(used=True, speedup=2.0), InferenceChoice(used=False, speedup=1.0)
    with Study.create(tmp_path / "a.study") as one, Study.create(tmp_path / "a.study") as other:
        assert one.set_default(first) == first and other.set_default(second) == first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a limit on the size of files")
def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.study"
    code = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "support")!r})
from pathlib import Path
from records import add_images, record
from sparseattack.errors import StoreError
from sparseattack.study.store import Study
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
study = Study.create(Path({str(path)!r}))
add_images(study, 1000)
study.add(record(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
try:
    for image in range(1, 1000):
        study.add(record(image))
except StoreError as error:
    print(image, error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    count, _, said = done.stdout.partition(" ")
    assert "a.study" in said and "kept" in said and len(said.splitlines()) == 1
    with pytest.warns(SparseattackWarning, match="was not closed"), Study.create(path) as study:
        assert len(study.records()) == int(count)


def test_a_study_that_is_open_without_a_newer_page_is_read(tmp_path: Path) -> None:
    """Its file is marked as open, and its log is there and empty: nothing is missing."""
    with Study.create(tmp_path / "a.study") as study:
        for mode in ("DELETE", "WAL"):
            study.connection.execute(f"PRAGMA journal_mode={mode}")
        assert not study.keys() and not (tmp_path / "a.study-wal").stat().st_size
        with Study.read(tmp_path / "a.study") as other:
            assert not other.keys()
