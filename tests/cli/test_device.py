"""Commands with ``--device``: everything beside the network takes its tensors from wherever they are."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Run
from emulated_device import emulated
from PIL import Image
from small_networks import cnn


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options: a small network and four images with its own predictions."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.save(cnn().state_dict(), "w.pt")
    Path("nets.py").write_text("from small_networks import cnn as make\n")
    colours = np.random.default_rng(0).integers(256, size=(2, 8, 8, 3), dtype=np.uint8)
    np.savez("images.npz", images=colours)
    oracle = "torch(module=nets.py:make,checkpoint=w.pt,batch=16)"
    return ["--oracle", oracle, "--images", "images.npz", "--true-class", "prediction"]


@pytest.mark.parametrize(
    "options",
    [
        ["-s", "de(popsize=5),sparse-rs,additive-gp", "-k", "2"],
        ["-s", "pointwise,sparse-evo"],
        ["-s", "one-plus-one", "--target", "all", "--mask", "centre:0.5", "--encodings", "corners"],
        ["-s", "random", "--noisy-oracle", "--fitness", "probability"],
        ["-s", "brusle", "--stop", "fewest", "-k", "3"],
    ],
)
def test_compare_finds_what_it_finds_on_the_cpu(run: Run, given: list[str], options: list[str]) -> None:
    command = ["compare", *given, *options, "--budget", "12", "--no-sparse-inference", "--csv"]
    with emulated() as device:
        there = run(*command, "--device", device, "--study", "there.study")
    here = run(*command, "--study", "here.study")
    assert there.code == here.code == 0, there.err
    assert without_times(there.out) == without_times(here.out)


def without_times(table: str) -> list[list[str]]:
    head, *rows = csv.reader(table.splitlines())
    kept = [place for place, name in enumerate(head) if "second" not in name]
    return [[row[place] for place in kept] for row in (head, *rows)]


def test_tabulate_and_attack_write_what_they_write_on_the_cpu(run: Run, given: list[str]) -> None:
    oracle = given[:2]
    picture = ["picture.png", *oracle, "--true-class", "prediction", "-k", "20", "-s", "sparse-rs"]
    Image.fromarray(np.load("images.npz")["images"][0]).save("picture.png")
    table = ["tabulate", *oracle, "--images", "images.npz", "--max-images", "1"]
    with emulated() as device:
        assert run("attack", *picture, "--out", "there", "--device", device).code == 0
        assert run(*table, "--out", "there.npz", "--device", device).code == 0
    assert run("attack", *picture, "--out", "here").code == run(*table, "--out", "here.npz").code == 0
    with np.load("there.npz") as there, np.load("here.npz") as here:
        assert np.array_equal(there["scores"], here["scores"])
    found, *others = sorted(Path("there").glob("*.adversarial.png"))
    assert not others
    assert read(found) == read(Path("here") / found.name)


def read(picture: Path) -> bytes:
    with Image.open(picture) as opened:
        return opened.tobytes()
