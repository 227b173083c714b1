"""``--backend``: the library that evaluates whole images, in compare, attack and report."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_line import Run

from sparseattack.oracles.backends.conversion import HOW

IMAGES = ("--images", "sample[0:4]", "--budget", "60", "--strategies", "random(popsize=20)")


@pytest.mark.skipif(find_spec("onnxscript") is None, reason=f"onnxscript is not installed: {HOW}")
def test_a_comparison_says_which_backend_evaluated_and_goes_on_with_it(tmp_path: Path, run: Run) -> None:
    study, file = str(tmp_path / "s"), tmp_path / "own.toml"
    file.write_text('images = "sample[0:4]"\nbudget = 60\nstrategies = ["random(popsize=20)"]\n')
    code, out, err = run("compare", *IMAGES, "--study", study, "--backend", "onnxruntime")
    assert code == 0, err
    assert "Whole images were evaluated by onnxruntime; successes by the oracle itself." in out
    code, _, err = run("compare", str(file), "--study", study, "--backend", "onnxruntime")
    assert code == 0 and "4 runs already in" in err
    seen = json.loads(run("report", study, "--json").out)
    assert seen["backend"] == {"backend": "onnxruntime", "speedup": None}
    (environment,) = seen["environments"].values()
    assert environment["device"] == "cpu by onnxruntime" and environment["versions"]["onnxruntime"]
    code, _, err = run("compare", *IMAGES, "--study", study)
    assert code == 2 and "backend was onnxruntime, is eager" in err


def test_a_backend_that_there_is_not_is_refused(tmp_path: Path, run: Run) -> None:
    code, _, err = run("attack", "sample[0]", "--backend", "tensorrt", "--out", str(tmp_path))
    assert code == 2
    assert "oracle allconv-small has no backend tensorrt, only eager, openvino, onnxruntime" in err
