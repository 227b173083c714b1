"""A mask of an experiment: how it is written, what it is made of, and what depends on it."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sparseattack import Configuration, Experiment, InputError, compare, read_experiment
from sparseattack.experiment.identity import Question
from sparseattack.experiment.mask import centre_mask, load_masks, read_mask
from sparseattack.experiment.prepare import prepare
from sparseattack.provenance import digest
from sparseattack.report.export.robustness import command_of
from sparseattack.report.tables import explanation, headline, sections

SMALL = Experiment(strategies=("random(popsize=10)",), images="sample[0:3]", budget=20, pixels=(2,))


def picture(path: Path, mask: NDArray[np.bool_]) -> str:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("height", "width", "share", "rows", "columns"),
    [
        (32, 32, 0.5, (8, 24), (8, 24)),
        (5, 4, 0.5, (1, 4), (1, 3)),  # 2.5 rows are 3
        (5, 5, 0.4, (1, 3), (1, 3)),  # an even part of an odd side lies nearer to the beginning
        (7, 3, 0.01, (3, 4), (1, 2)),
        (6, 5, 1, (0, 6), (0, 5)),
    ],
)
def test_the_centre_is_a_share_of_each_side(
    height: int, width: int, share: float, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    wanted = np.zeros((height, width), bool)
    wanted[slice(*rows), slice(*columns)] = True
    assert np.array_equal(centre_mask(height, width, share), wanted)


def test_white_is_allowed_in_every_kind_of_png(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((6, 5)) < 0.5
    grey = Image.fromarray(mask.astype(np.uint8) * 255)
    for mode in ("1", "L", "RGB", "RGBA", "P"):
        grey.convert(mode).save(tmp_path / f"{mode}.png")
        assert np.array_equal(read_mask(tmp_path / f"{mode}.png"), mask)
    np.save(tmp_path / "mask.npy", mask)
    assert np.array_equal(read_mask(tmp_path / "mask.npy"), mask)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "absent.png",
            None,
            r"absent.png cannot be read: No such file .*; a mask is none, FILE.png, FILE.npy",
        ),
        ("text.png", b"no picture", "cannot be read: it is no picture"),
        ("text.npy", b"no array", "is no .npy file of numbers"),
        ("empty.npy", np.zeros((0, 0), bool), "is empty: it has no pixels"),
        (
            "false.npy",
            np.zeros((32, 32), bool),
            "allows no pixel: white, or True, is where a pixel may change",
        ),
        ("float.npy", np.ones((32, 32)), r"is bool \(H, W\) or \(N, H, W\), not float64 \(32, 32\)"),
        ("small.npy", np.ones((16, 8), bool), "is 16 x 8, images are 32 x 32: make it so"),
        ("many.npy", np.ones((4, 32, 32), bool), "has 4 masks for 3 images"),
        (
            "one.npy",
            np.eye(32, dtype=bool) & (np.arange(32) == 3),
            "allows 1 pixel, fewer than the 2 that may",
        ),
        (
            "grey.png",
            np.full((32, 32), 128, np.uint8),
            "has other colours than white, pixels that may change",
        ),
    ],
)
def test_files_that_are_no_mask_are_refused(
    tmp_path: Path, name: str, content: bytes | NDArray[np.generic] | None, words: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None and name.endswith(".npy"):
        np.save(tmp_path / name, content)
    elif content is not None:
        Image.fromarray(content).save(tmp_path / name)
    with pytest.raises(InputError, match=words):
        prepare(replace(SMALL, mask=str(tmp_path / name)))


@pytest.mark.parametrize("text", ["centre:0", "centre:1.5", "centre:half", "centre:nan"])
def test_a_centre_of_no_share_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"mask {text}: the share of each side is above 0 and at most 1"):
        Experiment(mask=text)


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(InputError, match=r"mask is none, FILE.png, FILE.npy or centre:0.5, not 'centre'"):
        load_masks("centre", [(1, 3, 8, 8)])
    with pytest.raises(InputError, match=r"mask is none, FILE.png, FILE.npy or centre:0.5, not empty"):
        Experiment(mask="")


def test_the_mask_is_part_of_the_question_and_none_is_not(tmp_path: Path) -> None:
    middle = picture(tmp_path / "a.png", centre_mask(32, 32, 0.5))
    copy = picture(tmp_path / "b.png", centre_mask(32, 32, 0.5))
    other = picture(tmp_path / "c.png", centre_mask(32, 32, 0.25))
    masks = ["none", "centre:0.5", "centre:0.50", middle, copy, other]
    keys = [prepare(replace(SMALL, mask=mask)).question.key for mask in masks]
    assert keys[1] == keys[2] and keys[3] == keys[4] and len({*keys}) == 4
    question = Question("oracle", "logits", "none", "label", False, False, "success")
    before = {name: value for name, value in asdict(question).items() if name not in ("mask", "backend")}
    assert question.key == digest(before) != replace(question, mask="centre:0.5").key
    one, each = np.ones((32, 32), bool), np.ones((3, 32, 32), bool)
    found = [load_masks(str(_saved(tmp_path, mask)), [(3, 3, 32, 32)]) for mask in (one, each)]
    assert found[0] and found[1] and found[0].identity != found[1].identity


def _saved(folder: Path, mask: NDArray[np.bool_]) -> Path:
    np.save(path := folder / f"{mask.ndim}.npy", mask)
    return path


def test_a_comparison_states_its_mask_and_the_command_repeats_it(tmp_path: Path) -> None:
    experiment = replace(SMALL, mask="centre:0.5", strategies=("random(popsize=10)", "sparse-rs"))
    found = compare(experiment, tmp_path / "a.study")
    for record in found.records:
        assert all(8 <= place // 32 < 24 and 8 <= place % 32 < 24 for place in record.positions)
    assert headline(found.subject)[1].startswith("k = 2 pixels, mask centre:0.5; budget 20 queries")
    assert found.notes == ["mask centre:0.5: 256 of 1,024 pixels of an image may change"]
    assert "--mask centre:0.5" in command_of(found.requests[-1].experiment)
    with pytest.raises(InputError, match=r"mask was centre:0.5, is none"):
        compare(replace(experiment, mask="none"), tmp_path / "a.study")


def test_masks_of_each_image_are_in_the_order_of_the_images(tmp_path: Path) -> None:
    mask = np.zeros((3, 32, 32), bool)
    for place in range(3):
        mask[place, 10 * place : 10 * place + 2 + place] = True
    np.save(tmp_path / "each.npy", mask)
    found = compare(
        replace(SMALL, mask=str(tmp_path / "each.npy"), strategies=("de(popsize=5)", "sparse-rs"))
    )
    assert {record.image for record in found.records} == {0, 1, 2}
    for record in found.records:
        assert mask[record.image].ravel()[record.positions].all()
    assert "64 to 128 of 1,024 pixels" in found.notes[0]


def test_a_file_names_a_mask(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('mask = "centre:0.25"\npixels = 1\n', encoding="utf-8")
    assert read_experiment(tmp_path / "a.toml").experiment.mask == "centre:0.25"
    (tmp_path / "a.toml").write_text('pixels = 1\nmask = "centre:7"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"a.toml, line 2: mask centre:7: the share of each side"):
        read_experiment(tmp_path / "a.toml")


def test_an_experiment_stored_before_there_were_masks_has_none() -> None:
    held = SMALL.to_json()
    del held["mask"]
    assert Experiment.from_json(held) == SMALL


def test_tables_count_coordinates_where_the_encoding_does() -> None:
    one = replace(SMALL, encodings=("channels",))
    both = replace(one, strategies=("random(popsize=10)", Configuration("random", encodings=("rgb",))))
    found, mixed = compare(one), compare(both)
    assert headline(found.subject)[1].startswith("k = 2 coordinates;")
    assert "pixels:" not in explanation(found.methods) and "coordinates: changed" in explanation(
        found.methods
    )
    costs = sections(found.subject, found.lines, found.unfinished)[-1]
    assert "coordinates" in costs.headings and "pixels" not in costs.headings
    assert headline(mixed.subject)[1].startswith("k = 2 pixels or coordinates;")
    assert [line.to_dict()["counts"] for line in mixed.lines] == ["coordinates", "pixels"]
    assert all(0 <= record.pixels <= 2 for record in mixed.records)
