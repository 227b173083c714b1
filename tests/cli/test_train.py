"""The train command: a network trained on images, interrupted and continued."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run

from sparseattack import load, load_images
from sparseattack.cli.main import main
from sparseattack.oracles.networks import NETWORKS

QUICK = ("--batch", "64", "--no-bf16")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds CIFAR-10, or a hundred images of it."""
    sample = load_images("sample")
    colours = sample.pixels.permute(0, 2, 3, 1).numpy()
    (tmp_path / "data").mkdir()
    for split in ("train", "test"):
        file = tmp_path / "data" / f"cifar10_{split}.npz"
        np.savez(file, images=colours, labels=sample.labels.numpy(), names=sample.classes)
    return tmp_path


def call(folder: Path, *arguments: str, code: int = 0) -> None:
    with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
        main(("train", *arguments))
    assert (ended.value.code or 0) == code


def test_weights_come_out_and_are_an_oracle(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(folder, "allconv-small", "--data", "data", "--out", "mine.safetensors", "--epochs", "2", *QUICK)
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in err.splitlines()] == ["epoch 1", "epoch 2"]
    card = json.loads((folder / "mine.json").read_text())
    assert out == f"mine.safetensors: accuracy {card['accuracy']:.2%} on cifar10:test, 100 images\n"
    oracle = load("oracles", f"allconv-small(weights={folder / 'mine.safetensors'})")()
    sample = load_images("sample")
    assert (oracle(sample.floats()).argmax(1) == sample.labels).double().mean().item() == card["accuracy"]


def test_one_file_is_measured_by_what_is_held_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(folder, "--data", "data/cifar10_train.npz", "--out", "m.safetensors", "--epochs", "1", *QUICK)
    assert "on the last of data/cifar10_train.npz, 5 images" in capsys.readouterr().out
    call(
        folder,
        "--data",
        "data:train[0:40]",
        "--test",
        "sample[0:7]",
        "--out",
        "n.safetensors",
        "--epochs",
        "1",
    )
    assert "on sample[0:7], 7 images" in capsys.readouterr().out


def test_weights_are_named_after_the_network(folder: Path) -> None:
    call(folder, "nin", "--data", "data", "--epochs", "1", *QUICK)
    card = json.loads((folder / "nin.json").read_text())
    assert (card["network"], card["recipe"]["smallest"], card["recipe"]["epochs"]) == ("nin", 20, 1)
    oracle = load("oracles", f"nin(weights={folder / 'nin.safetensors'})")()
    assert oracle(load_images("sample[0:2]").floats()).shape == (2, 10)
    assert (folder / "nin.checkpoint").exists()


def test_the_help_names_every_network(run: Run) -> None:
    told = run("train", "--help").out.partition(" Options ")[0]
    assert [name for name in NETWORKS if f" {name}" not in told] == []


REFUSED = {
    ("resnet", "--data", "nowhere"): "there is no network 'resnet', only allconv-small",
    ("--data", "nowhere"): "there are no images 'nowhere'",
    ("--data", "data", "--out", "weights.pt"): "--out is a file that ends in .safetensors, not weights.pt",
    ("--data", "data", "--out", "data.safetensors"): "not the folder data.safetensors",
    ("--data", "data", "--epochs", "0"): "epochs is 1 to 100000, not 0",
    ("--data", "data", "--seed", str(10**20)): "a seed is 0 to 4294967295, not 100000000000000000000",
    ("--data", "data", "--test", "digits"): "training needs images (3, 32, 32)",
    ("--data", "data", "--test", "unknown.npz"): "with labels -1 to -1",
    ("--data", "data", "--device", "cuda:77"): "there is no device 'cuda:77' here",
    ("--data", "digits"): "training needs images (3, 32, 32)",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_cannot_be_done_is_one_line(
    folder: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data.safetensors").mkdir()
    np.savez(folder / "unknown.npz", images=np.zeros((2, 32, 32, 3), np.uint8))
    call(folder, *arguments, code=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert REFUSED[arguments] in err
    assert len(err.splitlines()) == 1


def test_the_place_of_the_weights_is_tried_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").touch()
    kept = ("--checkpoint", "point")
    call(folder, "--data", "data", "--out", "file/in/m.safetensors", "--epochs", "1", *kept, *QUICK, code=1)
    assert "epoch 1" not in (err := capsys.readouterr().err)
    assert "file/in" in err


def test_interrupted_in_the_first_epoch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sparseattack.oracles.training import augmentation

    def augment(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*given)

    real = augmentation.augment
    monkeypatch.setattr(augmentation, "augment", augment)
    call(folder, "--data", "data", "--out", "m.safetensors", *QUICK, code=130)
    assert "stopped in the first epoch; nothing is stored" in capsys.readouterr().err
    assert not list(folder.glob("m.*"))


def test_after_an_interruption_the_printed_command_continues(folder: Path) -> None:
    command = [sys.executable, "-m", "sparseattack.cli", "train", "--data", "data", "--out", "m.safetensors"]
    command += ["--epochs", "12", *QUICK]
    pipes = {"cwd": folder, "text": True, "env": os.environ | {"COLUMNS": "200", "OMP_NUM_THREADS": "1"}}
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **pipes)  # type: ignore[call-overload]
    assert first.stderr.readline().startswith("epoch 1:")
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=60)
    assert (first.returncode, out) == (130, "")
    assert "stopped; the same command resumes after" in err
    assert "m.checkpoint" in err
    assert not (folder / "m.safetensors").exists()
    done = max([1, *(int(number) for number in re.findall(r"epoch (\d+):", err))])
    second = subprocess.run(command, capture_output=True, timeout=120, check=True, **pipes)  # type: ignore[call-overload]
    numbers = [int(number) for number in re.findall(r"epoch (\d+):", second.stderr)]
    assert numbers[0] in (done + 1, done + 2)  # an epoch may be kept and not yet told
    assert numbers == list(range(numbers[0], 13))
    assert (folder / "m.safetensors").exists()
