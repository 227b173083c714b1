"""Torch oracles use sparse inference whenever it is possible, correct and less work."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from problems import attack, random_images
from residual_network import resnet20
from sparse_inference_checks import Shape, assert_close, random_edits
from torch import Tensor, nn

from sparseattack import Classifier, Edits, InputError, Problem, load, load_images, rgb
from sparseattack.errors import SparseattackWarning
from sparseattack.oracles.dense_inference.forward import Forward, normalise
from sparseattack.oracles.networks import fold, untrained
from sparseattack.oracles.sparse_inference.sparse_edits import (
    SparseEdits,
    check_scores,
    sample_edits,
    sparse_edits,
)

CIFAR = 3, 32, 32


def made(network: nn.Module, prepare: nn.Module | None = None) -> SparseEdits:
    sparse = sparse_edits(Forward(prepare or nn.Identity(), network.eval(), "cpu"), batch=64)
    assert sparse
    return sparse


@torch.inference_mode()
def compared(sparse: SparseEdits, shape: Shape, k: int) -> bool:
    """Whether sparse inference is used; if so, its scores are those of whole images."""
    images = random_images(3, shape)
    rows, edits = sample_edits(images, k)
    scores = sparse(images, rows, edits)
    if scores is not None:
        assert_close(scores, sparse.dense(images, rows, edits))
    return scores is not None


def refusal(sparse: SparseEdits, shape: Shape, k: int) -> str:
    """Why sparse inference is not used: one line, the first time."""
    with pytest.warns(SparseattackWarning) as warned:
        assert not compared(sparse, shape, k)
    assert not compared(sparse, shape, k)
    (sentence,) = (str(each.message) for each in warned)
    assert "\n" not in sentence
    return sentence.removeprefix("sparse inference is not used: ")


@pytest.mark.parametrize(
    ("name", "k"), [("allconv", 1), ("allconv", 5), ("nin", 1), ("nin", 3), ("nin-printed", 1)]
)
def test_networks_of_the_zoo(name: str, k: int) -> None:
    assert compared(made(fold(untrained(name))), CIFAR, k)


@pytest.mark.parametrize(("name", "k"), [("allconv-small", 1), ("allconv-small", 2), ("vgg16", 3)])
def test_networks_in_the_package(name: str, k: int) -> None:
    oracle = load("oracles", name)()
    assert isinstance(oracle, Classifier) and isinstance(oracle.answer_edits, SparseEdits)
    assert compared(oracle.answer_edits, CIFAR, k)


def test_batch_norm_that_is_not_folded() -> None:
    network = untrained("allconv-small")
    network(random_images(8, CIFAR))
    assert compared(made(network), CIFAR, 1)


@pytest.mark.shared
@pytest.mark.parametrize("k", [1, 3])
def test_a_residual_network_with_trained_weights(shared: Path, k: int) -> None:
    prepare = normalise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    sparse = made(resnet20(shared / "resnet20_cifar10.safetensors"), prepare)
    theirs = load("oracles", f"onnx(path={shared / 'resnet20_cifar10.onnx'})")()
    images = load_images("sample").floats()[:40]
    assert torch.allclose(sparse.forward(images), theirs(images), atol=1e-3)
    assert compared(sparse, CIFAR, k)


def test_efficientnet() -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason='needs pip install ".[imagenet]"')
    oracle = load("oracles", "efficientnet-lite0")()
    assert isinstance(oracle, Classifier) and isinstance(oracle.answer_edits, SparseEdits)
    assert compared(oracle.answer_edits, (3, 224, 224), 2)


def small(*layers: nn.Module) -> nn.Sequential:
    """A network for which sparse inference is less work on images of 24x24."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        convolutions = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*convolutions, *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))


SHAPE = 3, 24, 24


class Undecided(nn.Module):
    """Its operations depend on the images: torch cannot export it."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


class Attention(nn.Module):
    """Every cell depends on every other."""

    def forward(self, x: Tensor) -> Tensor:
        cells = x.flatten(2).transpose(1, 2)
        seen = torch.nn.functional.scaled_dot_product_attention(cells, cells, cells)
        return seen.transpose(1, 2).reshape(x.shape)


def test_a_network_that_cannot_be_exported_is_evaluated_densely() -> None:
    assert refusal(made(small(Undecided())), SHAPE, 1).startswith(
        "torch.export cannot read the network: Guard"
    )


def test_torch_writes_nothing_to_the_terminal() -> None:
    """Torch prints the graph of a network that it cannot export, and logs warnings."""
    code = (
        "import warnings, torch\n"
        "from test_sparse_edits import SHAPE, Undecided, made, random_images, sample_edits, small\n"
        "warnings.simplefilter('ignore')\n"
        "images = random_images(1, SHAPE)\n"
        "assert made(small(Undecided()))(images, *sample_edits(images, 1)) is None\n"
    )
    folders = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command, variables = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": folders}
    run = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("layer", [nn.Identity(), Attention()])
def test_changes_are_followed_up_to_an_operation_that_is_not_local(layer: nn.Module) -> None:
    assert compared(made(small(layer)), SHAPE, 1)


def test_a_network_that_begins_with_attention_is_evaluated_densely() -> None:
    sentence = refusal(made(nn.Sequential(Attention(), small())), SHAPE, 1)
    why = "with 1 pixel changed it saves too little work: feature maps are computed whole from view on"
    assert sentence == why


class Viewed(nn.Module):
    """Views maps as rows, which is an error in channels-last memory format."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), -1)


def test_a_network_that_views_maps_as_rows() -> None:
    assert compared(made(nn.Sequential(small()[:4], Viewed(), nn.Linear(8 * 24 * 24, 5))), SHAPE, 1)


class Counting(nn.Module):
    """Python's len makes a constant of the number of images in the graph."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), -1)[:, :5]


def test_a_graph_for_a_fixed_number_of_images_is_not_used() -> None:
    assert "cannot read the network: UserError: Constraints violated" in refusal(
        made(small(Counting())[:5]), SHAPE, 1
    )


def test_sparse_inference_that_fails_is_not_used() -> None:
    def failing(*_: object) -> Tensor:
        raise RuntimeError("shapes cannot be multiplied")

    dense = made(small()).dense
    with pytest.raises(InputError, match=r"edits of 1 pixel .* it failed: .*cannot be multiplied"):
        check_scores(failing, dense, random_images(1, SHAPE), 1)


def test_too_many_pixels_are_evaluated_densely() -> None:
    sparse = made(small())
    assert compared(sparse, SHAPE, 1)
    assert "with 400 pixels changed it saves too little work" in refusal(sparse, SHAPE, 400)
    assert compared(sparse, SHAPE, 1)


def test_sparse_inference_is_not_used_if_memory_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    one = 4 * (3 + 8 + 8) * 24 * 24  # bytes of the image and two maps
    for images, most in ((31, 0), (40, 32), (64, 64)):
        monkeypatch.setattr("sparseattack.oracles.sparse_inference.sparse_edits.MEMORY", images * one)
        sparse = made(small())
        if most:
            assert compared(sparse, SHAPE, 1)
        else:
            assert refusal(sparse, SHAPE, 1) == "feature maps of 32 images take 1 MiB, more than 1"
        assert [each.most for each in sparse.evaluations.values()] == [most] * (most > 0)


@pytest.mark.parametrize(
    ("network", "batch"),
    [(lambda images: images.flatten(1)[:, :4], 64), (small(), 31)],
    ids=["function", "batch"],
)
def test_functions_and_small_batches_have_no_sparse_inference(
    network: Callable[[Tensor], Tensor], batch: int
) -> None:
    assert sparse_edits(Forward(nn.Identity(), network, "cpu"), batch) is None


class Insincere(nn.Module):
    """Computes something else while it is exported."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 1.01 if torch.compiler.is_exporting() else x


def test_a_network_whose_graph_has_other_scores_is_evaluated_densely() -> None:
    sparse = made(nn.Sequential(Insincere(), small()))
    assert refusal(sparse, SHAPE, 2).startswith(
        "tried on 64 edits of 2 pixels and 32 that change every pixel, its"
    )


@pytest.mark.parametrize("place", [(0, 0), (17, 9), (11, 20)])
def test_an_error_at_one_pixel_is_found(place: tuple[int, int]) -> None:
    images = random_images(2, SHAPE)
    sparse = made(small())

    def wrong(images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        painted = edits.paint(images, rows)
        painted[:, :, place[0], place[1]] = images[rows][:, :, place[0], place[1]]  # its change is overlooked
        return sparse.forward(painted)

    with pytest.raises(InputError, match="off by"):
        check_scores(wrong, sparse.dense, images, 1)


def test_an_error_in_one_small_score_is_found() -> None:
    sparse = made(small())

    def scaled(images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        return sparse.dense(images, rows, edits) * torch.tensor([1e6, 1, 1, 1, 1])

    def wrong(images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        return scaled(images, rows, edits) * torch.tensor([1, 1, 1.001, 1, 1])

    check_scores(scaled, scaled, random_images(2, SHAPE), 1)
    with pytest.raises(InputError, match=r"its scores were off by 0\.001 of the greatest of their class"):
        check_scores(wrong, scaled, random_images(2, SHAPE), 1)


@pytest.mark.parametrize("k", [1, 4])
def test_scores_do_not_depend_on_other_candidates_of_the_batch(k: int) -> None:
    grouped = nn.Conv2d(8, 8, 5, padding=2, groups=8)
    sparse, images = made(small(nn.MaxPool2d(2), grouped, nn.AvgPool2d(3, 2, 1))), random_images(50, SHAPE)
    rows = torch.randint(50, (200,), generator=torch.Generator().manual_seed(2))
    edits = random_edits(200, k, SHAPE)
    expected = scores_of(sparse, images, rows, edits)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(3))
    for some in (order, order[:1], order[7:40], order[:64], order[50:199]):
        part = Edits(edits.positions[some], edits.colours[some])
        assert torch.equal(scores_of(sparse, images, rows[some], part), expected[some])


def scores_of(sparse: SparseEdits, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
    scores: Tensor | None = sparse(images, rows, edits)
    assert scores is not None
    return scores


def test_other_images_with_the_same_numbers_are_noticed() -> None:
    sparse, edits = made(small()), random_edits(32, 1, SHAPE)
    rows = torch.zeros(32, dtype=torch.int64)
    for seed in (0, 1):
        images = random_images(1, SHAPE, seed)
        assert_close(scores_of(sparse, images, rows, edits), sparse.dense(images, rows, edits))


@pytest.mark.parametrize("k", [1, 3])
def test_an_attack_has_the_outcomes_of_dense_inference(k: int) -> None:
    oracle, images = load("oracles", "allconv-small")(), load_images("sample").floats()[:25]
    labels = oracle(images).argmax(1)
    problems = [Problem(oracle, rgb(pixels=k), images, labels, sparse=sparse) for sparse in (True, False)]
    found, expected = (attack(each, load("strategies", "de(popsize=30)"), 240, key="de") for each in problems)
    assert any(one.fooled for one in found)
    assert [one.first_fooled for one in found] == [one.first_fooled for one in expected]
    assert [one.positions.tolist() for one in found] == [one.positions.tolist() for one in expected]


def test_weights_that_are_changed_later_are_followed() -> None:
    network = small()
    sparse, images = made(network), random_images(3, SHAPE)
    rows, edits = sample_edits(images, 1)
    before = scores_of(sparse, images, rows, edits)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.5)
    after = scores_of(sparse, images, rows, edits)
    assert_close(after, sparse.dense(images, rows, edits))
    assert not torch.allclose(after, before, atol=1e-3)
