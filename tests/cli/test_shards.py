"""The commands merge and studies, and compare in shards."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Answer, Run

from sparseattack.report.results import results
from sparseattack.study.store import Study

COMMON = ("--oracle", "linear(classes=4,inputs=192)", "--true-class", "prediction",
          "-s", "random(popsize=20)", "--budget", "60")  # fmt: skip


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    pixels = np.random.default_rng(3).integers(256, size=(8, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=pixels, labels=np.zeros(8, np.int64))
    monkeypatch.chdir(tmp_path)
    return "images.npz"


def shard(run: Run, images: str, number: int, *more: str) -> Answer:
    study = f"a.study.shard-{number}-of-3"
    return run("compare", "--images", images, *COMMON, "--shard", f"{number}/3", "--study", study, *more)


def test_shards_end_with_the_command_that_unites_them(run: Run, images: str) -> None:
    for number in (1, 2, 3):
        code, out, err = shard(run, images, number)
        assert (code, out) == (0, "") and f"all in a.study.shard-{number}-of-3" in err
        assert err.splitlines()[-1] == "  sparseattack merge a.study a.study.shard-*-of-3"
    files = [f"a.study.shard-{number}-of-3" for number in (3, 1, 2)]
    code, out, err = run("merge", "a.study", *files)
    assert (code, out) == (0, "") and err.startswith("a.study: 8 runs, 8 of them new\n")
    assert "missing" not in err and err.splitlines()[-1] == "  sparseattack report a.study"
    assert "a.study: 8 runs, 0 of them new" in run("merge", "a.study", *files).err
    run("compare", "--images", images, *COMMON, "--study", "whole.study")
    merged, whole = (json.loads(run("report", name, "--json").out) for name in ("a.study", "whole.study"))
    times = ("oracle_seconds", "strategy_seconds", "queries_per_second")
    for line in (*merged["table"], *whole["table"]):
        for name in times:
            del line[name]
    assert merged["table"] == whole["table"]


def test_missing_shards_are_named_as_slurm_takes_them(run: Run, images: str) -> None:
    shard(run, images, 2)
    err = run("merge", "a.study", "a.study.shard-2-of-3").err
    assert "missing or unfinished shards of 3: --array=1,3" in err


def test_a_plain_command_goes_on_with_the_shards_beside_it(run: Run, images: str) -> None:
    shard(run, images, 1)
    shard(run, images, 3)
    code, _, err = run("compare", "--images", images, *COMMON, "--study", "a.study")
    assert code == 0 and "runs already in a.study" in err


def test_a_damaged_file_is_left_out_with_exit_code_1(run: Run, images: str) -> None:
    for number in (1, 2):
        shard(run, images, number)
    Path("a.study.shard-1-of-3").write_bytes(Path("a.study.shard-1-of-3").read_bytes()[:5000])
    code, _, err = run("merge", "a.study", "a.study.shard-1-of-3", "a.study.shard-2-of-3")
    assert code == 1 and "left out: a.study.shard-1-of-3 is damaged" in err
    assert "missing or unfinished shards of 3: --array=1,3" in err


def test_what_cannot_be_merged_is_refused_in_one_line(run: Run, images: str) -> None:
    shard(run, images, 1)
    run("compare", "--images", images, *COMMON, "--stop", "budget", "--study", "other.study")
    Path("text.study").write_text("no study")
    for files, said in (
        (("other.study", "a.study.shard-1-of-3"), "stop was budget, is success"),
        (("nothing.study",), "there is no study nothing.study"),
        (("text.study",), "text.study is no study"),
    ):
        code, out, err = run("merge", "out.study", *files)
        assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1
        assert not Path("out.study").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shard", "4/3"), "a shard is NUMBER/COUNT"),
        (("--shard", "1/3", "--jobs", "2"), "--jobs and --shard exclude each other"),
        (("--jobs", "none"), "jobs is a number of processes, at least 1, or auto"),
        (("--executor", "cloud"), "no executor 'cloud', only"),
    ],
)
def test_bad_options_are_refused_in_one_line(
    run: Run, images: str, options: tuple[str, ...], said: str
) -> None:
    code, out, err = run("compare", "--images", images, *COMMON, "--study", "a.study", *options)
    assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1


def test_studies_are_listed_with_what_they_hold(run: Run, images: str) -> None:
    assert "there are no studies in ." in run("studies").err
    parts = [f"a.study.shard-{number}-of-3" for number in (1, 2, 3)]
    for number in (1, 2, 3):
        shard(run, images, number)
    run("compare", "--images", images, *COMMON, "--seeds", "0,1", "--study", "whole.study")
    Path("text.study").write_text("no study")
    Path("bad.study").write_bytes(Path("whole.study").read_bytes()[:5000])
    found = {each["path"]: each for each in json.loads(run("studies", "--json").out)}
    assert sorted(found) == [*parts, "bad.study", "whole.study"]
    whole = found["whole.study"]
    assert (whole["images"], whole["conditions"], whole["runs"], whole["planned"]) == (8, 2, 16, 16)
    assert whole["attack"] == "untargeted, stop success" and "linear" in whole["oracle"]
    runs = [found[part]["runs"] for part in parts]
    assert all(found[part]["planned"] == 8 for part in parts) and sum(runs) == 8
    assert any(0 < some < 8 for some in runs)  # one may have none: digests decide
    code, out, err = run("studies")
    assert code == 0 and "100 %" in out and max(map(len, out.splitlines())) <= 80
    assert "bad.study is damaged" in err
    assert run("studies", "nowhere").code == 2


def test_runs_of_other_images_are_not_those_that_are_lacking(run: Run, images: str) -> None:
    """Of eight images with 30 queries and of the first two with 60, the runs on the first four are lost."""
    for some, budget in ((images, "30"), (f"{images}[0:2]", "60")):
        run("compare", "--images", some, *COMMON, "--budget", budget, "--study", "a.study")
    with Study.create(Path("a.study")) as study:
        numbers = study.image_numbers()
        for one in study.records():
            if numbers[one.image_key] < 4:
                study.connection.execute("DELETE FROM run WHERE key = ?", (one.key,))
        found = results(study)
    (listed,) = json.loads(run("studies", "--json").out)
    assert (listed["runs"], listed["planned"]) == (found.finished, found.subject.runs) == (4, 8)
