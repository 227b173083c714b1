"""A study takes runs of one oracle only: by its code, its layers and its scores another one is noticed."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparseattack import Experiment, compare
from sparseattack.errors import InputError
from sparseattack.experiment.identity import ProbeScores
from sparseattack.plugins.registry import find
from sparseattack.provenance import digest_network, source_code

NET = """
import json
from pathlib import Path

import torch
from neighbour_of_net import bias

facts = json.loads(Path({facts!r}).read_text())


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.line = torch.nn.Linear(192, 4)

    def forward(self, x):
        scores = self.line(x.flatten(1)) * facts["factor"] + bias
        bright = x.flatten(1).mean(1, keepdim=True) > 0.4
        return torch.where(bright, scores * facts["bright"], scores)


def make():
    return Net().eval()


def function():
    net = Net()
    return lambda x: net(x)
"""


@pytest.fixture
def attacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Compare on a network whose files say what it is; how many runs the study then holds."""
    monkeypatch.syspath_prepend(str(tmp_path))
    images = np.random.default_rng(1).integers(100, size=(6, 8, 8, 3), dtype=np.uint8)  # dark ones
    np.savez(tmp_path / "images.npz", images=images, labels=np.zeros(6, np.int64))
    (tmp_path / "net.py").write_text(NET.format(facts=str(tmp_path / "facts.json")))

    def attacked(oracle: str, bias: str = "bias = 0.0", **facts: float) -> int:
        (tmp_path / "neighbour_of_net.py").write_text(bias)
        (tmp_path / "facts.json").write_text(json.dumps({"factor": 1.0, "bright": 1.0} | facts))
        for name in [name for name in sys.modules if name.startswith(("neighbour_of_net", "net_"))]:
            del sys.modules[name]
        for cached in tmp_path.glob("__pycache__/neighbour*"):
            cached.unlink()
        experiment = Experiment(
            strategies=("random(popsize=5)",),
            oracle=oracle.format(tmp_path / "net.py"),
            images=str(tmp_path / "images.npz"),
            true_class="prediction",
            budget=10,
        )
        return len(compare(experiment, tmp_path / "a.study").records)

    return attacked


ORACLES = "torch(module={}:make)", "{}:make", "{}:function"


@pytest.mark.parametrize("oracle", ORACLES)
def test_changed_code_that_the_oracle_imports_is_another_oracle_and_a_comment_is_not(
    attacked: Callable[..., int], oracle: str
) -> None:
    assert attacked(oracle) == attacked(oracle) == 6
    assert attacked(oracle, bias='"""Facts."""\n\nbias = (\n    0.0  # of all classes\n)\n') == 6
    with pytest.raises(InputError, match=r"another question: oracle was another one called .*its code"):
        attacked(oracle, bias="bias = 0.0 + 0.0")


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("facts", [{"factor": 1.1}, {"bright": 1.1}])
def test_other_scores_of_the_same_code_are_another_oracle(
    attacked: Callable[..., int], oracle: str, facts: dict[str, float]
) -> None:
    attacked(oracle)
    with pytest.raises(InputError, match=r"(oracle was|made with another oracle: its scores .* differ)"):
        attacked(oracle, **facts)
    assert attacked(oracle) == 6


@pytest.mark.parametrize("oracle", ["{}:function", "torch(module={}:function)"])
def test_of_a_function_the_exact_scores_are_its_identity(attacked: Callable[..., int], oracle: str) -> None:
    assert attacked(oracle) == attacked(oracle) == 6
    with pytest.raises(InputError, match="another question: oracle was another one called"):
        attacked(oracle, factor=1.001)


def test_other_classes_of_the_same_images_are_those_of_another_oracle(attacked: Callable[..., int]) -> None:
    """The predictions are the true classes here, and random images get the scores that they got before."""
    attacked(ORACLES[0])
    with pytest.raises(InputError, match=r"made with another oracle: it gives image \S+ class \d at"):
        attacked(ORACLES[0], factor=-1.0, bright=-1.0)
    assert attacked(ORACLES[0]) == 6


def test_without_a_digest_scores_are_compared_exactly(attacked: Callable[..., int]) -> None:
    attacked("{}:function")
    with pytest.raises(InputError, match="oracle was"):
        attacked("{}:function", factor=1 + 1e-6)


NOISY = """
import torch


def make(*, bias: float = 0.0):
    line = torch.nn.Linear(192, 4)

    def scores(images):
        return line(images.flatten(1)) + bias + torch.rand(1) / 1e6

    return scores
"""


def test_noisy_functions_are_told_apart_by_their_settings(tmp_path: Path) -> None:
    """Their scores are no sign: they are others each time."""
    images = np.random.default_rng(1).integers(256, size=(4, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.zeros(4, np.int64))
    (tmp_path / "noisy.py").write_text(NOISY)
    chosen = Experiment(
        strategies=("random(popsize=5)",), oracle=f"{tmp_path / 'noisy.py'}:make", budget=5,
        images=str(tmp_path / "images.npz"), true_class="prediction", noisy_oracle=True,
    )  # fmt: skip
    compare(chosen, tmp_path / "a.study")
    compare(replace(chosen, oracle=f"{chosen.oracle}(bias=0)"), tmp_path / "a.study")
    with pytest.raises(InputError, match=r"another question: oracle was .*, is .*bias=1"):
        compare(replace(chosen, oracle=f"{chosen.oracle}(bias=1)"), tmp_path / "a.study")


def test_with_a_digest_scores_may_differ_by_rounding(attacked: Callable[..., int]) -> None:
    assert attacked("torch(module={}:make)") == attacked("torch(module={}:make)", factor=1 + 1e-6) == 6


def test_only_files_of_the_user_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "far_kin.py").write_text("import json\n")
    (tmp_path / "near_kin.py").write_text("import far_kin, numpy, torch, sparseattack\nimport lacking_kin\n")
    (tmp_path / "search_kin.py").write_text("def search(space):\n    import near_kin\n    yield\n")
    names = source_code(find("strategies", "search_kin:search")).keys() - {""}
    assert names == {"search_kin", "near_kin", "far_kin"}


class Layer(nn.Module):
    """A layer with a parameter, buffers of both kinds, a plain attribute and a tensor."""

    def __init__(self, **others: float) -> None:
        super().__init__()
        given = {"weight": 1.0, "kept": 2.0, "lost": 3.0, "plain": 4.0, "loose": 5.0} | others
        self.weight = nn.Parameter(torch.tensor(given["weight"]))
        self.register_buffer("kept", torch.tensor(given["kept"]))
        self.register_buffer("lost", torch.tensor(given["lost"]), persistent=False)
        self.plain, self.loose = given["plain"], torch.tensor(given["loose"])

    def forward(self, images: Tensor) -> Tensor:
        return images


class Other(Layer):
    """The same values under another class."""


def test_a_network_is_its_parameters_all_buffers_and_plain_attributes() -> None:
    known = digest_network(nn.Sequential(Layer()))
    assert known == digest_network(nn.Sequential(Layer()))
    changed = [Layer(**{name: 9.0}) for name in ("weight", "kept", "lost", "plain", "loose")]
    assert len({known, *(digest_network(nn.Sequential(layer)) for layer in (*changed, Other()))}) == 7


def test_a_network_in_training_mode_is_the_same_oracle() -> None:
    """It is evaluated in evaluation mode."""
    one = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout())
    assert digest_network(one.train()) == digest_network(one.eval())


def test_the_score_of_a_masked_class_hides_no_difference_of_the_others() -> None:
    before, now = (ProbeScores((1, 1, 1), ((2.0, best, -1e9),)) for best in (50.0, 45.0))
    assert before.difference(now) == pytest.approx(0.1)
    assert before.difference(replace(before, scores=((2.0, 50.0, -2e9),))) == 0
