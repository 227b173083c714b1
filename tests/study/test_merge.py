"""Merge: the union of studies by key, in any order, any number of times; contradictions are refused."""

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from records import add_images, record
from shared_runs import small_experiment

from sparseattack import InputError, compare
from sparseattack.errors import ChangedError
from sparseattack.experiment.identity import Question
from sparseattack.study import merge as module
from sparseattack.study.executors.shard import Shard, missing_shards, number_ranges, run_shard
from sparseattack.study.facts import FinishedShard, InferenceChoice
from sparseattack.study.merge import merge
from sparseattack.study.record import Record
from sparseattack.study.store import Study
from sparseattack.study.tables import ImageRow, row_checksum

QUESTION = Question("oracle", "logits", "none", "label", False, False, "success")


def study_file(path: Path, *records: Record, question: Question = QUESTION) -> Path:
    """A study of some runs."""
    with Study.create(path) as study:
        study.set(question)
        add_images(study, 4)
        for each in records:
            study.add(each)
    return path


def merged(out: Path, *files: Path) -> list[Record]:
    with Study.create(out) as study:
        merge(study, files)
    with Study.read(out) as study:
        return study.records()


def content(path: Path) -> list[tuple[Any, ...]]:
    """Every row of every table."""
    with sqlite3.connect(path) as connection:
        tables = ("study", "run", "image", "environment")
        return [row for table in tables for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Three studies that overlap; one run was made twice, at another speed."""
    a, b, c, d = (record(image, first_fooled=3 * image, key=f"{image:032x}") for image in range(4))
    slower = record(1, first_fooled=3, key=b.key, oracle_seconds=9.0)
    return [
        study_file(tmp_path / "1.study", a, b),
        study_file(tmp_path / "2.study", slower, c),
        study_file(tmp_path / "3.study", d),
    ]


def test_the_union_is_the_same_in_any_order_and_any_number_of_times(
    parts: list[Path], tmp_path: Path
) -> None:
    found = []
    for number, order in enumerate(permutations(parts)):
        out = tmp_path / f"out{number}.study"
        assert [one.image for one in merged(out, *order, order[0])] == [0, 1, 2, 3]
        found.append(content(out))
        merged(out, *order[:2])
        merged(out, out)
        assert content(out) == found[-1]
    assert all(each == found[0] for each in found)


def test_many_files_are_merged_a_few_at_a_time(
    parts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = merged(tmp_path / "a.study", *parts)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "ROWS", 1)
    assert merged(tmp_path / "b.study", *parts) == whole


def test_two_results_of_one_run_are_refused_and_nothing_is_merged(parts: list[Path], tmp_path: Path) -> None:
    other = study_file(tmp_path / "other.study", record(1, first_fooled=4, key=f"{1:032x}"))
    first = merged(tmp_path / "out.study", parts[0])
    for files in ([other], [parts[2], other]):
        with pytest.raises(InputError) as refused, Study.create(tmp_path / "out.study") as study:
            merge(study, files)
        for word in (f"run {1:032x} has two results: strategy de, seed 0", "first_fooled", "3", "4"):
            assert word in str(refused.value)
        assert merged(tmp_path / "out.study") == first
    with pytest.raises(InputError, match="has two results"):
        merged(tmp_path / "new.study", parts[0], other)


def test_results_of_a_noisy_oracle_may_differ(tmp_path: Path) -> None:
    noisy = Question("oracle", "logits", "none", "label", False, True, "success")
    files = [
        study_file(tmp_path / f"{q}.study", record(first_fooled=q, key="a"), question=noisy) for q in (3, 4)
    ]
    with Study.create(tmp_path / "empty.study"):
        pass
    both = [
        merged(tmp_path / "a.study", *files),
        merged(tmp_path / "b.study", *reversed(files), tmp_path / "empty.study"),
    ]
    assert len(both[0]) == 1 and both[0] == both[1]


@pytest.mark.parametrize(("one", "other"), [(3, 4), (5, 90), (7, 60), (10, 50)])
def test_what_a_run_was_told_is_stored_with_it(one: int, other: int, tmp_path: Path) -> None:
    """Not that of the same run of a noisy oracle in another file, nor that of one that was not stored."""
    noisy = Question("oracle", "logits", "none", "label", False, True, "success")
    runs = [record(first_fooled=count, key="a" * 32, flat=count - 1) for count in (one, other)]
    files = [study_file(tmp_path / f"{run.queries}.study", run, question=noisy) for run in runs]
    both = [merged(tmp_path / "a.study", *files), merged(tmp_path / "b.study", *reversed(files))]
    later = merged(tmp_path / "c.study", files[0]), merged(tmp_path / "c.study", files[1])
    assert both[0] == both[1] == later[1] and both[0][0] in runs
    assert content(tmp_path / "a.study") == content(tmp_path / "b.study") == content(tmp_path / "c.study")
    with Study.create(tmp_path / "d.study") as study:
        merge(study, files[:1])
        study.add(runs[1])
        assert study.records() == runs[:1]


def test_of_equal_runs_one_that_says_what_was_sent_is_stored(tmp_path: Path) -> None:
    runs = [record(first_fooled=9, key="a" * 32, attempts=count) for count in (0, 12)]
    files = [study_file(tmp_path / f"{run.attempts}.study", run) for run in runs]
    for order in (files, files[::-1]):
        out = tmp_path / f"{order[0].stem}-first.study"
        assert [merged(out, order[0]), merged(out, order[1])][1] == runs[1:]


def test_predictions_of_a_noisy_oracle_may_differ(tmp_path: Path) -> None:
    noisy = Question("oracle", "logits", "none", "label", False, True, "success")
    files = [study_file(tmp_path / f"{key}.study", record(1, key=key), question=noisy) for key in "ab"]
    image = asdict(ImageRow(f"{1:032x}", "test/1", "c", "3x32x32", 3, 5, 0.4))
    with sqlite3.connect(files[1]) as connection:
        connection.execute(
            "UPDATE image SET predicted = 5, confidence = 0.4, checksum = :sum WHERE key = :key",
            image | {"sum": row_checksum("image", image)},
        )
    connection.close()
    both = [merged(tmp_path / "a.study", *files), merged(tmp_path / "b.study", *files[::-1])]
    assert len(both[0]) == 2 and both[0] == both[1]


def made(budget: int, first_fooled: int = 0, **others: Any) -> Record:
    """The one run under a budget: its objective falls at queries 1, 40 and 400."""
    trace = [[query, -query / 9] for query in (1, 40, 400) if query <= (first_fooled or budget)]
    queries = first_fooled or budget
    return record(first_fooled=first_fooled, key="a", budget=budget, trace=trace, queries=queries, **others)


@pytest.mark.parametrize(
    ("small", "big"),
    [
        (made(100), made(1000)),
        (made(100), made(1000, 400)),
        (made(500, 400), made(1000, 400)),
    ],
)
def test_of_two_budgets_the_larger_one_is_stored(small: Record, big: Record, tmp_path: Path) -> None:
    files = [study_file(tmp_path / f"{one.budget}.study", one) for one in (small, big)]
    for number, order in enumerate((files, list(reversed(files)))):
        out = tmp_path / f"out{number}.study"
        merged(out, order[0])
        (held,) = merged(out, order[1])
        assert held.budget == 1000 and held.first_fooled == big.first_fooled


@pytest.mark.parametrize(
    "small",
    [
        made(100, 40),  # fooled, where the longer run was not
        record(key="a", budget=100, queries=100, trace=[[1, -1 / 9], [39, 0.5]]),
        made(500, 300),
    ],
)
def test_a_run_that_is_no_beginning_of_the_longer_one_is_refused(small: Record, tmp_path: Path) -> None:
    files = [
        study_file(tmp_path / f"{number}.study", one) for number, one in enumerate((small, made(1000, 400)))
    ]
    with pytest.raises(InputError, match="run a has two results"):
        merged(tmp_path / "out.study", *files)


def test_another_question_is_refused(parts: list[Path], tmp_path: Path) -> None:
    other = Question("oracle", "logits", "none", "label", False, False, "budget")
    file = study_file(tmp_path / "other.study", record(3, key="b"), question=other)
    with pytest.raises(InputError, match=r"another question than .*stop was success, is budget"):
        merged(tmp_path / "out.study", *parts, file)
    with Study.read(tmp_path / "out.study") as study:
        assert not study.keys() and study.get(Question) is None


def test_an_image_of_another_class_is_another_oracle(parts: list[Path], tmp_path: Path) -> None:
    file = study_file(tmp_path / "other.study")
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM image")
    with Study.create(file) as study:
        from sparseattack.study.tables import ImageRow

        study.add_images([ImageRow(f"{0:032x}", "x", "c", "3x32x32", 3, 5, 0.9)])
    with pytest.raises(InputError, match=r"made with another oracle: it gave image x class 5"):
        merged(tmp_path / "out.study", *parts, file)


@pytest.fixture(params=["row", "nested", "fact", "page"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A study of which something was changed."""
    path = study_file(tmp_path / "damaged.study", record(3, key="b"), record(2, key="c"))
    if request.param == "page":
        data = bytearray(path.read_bytes())
        data[4096:] = b"\7" * (len(data) - 4096)
        path.write_bytes(data)
    else:
        change = {
            "row": "UPDATE run SET queries = 17",
            "nested": "UPDATE run SET trace = '[]'",
            "fact": "UPDATE study SET value = 'x' WHERE name = 'question'",
        }[request.param]
        with sqlite3.connect(path) as connection:
            connection.execute(change)
    yield path


def test_a_damaged_file_is_left_out_and_named(parts: list[Path], damaged: Path, tmp_path: Path) -> None:
    with Study.create(tmp_path / "out.study") as study:
        found = merge(study, [parts[0], damaged, *parts[1:]])
        assert list(found.damaged) == [damaged] and f"{damaged} is damaged" in found.damaged[damaged]
        assert found.added == 4 and len(study.keys()) == 4


def test_a_study_of_facts_only_is_merged(parts: list[Path], tmp_path: Path) -> None:
    choice = InferenceChoice(used=True, speedup=2.0)
    with Study.create(tmp_path / "plan.study") as study:
        study.set(choice, "k=1")
    with Study.create(tmp_path / "out.study") as study:
        merge(study, [tmp_path / "plan.study", parts[0]])
        assert study.get(InferenceChoice, "k=1") == choice and len(study.keys()) == 2


def test_runs_are_chosen_by_key(parts: list[Path], tmp_path: Path) -> None:
    with Study.create(tmp_path / "out.study") as study:
        merge(study, parts, wanted=lambda key: key.endswith("2"))
        assert study.keys() == {f"{2:032x}"}


def test_a_shard_is_finished_only_where_its_runs_are(tmp_path: Path) -> None:
    experiment, name = small_experiment(tmp_path), tmp_path / "a.study"
    run_shard(experiment, Shard(2, 1), name)
    with Study.create(tmp_path / "part.study") as study:
        merge(study, [name], wanted=Shard(2, 2).holds)
        assert not study.facts(FinishedShard) and study.requests()
        merge(study, [name])
        assert missing_shards(study, [Shard(2, 2).file(name)]) == {2: [2]}
        with pytest.raises(ChangedError), study.taking_back():
            raise ChangedError("another model", study.keys())
        assert not study.facts(FinishedShard)


def test_numbers_are_written_as_slurm_takes_them() -> None:
    assert number_ranges([2, 5, 6, 7, 9]) == "2,5-7,9" and number_ranges([1]) == "1"
    assert number_ranges([1, 2]) == "1-2" and number_ranges([]) == ""


def test_missing_shards_are_those_that_never_finished(tmp_path: Path) -> None:
    experiment, name = small_experiment(tmp_path), tmp_path / "a.study"
    files = [Shard(4, number).file(name) for number in (1, 3)]
    for number, file in zip((1, 3), files, strict=True):
        run_shard(experiment, Shard(4, number), file)
    compare(small_experiment(tmp_path, images=f"{tmp_path}/images.npz[0:1]"), Shard(4, 4).file(name))
    with Study.create(name) as study:
        merge(study, files[:1])
        assert missing_shards(study, files[:1]) == {4: [2, 3, 4]}
        files.append(Shard(4, 4).file(name))
        merge(study, files)
        assert missing_shards(study, files) == {4: [2, 4]}
        request = study.requests()[0].part
        for number in (2, 4):
            fact = FinishedShard(number, 4, request)
            study.set(fact, fact.part)
        assert missing_shards(study, [name]) == {}
