"""The compare command with a protocol of the paper by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run

from sparseattack.experiment.protocols import PROTOCOLS

SMALL = ("--oracle", "linear(classes=3,inputs=192)", "--images", "images.npz", "--json")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with twelve 8x8 images."""
    images = np.random.default_rng(3).integers(256, size=(12, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(12) % 3)
    monkeypatch.chdir(tmp_path)


def told(run: Run, *options: str) -> dict[str, Any]:
    code, out, err = run("compare", *SMALL, *options)
    assert code == 0, err
    seen: dict[str, Any] = json.loads(out)
    return seen


def test_its_settings_are_the_defaults_of_the_other_options(run: Run) -> None:
    seen = told(run, "--protocol", "kaggle-like", "--budget", "30", "--num-images", "2", "-s", "random")
    chosen = seen["experiments"][0]["experiment"]
    expected = PROTOCOLS["kaggle-like"].settings() | {"budget": 30, "num_images": 2, "strategies": ["random"]}
    assert {name: chosen[name] for name in expected} == expected | {"encodings": ["rgb"]}
    assert seen["table"][0]["images"] == 2 and seen["eligible"] == 12


def test_an_option_on_the_command_line_overrides_the_protocol(run: Run) -> None:
    plain = ("--budget", "1000", "--num-images", "0", "--fitness", "margin", "--no-correct-only", "-s", "de")
    seen = told(run, "--protocol", "original-cifar10", *plain)
    chosen = seen["experiments"][0]["experiment"]
    names = ("budget", "num_images", "fitness", "correct_only", "strategies")
    assert [chosen[name] for name in names] == [1000, 0, "margin", False, ["de"]]


def test_a_target_takes_the_targeted_part(run: Run) -> None:
    seen = told(
        run, "--protocol", "original-cifar10", "--target", "all", "--num-images", "1", "--budget", "20"
    )
    chosen = seen["experiments"][0]["experiment"]
    assert chosen["correct_only"] and seen["table"][0]["runs"] == 2


def test_too_few_images_are_refused_before_a_study_is_created(run: Run) -> None:
    code, out, err = run("compare", *SMALL, "--protocol", "original-cifar10")
    assert (code, out) == (2, "") and "a sample of 500 images is asked for, but of 12 only" in err
    assert not list(Path().glob("*.study"))


def test_an_unknown_protocol_is_one_line(run: Run) -> None:
    code, out, err = run("compare", *SMALL, "--protocol", "kaggel-like")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no protocol 'kaggel-like', only original-cifar10" in err and "did you mean kaggle-like" in err


def test_images_left_out_and_images_not_sampled_are_counted_separately(run: Run) -> None:
    options = ("compare", *SMALL[:-1], "-s", "random", "--budget", "20")
    out = " ".join(run(*options, "--num-images", "2", "--sample-seed", "3").out.split())
    assert "2 of 12 images attacked, sampled from" in out and "the oracle misclassifies" in out
    out = " ".join(run(*options, "--true-class", "prediction").out.split())
    assert "12 of 12 images attacked, the oracle's predictions being their true classes." in out
    out = " ".join(run(*options, "--target", "all", "--correct-only").out.split())
    assert "cases left out: misclassified, of the target class, or predicted as it." in out
    assert " cases of an image and a target; " in out
    out = " ".join(run(*options, "--target", "all", "--seeds", "0,1").out.split())
    assert " cases of an image, a target and a seed; " in out
