"""Masks and encodings from the command line: what is written is judged here by other means."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from PIL import Image

from sparseattack.data.png import read_texts

FOREST = ("--oracle", "digits-forest", "--budget", "500", "--scale", "0")


def changes(folder: Path) -> list[tuple[int, int]]:
    """Rows and columns in which the adversarial picture differs from the digit."""
    (path,) = folder.rglob("*.adversarial.png")
    before = np.array(Image.open(folder / "digit.png"))
    with Image.open(path) as opened:
        return [(int(row), int(column)) for row, column in np.argwhere(np.array(opened) != before)]


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    from sparseattack import load_images

    Image.fromarray(load_images("digits[3]").pixels[0, 0].numpy()).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"


@pytest.mark.parametrize("strategy", ["sparse-rs", "random"])
def test_a_picture_changes_where_the_mask_is_white(digit: Path, run: Run, strategy: str) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 1:7] = 255
    Image.fromarray(mask).save(digit.with_name("mask.png"))
    picture = "--mask", str(digit.with_name("mask.png"))
    code, out, _ = run("attack", str(digit), *FOREST, "-k", "6", "--out", str(digit.parent), *picture,
                       "--strategy", strategy)  # fmt: skip
    assert code == 0 and "24 of 64 pixels of an image may change" in out
    found = changes(digit.parent)
    assert 0 < len(found) <= 6 and all(mask[place] for place in found)
    (path,) = digit.parent.rglob("*.adversarial.png")
    assert "24 of 64 pixels" in read_texts(path)["Description"]


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("absent.png", "the mask absent.png cannot be read: No such file or directory; a mask is none,"),
        ("centre:2", "mask centre:2: the share of each side is above 0 and at most 1, as in centre:0.5"),
        ("centre:0.1", "the mask allows 1 pixel, fewer than the 2 that may change"),
    ],
)
def test_a_mask_that_does_not_fit_is_one_sentence(digit: Path, run: Run, mask: str, words: str) -> None:
    code, out, err = run("attack", str(digit), *FOREST, "-k", "2", "--mask", mask)
    assert (code, out) == (2, "") and words in err.replace("\n", " ") and "Traceback" not in err


def test_coordinates_are_told_and_an_encoding_is_checked(digit: Path, run: Run) -> None:
    code, out, _ = run("attack", str(digit), *FOREST, "-k", "9", "--out", str(digit.parent),
                       "--encoding", "channels", "--strategy", "random")  # fmt: skip
    assert code == 0 and " coordinates; rows and columns count from 0" in out
    code, out, _ = run("check", "delta(limit=0.1)")
    assert code == 0 and "delta(limit=0.1) satisfies 10 of 10 clauses of the contract" in out


def test_a_strategy_of_pixels_refuses_positions(digit: Path, run: Run) -> None:
    code, _, err = run("attack", str(digit), *FOREST, "--encoding", "index")
    assert code == 2 and "sparse-rs chooses pixels and their colours" in err
