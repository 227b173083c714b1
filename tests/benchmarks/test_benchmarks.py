"""The command, on the smallest network; no time is asserted."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks.__main__ import main
from benchmarks.networks import load_network
from benchmarks.scaling import ScalingPoint, measure_point
from benchmarks.throughput import fastest_of_all
from benchmarks.timing import fastest, timed
from sparseattack import InputError, Problem, load, load_images

SMALL = ("--quick", "--repeats", "1", "--seconds", "0.05")


def test_a_run_writes_a_table_and_all_that_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*SMALL, "--parts", "a,d", "--strategies", "random", "--out", str(tmp_path)])
    held = json.loads((tmp_path / "results.json").read_text())
    text = (tmp_path / "results.md").read_text()
    assert [len(lines) for lines in held["results"].values()] == [1, 1]
    assert held["machine"]["threads"] == torch.get_num_threads() and held["machine"]["versions"]["torch"]
    (line,), (cost,) = held["results"].values()
    assert (line["network"], line["strategy"], cost["strategy"]) == ("allconv-small", "random", "random")
    assert line["dense"]["low"] <= line["dense"]["median"] <= line["dense"]["high"]
    assert all(f"## {title}" in text for title in held["results"])
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("library", ["torchattacks", "art.attacks.evasion"])
def test_an_absent_library_is_reported(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    main([*SMALL, "--parts", "b", "--out", str(tmp_path)])
    assert "pip install --no-deps -r benchmarks/requirements.txt" in capsys.readouterr().err
    assert "is absent" in (tmp_path / "results.md").read_text()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--parts", "a,f", "no part f, only a, b, c, d, e"),
        ("--raw", "jit", "no raw pass 'jit', only best, eager"),
        ("--clock", "sun", "no clock 'sun', only wall, processor"),
        ("--networks", "alexnet2", "no network 'alexnet2', only"),
        ("--strategies", "dee", "no strategy 'dee', only"),
        ("--repeats", "0", "are above 0"),
    ],
)
def test_what_does_not_exist_is_refused(
    option: str, value: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option, value, "--out", str(tmp_path)])
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sparse", [False, True])
def test_a_timed_attack_is_the_same_and_every_row_is_counted(sparse: bool) -> None:
    chosen = load_network("allconv-small", "cpu")
    encoding = load("encodings", "rgb", {"pixels": 1})()
    problem = Problem(
        chosen.oracle, encoding, chosen.images[:3], chosen.labels[:3], sparse=sparse, checked=True
    )
    run, outcomes = timed(problem, load("strategies", "random"), 50)
    shown = sum(size * calls for size, calls in run.sizes.items())
    assert run.rows + run.repeats == sum(outcome.queries for outcome in outcomes) == 150
    singles = sum(outcome.verifications for outcome in outcomes)
    assert run.repeats == 0
    assert 150 + singles <= shown <= 160 + singles  # in whole blocks
    assert 0 < run.inside < run.seconds and 0 < run.strategy < run.seconds


def test_a_point_of_a_series() -> None:
    point = ScalingPoint(images=2, popsize=20, k=2, side=48, budget=20, network="pooling")
    found = measure_point(point)
    assert found.rows == 40 and found.process > found.memory >= 0


def test_the_fastest_batch_is_one_of_those_allowed() -> None:
    raw = fastest(nn.Conv2d(3, 4, 3), torch.zeros(1, 3, 8, 8), most=32)
    assert raw.batch.shape[1:] == (3, 8, 8) and len(raw.batch) in (16, 32)
    assert raw.run(50).rows % len(raw.batch) == 0


def test_the_raw_pass_is_that_of_the_fastest_library(capsys: pytest.CaptureFixture[str]) -> None:
    """One that answers at once is taken; of one that is not there the reason is printed."""
    chosen = load_network("allconv-small", "cpu")

    def absent(images: Tensor) -> tuple[Callable[[Tensor], Tensor], int]:
        raise InputError("it is not installed")

    def at_once(images: Tensor) -> tuple[Callable[[Tensor], Tensor], int]:
        return lambda rows: rows[:, :, 0, 0], 16

    found = fastest_of_all(replace(chosen, oracle=replace(chosen.oracle, backends={"slow": absent})))
    assert found.library == "eager"
    assert "allconv-small is not evaluated by slow: it is not installed" in capsys.readouterr().err
    found = fastest_of_all(replace(chosen, oracle=replace(chosen.oracle, backends={"fast": at_once})))
    assert found.library == "fast" and found.run(20).rows % len(found.batch) == 0


@pytest.mark.shared
def test_the_public_network_is_rebuilt_as_it_was(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEATTACK_SHARED", str(shared))
    chosen = load_network("resnet20", "cpu")
    right = chosen.labels == load_images("sample").labels
    assert chosen.weights == "trained" and right.double().mean() > 0.85
    assert torch.equal(chosen.network(chosen.images).argmax(1), chosen.labels)


def test_without_its_weights_it_has_random_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEATTACK_SHARED", str(tmp_path))
    assert load_network("resnet20", "cpu").weights == "random"
