"""Packed studies: what they hold, what they go on from, and that the documentation's tables are theirs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import table_seeds
from benchmarks.query_efficiency import shown
from benchmarks.studies import FOLDER, SUFFIX, file_names, main, pack, unpack, unpacked
from sparseattack import Experiment, InputError, compare, load_images
from sparseattack.report.results import results
from sparseattack.study.store import Study

DOCS = Path(__file__).parents[2] / "docs"
BUDGETS = dict.fromkeys(("forest", "nin-random-target", "resnet20-random-target"), 300)  # others have 1,000
TABLE = "one-pixel-table"
RANKED = {"allconv", "allconv-small", "forest", "nin", "resnet20-all"}
PACKED = sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def small(images: str) -> Experiment:
    return Experiment(strategies=("random",), oracle="allconv-small", images=images, pixels=(3,), budget=20)


def test_a_packed_study_is_the_study_without_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = load_images("sample[0:6]")
    pixels = (sample.pixels * 255).round().byte().permute(0, 2, 3, 1).numpy()
    np.savez(tmp_path / "few.npz", images=pixels, labels=sample.labels.numpy())
    before = compare(small(str(tmp_path / "few.npz")), tmp_path / "a.study")
    pack(tmp_path / "a.study", tmp_path / f"a{SUFFIX}")
    unpack(tmp_path / f"a{SUFFIX}", tmp_path / "b.study")
    assert str(tmp_path).encode() not in (tmp_path / "b.study").read_bytes()
    with Study.read(tmp_path / "b.study") as held:
        assert [asked.experiment.images for asked in held.requests()] == ["few.npz"]
        assert results(held).records == before.records
    monkeypatch.chdir(tmp_path)
    size = (tmp_path / "b.study").stat().st_size
    again = compare(small("few.npz"), tmp_path / "b.study")
    assert again.records == before.records  # with the times of the runs: nothing was run again
    assert (tmp_path / "b.study").stat().st_size == size


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("/data/here/a.npz[0:5]", "a.npz[0:5]"),
        ("onnx(path=/data/m.onnx, mean=(0.5))", "onnx(path=m.onnx, mean=(0.5))"),
        ("folder/a.npz", "folder/a.npz"),
        ("nin", "nin"),
    ],
)
def test_only_folders_of_absolute_paths_are_left_out(spec: str, expected: str) -> None:
    assert file_names(spec) == expected


def test_what_cannot_be_unpacked_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.xz").write_bytes(b"no")
    with pytest.raises(InputError, match="is not a packed study"):
        unpack(tmp_path / "no.xz", tmp_path / "a.study")
    with pytest.raises(SystemExit) as ended:
        main(["unpack", "nothing", str(tmp_path / "a.study")])
    assert ended.value.code == 2 and f"there are {', '.join(PACKED)}" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["unpack", PACKED[0], str(tmp_path / "no.xz")])
    assert "exists: name a file that does not" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in PACKED if name != TABLE])
def test_rows_of_the_documentation_are_those_of_the_study(name: str) -> None:
    table = shown(FOLDER / f"{name}{SUFFIX}", BUDGETS.get(name, 1000), ranking=name in RANKED)
    rows = [line for line in table.splitlines()[2:] if line.startswith("|")]
    text = (DOCS / "query-efficiency.md").read_text()
    assert rows and [row for row in rows if row not in text] == []
    assert table.splitlines()[-1].removesuffix(".") in text  # the union


def test_rows_of_the_table_over_seeds_are_those_of_the_study() -> None:
    with unpacked(FOLDER / f"{TABLE}{SUFFIX}") as path, Study.read(path) as held:
        rows = table_seeds.rows(results(held))
    text = (DOCS / "table-format.md").read_text()
    assert len(list(rows)) > 10 and [row for row in rows if row not in text] == []
